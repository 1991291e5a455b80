"""The message bus on SQL tables of their own: for one machine, or a small cluster without a broker.

Every group's events are dealt into shards by key. The members of a group share the shards by lease
(`bus_leases.py`), read the oldest deliveries of theirs and remove what is dealt with (`bus_feed.py`). A
member that dies leaves its deliveries where they are, and whoever takes its shards delivers them again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import and_, delete, exists, func, select
from sqlalchemy.exc import DBAPIError

from tidings.adapters.feeding import log
from tidings.adapters.mysql.bus_feed import SqlConsumer
from tidings.adapters.mysql.bus_leases import Leases
from tidings.adapters.mysql.bus_tables import envelope_of, groups, letters, line, metadata, row_of
from tidings.adapters.mysql.dialect import insert_many, upsert
from tidings.adapters.mysql.engine import Database, DatabaseUnavailable
from tidings.application.ports.bus import (
    BusUnavailable,
    DeadLetter,
    Envelope,
    Handler,
    Lag,
    Subscription,
    hears,
)
from tidings.application.ports.common import Now, Owners, Signal

__all__ = ["SqlBus", "metadata"]

w = line.c
BREATH = 0.02
"""Seconds in which wake-ups from other processes are gathered before the line is looked at."""


@dataclass(slots=True)
class SqlBus:
    """The MessageBus port."""

    database: Database
    owners: Owners
    signal: Signal
    now: Now
    lease: float = 10.0
    """Seconds for which a member that is not heard of keeps its shards."""
    beat: float = 2.0
    """Seconds between two signs of life."""
    poll: float = 0.5
    """The longest that a lost wake-up can cost."""
    server_clock: bool = False
    """Whether leases go by the clock of the MySQL server that all members share; else by `now`."""
    leases: Leases = field(init=False)
    consumers: list[SqlConsumer] = field(default_factory=list[SqlConsumer])
    watching: "asyncio.Task[None] | None" = None
    late: "set[asyncio.Task[set[str]]]" = field(default_factory=set["asyncio.Task[set[str]]"])
    """Publishes that have not ended."""

    def __post_init__(self) -> None:
        by_server = self.server_clock and self.database.write.dialect.name != "sqlite"
        self.leases = Leases(self.database, self.owners, self.now, self.lease, self.beat, by_server)

    async def declare(self, subscription: Subscription) -> None:
        row = {"name": subscription.group, "types": subscription.types}
        async with self.database.begin() as connection:
            await upsert(connection, groups, [row], keys=["name"], change=["types"])

    async def publish(self, batch: Sequence[Envelope], *, timeout: float = 5.0) -> None:
        # Not cancelled when it takes too long: a driver in the middle of a statement cannot be stopped in
        # time. It ends by itself, and the relay may then have published twice.
        insert = asyncio.create_task(self._insert(batch))
        self.late.add(insert)
        insert.add_done_callback(self.late.discard)
        done, _ = await asyncio.wait([insert], timeout=timeout)
        if not done:
            raise BusUnavailable("The message bus did not confirm in time.")
        try:
            told = insert.result()
        except DatabaseUnavailable as error:
            raise BusUnavailable(f"The message bus did not confirm: {error}") from error
        if told:
            self._nudge(told)
            self.signal.wake()

    async def _insert(self, batch: Sequence[Envelope]) -> set[str]:
        """Put the batch into the lines of those that hear it; whose that were."""
        async with self.database.begin() as connection:
            found = await connection.execute(select(groups))
            known: Mapping[str, tuple[str, ...]] = {row.name: row.types for row in found}
            heard = [
                (envelope, group)
                for envelope in batch
                for group, types in known.items()
                if hears(types, envelope.type)
            ]
            await insert_many(connection, line, [row_of(envelope, group) for envelope, group in heard])
        return {group for _, group in heard}

    async def subscribe(self, subscription: Subscription, handler: Handler) -> SqlConsumer:
        await self.declare(subscription)
        consumer = SqlConsumer(self.database, self.now, self.leases, subscription, handler)
        await consumer.open()
        self.consumers = [each for each in self.consumers if not each.stopping] + [consumer]
        if self.watching is None or self.watching.done():
            self.watching = asyncio.create_task(self._watch(), name="bus watch")
        return consumer

    async def dead_letters(self, group: str, *, limit: int = 100) -> Sequence[DeadLetter]:
        query = select(letters).where(letters.c.group == group).order_by(letters.c.position).limit(limit)
        async with self.database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [
            DeadLetter(group=group, envelope=envelope_of(row), attempts=row["attempts"], reason=row["reason"])
            for row in rows
        ]

    async def redrive(self, group: str, ids: Sequence[UUID]) -> int:
        theirs = and_(letters.c.group == group, letters.c.id.in_(ids))
        async with self.database.begin() as connection:
            found = await connection.execute(select(letters).where(theirs).with_for_update())
            rows = found.mappings().all()
            await insert_many(connection, line, [row_of(envelope_of(row), group) for row in rows])
            await connection.execute(
                delete(letters).where(letters.c.position.in_([row["position"] for row in rows]))
            )
        self._nudge({group})
        self.signal.wake()
        return len(rows)

    async def lag(self, group: str) -> Lag:
        count = select(func.count()).where(w.group == group).select_from(line)
        graves = select(func.count()).where(letters.c.group == group).select_from(letters)
        oldest = select(w.occurred_at).where(w.group == group).order_by(w.position).limit(1)
        async with self.database.reading() as connection:
            waiting = (await connection.execute(count)).scalar_one()
            since = (await connection.execute(oldest)).scalar_one_or_none()
            dead = (await connection.execute(graves)).scalar_one()
        in_hand = sum(each.in_hand for each in self.consumers if each.subscription.group == group)
        age = 0.0 if since is None else (self.now() - since).total_seconds()
        return Lag(ready=max(waiting - in_hand, 0), in_flight=in_hand, oldest_age=max(age, 0.0), dead=dead)

    async def hold(self, name: str) -> bool:
        return await self.leases.hold(name)

    async def close(self, drain: float = 5.0) -> None:
        await asyncio.gather(*(each.close(drain) for each in self.consumers))
        self.consumers.clear()
        if self.watching is not None:
            self.signal.wake()
            await asyncio.wait([self.watching])
            self.watching = None
        if self.late:
            await asyncio.wait(self.late, timeout=drain)
        await self.leases.close()

    def _nudge(self, names: set[str]) -> None:
        for consumer in self.consumers:
            if consumer.subscription.group in names:
                consumer.nudge()

    async def _watch(self) -> None:
        """Nudge the consumers for whom others have published: one look at the line for all of them."""
        while self.consumers:
            await self.signal.wait(self.poll)
            await asyncio.sleep(BREATH)
            due = exists().where(w.group == groups.c.name, w.due_at <= self.now())
            try:
                async with self.database.reading() as connection:
                    found = await connection.execute(select(groups.c.name).where(due))
                    self._nudge({row.name for row in found})
            except (DatabaseUnavailable, DBAPIError) as error:
                log.warning("the bus cannot be read", reason=str(error))
