"""Messages whose story ended long ago, apart from those that still move, and by months.

The table of messages is written to all day, and its indexes with it. What has come to its end and is older
than is wanted there moves to a table of the same columns: MySQL and MariaDB keep it in a partition for each
month, so that what is too old goes as whole months, at once. Who looks for messages looks at both tables
(`newest`); what Meta still reports of an old one brings it back first (`bring_back`).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Table, delete, func, insert, select, text, union_all
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import is_sqlite
from tidings.adapters.mysql.engine import Database, Deadlocked
from tidings.adapters.mysql.pruning import EVERY, PORTION, Aging, SqlPruner, first_id_of
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.whatsapp.tables import archive, messages
from tidings.application.pausing import pause
from tidings.application.ports.common import Now
from tidings.domain.kernel import MessageId, Wamid
from tidings.domain.whatsapp.messages import Message, State

UNDER_WAY = (State.PENDING, State.SENDING, State.UNKNOWN)
"""What may still leave, or waits to be explained, stays where it is, however long it has waited."""
LEAST_AGE = timedelta(days=30)
"""What is younger is never archived."""
LATER = "later"
"""The partition of months that have none of their own yet: empty, so that splitting one off costs nothing."""
EARLIEST = 120
"""Months that are told apart; what is older is kept with the oldest of them."""
PATIENCE = 5
"""Seconds to wait for those who look at the archive while its months change; all others wait meanwhile."""
FORBIDDEN = 1142
LOCK = "tidings_archive"

log = structlog.get_logger("tidings.archive")


async def newest(
    connection: AsyncConnection, chosen: Callable[[Any], ColumnElement[bool]], limit: int
) -> list[Message]:
    """The newest messages of which `chosen` is true, wherever they are, in one statement.

    `chosen` is asked with the columns of each table.
    """
    parts = [
        select(table).where(chosen(table.c)).order_by(table.c.id.desc()).limit(limit)
        for table in (messages, archive)
    ]
    if is_sqlite(connection):
        # It takes no limit within a union; MySQL would copy what it is wrapped in.
        parts = [select(part.subquery()) for part in parts]
    found = structs(Message, await connection.execute(union_all(*parts)))
    return sorted(found, key=lambda message: message.id.int, reverse=True)[:limit]


async def bring_back(connection: AsyncConnection, wamids: Collection[Wamid]) -> int:
    """Put archived messages among those that move, in the transaction at hand; how many there were."""
    return await _move(connection, archive, messages, archive.c.wamid.in_(list(wamids)), limit=len(wamids))


async def archived(connection: AsyncConnection, new: Sequence[Message]) -> Sequence[MessageId]:
    """Which of these messages, or which of their people in the same campaign, are in the archive.

    Asked only of what can be: nothing is archived that is younger than `LEAST_AGE`, nor before its campaign.
    """
    old = [message for message in new if _may_be(message)]
    if not old:
        return ()
    a = archive.c
    runs = {message.run_id for message in old if message.run_id is not None}
    people = {message.person for message in old if message.run_id is not None}
    of_ids = select(a.id, a.run_id, a.person).where(a.id.in_([message.id for message in old]))
    of_runs = select(a.id, a.run_id, a.person).where(a.run_id.in_(runs), a.person.in_(people))
    found = (await connection.execute(union_all(of_ids, of_runs) if runs else of_ids)).all()
    ids, pairs = {row.id for row in found}, {(row.run_id, row.person) for row in found}
    return [
        message.id
        for message in old
        if message.id in ids or (message.run_id is not None and (message.run_id, message.person) in pairs)
    ]


def _may_be(message: Message) -> bool:
    if message.state is not State.PENDING:
        # Brought over with its history.
        return True
    bound = first_id_of(message.created_at - LEAST_AGE)
    return message.id < bound or (message.run_id is not None and message.run_id < bound)


async def _move(
    connection: AsyncConnection, source: Table, target: Table, chosen: ColumnElement[bool], *, limit: int
) -> int:
    query = select(source.c.id).where(chosen).order_by(source.c.id).limit(limit).with_for_update()
    ids = (await connection.execute(query)).scalars().all()
    if ids:
        names = [column.name for column in source.columns]
        whole = select(source).where(source.c.id.in_(ids))
        await connection.execute(insert(target).from_select(names, whole))
        await connection.execute(delete(source).where(source.c.id.in_(ids)))
    return len(ids)


@dataclass(frozen=True, slots=True)
class SqlArchivist:
    """Moves what is old into the archive, and drops the months of it that are too old."""

    database: Database
    now: Now
    after: timedelta | None
    """How old a message is when it moves; None: none does."""
    kept: timedelta | None
    """How old one becomes before it is removed, at the earliest; None: it stays for ever."""

    async def run(self, stop: asyncio.Event) -> None:
        """Tidy every hour until `stop`. Safe to run in any number of processes: one of them does it."""
        while not stop.is_set():
            try:
                await self.tidy()
            except Deadlocked:
                log.info("the archive is in use; its months are seen to later")
            except DBAPIError as error:
                if error.orig is None or error.orig.args[:1] != (FORBIDDEN,):
                    raise
                log.warning("old messages stay: the user may not change the archive (tidings grants)")
            await pause(stop, EVERY)

    async def tidy(self) -> int:
        """Remove what is too old, and move what is old; how many messages moved.

        Raise DatabaseUnavailable.
        """
        moved = 0
        async with self._alone() as alone:
            if alone and self.kept is not None:
                await self._remove(self.kept)
            if alone and self.after is not None:
                old = self._old(self.after)
                if await self._make_room(self.after, old):
                    while portion := await self._portion(old):
                        moved += portion
        return moved

    def _old(self, after: timedelta) -> ColumnElement[bool]:
        bound = first_id_of(self.now() - max(after, LEAST_AGE))
        return (messages.c.id < bound) & messages.c.state.not_in(UNDER_WAY)

    async def _portion(self, old: ColumnElement[bool]) -> int:
        async with self.database.begin() as connection:
            return await _move(connection, messages, archive, old, limit=PORTION)

    async def _make_room(self, after: timedelta, old: ColumnElement[bool]) -> bool:
        """Whether there is anything to move; then its months are there."""
        async with self.database.reading() as connection:
            query = select(messages.c.id).where(old).order_by(messages.c.id).limit(1)
            oldest = (await connection.execute(query)).scalar_one_or_none()
            if oldest is None or is_sqlite(connection):
                return oldest is not None
            months = await _months(connection)
        last = _month_at(self.now() - after)
        first = months[-1] + 1 if months else max(_month_of(oldest), last - EARLIEST)
        if first <= last:
            made = [
                f"PARTITION {_name(month)} VALUES LESS THAN (X'{_end(month).hex}')"
                for month in range(first, last + 1)
            ]
            made.append(f"PARTITION {LATER} VALUES LESS THAN (MAXVALUE)")
            await self._alter(f"REORGANIZE PARTITION {LATER} INTO ({', '.join(made)})")
        return True

    async def _remove(self, kept: timedelta) -> None:
        bound = self.now() - kept
        async with self.database.reading() as connection:
            if not is_sqlite(connection):
                over = [_name(m) for m in await _months(connection) if _end(m) <= first_id_of(bound)]
                if over:
                    await self._alter(f"DROP PARTITION {', '.join(over)}")
                return
        await SqlPruner(self.database, [Aging(archive, archive.c.id, kept, first_id_of)], self.now).prune()

    async def _alter(self, how: str) -> None:
        """Who looks at the table has to end first, and who comes waits behind this: so it waits shortly."""
        async with self.database.begin() as connection:
            await connection.execute(text(f"SET SESSION lock_wait_timeout = {PATIENCE}"))
            try:
                await connection.execute(text(f"ALTER TABLE {archive.name} {how}"))
            finally:
                await connection.execute(text("SET SESSION lock_wait_timeout = DEFAULT"))

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[bool]:
        """Whether no other process is at it; SQLite's portions are short and want no lock."""
        async with self.database.reading() as connection:
            if is_sqlite(connection):
                alone = True
            else:
                alone = bool(await connection.scalar(select(func.get_lock(LOCK, 0))))
            try:
                yield alone
            finally:
                if alone and not is_sqlite(connection):
                    await connection.execute(select(func.release_lock(LOCK)))


async def _months(connection: AsyncConnection) -> Sequence[int]:
    """Those that have a partition, in order."""
    query = text(
        "SELECT partition_name FROM information_schema.partitions"
        " WHERE table_schema = DATABASE() AND table_name = :name AND partition_name IS NOT NULL"
    )
    names = (await connection.execute(query, {"name": archive.name})).scalars()
    return sorted(int(name[1:5]) * 12 + int(name[5:7]) - 1 for name in names if name != LATER)


def _month_at(moment: datetime) -> int:
    """Months since the year 0."""
    return moment.year * 12 + moment.month - 1


def _month_of(id: UUID) -> int:
    return _month_at(datetime.fromtimestamp((id.int >> 80) / 1000, UTC))


def _name(month: int) -> str:
    return f"m{month // 12:04}{month % 12 + 1:02}"


def _end(month: int) -> UUID:
    """The first id of the month after it."""
    year, following = divmod(month + 1, 12)
    return first_id_of(datetime(year, following + 1, 1, tzinfo=UTC))
