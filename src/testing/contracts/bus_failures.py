"""What a message bus promises when handlers fail, processes are killed and the bus itself is away."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import pytest

from tidings.application.ports.bus import Answer, BusUnavailable, Delivery, MessageBus, Outcome
from tidings.domain.errors import Unavailable
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
)


@pytest.mark.anyio
class BusFailuresContract(OnABus):
    """Subclass it beside a fixture `place` that gives a `Place` of your own."""

    async def test_a_killed_members_events_come_back_as_another_attempt(
        self, processes: Processes, bus: MessageBus, place: Place
    ) -> None:
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

    async def test_a_retry_comes_after_its_backoff(self, bus: MessageBus) -> None:
        ear, times = Ear({b"1": [Outcome.RETRY, Outcome.RETRY]}), list[float]()

        async def hear(deliveries: Sequence[Delivery]) -> Sequence[Outcome | Answer]:
            times.append(time.monotonic())
            return await ear(deliveries)

        await bus.subscribe(group(backoff=(0.3, 0.6)), hear)
        await bus.publish([an_event(body=b"1")])
        await ear.until(3)
        first, second = times[1] - times[0], times[2] - times[1]
        assert 0.29 < first < 2.3
        assert 0.59 < second < 2.6
        assert [attempt for _, attempt in ear.heard] == [1, 2, 3]

    async def test_a_retry_holds_back_its_key_alone(self, bus: MessageBus) -> None:
        ear = Ear({b"1": [Outcome.RETRY]})
        await bus.subscribe(group(batch=1, backoff=(0.4,)), ear)
        await bus.publish([an_event("a", b"1"), an_event("a", b"2"), an_event("b", b"3")])
        await ear.until(4)
        assert ear.heard == [(b"1", 1), (b"3", 1), (b"1", 2), (b"2", 1)]

    async def test_what_follows_a_retry_in_its_batch_is_held_back_and_not_counted(
        self, bus: MessageBus
    ) -> None:
        heard, done = list[tuple[bytes, int]](), set[bytes]()

        async def one_after_the_other(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
            """Takes 2 only after 1, and 1 only the second time."""
            outcomes: list[Outcome] = []
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

    async def test_waiting_for_something_that_is_away_is_not_counted(self, bus: MessageBus) -> None:
        answers = {b"1": [Outcome.WAIT] * 5}
        ear = Ear(answers)
        await bus.subscribe(group(max_attempts=2, patience=0.02), ear)
        await bus.publish([an_event(body=b"1")])
        await ear.until(6)
        assert ear.heard == [(b"1", 1)] * 6
        assert await bus.dead_letters("g") == []

    async def test_a_handler_that_raises_unavailable_waits(self, bus: MessageBus) -> None:
        calls: list[int] = []

        async def away(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
            calls.append(deliveries[0].attempt)
            if len(calls) < 4:
                raise Unavailable("not there")
            return [Outcome.ACK]

        await bus.subscribe(group(max_attempts=1, patience=0.02), away)
        await bus.publish([an_event()])
        await eventually(lambda: len(calls) == 4)
        assert calls == [1, 1, 1, 1]

    async def test_attempts_are_remembered_by_the_next_process(
        self, processes: Processes, bus: MessageBus
    ) -> None:
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

    async def test_an_event_that_always_fails_is_given_up_with_the_reason(self, bus: MessageBus) -> None:
        async def broken(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
            raise ValueError("always")

        await bus.subscribe(group(max_attempts=3), broken)
        event = an_event("ключ", b"body", headers={"traceparent": "00-1"})
        await bus.publish([event])
        [letter] = await eventually(lambda: bus.dead_letters("g"))
        assert (letter.group, letter.attempts) == ("g", 3)
        assert "always" in letter.reason
        assert letter.envelope == event

    async def test_a_rejected_event_is_a_dead_letter_at_once_and_can_be_driven_again(
        self, bus: MessageBus
    ) -> None:
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

    async def test_only_the_dead_letters_that_were_named_are_driven_again(self, bus: MessageBus) -> None:
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

    async def test_one_bad_event_in_a_batch_does_not_take_its_neighbours_along(self, bus: MessageBus) -> None:
        done = set[UUID]()

        async def all_or_nothing(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
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

    async def test_events_of_a_key_stay_in_order_even_when_a_member_is_killed(
        self, processes: Processes, place: Place
    ) -> None:
        heard, count, keys = defaultdict[str, list[int]](list), 2_000, 50

        async def hear(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
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

    async def test_a_bus_that_is_away_says_so_in_time_and_works_when_it_is_back(
        self, bus: MessageBus, place: Place
    ) -> None:
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

    async def test_the_lag_says_how_many_were_given_up(self, bus: MessageBus) -> None:
        await bus.subscribe(group(), Ear(answers={b"bad": [Outcome.REJECT]}))
        await bus.publish([an_event(body=b"bad"), an_event()])

        async def dead():
            return (await bus.lag("g")).dead

        assert await eventually(dead) == 1
