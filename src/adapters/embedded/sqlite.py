"""SQLite files: the same SQL as on MySQL, for one machine with nothing to set up.

One writing connection (transactions start with BEGIN IMMEDIATE, so they never fail half-way for want of
the lock) and a few reading ones. WAL with `synchronous=FULL`: what was committed survives a power cut,
without which a message could be sent twice.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tidings.adapters.mysql.engine import Database

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's write."""


def sqlite_database(path: Path | str) -> Database:
    """The database in this file, which is made when missing; its folder must exist."""
    return Database(
        write=_engine(path, "BEGIN IMMEDIATE", pool_size=1), read=_engine(path, "BEGIN", pool_size=4)
    )


def _engine(path: Path | str, begin: str, *, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        connect_args={"timeout": BUSY_TIMEOUT, "isolation_level": None},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "cache_size = -16000",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
