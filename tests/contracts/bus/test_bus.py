"""What every message bus promises, whatever it is made of."""

import asyncio
import time
from collections import defaultdict

import pytest

from tests.contracts.bus.conftest import LEASE, Ear, an_event, eventually, group, hangs
from tidings.application.ports.bus import SHARDS, Answer, BusUnavailable, Outcome, shard_of
from tidings.domain.errors import Unavailable

pytestmark = pytest.mark.anyio


def key_of_shard(shard):
    return next(f"k{n}" for n in range(10_000) if shard_of(f"k{n}") == shard)


async def test_each_group_hears_each_event_that_it_subscribed_to(bus):
    left, right, other = Ear(), Ear(), Ear()
    await bus.subscribe(group("left"), left)
    await bus.subscribe(group("right", types=("campaigns.x.v1", "users.*")), right)
    await bus.subscribe(group("other", types=("contacts.*",)), other)
    await bus.publish([an_event(body=b"1"), an_event(body=b"2")])
    await left.until(2)
    await right.until(2)
    assert (left.bodies, right.bodies, other.bodies) == ([b"1", b"2"], [b"1", b"2"], [])


async def test_types_are_exact_or_begin_with_a_prefix(bus):
    ear = Ear()
    await bus.subscribe(group(types=("a.*", "b.c.v1", "d.ef*")), ear)
    types = ["a.b.v1", "a.b.c.v2", "ab.c.v1", "b.c.v1", "b.c.v1.x", "d.efg.v1", "d.eg.v1"]
    await bus.publish([an_event(type=type, body=type.encode()) for type in types])
    await ear.until(4)
    await asyncio.sleep(0.2)
    assert ear.bodies == [b"a.b.v1", b"a.b.c.v2", b"b.c.v1", b"d.efg.v1"]


async def test_an_event_that_nobody_hears_is_no_error(bus):
    await bus.declare(group())
    await bus.publish([an_event(type="nobody.cares.v1")])
    assert (await bus.lag("g")).ready == 0


async def test_what_was_published_waits_for_a_group_that_was_declared(processes, bus, place):
    await bus.declare(group())
    await bus.publish([an_event(body=b"1")])
    await place.crash(bus)
    ear = Ear()
    await (await processes()).subscribe(group(), ear)
    await ear.until(1)
    assert ear.heard == [(b"1", 1)]


async def test_a_group_hears_nothing_from_before_it_was_declared(bus):
    await bus.publish([an_event(body=b"before")])
    ear = Ear()
    await bus.subscribe(group(), ear)
    await bus.publish([an_event(body=b"after")])
    await ear.until(1)
    assert ear.bodies == [b"after"]


async def test_what_was_dealt_with_never_comes_again(processes, bus):
    ear, later = Ear(), Ear()
    await bus.subscribe(group(), ear)
    await bus.publish([an_event()])
    await ear.until(1)
    await bus.close()
    await (await processes()).subscribe(group(), later)
    await asyncio.sleep(0.3)
    assert later.heard == []


async def test_the_members_of_a_group_share_its_events(processes):
    ears = [Ear(takes=0.01), Ear(takes=0.01)]
    for ear in ears:
        await (await processes()).subscribe(group(batch=10), ear)
    third = await processes()

    async def both_have_work():
        await third.publish([an_event(f"k{n}", body=str(n).encode()) for n in range(40)])
        await asyncio.sleep(0.1)
        return all(ear.heard for ear in ears)

    await eventually(both_have_work, 20)


async def test_no_event_is_with_two_members_at_once(processes):
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


async def test_a_killed_members_events_come_back_as_another_attempt(processes, bus, place):
    handler, given = hangs()
    await bus.subscribe(group(), handler)
    await bus.publish([an_event(body=b"1")])
    await eventually(lambda: given)
    await place.crash(bus)
    killed, ear = time.monotonic(), Ear()
    await (await processes()).subscribe(group(), ear)
    await ear.until(1)
    assert ear.heard == [(b"1", 2)]
    assert time.monotonic() - killed < LEASE + 1


async def test_a_retry_comes_after_its_backoff(bus):
    ear, times = Ear({b"1": [Outcome.RETRY, Outcome.RETRY]}), []

    async def hear(deliveries):
        times.append(time.monotonic())
        return await ear(deliveries)

    await bus.subscribe(group(backoff=(0.3, 0.6)), hear)
    await bus.publish([an_event(body=b"1")])
    await ear.until(3)
    first, second = times[1] - times[0], times[2] - times[1]
    assert 0.29 < first < 2.3
    assert 0.59 < second < 2.6
    assert [attempt for _, attempt in ear.heard] == [1, 2, 3]


async def test_a_retry_holds_back_its_key_alone(bus):
    ear = Ear({b"1": [Outcome.RETRY]})
    await bus.subscribe(group(batch=1, backoff=(0.4,)), ear)
    await bus.publish([an_event("a", b"1"), an_event("a", b"2"), an_event("b", b"3")])
    await ear.until(4)
    assert ear.heard == [(b"1", 1), (b"3", 1), (b"1", 2), (b"2", 1)]


