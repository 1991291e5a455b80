"""An outbox that keeps for a while what is on the bus, and how far those who listen have followed.

An event gets its sequence before it is published, and with it the sequence of what each group that hears it
heard just before. So a batch that is published again after a crash is the same one, and a group sees when
something between two events is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, Table, delete, func, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import update_many, upsert
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import envelope_of
from tidings.adapters.mysql.types import since_1970
from tidings.application.ports.bus import Envelope, Place, Subscription, hears, shard_of
from tidings.application.ports.common import Now

ALL, NO_SHARD = "", -1
"""The row of `<context>_told` that says up to which sequence everything is on the bus."""

ON_ITS_WAY = timedelta(seconds=5)
"""An event that is younger may not be lost but about to arrive."""


def sequence_of(moment: datetime) -> int:
    """The first sequence of a moment.

    They follow the clock, so that a database restored from an older copy gives none a second time.
    """
    return since_1970(moment)


def told_of(outbox: Table) -> Table:
    """The table that stands beside an outbox."""
    return outbox.metadata.tables[outbox.name.removesuffix("_outbox") + "_told"]


def published_of(outbox: Table) -> ScalarSelect[int]:
    """The sequence up to which everything is on the bus."""
    told = told_of(outbox)
    query = select(func.coalesce(func.max(told.c.sequence), 0)).where(
        told.c.group == ALL, told.c.shard == NO_SHARD
    )
    return query.scalar_subquery()


def published(outbox: Table) -> ColumnElement[bool]:
    """Whether an event is on the bus and only kept."""
    return outbox.c.sequence <= published_of(outbox)


@dataclass(frozen=True, slots=True)
class SqlKeptOutbox:
    """The OutboxReader and KeptOutbox ports. Of two relays that read at once, one waits for the other."""

    database: Database
    table: Table
    groups: Mapping[str, Subscription]
    """Everybody who hears anything, as they are declared."""
    now: Now

    async def waiting(self, limit: int) -> Sequence[tuple[int, Envelope]]:
        """The oldest events not yet published, each numbered, with their sequences."""
        async with self.database.reading() as connection:
            if not await _any(connection, self._new()) and not await _any(connection, self._left()):
                return []
        async with self.database.begin() as connection:
            told = await self._locked(connection)
            left = (await connection.execute(self._left().limit(limit))).all()
            if left:
                return [(row.sequence, self._placed(row, row.sequence, row.after)) for row in left]
            new = (await connection.execute(self._new().limit(limit))).all()
            return await self._numbered(connection, told, new)

    async def published(self, positions: Sequence[int]) -> None:
        """Take note that everything up to these sequences is on the bus."""
        if positions:
            row = {"group": ALL, "shard": NO_SHARD, "sequence": max(positions)}
            async with self.database.begin() as connection:
                await _keep_told(connection, told_of(self.table), [row])

    async def told(self, group: str) -> Mapping[int, int]:
        """The last sequence that was told to each shard of a group."""
        t = told_of(self.table).c
        async with self.database.reading() as connection:
            found = await connection.execute(select(t.shard, t.sequence).where(t.group == group))
            return {shard: sequence for shard, sequence in found}

    async def since(self, sequence: int, limit: int) -> Sequence[Envelope]:
        """What was published after a sequence and is still kept, in order."""
        c = self.table.c
        query = (
            select(self.table)
            .where(c.sequence > sequence, published(self.table))
            .order_by(c.sequence)
            .limit(limit)
        )
        async with self.database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [self._placed(row, row.sequence, row.after) for row in rows]

    def settled(self) -> int:
        """A sequence: what was published up to it has long reached whoever listens."""
        return sequence_of(self.now() - ON_ITS_WAY)

    def _new(self) -> Select[Any]:
        c = self.table.c
        return select(self.table).where(c.sequence.is_(null())).order_by(c.position)

    def _left(self) -> Select[Any]:
        """Numbered when the process before died, and perhaps published."""
        c = self.table.c
        return select(self.table).where(c.sequence > published_of(self.table)).order_by(c.sequence)

    async def _locked(self, connection: AsyncConnection) -> dict[tuple[str, int], int]:
        """How far everybody was told; whoever else numbers waits for us, also before anybody was told."""
        query = select(told_of(self.table)).with_for_update()
        found = (await connection.execute(query)).all()
        if not found:
            row = {"group": ALL, "shard": NO_SHARD, "sequence": 0}
            await _keep_told(connection, told_of(self.table), [row])
            found = (await connection.execute(query)).all()
        return {(row.group, row.shard): row.sequence for row in found}

    async def _numbered(
        self, connection: AsyncConnection, told: Mapping[tuple[str, int], int], rows: Sequence[Row[Any]]
    ) -> Sequence[tuple[int, Envelope]]:
        before = max(max(told.values(), default=0), sequence_of(self.now()))
        found: list[tuple[int, Envelope]] = []
        news: list[dict[str, object]] = []
        last: dict[tuple[str, int], int] = {}
        for sequence, row in enumerate(rows, before + 1):
            shard = shard_of(row.key)
            hear = [group for group, each in self.groups.items() if hears(each.types, row.type)]
            after = {group: last.get((group, shard)) or told.get((group, shard), 0) for group in hear}
            last.update({(group, shard): sequence for group in hear})
            found.append((sequence, self._placed(row, sequence, after)))
            news.append({"position": row.position, "sequence": sequence, "after": after})
        await update_many(connection, self.table, news, key="position", change=("sequence", "after"))
        far = [{"group": group, "shard": shard, "sequence": to} for (group, shard), to in last.items()]
        await _keep_told(connection, told_of(self.table), far)
        return found

    def _placed(self, row: Row[Any], sequence: int, after: Mapping[str, int]) -> Envelope:
        source = self.table.name.removesuffix("_outbox")
        return replace(envelope_of(row), place=Place(source=source, sequence=sequence, after=after))


async def let_go(database: Database, outbox: Table) -> None:
    """Make it an outbox again that keeps nothing, for a platform that was moved to another bus."""
    c = outbox.c
    async with database.reading() as connection:
        if not await _any(connection, select(outbox).where(c.sequence.is_not(null()))):
            return
    async with database.begin() as connection:
        await connection.execute(delete(outbox).where(published(outbox)))
        await connection.execute(update(outbox).where(c.sequence.is_not(null())).values(sequence=null()))


@dataclass(frozen=True, slots=True)
class SqlFollowed:
    """The Followed port, on `<context>_followed`."""

    database: Database
    table: Table

    async def reached(self, group: str) -> Mapping[tuple[str, int], int]:
        c = self.table.c
        query = select(c.source, c.shard, c.sequence).where(c.group == group)
        async with self.database.reading() as connection:
            return {(row.source, row.shard): row.sequence for row in await connection.execute(query)}

    async def keep(self, group: str, reached: Mapping[tuple[str, int], int]) -> None:
        rows = [
            {"group": group, "source": source, "shard": shard, "sequence": sequence}
            for (source, shard), sequence in sorted(reached.items())
        ]
        async with self.database.begin() as connection:
            keys = ("group", "source", "shard")
            await upsert(connection, self.table, rows, keys=keys, change=(), latest=("sequence",))


async def _any(connection: AsyncConnection, query: Select[Any]) -> bool:
    """Whether there is one; its body is not read."""
    first = query.with_only_columns(query.selected_columns[0]).limit(1)
    return (await connection.execute(first)).first() is not None


async def _keep_told(connection: AsyncConnection, told: Table, rows: Sequence[Mapping[str, object]]) -> None:
    await upsert(connection, told, rows, keys=("group", "shard"), change=(), latest=("sequence",))
