"""Connections to MySQL and MariaDB, and what they are not asked: each question is a round trip."""

import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

from tidings.adapters.mysql.literals import conversions

CONNECT, LOCK_WAIT = 3, 5
"""Seconds to wait for the server, and for another's lock: a request has no more patience than that."""
FRESH = 0.5
"""Seconds for which a connection that was just used is believed to be alive."""

_LEFT, _ENDED = "left", "transaction ended"


def writing(url: str, size: int) -> AsyncEngine:
    """Connections for transactions at READ COMMITTED, at most `size` of them."""
    engine = _engine(url, size, isolation_level="READ COMMITTED", pool_reset_on_return=None)

    @event.listens_for(engine.sync_engine, "reset")
    def undo(connection: Any, record: ConnectionPoolEntry, state: PoolResetState) -> None:  # pyright: ignore[reportUnusedFunction]
        # The pool would undo what is committed, too.
        if not record.info.pop(_ENDED, False) and state.asyncio_safe and not state.transaction_was_reset:
            connection.rollback()

    return engine


def ended(connection: AsyncConnection) -> None:
    """Tell its pool that no transaction is open on it."""
    connection.info[_ENDED] = True


def reading(url: str, size: int) -> AsyncEngine:
    """Connections for looks without a transaction: each statement sees what is committed."""
    return _engine(url, size, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True)


def _engine(url: str, size: int, **how: Any) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_recycle=1800,
        pool_size=size,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT,
            "conv": conversions(),
            "init_command": f"SET innodb_lock_wait_timeout={LOCK_WAIT}",
        },
        **how,
    )

    @event.listens_for(engine.sync_engine, "checkin")
    def left(connection: Any, record: ConnectionPoolEntry) -> None:  # pyright: ignore[reportUnusedFunction]
        record.info[_LEFT] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def ask(connection: Any, record: ConnectionPoolEntry, proxy: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        since = record.info.get(_LEFT)
        if since is None or time.monotonic() - since < FRESH:
            return
        dialect = engine.sync_engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError("The server has closed the connection.") from error

    return engine
