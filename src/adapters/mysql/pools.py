"""Connections to MySQL and MariaDB, and what they are not asked: each question is a round trip."""

import asyncio
import time
from dataclasses import dataclass
from ssl import SSLContext, create_default_context
from typing import Any

import asyncmy
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

from tidings.adapters.mysql.literals import conversions

CONNECT, LOCK_WAIT = 3, 5
"""Seconds to wait for the server, and for another's lock: a request has no more patience than that."""
LOOK = 30
"""Seconds after which the server gives a look up: whoever asked has gone, and others want the server."""
MODE = "TRADITIONAL"
"""A value that does not fit is refused, never cut, and a backslash escapes: whatever the server is set to."""
FRESH = 0.5
"""Seconds for which a connection that was just used is believed to be alive."""

READ_ONLY = frozenset({1290, 1836})
"""What a server says that has become a replica: whoever took its place is found by connecting anew."""

_LEFT, _MADE = "left", "made"


@dataclass
class Moved:
    """When the server was last found to take no changes: connections from before that lead to a replica."""

    at: float = -1.0


def trusting(authority: str) -> SSLContext | None:
    """TLS to servers that this authority certified: a file (PEM), or `system`; None where it is empty."""
    if not authority:
        return None
    return create_default_context(cafile=None if authority == "system" else authority)


def writing(url: str, size: int, tls: SSLContext | None, moved: Moved) -> AsyncEngine:
    """Connections for transactions at READ COMMITTED, at most `size` of them."""
    engine = _engine(url, size, tls, moved, isolation_level="READ COMMITTED", pool_reset_on_return=None)

    @event.listens_for(engine.sync_engine, "reset")
    def undo(connection: Any, record: ConnectionPoolEntry, state: PoolResetState) -> None:  # pyright: ignore[reportUnusedFunction]
        # The pool by itself undoes what is committed, too. The last answer says whether one is open.
        if state.asyncio_safe and connection.driver_connection.get_transaction_status():
            connection.rollback()

    return engine


def reading(url: str, size: int, tls: SSLContext | None, moved: Moved) -> AsyncEngine:
    """Connections for looks without a transaction: each statement sees what is committed."""
    return _engine(
        url, size, tls, moved, _in_time(LOOK), isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True
    )


def _in_time(seconds: int) -> str:
    """More of a SET: each server reads the comment that is meant for it."""
    return f"/*!50708 , max_execution_time={seconds * 1000}*//*M! , max_statement_time={seconds}*/"


async def _connected(**how: Any) -> asyncmy.Connection:
    """The driver's own `connect_timeout` ends before the server has said a word, and loses cancellations."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        async with asyncio.timeout(CONNECT):
            connection = await asyncmy.connect(**how)  # pyright: ignore[reportUnknownMemberType]
    except TimeoutError as error:
        raise asyncmy.OperationalError(2003, f"Can't connect to MySQL: no word within {CONNECT} s") from error
    if task and task.cancelling() > before:
        connection.close()
        raise asyncio.CancelledError
    return connection


def _engine(
    url: str, size: int, tls: SSLContext | None, moved: Moved, more: str = "", **how: Any
) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_recycle=1800,
        pool_size=size,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,
        connect_args={
            "async_creator_fn": _connected,
            "conv": conversions(),
            "ssl": tls,
            "init_command": f"SET innodb_lock_wait_timeout={LOCK_WAIT}, sql_mode='{MODE}'{more}",
        },
        **how,
    )

    @event.listens_for(engine.sync_engine, "checkin")
    def left(connection: Any, record: ConnectionPoolEntry) -> None:  # pyright: ignore[reportUnusedFunction]
        record.info[_LEFT] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def ask(connection: Any, record: ConnectionPoolEntry, proxy: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        if record.info[_MADE] < moved.at:
            raise InvalidatePoolError("The server has become a replica.")
        since = record.info.get(_LEFT)
        if since is None or time.monotonic() - since < FRESH:
            return
        dialect = engine.sync_engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError("The server has closed the connection.") from error

    @event.listens_for(engine.sync_engine, "connect")
    def made(connection: Any, record: ConnectionPoolEntry) -> None:  # pyright: ignore[reportUnusedFunction]
        record.info[_MADE] = time.monotonic()

    @event.listens_for(engine.sync_engine, "handle_error")
    def turned_away(context: ExceptionContext) -> None:  # pyright: ignore[reportUnusedFunction]
        said = context.original_exception.args
        if said and said[0] in READ_ONLY:
            context.is_disconnect = True
            moved.at = time.monotonic()

    return engine
