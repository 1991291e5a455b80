"""The message bus on SQL tables of their own: for one machine, or a small cluster without a broker.

One process at a time feeds a group: it holds the group's lease, reads the oldest waiting deliveries, and
removes them once they are dealt with. A process that dies leaves them where they are, and the next holder
delivers them again. A delivery that is retried holds back later ones of its key.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    RowMapping,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import insert_many, insert_missing, upsert
from tidings.adapters.mysql.engine import TABLE_OPTIONS, Database, DatabaseUnavailable
from tidings.adapters.mysql.types import Id, Json, Moment, Position, ascii_key
from tidings.application.ports.bus import (
    BusUnavailable,
    DeadLetter,
    Delivery,
    Envelope,
    Handler,
    Lag,
    Outcome,
    Subscription,
    hears,
)
from tidings.application.ports.common import Now, Owners, Signal

metadata = MetaData()

groups = Table(
    "bus_groups",
    metadata,
    Column("name", ascii_key(80), primary_key=True),
    Column("types", Json(tuple[str, ...]), nullable=False),
    **TABLE_OPTIONS,
)
leases = Table(
    "bus_leases",
    metadata,
    Column("name", ascii_key(80), primary_key=True),
    Column("owner", String(120), nullable=False),
    Column("until", Moment, nullable=False),
    **TABLE_OPTIONS,
)


def _deliveries(name: str, *more: Column[str]) -> Table:
    return Table(
        name,
        metadata,
        Column("position", Position, primary_key=True, autoincrement=True),
        Column("group", ascii_key(80), nullable=False),
        Column("id", Id, nullable=False),
        Column("type", ascii_key(80), nullable=False),
        Column("key", String(191), nullable=False),
        Column("organization_id", Id, nullable=False),
        Column("occurred_at", Moment, nullable=False),
        Column("body", LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb"), nullable=False),
        Column("headers", Json(dict[str, str]), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("due_at", Moment, nullable=False),
        *more,
        Index(f"{name}_line", "group", "position"),
        Index(f"{name}_key", "group", "key", "due_at", "position"),
        **TABLE_OPTIONS,
    )


waiting = _deliveries("bus_waiting")
dead = _deliveries("bus_dead", Column("reason", String(500), nullable=False))
w = waiting.c

LEASE = 10.0
"""Seconds for which a process feeds a group without being heard of."""
POLL = 0.5
"""The longest a lost wake-up can cost."""


@dataclass(slots=True)
class SqlBus:
    """The MessageBus port."""

    database: Database
    owners: Owners
    signal: Signal
    now: Now
    consumers: list["SqlConsumer"] = field(default_factory=list["SqlConsumer"])

    async def declare(self, subscription: Subscription) -> None:
        row = {"name": subscription.group, "types": subscription.types}
        async with self.database.begin() as connection:
            await upsert(connection, groups, [row], keys=["name"], change=["types"])

    async def publish(self, batch: Sequence[Envelope], *, timeout: float = 5.0) -> None:
        try:
            async with asyncio.timeout(timeout), self.database.begin() as connection:
                known = await self._groups(connection)
                rows = [
                    _row(envelope, group)
                    for envelope in batch
                    for group, types in known.items()
                    if hears(types, envelope.type)
                ]
                await insert_many(connection, waiting, rows)
        except (TimeoutError, DatabaseUnavailable) as error:
            raise BusUnavailable(f"The message bus did not confirm: {error}") from error
        self.signal.wake()

    async def subscribe(self, subscription: Subscription, handler: Handler) -> "SqlConsumer":
        await self.declare(subscription)
        consumer = SqlConsumer(self, subscription, handler)
        consumer.task = asyncio.create_task(consumer.run())
        self.consumers.append(consumer)
        return consumer

    async def dead_letters(self, group: str, *, limit: int = 100) -> Sequence[DeadLetter]:
        query = select(dead).where(dead.c.group == group).order_by(dead.c.position).limit(limit)
        async with self.database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [
            DeadLetter(group=group, envelope=_envelope(row), attempts=row["attempts"], reason=row["reason"])
            for row in rows
        ]

    async def redrive(self, group: str, ids: Sequence[UUID]) -> int:
        theirs = and_(dead.c.group == group, dead.c.id.in_(ids))
        async with self.database.begin() as connection:
            rows = (await connection.execute(select(dead).where(theirs))).mappings().all()
            await insert_many(connection, waiting, [_row(_envelope(row), group) for row in rows])
            await connection.execute(delete(dead).where(theirs))
        self.signal.wake()
        return len(rows)

    async def lag(self, group: str) -> Lag:
        query = select(func.count(), func.min(w.occurred_at)).where(w.group == group)
        async with self.database.reading() as connection:
            count, oldest = (await connection.execute(query)).one()
        in_hand = sum(len(each.in_hand) for each in self.consumers if each.subscription.group == group)
        age = 0.0 if oldest is None else (self.now() - oldest).total_seconds()
        return Lag(ready=count - in_hand, in_flight=in_hand, oldest_age=max(age, 0.0))

    async def hold(self, name: str) -> bool:
        """Take or prolong a named lease: True while this process is the one that works under it."""
        now, me = self.now(), self.owners.me()
        async with self.database.begin() as connection:
            await insert_missing(connection, leases, [{"name": name, "owner": "", "until": now}])
            found = await connection.execute(select(leases).where(leases.c.name == name).with_for_update())
            row = found.one()
            if row.owner != me and row.until > now and not self.owners.is_dead(row.owner):
                return False
            await connection.execute(
                update(leases)
                .where(leases.c.name == name)
                .values(owner=me, until=now + timedelta(seconds=LEASE))
            )
        return True

    async def let_go(self, name: str) -> None:
        """Give a lease to whoever comes next."""
        mine = and_(leases.c.name == name, leases.c.owner == self.owners.me())
        async with self.database.begin() as connection:
            await connection.execute(update(leases).where(mine).values(until=self.now()))

    async def close(self) -> None:
        for consumer in self.consumers:
            await consumer.close(drain=5.0)
        self.consumers.clear()

    async def _groups(self, connection: AsyncConnection) -> Mapping[str, tuple[str, ...]]:
        found = await connection.execute(select(groups))
        return {row.name: row.types for row in found}


@dataclass(slots=True)
class SqlConsumer:
    """Feeds one group, as long as this process holds its lease."""

    bus: SqlBus
    subscription: Subscription
    handler: Handler
    task: "asyncio.Task[None] | None" = None
    stopping: bool = False
    in_hand: list[Delivery] = field(default_factory=list[Delivery])

    async def run(self) -> None:
        lease = f"group:{self.subscription.group}"
        held_until = self.bus.now()
        while not self.stopping:
            try:
                if self.bus.now() > held_until - timedelta(seconds=LEASE / 2):
                    if not await self.bus.hold(lease):
                        await self.bus.signal.wait(POLL)
                        continue
                    held_until = self.bus.now() + timedelta(seconds=LEASE)
                if not await self.step():
                    await self.bus.signal.wait(POLL)
            except DatabaseUnavailable:
                await self.bus.signal.wait(POLL)
        await self.bus.let_go(lease)

    async def step(self) -> int:
        """Deliver one batch; how many there were."""
        taken = await self._take()
        if not taken:
            return 0
        self.in_hand = [delivery for _, delivery in taken]
        try:
            outcomes: Sequence[Outcome] = await self.handler(self.in_hand)
            reason = "the handler refused it"
        except Exception as error:
            outcomes, reason = [Outcome.RETRY] * len(taken), repr(error)[:500]
        finally:
            self.in_hand = []
        await self._settle(taken, outcomes, reason)
        return len(taken)

    async def close(self, drain: float) -> None:
        self.stopping = True
        self.bus.signal.wake()
        if self.task is not None:
            _, late = await asyncio.wait([self.task], timeout=drain)
            for task in late:
                task.cancel()

    async def _take(self) -> list[tuple[int, Delivery]]:
        now, group = self.bus.now(), self.subscription.group
        query = select(waiting).where(w.group == group, w.due_at <= now)
        if self.subscription.ordered:
            earlier = waiting.alias("earlier")
            held_back = and_(
                earlier.c.group == group,
                earlier.c.key == w.key,
                earlier.c.due_at > now,
                earlier.c.position < w.position,
            )
            query = query.where(~select(earlier.c.position).where(held_back).exists())
        query = query.order_by(w.position).limit(self.subscription.batch)
        async with self.bus.database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [
            (row["position"], Delivery(envelope=_envelope(row), attempt=row["attempts"] + 1)) for row in rows
        ]

    async def _settle(
        self, taken: Sequence[tuple[int, Delivery]], outcomes: Sequence[Outcome], reason: str
    ) -> None:
        done = [at for (at, _), outcome in zip(taken, outcomes, strict=True) if outcome is Outcome.ACK]
        async with self.bus.database.begin() as connection:
            for (position, delivery), outcome in zip(taken, outcomes, strict=True):
                if outcome is Outcome.ACK:
                    continue
                given_up = delivery.attempt >= self.subscription.max_attempts
                if outcome is Outcome.REJECT or given_up:
                    why = reason if outcome is Outcome.RETRY else "rejected"
                    letter = {**_row(delivery.envelope, self.subscription.group), "reason": why}
                    await connection.execute(insert(dead).values({**letter, "attempts": delivery.attempt}))
                    done.append(position)
                else:
                    await connection.execute(
                        update(waiting)
                        .where(w.position == position)
                        .values(attempts=delivery.attempt, due_at=self.bus.now() + self._pause(delivery))
                    )
            for start in range(0, len(done), 500):
                await connection.execute(delete(waiting).where(w.position.in_(done[start : start + 500])))

    def _pause(self, delivery: Delivery) -> timedelta:
        steps = self.subscription.backoff
        return timedelta(seconds=steps[min(delivery.attempt, len(steps)) - 1])


def _row(envelope: Envelope, group: str) -> dict[str, object]:
    return {
        "group": group,
        "id": envelope.id,
        "type": envelope.type,
        "key": envelope.key,
        "organization_id": envelope.organization_id,
        "occurred_at": envelope.occurred_at,
        "body": envelope.body,
        "headers": envelope.headers,
        "attempts": 0,
        "due_at": envelope.occurred_at,
    }


def _envelope(row: RowMapping) -> Envelope:
    return Envelope(
        id=row["id"],
        type=row["type"],
        key=row["key"],
        organization_id=row["organization_id"],
        occurred_at=row["occurred_at"],
        body=row["body"],
        headers=row["headers"],
    )
