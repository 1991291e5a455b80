"""SQLite files: the same SQL as on MySQL, for one machine with nothing to set up.

One writing connection (transactions start with BEGIN IMMEDIATE, so they never fail half-way for want of
the lock) and a few reading ones. WAL with `synchronous=FULL`: what was committed survives a power cut,
without which a message could be sent twice.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from tidings.adapters.mysql.engine import Database

BEGIN_WRITING = "BEGIN IMMEDIATE"
BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's write."""


TRY_AGAIN = 0.001
"""Seconds between two looks whether the lock is free: SQLite itself sleeps up to a hundred times longer."""


class _WritingCursor(sqlite3.Cursor):
    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        end = time.monotonic() + BUSY_TIMEOUT
        while True:
            try:
                return super().execute(sql, *values)
            except sqlite3.OperationalError as error:
                waits = sql == BEGIN_WRITING and error.sqlite_errorname.startswith("SQLITE_BUSY")
                if not waits or time.monotonic() > end:
                    raise
                time.sleep(TRY_AGAIN)


class _WritingConnection(sqlite3.Connection):
    def cursor(self, factory: Any = _WritingCursor) -> Any:
        return super().cursor(factory)


def sqlite_database(path: Path | str, connect: Callable[..., Any] | None = None) -> Database:
    """The database in this file, which is made when missing; its folder must exist.

    `connect` makes its connections in place of `aiosqlite.connect`, and takes what that takes.
    """
    more = {} if connect is None else {"async_creator_fn": connect}
    return Database(
        write=_engine(path, BEGIN_WRITING, more, _WritingConnection, pool_size=1, busy_timeout=0.0),
        read=_engine(path, "BEGIN", more, sqlite3.Connection, pool_size=4, busy_timeout=BUSY_TIMEOUT),
    )


def _write_ahead(connection: Any) -> None:
    """Two processes that open a new file at once may both ask for it, and SQLite lets neither wait."""
    end = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            # Under SQLAlchemy's greenlet: whoever is in the way may need this very loop.
            await_only(asyncio.sleep(TRY_AGAIN))


def _engine(
    path: Path | str,
    begin: str,
    more: Mapping[str, Any],
    connection: type[sqlite3.Connection],
    *,
    pool_size: int,
    busy_timeout: float,
) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT, "isolation_level": None, "factory": connection, **more},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        _write_ahead(connection)
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "cache_size = -16000",
            "journal_size_limit = 67108864",
            f"busy_timeout = {int(busy_timeout * 1000)}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
