"""Connections to MySQL: what a server that says nothing and a task that is cancelled mean for them."""

import asyncio
import socket

import asyncmy
import pytest

from tidings.adapters.mysql import pools
from tidings.adapters.mysql.engine import DatabaseUnavailable, mysql_database

pytestmark = pytest.mark.anyio


async def use(database):
    async with database.begin():
        pass


async def test_a_server_that_takes_the_call_and_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(pools, "CONNECT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = mysql_database(f"mysql+asyncmy://root@127.0.0.1:{silent.getsockname()[1]}/x")
        with pytest.raises(DatabaseUnavailable, match="does not answer"):
            await asyncio.wait_for(use(database), 10)
        await database.close()


async def test_a_cancellation_that_the_driver_loses_is_not_lost_to_us(monkeypatch):
    closed, connecting = [], asyncio.Event()

    class Connection:
        def close(self):
            closed.append(self)

    async def connect(**how):
        connecting.set()
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            # As `asyncio.wait_for` does on Python 3.11 when the connection is there at that very moment.
            return Connection()

    monkeypatch.setattr(asyncmy, "connect", connect)
    database = mysql_database("mysql+asyncmy://root@127.0.0.1:1/x")
    task = asyncio.create_task(use(database))
    await connecting.wait()
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    assert len(closed) == 1
    await database.close()
