"""Databases: one for each context, with a writing and a reading side."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

from sqlalchemy import MetaData, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from tidings.adapters.effects import happened
from tidings.adapters.mysql.pools import Moved, reading, writing
from tidings.domain.errors import Unavailable, Undone

_MAKING = "tidings: making tables"


class DatabaseUnavailable(Unavailable):
    """The database did not answer; nothing was changed that is not stored."""


class Deadlocked(DatabaseUnavailable, Undone):
    """Two changes stood in each other's way and this one was undone; try again."""


class OutcomeUnknown(DatabaseUnavailable):
    """The connection was lost while the change was being stored: look whether it is there before you repeat
    it."""


@dataclass(frozen=True, slots=True)
class Database:
    """A context's database: on SQLite one writing and a few reading connections, on MySQL a few of each."""

    write: AsyncEngine
    read: AsyncEngine

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[AsyncConnection]:
        """A writing transaction: leaving the block commits, an exception undoes it.

        Raise DatabaseUnavailable; of those, Deadlocked says that it was undone for another's sake, and
        OutcomeUnknown that it may be stored all the same.
        """
        with _translated():
            async with self.write.connect() as connection:
                await connection.begin()
                try:
                    yield connection
                except BaseException:
                    # What is lost is undone by the server.
                    with suppress(DBAPIError):
                        await connection.rollback()
                    raise
                try:
                    await connection.commit()
                except DBAPIError as error:
                    if error.connection_invalidated:
                        raise OutcomeUnknown() from error
                    raise
                happened()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A look that changes nothing and waits for no writer. Raise DatabaseUnavailable.

        On SQLite all of it is of one moment, on MySQL each statement is of its own.
        """
        with _translated():
            async with self.read.connect() as connection:
                yield connection

    async def create(self, metadata: MetaData) -> None:
        """Make the tables that are missing. Processes that start together do it one after the other."""
        async with self.begin() as connection:
            if connection.dialect.name == "sqlite":
                await connection.run_sync(metadata.create_all)
                return
            await connection.execute(select(func.get_lock(_MAKING, 60)))
            try:
                await connection.run_sync(metadata.create_all)
            finally:
                await connection.execute(select(func.release_lock(_MAKING)))

    @property
    def in_use(self) -> dict[str, int]:
        """How many connections are in somebody's hands, by side."""
        pools = {"write": self.write.sync_engine.pool, "read": self.read.sync_engine.pool}
        return {side: pool.checkedout() for side, pool in pools.items() if isinstance(pool, QueuePool)}

    async def close(self) -> None:
        await self.write.dispose()
        await self.read.dispose()


class _translated:
    """The driver's failures in our words; everything else passes through."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PoolTimeout):
            raise DatabaseUnavailable("The database is busy: no connection became free in time.") from error
        if isinstance(error, DBAPIError) and _code(error) in _UNDONE:
            raise Deadlocked(_explained(error) or "") from error
        if isinstance(error, DBAPIError) and (message := _explained(error)):
            raise DatabaseUnavailable(message) from error


_FULL = "The disk is full: make room, then try again. Nothing that was confirmed is lost."
_EXPLAINED = {
    "database is locked": "The database is locked by another program; close it, or wait and try again.",
    # Of SQLite `database or disk is full`, of MySQL `The table '…' is full`.
    "is full": _FULL,
    "disk full": _FULL,
    "no space left": _FULL,
    "disk i/o error": "The disk refused to write (full or failing): make room, then try again.",
    "unable to open database file": "The database file cannot be opened: check that its folder is writable.",
    "readonly database": "The database file is read-only: check its permissions.",
    "deadlock found": "Two changes stood in each other's way and this one was undone; try again.",
    "lock wait timeout": "Another change holds what this one needs; this one was undone, try again.",
    "execution was interrupted": "The question took the database too long and was given up: ask for less.",
    "gone away": "The connection to the database was lost; try again.",
    "not connected": "The connection to the database was lost; try again.",
    "was killed": "The connection to the database was cut; try again.",
    "server shutdown": "The database server is stopping; try again.",
    "too many connections": "The database server has no connection to spare; try again.",
    "read-only option": "The database server takes no changes at the moment (read-only); try again.",
    "read only": "The database server takes no changes at the moment (read-only); try again.",
    "lost connection": "The connection to the database was lost; try again.",
    "unknown database": "The database does not exist on the server: make it first (see docs/settings.md).",
    "access denied": "The database server does not let this user in: check the user and the password.",
    "can't connect": "The database server does not answer: check that it runs and that its address is right.",
}


_UNDONE = frozenset({1205, 1213, 1020})
"""Lock wait timeout, deadlock, and MariaDB's word for a row that changed since it was read."""


def _code(error: DBAPIError) -> int | None:
    """MySQL's number of it."""
    told = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return told if isinstance(told, int) else None


def _explained(error: DBAPIError) -> str | None:
    said = str(error.orig).lower()
    lost = _EXPLAINED["lost connection"] if error.connection_invalidated else None
    return next((message for part, message in _EXPLAINED.items() if part in said), lost)


TABLE_OPTIONS: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}
"""Keyword arguments of every Table: exact comparison, as SQLite does it; MySQL's default collations fold."""


def mysql_database(url: str, *, pool_size: int = 6, tls: SSLContext | None = None) -> Database:
    """A database on MySQL 8+/9 or MariaDB 10.6+, such as `mysql+asyncmy://user:secret@host/contact_service`.

    `pool_size` is how many connections may write at a time, and how many others may read. With `tls`, a
    server that does not speak it, or is not who it should be, is refused.
    """
    moved = Moved()
    return Database(writing(url, pool_size, tls, moved), reading(url, pool_size, tls, moved))
