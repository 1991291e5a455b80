"""The bus in memory makes mischief on demand, repeatably, and in virtual time."""

import asyncio
import random
from collections import defaultdict

import pytest

from tidings.adapters.embedded.bus import MemoryBus, Mischief
from tidings.application.ports.bus import BusUnavailable, Outcome
from tidings.testing.contracts.buses import Clock, Ear, an_event, eventually, group

pytestmark = pytest.mark.anyio


def a_bus(**mischief):
    return MemoryBus(Clock().now, asyncio.sleep, mischief=Mischief(random.Random(7).random, **mischief))


async def test_a_refused_publish_leaves_nothing(anyio_backend):
    bus = a_bus(refused=1.0)
    await bus.declare(group())
    with pytest.raises(BusUnavailable):
        await bus.publish([an_event()])
    assert (await bus.lag("g")).ready == 0


async def test_a_lost_confirmation_leaves_everything(anyio_backend):
    bus = a_bus(unconfirmed=1.0)
    await bus.declare(group())
    with pytest.raises(BusUnavailable):
        await bus.publish([an_event()])
    assert (await bus.lag("g")).ready == 1


async def test_under_every_mischief_each_event_arrives_and_each_key_keeps_its_order(anyio_backend):
    bus = a_bus(
        refused=0.2, unconfirmed=0.2, doubled=0.3, delayed=0.2, delay=0.02, reordered=0.5, forgotten=0.2
    )
    heard = defaultdict(list)

    async def hear(deliveries):
        for each in deliveries:
            heard[each.envelope.key].append(int(each.envelope.body))
        return [Outcome.ACK] * len(deliveries)

    await bus.subscribe(group(batch=10), hear)
    for start in range(0, 200, 10):
        events = [an_event(f"k{n % 4}", str(n).encode()) for n in range(start, start + 10)]
        while True:
            try:
                await bus.publish(events)
                break
            except BusUnavailable:
                continue
    await eventually(lambda: sum(len(set(each)) for each in heard.values()) == 200)
    await bus.close()
    assert any(len(each) > len(set(each)) for each in heard.values())
    for numbers in heard.values():
        firsts = list(dict.fromkeys(numbers))
        assert firsts == sorted(firsts)


async def test_time_is_what_it_is_told(anyio_backend):
    clock, slept = Clock(), []

    async def sleep(seconds):
        slept.append(seconds)
        clock.offset += seconds
        await asyncio.sleep(0)

    bus, ear = MemoryBus(clock.now, sleep), Ear({b"1": [Outcome.RETRY] * 3})
    await bus.subscribe(group(backoff=(3600,)), ear)
    await bus.publish([an_event(body=b"1")])
    await ear.until(4, 2)
    await bus.close()
    assert ear.heard[-1] == (b"1", 4)
    assert sum(slept) > 3 * 3599
