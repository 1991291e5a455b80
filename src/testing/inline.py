"""SQLite without threads: what a world's database is asked, it answers at once, after one turn of the loop.

A thread for each connection, as a service has it, costs a story more than half of its time.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import MetaData, create_engine

from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.mysql.engine import Database

CHUNK = 64


class InlineConnection(aiosqlite.Connection):
    """The same interface; everything is done where it is awaited."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, CHUNK)

    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        return self._connect().__await__()

    async def _connect(self) -> aiosqlite.Connection:
        await asyncio.sleep(0)
        if self._connection is None:
            self._connection = self._connector()
        return self

    async def _execute(self, fn: Callable[..., Any], *args: Any, **how: Any) -> Any:
        await asyncio.sleep(0)
        return fn(*args, **how)

    def stop(self) -> None:
        """There is no thread to be stopped."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@cache
def _empty(metadata: MetaData) -> bytes:
    """A file with these tables and nothing in them."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        driver: Any = connection.connection.driver_connection
        return driver.serialize()


def database_with(path: Path, metadata: MetaData) -> Database:
    """The database in this file; a new one has these tables, which are made once a process."""
    if not path.exists():
        path.write_bytes(_empty(metadata))
    return sqlite_database(path, inline)


def inline(path: str, **how: Any) -> InlineConnection:
    """A connection to this file, as `sqlite3.connect` takes it."""
    return InlineConnection(lambda: sqlite3.connect(path, **how))
