"""One member of a group on the SQL bus: takes what is due in its shards, and settles it in batches."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, delete, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.feeding import End, Fate, judged, killer, log, together
from tidings.adapters.mysql.bus_leases import Leases, Seat
from tidings.adapters.mysql.bus_tables import envelope_of, letters, line, row_of
from tidings.adapters.mysql.dialect import insert_many, update_many
from tidings.adapters.mysql.engine import Database, DatabaseUnavailable
from tidings.application.ports.bus import SHARDS, Delivery, Handler, Subscription
from tidings.application.ports.common import Now

w = line.c
AGAIN = 0.5
"""Seconds before a feeder that lost the database tries again."""
PACE, SLOWEST = 0.02, 0.5
"""Seconds between two batches of a stream, the more the longer the last one took: what comes in between
goes together, and of what changed twice only the last is written.
"""
CHUNK = 500


@dataclass(slots=True, eq=False)
class SqlConsumer:
    """The Consumer port: a seat in the group, and as many feeders as it deals with batches at a time."""

    database: Database
    now: Now
    leases: Leases
    subscription: Subscription
    handler: Handler
    stopping: bool = False
    in_hand: int = 0
    feeders: "list[Feeder]" = field(default_factory=list["Feeder"])
    tasks: "list[asyncio.Task[None]]" = field(default_factory=list["asyncio.Task[None]"])

    async def open(self) -> None:
        """Take a seat and begin. Raise DatabaseUnavailable."""
        seat = await self.leases.sit(self.subscription)
        parallel = max(1, min(self.subscription.parallel, SHARDS))
        self.feeders = [Feeder(self, seat, number, parallel) for number in range(parallel)]
        self.tasks = [
            asyncio.create_task(each.run(), name=f"bus {self.subscription.group}") for each in self.feeders
        ]

    def nudge(self) -> None:
        for feeder in self.feeders:
            feeder.nudged.set()

    async def close(self, drain: float) -> None:
        if self.stopping:
            return
        self.stopping = True
        self.nudge()
        if self.tasks:
            _, late = await asyncio.wait(self.tasks, timeout=drain)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            await self.leases.leave(self.feeders[0].seat)


@dataclass(slots=True, eq=False)
class Feeder:
    """Deals with one batch at a time, of the shards that fall to it."""

    consumer: SqlConsumer
    seat: Seat
    number: int
    of: int
    nudged: asyncio.Event = field(default_factory=asyncio.Event)
    known: frozenset[int] = frozenset()
    held: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """When each held key (of an unordered group: each event) comes again."""
    more: bool = False
    """Whether there was more in line than the last batch."""

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        while not self.consumer.stopping:
            self.nudged.clear()
            began = clock()
            try:
                delivered = await self.step()
            except (DatabaseUnavailable, DBAPIError) as error:
                log.warning("the bus cannot be fed", group=self.seat.subscription.group, reason=str(error))
                await asyncio.sleep(AGAIN)
                continue
            except Exception as error:
                log.error("a feeder broke", group=self.seat.subscription.group, exc_info=error)
                await asyncio.sleep(AGAIN)
                continue
            if not self.more and not self.consumer.stopping:
                took = clock() - began
                await self._rest()
                if delivered:
                    await asyncio.sleep(min(max(PACE, took), SLOWEST))

    async def step(self) -> int:
        """Deliver one batch; how many there were."""
        self.more = False
        shards = await self._shards()
        if not shards:
            return 0
        self.seat.busy |= shards
        try:
            taken = await self._take(shards)
            if not taken:
                return 0
            self.consumer.in_hand += len(taken)
            try:
                deliveries = [
                    Delivery(envelope=envelope_of(row), attempt=row["attempts"] + 1) for row in taken
                ]
                given_up = killer(self.consumer.subscription, deliveries)
                fates = (
                    [given_up]
                    if given_up
                    else await judged(self.consumer.subscription, self.consumer.handler, deliveries)
                )
                await self._settle(taken, deliveries, fates)
            finally:
                self.consumer.in_hand -= len(taken)
            return len(taken)
        finally:
            self.seat.busy -= shards
            if self.seat.leaving:
                self.consumer.leases.hurry.set()

    async def _rest(self) -> None:
        """Until there is something to do: news, other shards, or a held key that comes again."""
        due = min(self.held.values(), default=None)
        pause = None if due is None else max((due - self.consumer.now()).total_seconds(), 0.001)
        waits = [asyncio.ensure_future(self.nudged.wait()), asyncio.ensure_future(self.seat.changed.wait())]
        await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

    async def _shards(self) -> frozenset[int]:
        """The shards that are ours now; on meeting a new one, learn which of its keys are held back."""
        self.seat.changed.clear()
        if not self.consumer.leases.valid:
            self.consumer.leases.hurry.set()
            return frozenset()
        shards = frozenset(shard for shard in self.seat.usable if shard % self.of == self.number)
        if new := shards - self.known:
            group, now = self.seat.subscription.group, self.consumer.now()
            query = select(w.key, w.id, func.max(w.due_at).label("due_at")).where(
                w.group == group, w.due_at > now, w.shard.in_(new)
            )
            async with self.consumer.database.reading() as connection:
                rows = (await connection.execute(query.group_by(w.key, w.id))).all()
            for row in rows:
                self._hold(row.key, str(row.id), row.due_at)
        self.known = shards
        return shards

    def _hold(self, key: str, id: str, until: datetime) -> None:
        self.held[key if self.seat.subscription.ordered else id] = until

    async def _take(self, shards: frozenset[int]) -> Sequence[RowMapping]:
        now, subscription = self.consumer.now(), self.seat.subscription
        self.held = {key: due for key, due in self.held.items() if due > now}
        conditions: list[ColumnElement[bool]] = [w.group == subscription.group, w.due_at <= now]
        if len(shards) < SHARDS:
            conditions.append(w.shard.in_(shards))
        if subscription.ordered and self.held:
            conditions.append(w.key.not_in(list(self.held)))
        query = select(line).where(*conditions).order_by(w.position).limit(subscription.batch)
        async with self.consumer.database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        taken = rows[: together([row["attempts"] for row in rows])]
        self.more = len(taken) < len(rows) or len(rows) == subscription.batch
        return taken

    async def _settle(
        self, taken: Sequence[RowMapping], deliveries: Sequence[Delivery], fates: Sequence[Fate]
    ) -> None:
        """Note what became of the batch, in one transaction, for as long as it is ours to note."""
        now = self.consumer.now()
        again = [
            {"position": row["position"], "attempts": fate.attempts, "due_at": now + _seconds(fate.pause)}
            for row, fate in zip(taken, fates, strict=True)
            if fate.end is End.AGAIN
        ]
        dead = {
            row["position"]: {
                **row_of(delivery.envelope, self.seat.subscription.group),
                "attempts": fate.attempts,
                "reason": fate.reason[:500],
            }
            for row, delivery, fate in zip(taken, deliveries, fates, strict=True)
            if fate.end is End.DEAD
        }
        done = [row["position"] for row, fate in zip(taken, fates, strict=True) if fate.end is End.DONE]
        while True:
            try:
                async with self.consumer.database.begin() as connection:
                    await _remove(connection, done)
                    await update_many(connection, line, again, key="position", change=["attempts", "due_at"])
                    await _bury(connection, dead)
                break
            except (DatabaseUnavailable, DBAPIError) as error:
                if not self.consumer.leases.valid:
                    raise
                log.warning("a batch cannot be settled yet", reason=str(error))
                await asyncio.sleep(AGAIN)
        for row, fate in zip(taken, fates, strict=True):
            if fate.end is End.AGAIN:
                self._hold(row["key"], str(row["id"]), now + _seconds(fate.pause))


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


async def _remove(connection: AsyncConnection, positions: Sequence[int]) -> None:
    for start in range(0, len(positions), CHUNK):
        await connection.execute(delete(line).where(w.position.in_(positions[start : start + CHUNK])))


async def _bury(connection: AsyncConnection, dead: dict[int, dict[str, object]]) -> None:
    """Make dead letters of those that nobody else has dealt with meanwhile."""
    if not dead:
        return
    found = await connection.execute(select(w.position).where(w.position.in_(list(dead))).with_for_update())
    still = [row.position for row in found]
    await insert_many(connection, letters, [dead[position] for position in still])
    await _remove(connection, still)
