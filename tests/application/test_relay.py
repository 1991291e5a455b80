"""From outbox to bus and on to use cases: in order, at least once, and a bad event hurts no other."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest

from tidings.adapters.embedded.signal import LocalSignal
from tidings.application.ports.bus import (
    Answer,
    BusUnavailable,
    Delivery,
    Envelope,
    Outcome,
    is_deflated,
    packed,
)
from tidings.application.relay import Relay, listener, one_by_one
from tidings.domain.errors import Unavailable
from tidings.domain.events import ContactOptedIn, ContactOptedOut
from tidings.domain.kernel import ContactId, OrganizationId
from tidings.testing.clock import NOON

pytestmark = pytest.mark.anyio


def envelope(event, key="k", body=None):
    return Envelope(
        id=uuid4(),
        type=type(event).__struct_config__.tag,
        key=key,
        organization_id=event.organization_id,
        occurred_at=datetime.now(UTC),
        body=msgspec.json.encode(event) if body is None else body,
    )


def out(source="message"):
    return ContactOptedOut(
        organization_id=OrganizationId(uuid4()), contact_id=ContactId(uuid4()), at=NOON, source=source
    )


class Outbox:
    def __init__(self, events):
        self.rows = list(enumerate(envelope(event) for event in events))

    async def waiting(self, limit):
        return self.rows[:limit]

    async def published(self, positions):
        self.rows = [row for row in self.rows if row[0] not in positions]


class Bus:
    def __init__(self, up=True):
        self.up, self.published = up, []

    async def publish(self, batch, *, timeout=5.0):
        if not self.up:
            raise BusUnavailable()
        self.published += batch


def relay(outbox, bus, holds=True):
    async def hold(name):
        return holds

    return Relay("contacts", outbox, bus, LocalSignal(), hold)


@pytest.mark.parametrize("length", [1, 100_000], ids=["short", "long"])
async def test_what_the_outbox_packs_is_heard(length):
    event, heard = out(source="m" * length), []

    async def hear(id, event):
        heard.append(event)

    body = packed(event)
    assert is_deflated(body) is (length > 1)
    assert len(body) < 2000
    handle = listener({ContactOptedOut: one_by_one(hear)}, lambda error: None)
    assert await handle([Delivery(envelope=envelope(event, body=body), attempt=1)]) == [Outcome.ACK]
    assert heard == [event]


@pytest.mark.parametrize(
    "spoil", [lambda body: body[:-9], lambda body: b"\x78" + body[9:]], ids=["cut", "odd"]
)
async def test_what_cannot_be_inflated_is_rejected(spoil):
    async def hear(id, event): ...

    event = out(source="m" * 100_000)
    handle = listener({ContactOptedOut: one_by_one(hear)}, lambda error: None)
    given = Delivery(envelope=envelope(event, body=spoil(packed(event))), attempt=1)
    [answer] = await handle([given])
    assert answer.outcome is Outcome.REJECT
    assert "cannot be read" in answer.reason


async def test_events_leave_the_outbox_in_order_once_they_are_published():
    outbox, bus = Outbox([out(), out()]), Bus()
    before = [each for _, each in outbox.rows]
    assert await relay(outbox, bus).run_once() == 2
    assert (bus.published, outbox.rows) == (before, [])


async def test_a_bus_that_is_away_loses_nothing():
    outbox = Outbox([out()])
    with pytest.raises(BusUnavailable):
        await relay(outbox, Bus(up=False)).run_once()
    assert len(outbox.rows) == 1


async def test_only_the_holder_relays():
    outbox, bus = Outbox([out()]), Bus()
    assert await relay(outbox, bus, holds=False).run_once() == 0
    assert (bus.published, len(outbox.rows)) == ([], 1)


async def test_a_commit_while_the_relay_looks_is_not_left_to_the_poll():
    """The wake-up comes while the outbox is being read, and is not lost."""
    signal, stop, outbox, bus = LocalSignal(), asyncio.Event(), Outbox([]), Bus()

    async def waiting(limit):
        rows = outbox.rows[:limit]
        if not rows and not bus.published:
            outbox.rows.append((1, envelope(out())))
            signal.wake()
        return rows

    async def hold(name):
        return True

    outbox.waiting = waiting
    running = asyncio.create_task(Relay("contacts", outbox, bus, signal, hold).run(stop))
    started = time.monotonic()
    while not bus.published:
        await asyncio.sleep(0.005)
    assert time.monotonic() - started < 0.4
    stop.set()
    await running


async def test_an_outage_of_the_bus_is_reported_and_outlived():
    outbox, bus, told, stop = Outbox([out()]), Bus(up=False), [], asyncio.Event()

    async def hold(name):
        return True

    running = asyncio.create_task(
        Relay("contacts", outbox, bus, LocalSignal(), hold, report=told.append).run(stop)
    )
    while not told:
        await asyncio.sleep(0.01)
    bus.up = True
    async with asyncio.timeout(5):
        while outbox.rows:
            await asyncio.sleep(0.01)
    stop.set()
    await running
    assert isinstance(told[0], BusUnavailable)


async def heard(events, hear, keys=None, **how):
    told = []
    keys = keys or [f"k{n}" for n in range(len(events))]
    deliveries = [
        Delivery(envelope=envelope(event, key), attempt=1) for event, key in zip(events, keys, strict=True)
    ]
    handle = listener({ContactOptedOut: hear}, told.append, **how)
    return [
        answer.outcome if isinstance(answer, Answer) else answer for answer in await handle(deliveries)
    ], told


async def test_neighbours_of_one_type_are_told_together():
    batches = []

    async def hear(events):
        batches.append(len(events))

    outcomes, _ = await heard([out(), out(), out()], hear)
    assert (outcomes, batches) == ([Outcome.ACK] * 3, [3])


async def test_those_of_one_type_are_told_together_where_that_overtakes_nobody_of_their_key():
    told = []

    def hear(kind):
        async def note(events):
            told.append((kind, [event.source for _, event in events]))

        return note

    def back(source):
        return ContactOptedIn(
            organization_id=OrganizationId(uuid4()), contact_id=ContactId(uuid4()), at=NOON, source=source
        )

    events = [out("a1"), back("b1"), out("c1"), out("b2"), back("a2"), out("a3")]
    handle = listener({ContactOptedOut: hear("out"), ContactOptedIn: hear("in")}, lambda error: None)
    answers = await handle([Delivery(envelope=envelope(e, e.source[0]), attempt=1) for e in events])
    assert answers == [Outcome.ACK] * len(events)
    assert told == [("out", ["a1", "c1"]), ("in", ["b1", "a2"]), ("out", ["b2", "a3"])]


async def bad_is_bad(event_id, event):
    if event.source == "bad":
        raise ValueError("cannot")


async def test_a_bad_event_is_retried_alone_and_reported():
    outcomes, told = await heard([out(), out("bad"), out()], one_by_one(bad_is_bad))
    assert outcomes == [Outcome.ACK, Outcome.RETRY, Outcome.ACK]
    assert len(told) == 1


async def test_what_follows_a_bad_event_of_its_key_is_not_told_before_it():
    heard_of = []

    async def hear(event_id, event):
        heard_of.append(event.source)
        await bad_is_bad(event_id, event)

    events, keys = [out("1"), out("bad"), out("2"), out("3")], ["a", "b", "b", "a"]
    outcomes, _ = await heard(events, one_by_one(hear), keys)
    assert outcomes == [Outcome.ACK, Outcome.RETRY, Outcome.RETRY, Outcome.ACK]
    assert "2" not in heard_of
    unordered, _ = await heard(events, one_by_one(hear), keys, ordered=False)
    assert unordered == [Outcome.ACK, Outcome.RETRY, Outcome.ACK, Outcome.ACK]


async def test_when_something_is_away_the_events_wait_and_nothing_is_reported():
    async def hear(events):
        raise Unavailable("the database")

    outcomes, told = await heard([out(), out()], hear)
    assert (outcomes, told) == ([Outcome.WAIT] * 2, [])


async def test_the_reason_of_a_failure_goes_along():
    async def hear(events):
        raise ValueError("the reason")

    handle = listener({ContactOptedOut: hear}, lambda error: None)
    [answer] = await handle([Delivery(envelope=envelope(out()), attempt=1)])
    assert "the reason" in answer.reason


async def test_an_event_that_nobody_here_knows_is_rejected():
    async def hear(events):
        raise AssertionError

    stranger = ContactOptedIn(
        organization_id=OrganizationId(uuid4()), contact_id=ContactId(uuid4()), at=NOON, source="api"
    )
    outcomes, _ = await heard([stranger], hear)
    assert outcomes == [Outcome.REJECT]


@pytest.mark.parametrize("body", [b"", b"{", b'{"type":"of.the.future.v9"}', b"\xff", b"null"])
async def test_what_cannot_be_read_is_rejected_and_its_neighbours_are_told(body):
    told = []

    async def hear(events):
        told.append(len(events))

    handle = listener({ContactOptedOut: hear}, lambda error: None)
    deliveries = [
        Delivery(envelope=each, attempt=1)
        for each in (envelope(out()), envelope(out(), body=body), envelope(out()))
    ]
    answers = await handle(deliveries)
    assert answers[0] == answers[2] == Outcome.ACK
    assert answers[1].outcome is Outcome.REJECT
    assert told == [1, 1]
