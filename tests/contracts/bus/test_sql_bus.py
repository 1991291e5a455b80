"""What the SQL bus does beyond the contract: sharing by lease, finding out what kills, at little cost."""

import asyncio
import time

import pytest
from sqlalchemy import text

from tests.contracts.bus.conftest import Owner, SqlPlace
from tests.servers import ENGINES
from tidings.adapters.embedded.signal import LocalSignal
from tidings.adapters.mysql.bus import SqlBus
from tidings.application.ports.bus import SHARDS
from tidings.testing.contracts.buses import Ear, an_event, eventually, group, hangs

pytestmark = pytest.mark.anyio


@pytest.fixture(params=ENGINES)
def place(request):
    return SqlPlace(request.getfixturevalue(request.param))


def shards(bus):
    return bus.consumers[0].feeders[0].seat.usable if bus.consumers else frozenset()


async def test_members_share_the_shards_and_the_rest_take_over_from_the_killed(processes, place):
    buses = [await processes() for _ in range(3)]
    for bus in buses:
        await bus.subscribe(group(), Ear())

    def dealt(*among):
        held = [shards(bus) for bus in among]
        return sum(map(len, held)) == SHARDS == len(frozenset().union(*held)) and min(map(len, held)) >= 2

    await eventually(lambda: dealt(*buses))
    await place.crash(buses[0])
    await eventually(lambda: dealt(*buses[1:]))
    await buses[1].close()
    await eventually(lambda: dealt(buses[2]))


async def test_a_shard_changes_hands_under_load_without_an_overlap(processes, bus):
    """The members hear with one Ear, which fails when two batches of a key overlap."""
    ear = Ear(takes=0.02)
    await bus.subscribe(group(batch=20), ear)
    second = None
    for start in range(0, 400, 20):
        await bus.publish([an_event(f"k{n % 40}", str(n).encode()) for n in range(start, start + 20)])
        if start == 100:
            second = await processes()
            await second.subscribe(group(batch=20), ear)
        await asyncio.sleep(0.05)
    await ear.until(400, 20)
    assert sorted(map(int, ear.bodies)) == list(range(400))
    assert len(shards(second)) == SHARDS // 2


async def test_on_one_machine_a_killed_process_is_replaced_before_its_lease_ends(sqlite):
    place = SqlPlace(sqlite, notices=True)
    first = await place.process(lease=60.0)
    handler, given = hangs()
    await first.subscribe(group(), handler)
    await first.publish([an_event(body=b"1")])
    await eventually(lambda: given)
    await place.crash(first)
    second, ear, started = await place.process(lease=60.0), Ear(), time.monotonic()
    await second.subscribe(group(), ear)
    await ear.until(1)
    assert time.monotonic() - started < 1
    await second.close()


async def test_an_event_that_kills_its_process_is_found_out_and_hurts_no_other(sqlite):
    place = SqlPlace(sqlite, notices=True)
    publisher = await place.process()
    await publisher.declare(group(max_attempts=5))
    await publisher.publish([an_event(f"k{n}", b"bad" if n == 5 else b"good") for n in range(10)])
    attempts, good = [], []
    for _ in range(8):
        bus, died = await place.process(), asyncio.Event()

        async def hear(deliveries, died=died):
            for each in deliveries:
                if each.envelope.body == b"bad":
                    attempts.append((each.attempt, len(deliveries)))
                    died.set()
                    await asyncio.sleep(60)
                good.append(each.envelope.id)
            return ["ack"] * len(deliveries)

        await bus.subscribe(group(batch=10, max_attempts=5), hear)
        try:
            await asyncio.wait_for(died.wait(), 2)
        except TimeoutError:
            await bus.close()
            break
        await place.crash(bus)
    assert attempts[-1][1] == 1
    assert len(set(good)) == 9
    [letter] = await publisher.dead_letters("g")
    assert letter.envelope.body == b"bad"
    await publisher.close()


async def test_another_processs_publish_is_heard_by_the_poll_at_the_latest(processes, bus):
    ear, other = Ear(), await processes()
    await bus.subscribe(group(), ear)
    await asyncio.sleep(0.05)
    started = time.monotonic()
    await other.publish([an_event()])
    await ear.until(1)
    assert time.monotonic() - started < 1


async def test_a_process_that_could_not_renew_its_lease_takes_itself_to_hold_nothing(bus, place):
    assert await bus.hold("x")
    bus.leases.keeping.cancel()
    place.clock.offset = 5
    assert not bus.leases.valid
    other = SqlBus(bus.database, Owner("other"), LocalSignal(), place.clock.now)
    assert await other.hold("x")
    assert not await bus.hold("x")
    await other.close()


async def test_the_members_that_left_leave_nothing_behind(processes, place):
    for _ in range(3):
        bus = await processes()
        await bus.subscribe(group(), Ear())
        await bus.close()
    async with place.database.reading() as connection:
        rows = (await connection.execute(text("SELECT name, owner FROM bus_holds"))).all()
    assert [row for row in rows if "member" in row.name or row.owner] == []


@pytest.mark.parametrize("held", [False, True])
async def test_the_next_batch_is_found_by_an_index(sqlite, held):
    where = "WHERE \"group\" = 'g' AND due_at <= 5" + (" AND \"key\" NOT IN ('a')" if held else "")
    query = f"EXPLAIN QUERY PLAN SELECT * FROM bus_deliveries {where} ORDER BY position LIMIT 200"
    async with sqlite.reading() as connection:
        plan = " ".join(str(row) for row in (await connection.execute(text(query))).all())
    assert "bus_deliveries_line" in plan
    assert "TEMP B-TREE" not in plan
