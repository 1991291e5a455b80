"""What a message bus promises while all goes well: each group hears each event of a key in order."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from tidings.application.ports.bus import Delivery, Lag, MessageBus, Outcome
from tidings.testing.contracts.buses import (
    LEASE,
    Ear,
    OnABus,
    Place,
    Processes,
    an_event,
    eventually,
    group,
    hangs,
    key_of_shard,
)


@pytest.mark.anyio
class BusContract(OnABus):
    """Subclass it, and `BusFailuresContract`, beside a fixture `place` that gives a `Place` of your own."""

    async def test_each_group_hears_each_event_that_it_subscribed_to(self, bus: MessageBus) -> None:
        left, right, other = Ear(), Ear(), Ear()
        await bus.subscribe(group("left"), left)
        await bus.subscribe(group("right", types=("campaigns.x.v1", "users.*")), right)
        await bus.subscribe(group("other", types=("contacts.*",)), other)
        await bus.publish([an_event(body=b"1"), an_event(body=b"2")])
        await left.until(2)
        await right.until(2)
        assert (left.bodies, right.bodies, other.bodies) == ([b"1", b"2"], [b"1", b"2"], [])

    async def test_types_are_exact_or_begin_with_a_prefix(self, bus: MessageBus) -> None:
        ear = Ear()
        await bus.subscribe(group(types=("a.*", "b.c.v1", "d.ef*")), ear)
        types = ["a.b.v1", "a.b.c.v2", "ab.c.v1", "b.c.v1", "b.c.v1.x", "d.efg.v1", "d.eg.v1"]
        await bus.publish([an_event(type=type, body=type.encode()) for type in types])
        await ear.until(4)
        await asyncio.sleep(0.2)
        assert ear.bodies == [b"a.b.v1", b"a.b.c.v2", b"b.c.v1", b"d.efg.v1"]

    async def test_an_event_that_nobody_hears_is_no_error(self, bus: MessageBus) -> None:
        await bus.declare(group())
        await bus.publish([an_event(type="nobody.cares.v1")])
        assert (await bus.lag("g")).ready == 0

    async def test_what_was_published_waits_for_a_group_that_was_declared(
        self, processes: Processes, bus: MessageBus, place: Place
    ) -> None:
        await bus.declare(group())
        await bus.publish([an_event(body=b"1")])
        await place.crash(bus)
        ear = Ear()
        await (await processes()).subscribe(group(), ear)
        await ear.until(1)
        assert ear.heard == [(b"1", 1)]

    async def test_a_group_hears_nothing_from_before_it_was_declared(self, bus: MessageBus) -> None:
        await bus.publish([an_event(body=b"before")])
        ear = Ear()
        await bus.subscribe(group(), ear)
        await bus.publish([an_event(body=b"after")])
        await ear.until(1)
        assert ear.bodies == [b"after"]

    async def test_what_was_dealt_with_never_comes_again(self, processes: Processes, bus: MessageBus) -> None:
        ear, later = Ear(), Ear()
        await bus.subscribe(group(), ear)
        await bus.publish([an_event()])
        await ear.until(1)
        await bus.close()
        await (await processes()).subscribe(group(), later)
        await asyncio.sleep(0.3)
        assert later.heard == []

    async def test_the_members_of_a_group_share_its_events(self, processes: Processes) -> None:
        ears = [Ear(takes=0.01), Ear(takes=0.01)]
        for ear in ears:
            await (await processes()).subscribe(group(batch=10), ear)
        third = await processes()

        async def both_have_work():
            await third.publish([an_event(f"k{n}", body=str(n).encode()) for n in range(40)])
            await asyncio.sleep(0.1)
            return all(ear.heard for ear in ears)

        await eventually(both_have_work, 20)

    async def test_no_event_is_with_two_members_at_once(self, processes: Processes) -> None:
        """Ear fails when batches of a key overlap; here both members hear with the same one."""
        ear = Ear(takes=0.005)
        for _ in range(2):
            await (await processes()).subscribe(group(batch=5), ear)
        third = await processes()
        for start in range(0, 200, 20):
            await third.publish([an_event(f"k{n}", body=str(n).encode()) for n in range(start, start + 20)])
            await asyncio.sleep(0.05)
        await ear.until(200, 20)
        assert sorted(ear.bodies) == sorted(str(n).encode() for n in range(200))

    async def test_in_an_unordered_group_nothing_is_held_back(self, bus: MessageBus) -> None:
        ear = Ear({b"1": [Outcome.RETRY]})
        await bus.subscribe(group(ordered=False, batch=1, backoff=(0.4,)), ear)
        await bus.publish([an_event("a", b"1"), an_event("a", b"2")])
        await ear.until(3)
        assert ear.heard == [(b"1", 1), (b"2", 1), (b"1", 2)]

    async def test_keys_are_dealt_with_side_by_side(self, bus: MessageBus) -> None:
        slow, quick = key_of_shard(0), key_of_shard(1)
        hurt, done = asyncio.Event(), list[str]()

        async def hear(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
            for each in deliveries:
                if each.envelope.key == slow:
                    await hurt.wait()
                done.append(each.envelope.key)
            return [Outcome.ACK] * len(deliveries)

        await bus.subscribe(group(parallel=2), hear)
        await bus.publish([an_event(slow), an_event(quick)])
        await eventually(lambda: done == [quick])
        hurt.set()
        await eventually(lambda: done == [quick, slow])

    async def test_a_batch_is_never_larger_than_was_asked_for(self, bus: MessageBus) -> None:
        ear = Ear(takes=0.01)
        await bus.declare(group(batch=7))
        await bus.publish([an_event(f"k{n}") for n in range(50)])
        await bus.subscribe(group(batch=7), ear)
        await ear.until(50)
        assert max(ear.sizes) <= 7

    async def test_publishing_the_same_event_again_is_allowed(self, bus: MessageBus) -> None:
        ear = Ear()
        await bus.subscribe(group(), ear)
        event = an_event(body=b"1")
        await bus.publish([event])
        await bus.publish([event])
        await ear.until(1)
        await asyncio.sleep(0.2)
        assert set(ear.bodies) == {b"1"}

    async def test_large_bodies_and_odd_keys_arrive_whole(self, bus: MessageBus) -> None:
        ear = Ear()
        await bus.subscribe(group(), ear)
        await bus.publish([an_event("ключ/🔑", body=b"x" * 2**20)])
        await ear.until(1)
        assert ear.bodies == [b"x" * 2**20]

    async def test_the_lag_says_how_many_wait(self, bus: MessageBus) -> None:
        await bus.declare(group())
        assert (await bus.lag("g")).ready == 0
        await bus.publish([an_event(), an_event()])
        lag = await eventually(lambda: counted(bus, 2))
        assert lag.in_flight == 0
        assert lag.oldest_age is None or lag.oldest_age >= 0
        handler, given = hangs()
        await bus.subscribe(group(batch=2), handler)
        await eventually(lambda: len(given) == 2)
        lag = await bus.lag("g")
        assert (lag.ready, lag.in_flight, lag.dead) == (0, 2, 0)

    async def test_closing_lets_what_is_in_hand_finish(self, processes: Processes, bus: MessageBus) -> None:
        ear, later = Ear(takes=0.3), Ear()
        consumer = await bus.subscribe(group(), ear)
        await bus.publish([an_event(body=b"1")])
        await eventually(lambda: ear.sizes)
        await consumer.close(drain=5)
        assert ear.bodies == [b"1"]
        await bus.publish([an_event(body=b"2")])
        await asyncio.sleep(0.2)
        assert ear.bodies == [b"1"]
        await (await processes()).subscribe(group(), later)
        await later.until(1)
        assert later.bodies == [b"2"]

    async def test_closing_lets_go_of_what_does_not_finish_in_time(
        self, processes: Processes, bus: MessageBus
    ) -> None:
        handler, given = hangs()
        consumer = await bus.subscribe(group(), handler)
        await bus.publish([an_event(body=b"1")])
        await eventually(lambda: given)
        started = time.monotonic()
        await consumer.close(drain=0.1)
        assert time.monotonic() - started < 2
        ear = Ear()
        await (await processes()).subscribe(group(), ear)
        await ear.until(1)

    @pytest.mark.parametrize("hours", [1, -1])
    async def test_a_clock_that_jumps_stops_nothing(
        self, bus: MessageBus, place: Place, hours: float
    ) -> None:
        ear = Ear()
        await bus.subscribe(group(), ear)
        await bus.publish([an_event(body=b"1")])
        await ear.until(1)
        place.clock.offset = hours * 3600
        await bus.publish([an_event(body=b"2")])
        await ear.until(2)

    async def test_a_name_is_held_by_one_process_at_a_time(
        self, processes: Processes, bus: MessageBus, place: Place
    ) -> None:
        other = await processes()
        assert await bus.hold("relay:x")
        assert await bus.hold("relay:x")
        assert not await other.hold("relay:x")
        assert await other.hold("relay:y")
        await asyncio.sleep(LEASE * 1.5)
        assert await bus.hold("relay:x")
        assert not await other.hold("relay:x")
        await place.crash(bus)
        await eventually(lambda: other.hold("relay:x"), LEASE + 2)

    async def test_a_name_is_free_when_its_holder_stops(self, processes: Processes, bus: MessageBus) -> None:
        other = await processes()
        assert await bus.hold("relay:x")
        assert not await other.hold("relay:x")
        await bus.close()
        await eventually(lambda: other.hold("relay:x"), LEASE + 1)


async def counted(bus: MessageBus, ready: int) -> Lag | None:
    lag = await bus.lag("g")
    return lag if lag.ready == ready else None
