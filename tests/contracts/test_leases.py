"""Leases by the clock of the server: a machine whose clock is wrong neither takes nor loses what is held."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tidings.adapters.mysql.whatsapp.tables import metadata
from tidings.adapters.mysql.whatsapp.work import whatsapp_in

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["mariadb_server", "mysql_server"])
async def database(request):
    database = request.getfixturevalue(request.param).database("whatsapp_service")
    await database.create(metadata)
    yield database
    await database.close()


def on_a_clock_that_is_wrong_by(hours, database):
    def now():
        return datetime.now(UTC) + timedelta(hours=hours)

    return whatsapp_in(database, now=now, new_id=uuid4, server_clock=True)[0]


async def test_a_machine_whose_clock_is_wrong_takes_nothing_and_loses_nothing(database):
    right, ahead, behind = (on_a_clock_that_is_wrong_by(hours, database) for hours in (0, 1, -1))

    async def take(begin, owner, seconds=2.0):
        async with begin() as work:
            return await work.leases.take("lane", owner, seconds=seconds)

    first = await take(right, "one")
    assert first is not None
    assert await take(ahead, "two") is None
    async with ahead() as work:
        assert await work.leases.holder("lane") == "one"
    await asyncio.sleep(2.1)
    second = await take(behind, "three", seconds=60)
    assert second.epoch > first.epoch
    assert await take(right, "one") is None
    async with right() as work:
        assert not await work.leases.renew(first, seconds=2)
    async with behind() as work:
        assert await work.leases.renew(second, seconds=60)
        await work.leases.release(second)
    assert await take(right, "one") is not None