async def test_what_follows_a_retry_in_its_batch_is_held_back_and_not_counted(bus):
    heard, done = [], set()

    async def one_after_the_other(deliveries):
        """Takes 2 only after 1, and 1 only the second time."""
        outcomes = []
        for each in deliveries:
            body = each.envelope.body
            heard.append((body, each.attempt))
            good = each.attempt == 2 if body == b"1" else b"1" in done
            done.update({body} if good else ())
            outcomes.append(Outcome.ACK if good else Outcome.RETRY)
        return outcomes

    await bus.declare(group())
    await bus.publish([an_event("a", b"1"), an_event("a", b"2")])
    await bus.subscribe(group(), one_after_the_other)
    await eventually(lambda: done == {b"1", b"2"})
    assert [attempt for body, attempt in heard if body == b"2"][-1] == 1


async def test_in_an_unordered_group_nothing_is_held_back(bus):
    ear = Ear({b"1": [Outcome.RETRY]})
    await bus.subscribe(group(ordered=False, batch=1, backoff=(0.4,)), ear)
    await bus.publish([an_event("a", b"1"), an_event("a", b"2")])
    await ear.until(3)
    assert ear.heard == [(b"1", 1), (b"2", 1), (b"1", 2)]


async def test_waiting_for_something_that_is_away_is_not_counted(bus):
    answers = {b"1": [Outcome.WAIT] * 5}
    ear = Ear(answers)
    await bus.subscribe(group(max_attempts=2, patience=0.02), ear)
    await bus.publish([an_event(body=b"1")])
    await ear.until(6)
    assert ear.heard == [(b"1", 1)] * 6
    assert await bus.dead_letters("g") == []


async def test_a_handler_that_raises_unavailable_waits(bus):
    calls = []

    async def away(deliveries):
        calls.append(deliveries[0].attempt)
        if len(calls) < 4:
            raise Unavailable("not there")
        return [Outcome.ACK]

    await bus.subscribe(group(max_attempts=1, patience=0.02), away)
    await bus.publish([an_event()])
    await eventually(lambda: len(calls) == 4)
    assert calls == [1, 1, 1, 1]


async def test_attempts_are_remembered_by_the_next_process(processes, bus):
    ear = Ear({b"1": [Outcome.RETRY]})
    await bus.subscribe(group(backoff=(0.5,)), ear)
    await bus.publish([an_event(body=b"1")])
    await ear.until(1)
    await asyncio.sleep(0.1)
    await bus.close()
    later = Ear()
    await (await processes()).subscribe(group(backoff=(0.5,)), later)
    await later.until(1)
    assert later.heard == [(b"1", 2)]


async def test_an_event_that_always_fails_is_given_up_with_the_reason(bus):
    async def broken(deliveries):
        raise ValueError("always")

    await bus.subscribe(group(max_attempts=3), broken)
    event = an_event("ключ", b"body", headers={"traceparent": "00-1"})
    await bus.publish([event])
    [letter] = await eventually(lambda: bus.dead_letters("g"))
    assert (letter.group, letter.attempts) == ("g", 3)
    assert "always" in letter.reason
    assert letter.envelope == event


async def test_a_rejected_event_is_a_dead_letter_at_once_and_can_be_driven_again(bus):
    ear = Ear({b"1": [Answer(Outcome.REJECT, "no use")]})
    await bus.subscribe(group(), ear)
    event, other = an_event(body=b"1"), an_event(body=b"2")
    await bus.publish([event, other])
    [letter] = await eventually(lambda: bus.dead_letters("g"))
    assert (letter.envelope, letter.attempts, letter.reason) == (event, 1, "no use")
    assert await bus.redrive("g", [event.id]) == 1
    await ear.until(3)
    assert ear.heard == [(b"1", 1), (b"2", 1), (b"1", 1)]
    assert await bus.dead_letters("g") == []
    assert await bus.redrive("g", [event.id]) == 0


async def test_only_the_dead_letters_that_were_named_are_driven_again(bus):
    ear = Ear({body: [Outcome.REJECT] for body in (b"1", b"2", b"3")})
    await bus.subscribe(group(), ear)
    events = [an_event(body=body) for body in (b"1", b"2", b"3")]
    await bus.publish(events)

    async def all_dead():
        return len(await bus.dead_letters("g")) == 3

    await eventually(all_dead)
    assert len(await bus.dead_letters("g", limit=2)) == 2
    assert await bus.redrive("g", [events[1].id]) == 1
    await ear.until(4)
    assert ear.bodies[3] == b"2"
    assert {letter.envelope.body for letter in await bus.dead_letters("g")} == {b"1", b"3"}


