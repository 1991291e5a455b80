"""Outbox and inbox of a context: events told in the transaction that caused them, and heard once.

Each context has both tables in its own database, named after the context. The relay
(`application/relay.py`) removes what is on the bus and looks again from the start, never from a
high-water mark: ids of concurrent transactions become visible out of order. A bus that can be emptied by
hand has what was published numbered and kept for a while (`kept_outbox.py`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    MetaData,
    Row,
    SmallInteger,
    String,
    Table,
    delete,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import insert_many, is_sqlite
from tidings.adapters.mysql.engine import TABLE_OPTIONS, Database
from tidings.adapters.mysql.types import Id, Json, LongBytes, Moment, Position, ascii_key
from tidings.application.ports.bus import Envelope, packed
from tidings.application.ports.common import NewId, Now
from tidings.domain.errors import Undone
from tidings.domain.events import Event
from tidings.domain.kernel import OrganizationId


def outbox_table(metadata: MetaData, context: str) -> Table:
    """Declare `<context>_outbox`, and `<context>_told`: how far each shard of each group was told of it."""
    Table(
        f"{context}_told",
        metadata,
        Column("group", ascii_key(80), primary_key=True),
        Column("shard", SmallInteger, primary_key=True, autoincrement=False),
        Column("sequence", BigInteger, nullable=False),
        **TABLE_OPTIONS,
    )
    return Table(
        f"{context}_outbox",
        metadata,
        Column("position", Position, primary_key=True, autoincrement=True),
        Column("id", Id, nullable=False),
        Column("type", ascii_key(80), nullable=False),
        Column("key", String(191), nullable=False),
        Column("organization_id", Id, nullable=False),
        Column("body", LongBytes, nullable=False),
        Column("occurred_at", Moment, nullable=False),
        Column("sequence", BigInteger),
        Column("after", Json(dict[str, int])),
        # What is not on the bus yet, what a group asks for again, and what is old enough to be forgotten.
        Index(f"{context}_outbox_sequence", "sequence"),
        **TABLE_OPTIONS,
    )


def inbox_table(metadata: MetaData, context: str) -> Table:
    """Declare `<context>_inbox`, and `<context>_followed`: how far each source was followed, by shard."""
    Table(
        f"{context}_followed",
        metadata,
        Column("group", ascii_key(80), primary_key=True),
        Column("source", ascii_key(80), primary_key=True),
        Column("shard", SmallInteger, primary_key=True, autoincrement=False),
        Column("sequence", BigInteger, nullable=False),
        **TABLE_OPTIONS,
    )
    return Table(
        f"{context}_inbox",
        metadata,
        Column("group", ascii_key(80), primary_key=True),
        Column("event_id", Id, primary_key=True),
        Column("heard_at", Moment, nullable=False),
        # What is old enough to be forgotten.
        Index(f"{context}_inbox_age", "heard_at"),
        **TABLE_OPTIONS,
    )


@dataclass(frozen=True, slots=True)
class SqlOutbox:
    """The Outbox port, within one transaction."""

    connection: AsyncConnection
    table: Table
    now: Now
    new_id: NewId

    async def put(self, *events: Event) -> None:
        if not events:
            return
        at = self.now()
        rows = [
            {
                "id": self.new_id(),
                "type": _tag(event),
                "key": event.key,
                "organization_id": event.organization_id,
                "body": packed(event),
                "occurred_at": at,
            }
            for event in events
        ]
        await insert_many(self.connection, self.table, rows)


@dataclass(frozen=True, slots=True)
class SqlInbox:
    """The Inbox port, within one transaction."""

    connection: AsyncConnection
    table: Table
    now: Now

    async def first_time(self, group: str, event_id: UUID) -> bool:
        row = {"group": group, "event_id": event_id, "heard_at": self.now()}
        statement = insert(self.table).prefix_with("OR IGNORE" if is_sqlite(self.connection) else "IGNORE")
        return (await self.connection.execute(statement, row)).rowcount == 1

    async def new_among(self, group: str, event_ids: Sequence[UUID]) -> Collection[UUID]:
        if not event_ids:
            return ()
        e = self.table.c
        known = select(e.event_id).where(e.group == group, e.event_id.in_(list(event_ids)))
        new = set(event_ids) - set((await self.connection.execute(known)).scalars())
        at = self.now()
        rows = [{"group": group, "event_id": id, "heard_at": at} for id in sorted(new)]
        try:
            await insert_many(self.connection, self.table, rows)
        except IntegrityError as error:
            raise Undone("Another consumer deals with the same event.") from error
        return new


@dataclass(frozen=True, slots=True)
class SqlOutboxReader:
    """The relay's side of an outbox."""

    database: Database
    table: Table

    async def waiting(self, limit: int) -> Sequence[tuple[int, Envelope]]:
        """The oldest events not yet published, with their positions."""
        query = select(self.table).order_by(self.table.c.position).limit(limit)
        async with self.database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [(row.position, envelope_of(row)) for row in rows]

    async def published(self, positions: Sequence[int]) -> None:
        """Take note that these are on the bus: they are removed."""
        if not positions:
            return
        async with self.database.begin() as connection:
            for start in range(0, len(positions), 500):
                part = positions[start : start + 500]
                await connection.execute(delete(self.table).where(self.table.c.position.in_(part)))


def envelope_of(row: Row[Any]) -> Envelope:
    """The event of a whole row of an outbox."""
    return Envelope(
        id=row.id,
        type=row.type,
        key=row.key,
        organization_id=OrganizationId(row.organization_id),
        occurred_at=row.occurred_at,
        body=row.body,
    )


def _tag(event: Event) -> str:
    tag = event.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"{type(event).__name__} has no tag")
    return tag
