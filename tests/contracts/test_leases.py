"""Leases by the clock of the server: a machine whose clock is wrong neither takes nor loses what is held."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.contracts.bus.conftest import Owner
from tidings.adapters.embedded.signal import LocalSignal
from tidings.adapters.mysql.bus import SqlBus
from tidings.adapters.mysql.bus_tables import metadata as bus_metadata
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


@pytest.fixture(params=["mariadb_server", "mysql_server"])
async def events(request):
    database = request.getfixturevalue(request.param).database("event_service")
    await database.create(bus_metadata)
    yield database
    await database.close()


async def test_a_name_of_the_bus_is_not_taken_by_a_machine_whose_clock_is_ahead(events):
    def bus(name, hours):
        def now():
            return datetime.now(UTC) + timedelta(hours=hours)

        return SqlBus(events, Owner(name), LocalSignal(), now, lease=3.0, server_clock=True)

    right, ahead = bus("right", 0), bus("ahead", 1)
    try:
        assert await right.hold("relay:users")
        assert not await ahead.hold("relay:users")
        assert await right.hold("relay:users")
    finally:
        await right.close()
    async with asyncio.timeout(20):
        while not await ahead.hold("relay:users"):
            await asyncio.sleep(0.1)
    await ahead.close()
