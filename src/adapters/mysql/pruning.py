"""What is kept only for a while: notes of events that were dealt with, statuses of nobody's messages, and,
where that is wanted, what was said.

By portions, never by dropping a partition: a server that partitions wants the partition's column in every
unique key, and that no message has the wamid or the attempt of another must hold over all of them.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.engine import Database
from tidings.application.pausing import pause
from tidings.application.ports.common import Now

KEPT = timedelta(days=14)
"""Longer than a broker or Meta tries again: what comes later comes for the first time."""
EVERY = 3600.0
PORTION = 2000
"""Rows removed in one transaction, so that nobody waits long for it."""


def first_id_of(moment: datetime) -> UUID:
    """No id that was made at this moment or later is smaller (RFC 9562, version 7)."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _itself(moment: datetime) -> object:
    return moment


@dataclass(frozen=True, slots=True)
class Aging:
    """A table, and the column that says how old a row is."""

    table: Table
    at: Column[object]
    kept: timedelta = KEPT
    bound: Callable[[datetime], object] = _itself
    """A moment as such a column says it: ids that are in order of time say it as well, by the key itself."""
    only: ColumnElement[bool] | None = None
    """Which rows may go at all."""


@dataclass(frozen=True, slots=True)
class SqlPruner:
    """Removes what is old from one context's tables."""

    database: Database
    aging: Sequence[Aging]
    now: Now

    async def run(self, stop: asyncio.Event) -> None:
        """Prune every hour until `stop`. Safe to run in any number of processes."""
        while not stop.is_set():
            await self.prune()
            await pause(stop, EVERY)

    async def prune(self) -> int:
        """Remove everything that is too old; how many rows that were."""
        removed = 0
        for each in self.aging:
            while portion := await self._portion(each):
                removed += portion
        return removed

    async def _portion(self, aging: Aging) -> int:
        keys = list(aging.table.primary_key.columns)
        old = select(*keys).where(aging.at < aging.bound(self.now() - aging.kept)).limit(PORTION)
        if aging.only is not None:
            old = old.where(aging.only)
        async with self.database.begin() as connection:
            found = (await connection.execute(old)).all()
            if found:
                await _remove(connection, aging.table, [tuple(row) for row in found])
        return len(found)


async def _remove(connection: AsyncConnection, table: Table, keys: Sequence[tuple[object, ...]]) -> None:
    """By key, a row of parameters each: one statement, in the order of the key."""
    columns = list(table.primary_key.columns)
    first, *rest = columns
    if not rest:
        await connection.execute(delete(table).where(first.in_([key[0] for key in keys])))
        return
    # A composite key begins with the consumer group, of which there are few.
    for group in dict.fromkeys(key[0] for key in keys):
        ids = [key[1] for key in keys if key[0] == group]
        await connection.execute(delete(table).where(first == group, rest[0].in_(ids)))