async def test_one_bad_event_in_a_batch_does_not_take_its_neighbours_along(bus):
    done = set()

    async def all_or_nothing(deliveries):
        if any(each.envelope.body == b"bad" for each in deliveries):
            raise ValueError("one of them")
        done.update(each.envelope.id for each in deliveries)
        return [Outcome.ACK] * len(deliveries)

    await bus.subscribe(group(ordered=False, batch=50, max_attempts=5, backoff=(0.01,)), all_or_nothing)
    events = [an_event(f"k{n}", b"bad" if n == 20 else b"good") for n in range(50)]
    await bus.publish(events)
    [letter] = await eventually(lambda: bus.dead_letters("g"), 30)
    assert letter.envelope.id == events[20].id
    await eventually(lambda: len(done) == 49, 30)


async def test_events_of_a_key_stay_in_order_even_when_a_member_is_killed(processes, place):
    heard, count, keys = defaultdict(list), 2_000, 50

    async def hear(deliveries):
        await asyncio.sleep(0.002)
        for each in deliveries:
            heard[each.envelope.key].append(int(each.envelope.body))
        return [Outcome.ACK] * len(deliveries)

    first, publisher = await processes(), await processes()
    await first.subscribe(group(batch=40, parallel=2), hear)
    await (await processes()).subscribe(group(batch=40, parallel=2), hear)
    events = [an_event(f"k{n % keys}", str(n).encode()) for n in range(count)]
    for start in range(0, count, 100):
        await publisher.publish(events[start : start + 100])
        if start == 1_000:
            await place.crash(first)
    await eventually(lambda: sum(len(set(each)) for each in heard.values()) == count, 30)
    for numbers in heard.values():
        firsts = list(dict.fromkeys(numbers))
        assert firsts == sorted(firsts)


async def test_keys_are_dealt_with_side_by_side(bus):
    slow, quick = key_of_shard(0), key_of_shard(1)
    hurt, done = asyncio.Event(), []

    async def hear(deliveries):
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


async def test_a_batch_is_never_larger_than_was_asked_for(bus):
    ear = Ear(takes=0.01)
    await bus.declare(group(batch=7))
    await bus.publish([an_event(f"k{n}") for n in range(50)])
    await bus.subscribe(group(batch=7), ear)
    await ear.until(50)
    assert max(ear.sizes) <= 7


async def test_publishing_the_same_event_again_is_allowed(bus):
    ear = Ear()
    await bus.subscribe(group(), ear)
    event = an_event(body=b"1")
    await bus.publish([event])
    await bus.publish([event])
    await ear.until(1)
    await asyncio.sleep(0.2)
    assert set(ear.bodies) == {b"1"}


async def test_a_bus_that_is_away_says_so_in_time_and_works_when_it_is_back(bus, place):
    ear = Ear()
    await bus.subscribe(group(), ear)
    await place.freeze()
    started = time.monotonic()
    try:
        with pytest.raises(BusUnavailable):
            await bus.publish([an_event(body=b"1")], timeout=0.5)
        assert time.monotonic() - started < 2
    finally:
        await place.thaw()

    async def published():
        try:
            await bus.publish([an_event(body=b"2")])
        except BusUnavailable:
            return False
        return True

    await eventually(published, 20)
    await eventually(lambda: b"2" in ear.bodies, 20)


async def test_large_bodies_and_odd_keys_arrive_whole(bus):
    ear = Ear()
    await bus.subscribe(group(), ear)
    await bus.publish([an_event("ключ/🔑", body=b"x" * 2**20)])
    await ear.until(1)
    assert ear.bodies == [b"x" * 2**20]


async def test_the_lag_says_how_many_wait(bus):
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


async def test_the_lag_says_how_many_were_given_up(bus):
    await bus.subscribe(group(), Ear(answers={b"bad": [Outcome.REJECT]}))
    await bus.publish([an_event(body=b"bad"), an_event()])

    async def dead():
        return (await bus.lag("g")).dead

    assert await eventually(dead) == 1


async def counted(bus, ready):
    lag = await bus.lag("g")
    return lag if lag.ready == ready else None


async def test_closing_lets_what_is_in_hand_finish(processes, bus):
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


async def test_closing_lets_go_of_what_does_not_finish_in_time(processes, bus):
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
async def test_a_clock_that_jumps_stops_nothing(bus, place, hours):
    ear = Ear()
    await bus.subscribe(group(), ear)
    await bus.publish([an_event(body=b"1")])
    await ear.until(1)
    place.clock.offset = hours * 3600
    await bus.publish([an_event(body=b"2")])
    await ear.until(2)


async def test_a_name_is_held_by_one_process_at_a_time(processes, bus, place):
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


async def test_a_name_is_free_when_its_holder_stops(processes, bus):
    other = await processes()
    assert await bus.hold("relay:x")
    assert not await other.hold("relay:x")
    await bus.close()
    await eventually(lambda: other.hold("relay:x"), LEASE + 1)


def test_keys_are_dealt_evenly():
    counts = [0] * SHARDS
    for n in range(8_000):
        counts[shard_of(f"key {n}")] += 1
    assert min(counts) > 800
