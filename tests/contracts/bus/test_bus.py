"""What every message bus promises, whatever it is made of."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tidings.adapters.embedded.signal import LocalSignal
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.mysql.bus import SqlBus, metadata
from tidings.application.ports.bus import Envelope, Outcome, Subscription
from tidings.domain.kernel import OrganizationId

pytestmark = pytest.mark.anyio
SOON = (0.05,)


@dataclass
class Owner:
    name: str
    dead: set[str] = field(default_factory=set)

    def me(self):
        return self.name

    def is_dead(self, owner):
        return owner in self.dead


@pytest.fixture(params=["sqlite", pytest.param("mysql", marks=pytest.mark.mysql)])
async def database(request, tmp_path):
    if request.param == "sqlite":
        database = sqlite_database(tmp_path / "bus.db")
    else:
        database = request.getfixturevalue("mysql_server").database("bus")
    await database.create(metadata)
    yield database
    await database.close()


@pytest.fixture
def bus(database):
    return SqlBus(database, Owner("a"), LocalSignal(), utcnow)


def an_event(key="k", type="campaigns.x.v1", body=b"{}"):
    return Envelope(
        id=uuid7(),
        type=type,
        key=key,
        organization_id=OrganizationId(uuid4()),
        occurred_at=datetime.now(UTC),
        body=body,
    )


def group(name="g", **how):
    return Subscription(group=name, types=how.pop("types", ("campaigns.*",)), backoff=SOON, **how)


@dataclass
class Ear:
    """Hears, and answers as told: by body, else ACK."""

    answers: dict = field(default_factory=dict)
    heard: list = field(default_factory=list)

    async def __call__(self, deliveries):
        outcomes = []
        for delivery in deliveries:
            body = delivery.envelope.body
            self.heard.append((body, delivery.attempt))
            left = self.answers.get(body, [])
            outcomes.append(left.pop(0) if left else Outcome.ACK)
        return outcomes

    async def until(self, count):
        async with asyncio.timeout(10):
            while len(self.heard) < count:
                await asyncio.sleep(0.01)

    @property
    def bodies(self):
        return [body for body, _ in self.heard]


async def test_each_group_hears_each_event_that_it_subscribed_to(bus):
    left, right, other = Ear(), Ear(), Ear()
    await bus.subscribe(group("left"), left)
    await bus.subscribe(group("right", types=("campaigns.x.v1",)), right)
    await bus.subscribe(group("other", types=("contacts.*",)), other)
    await bus.publish([an_event(body=b"1"), an_event(body=b"2")])
    await left.until(2)
    await right.until(2)
    await bus.close()
    assert (left.bodies, right.bodies, other.bodies) == ([b"1", b"2"], [b"1", b"2"], [])


async def test_what_was_published_waits_for_a_group_that_was_declared(database, bus):
    await bus.declare(group())
    await bus.publish([an_event(body=b"1")])
    again, ear = SqlBus(database, Owner("b", {"a"}), LocalSignal(), utcnow), Ear()
    await again.subscribe(group(), ear)
    await ear.until(1)
    await again.close()
    assert ear.bodies == [b"1"]


async def test_what_was_dealt_with_never_comes_again(database, bus):
    ear = Ear()
    await bus.subscribe(group(), ear)
    await bus.publish([an_event()])
    await ear.until(1)
    await bus.close()
    later = Ear()
    again = SqlBus(database, Owner("b", {"a"}), LocalSignal(), utcnow)
    await again.subscribe(group(), later)
    await asyncio.sleep(0.3)
    await again.close()
    assert later.heard == []


async def test_a_retry_comes_back_and_holds_back_its_key_alone(bus):
    ear = Ear({b"1": [Outcome.RETRY]})
    await bus.subscribe(group(batch=1), ear)
    await bus.publish([an_event("a", body=b"1"), an_event("a", body=b"2"), an_event("b", body=b"3")])
    await ear.until(4)
    await bus.close()
    assert ear.heard == [(b"1", 1), (b"3", 1), (b"1", 2), (b"2", 1)]


async def test_a_rejected_event_is_a_dead_letter_and_can_be_driven_again(bus):
    ear = Ear({b"1": [Outcome.REJECT]})
    await bus.subscribe(group(), ear)
    event = an_event(body=b"1")
    await bus.publish([event])
    await ear.until(1)
    async with asyncio.timeout(10):
        while not await bus.dead_letters("g"):
            await asyncio.sleep(0.01)
    assert [letter.envelope.id for letter in await bus.dead_letters("g")] == [event.id]
    assert await bus.redrive("g", [event.id]) == 1
    await ear.until(2)
    await bus.close()
    assert await bus.dead_letters("g") == []


async def test_an_event_that_always_fails_is_given_up_with_the_reason(bus):
    async def broken(deliveries):
        raise ValueError("always")

    await bus.subscribe(group(max_attempts=3), broken)
    await bus.publish([an_event()])
    async with asyncio.timeout(10):
        while not (letters := await bus.dead_letters("g")):
            await asyncio.sleep(0.01)
    await bus.close()
    assert letters[0].attempts == 3
    assert "always" in letters[0].reason


async def test_two_processes_never_feed_one_group_at_once(database, bus):
    first, second = Ear(), Ear()
    other = SqlBus(database, Owner("b"), LocalSignal(), utcnow)
    await bus.subscribe(group(), first)
    await asyncio.sleep(0.1)
    await other.subscribe(group(), second)
    await bus.publish([an_event(body=bytes([n])) for n in range(20)])
    await first.until(20)
    await asyncio.sleep(0.1)
    assert second.heard == []
    await bus.close()
    await other.publish([an_event(body=b"later")])
    await second.until(1)
    await other.close()


async def test_a_successor_goes_on_where_a_killed_process_stopped(database, bus):
    async def hangs(deliveries):
        await asyncio.sleep(60)
        return []

    consumer = await bus.subscribe(group(), hangs)
    await bus.publish([an_event(body=b"1")])
    await asyncio.sleep(0.2)
    consumer.task.cancel()
    ear = Ear()
    successor = SqlBus(database, Owner("b", {"a"}), LocalSignal(), utcnow)
    await successor.subscribe(group(), ear)
    await ear.until(1)
    await successor.close()
    assert ear.bodies == [b"1"]


async def test_the_lag_says_how_many_wait(bus):
    await bus.declare(group())
    assert (await bus.lag("g")).ready == 0
    await bus.publish([an_event(), an_event()])
    lag = await bus.lag("g")
    assert (lag.ready, lag.in_flight) == (2, 0)
    assert lag.oldest_age >= 0


async def test_large_bodies_and_odd_keys_arrive_whole(bus):
    ear = Ear()
    await bus.subscribe(group(), ear)
    await bus.publish([an_event("ключ/🔑", body=b"x" * 1_000_000)])
    await ear.until(1)
    await bus.close()
    assert ear.bodies == [b"x" * 1_000_000]
