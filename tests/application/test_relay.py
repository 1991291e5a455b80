"""From outbox to bus and on to use cases: in order, at least once, and a bad event hurts no other."""

from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest

from tests.worlds import NOON
from tidings.adapters.embedded.signal import LocalSignal
from tidings.application.ports.bus import BusUnavailable, Delivery, Envelope, Outcome
from tidings.application.relay import Relay, listener, one_by_one
from tidings.domain.events import ContactOptedIn, ContactOptedOut
from tidings.domain.kernel import ContactId, OrganizationId

pytestmark = pytest.mark.anyio


def envelope(event, type="contacts.opted_out.v1"):
    return Envelope(
        id=uuid4(),
        type=type,
        key="k",
        organization_id=event.organization_id,
        occurred_at=datetime.now(UTC),
        body=msgspec.json.encode(event),
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


async def heard(events, hear):
    told = []
    deliveries = [Delivery(envelope=envelope(event), attempt=1) for event in events]
    handle = listener({ContactOptedOut: hear}, told.append)
    return await handle(deliveries), told


async def test_neighbours_of_one_type_are_told_together():
    batches = []

    async def hear(events):
        batches.append(len(events))

    outcomes, _ = await heard([out(), out(), out()], hear)
    assert (outcomes, batches) == ([Outcome.ACK] * 3, [3])


async def test_a_bad_event_is_retried_alone_and_reported():
    async def hear(event_id, event):
        if event.source == "bad":
            raise ValueError("cannot")

    outcomes, told = await heard([out(), out("bad"), out()], one_by_one(hear))
    assert outcomes == [Outcome.ACK, Outcome.RETRY, Outcome.ACK]
    assert told


async def test_an_event_that_nobody_here_knows_is_rejected():
    async def hear(events):
        raise AssertionError

    stranger = ContactOptedIn(
        organization_id=OrganizationId(uuid4()), contact_id=ContactId(uuid4()), at=NOON, source="api"
    )
    outcomes, _ = await heard([stranger], hear)
    assert outcomes == [Outcome.REJECT]
