"""The tables of the bus on SQL: groups, their lines of deliveries, the dead letters, and who holds what."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Column, Index, Integer, MetaData, RowMapping, SmallInteger, String, Table

from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.types import Id, Json, LongBytes, Moment, Position, ascii_key
from tidings.application.ports.bus import Envelope, shard_of

metadata = MetaData()

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a delivery is due that never failed: no clock can be so wrong that it waits."""

groups = Table(
    "bus_groups",
    metadata,
    Column("name", ascii_key(80), primary_key=True),
    Column("types", Json(tuple[str, ...]), nullable=False),
    **TABLE_OPTIONS,
)
holds = Table(
    "bus_holds",
    metadata,
    Column("name", ascii_key(255), primary_key=True),
    Column("owner", String(160), nullable=False),
    Column("until", Moment, nullable=False),
    **TABLE_OPTIONS,
)


def _deliveries(name: str, *indexes: Index, more: Sequence[Column[str]] = ()) -> Table:
    """The bodies stand last: SQLite walks through a large one to reach what stands behind it."""
    return Table(
        name,
        metadata,
        Column("position", Position, primary_key=True, autoincrement=True),
        Column("group", ascii_key(80), nullable=False),
        Column("shard", SmallInteger, nullable=False),
        Column("due_at", Moment, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("id", Id, nullable=False),
        Column("type", ascii_key(80), nullable=False),
        Column("key", String(191), nullable=False),
        Column("organization_id", Id, nullable=False),
        Column("occurred_at", Moment, nullable=False),
        *more,
        Column("headers", Json(dict[str, str]), nullable=False),
        Column("body", LongBytes, nullable=False),
        *indexes,
        **TABLE_OPTIONS,
    )


line = _deliveries(
    "bus_deliveries",
    Index("bus_deliveries_line", "group", "position", "shard", "due_at"),
)
letters = _deliveries(
    "bus_letters",
    Index("bus_letters_line", "group", "position"),
    Index("bus_letters_id", "group", "id"),
    more=(Column("reason", String(500), nullable=False),),
)


def row_of(envelope: Envelope, group: str) -> dict[str, object]:
    return {
        "group": group,
        "shard": shard_of(envelope.key),
        "due_at": AT_ONCE,
        "attempts": 0,
        "id": envelope.id,
        "type": envelope.type,
        "key": envelope.key,
        "organization_id": envelope.organization_id,
        "occurred_at": envelope.occurred_at,
        "headers": envelope.headers,
        "body": envelope.body,
    }


def envelope_of(row: RowMapping) -> Envelope:
    return Envelope(
        id=row["id"],
        type=row["type"],
        key=row["key"],
        organization_id=row["organization_id"],
        occurred_at=row["occurred_at"],
        body=row["body"],
        headers=row["headers"],
    )
