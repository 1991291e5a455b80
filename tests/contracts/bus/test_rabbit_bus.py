"""What RabbitMQ does to a bus: it dies, is emptied by hand, and holds messages that are none of ours."""

import asyncio
import contextlib

import aio_pika
import pytest

from tests.contracts.bus.conftest import RabbitPlace
from tests.contracts.bus.rabbit import RabbitServer, a_node, installed
from tidings.application.ports.bus import SHARDS, BusUnavailable, shard_of
from tidings.testing.contracts.buses import Ear, an_event, eventually, group, hangs

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(rabbit):
    return rabbit


@pytest.fixture
async def node(tmp_path):
    """A broker that this test may kill."""
    if not installed():
        pytest.skip("no rabbitmq-server")
    node = a_node(tmp_path)
    await asyncio.to_thread(node.start)
    yield node
    node.stop()


async def keep_publishing(bus, events, stop):
    """What the relay does: publish in order, again and again until it is confirmed."""
    confirmed = []
    for event in events:
        while not stop.is_set():
            try:
                await bus.publish([event], timeout=2)
            except BusUnavailable:
                await asyncio.sleep(0.1)
                continue
            confirmed.append(event.body)
            break
        await asyncio.sleep(0.002)
    return confirmed


async def test_a_broker_that_is_killed_and_comes_back_loses_nothing(node):
    place = RabbitPlace(RabbitServer(f"amqp://guest:guest@127.0.0.1:{node.port}/", node.process))
    bus, ear, stop = await place.process(), Ear(), asyncio.Event()
    await bus.subscribe(group(), ear)
    events = [an_event(f"k{n % 5}", str(n).encode()) for n in range(1_500)]
    publishing = asyncio.create_task(keep_publishing(bus, events, stop))
    await ear.until(50)
    # On 3.10 a quorum queue younger than a second or so is lost for good with the kill of its single node.
    await asyncio.sleep(2)
    node.process.kill()
    node.process.wait()
    await asyncio.sleep(1)
    await asyncio.to_thread(node.start)
    try:
        async with asyncio.timeout(40):
            confirmed = await publishing
        await eventually(lambda: set(ear.bodies) == set(confirmed), 40)
    finally:
        stop.set()
        await bus.close(drain=1)
    assert len(confirmed) == 1_500
    for key in range(5):
        firsts = list(dict.fromkeys(int(body) for body in ear.bodies if int(body) % 5 == key))
        assert firsts == sorted(firsts)


async def test_a_broker_without_memory_is_said_to_be_away_in_time_and_catches_up(node):
    """It lets nobody publish, and what was heard may still be answered."""
    place = RabbitPlace(RabbitServer(f"amqp://guest:guest@127.0.0.1:{node.port}/", node.process))
    bus, ear, event = await place.process(), Ear(takes=1.0), an_event(body=b"late")
    await bus.subscribe(group(batch=1), ear)
    await bus.publish([an_event(body=b"early")])
    try:
        await asyncio.to_thread(node.control, "set_vm_memory_high_watermark", "absolute", "1")
        for _ in range(2):
            with pytest.raises(BusUnavailable):
                await bus.publish([event], timeout=1)
        await ear.until(1)
        assert (await bus.lag("g")).dead == 0
        await asyncio.to_thread(node.control, "set_vm_memory_high_watermark", "absolute", "1000000000")

        async def published():
            try:
                await bus.publish([event], timeout=1)
            except BusUnavailable:
                return False
            return True

        await eventually(published, 20)
        await eventually(lambda: b"late" in ear.bodies, 20)
    finally:
        await bus.close(drain=1)


async def test_queues_that_were_deleted_by_hand_stand_again_and_are_fed(bus, place):
    ear = Ear()
    await bus.subscribe(group(), ear)
    connection = await aio_pika.connect(place.server.url)
    channel = await connection.channel()
    for shard in range(SHARDS):
        await channel.queue_delete(f"{place.prefix}.g.{shard}.v1")
    await connection.close()

    async def arrives():
        with contextlib.suppress(BusUnavailable):
            await bus.publish([an_event(body=b"1")])
        await asyncio.sleep(0.1)
        return ear.heard

    await eventually(arrives, 15)


async def test_a_message_that_is_none_of_ours_is_set_aside(bus, place):
    ear = Ear()
    await bus.subscribe(group(), ear)
    connection = await aio_pika.connect(place.server.url)
    channel = await connection.channel()
    shard = shard_of("k")
    await channel.default_exchange.publish(aio_pika.Message(b"garbage"), f"{place.prefix}.g.{shard}.v1")
    await connection.close()
    await bus.publish([an_event("k", b"1")])
    await ear.until(1)
    assert ear.bodies == [b"1"]
    assert await bus.dead_letters("g") == []


async def test_members_share_the_shards_and_a_killed_ones_pass_to_the_others(processes, place):
    buses = [await processes() for _ in range(3)]
    for bus in buses:
        await bus.subscribe(group(), Ear())

    def shards(bus):
        session = bus.consumers[0].session
        return set(session.shards) if session else set()

    def dealt(*among):
        held = [shards(bus) for bus in among]
        return sum(map(len, held)) == SHARDS == len(set.union(*held)) and min(map(len, held)) >= 2

    await eventually(lambda: dealt(*buses), 20)
    await place.crash(buses[0])
    await eventually(lambda: dealt(*buses[1:]), 20)


async def test_what_waits_in_memory_is_not_lost_with_its_process(processes, bus, place):
    handler, given = hangs()
    await bus.subscribe(group(batch=1), handler)
    events = [an_event("k", str(n).encode()) for n in range(20)]
    await bus.publish(events)
    await eventually(lambda: given)
    await place.crash(bus)
    ear = Ear()
    await (await processes()).subscribe(group(), ear)
    await ear.until(20)
    assert ear.bodies == [event.body for event in events]


async def test_a_frozen_holder_loses_the_name_and_cannot_publish_under_it(processes, bus, place):
    """The name goes with the connection over which it would publish."""
    other = await processes()
    assert await bus.hold("relay:x")
    place.wires[bus].cut()
    await eventually(lambda: other.hold("relay:x"), 10)
    with pytest.raises(BusUnavailable):
        await bus.publish([an_event()])
