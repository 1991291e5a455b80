"""What every inbox and outbox promises: an event is told if the work is done, and dealt with once."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID, uuid4

import msgspec
import pytest

from tidings.application.ports.bus import Envelope, unpacked
from tidings.application.ports.common import Inbox, Outbox
from tidings.application.ports.relay import OutboxReader
from tidings.domain.errors import Undone
from tidings.domain.events import AnyEvent, Event, MemberRemoved, OrganizationClosed
from tidings.domain.kernel import OrganizationId, UserId


class Place(Protocol):
    """One context's: transactions in which something is heard or told, and what its relay reads."""

    def hearing(self) -> AbstractAsyncContextManager[Inbox]:
        """Leaving the block commits, an exception undoes it."""
        ...

    def telling(self) -> AbstractAsyncContextManager[Outbox]: ...

    @property
    def reader(self) -> OutboxReader: ...


@pytest.mark.anyio
class InboxContract:
    """Subclass it beside a fixture `place` that gives a `Place` of your own."""

    async def test_an_event_is_new_once_to_each_group(self, place: Place) -> None:
        one, two, three = uuid4(), uuid4(), uuid4()
        async with place.hearing() as inbox:
            assert await inbox.first_time("campaigns", one)
        async with place.hearing() as inbox:
            assert not await inbox.first_time("campaigns", one)
            assert set(await inbox.new_among("campaigns", [one, two, two, three])) == {two, three}
            assert not await inbox.new_among("campaigns", [three, two, one])
            assert set(await inbox.new_among("contacts", [one, two])) == {one, two}
            assert not await inbox.new_among("contacts", [])

    async def test_what_was_undone_is_new_again(self, place: Place) -> None:
        event = uuid4()

        async def breaks() -> None:
            async with place.hearing() as inbox:
                await inbox.new_among("campaigns", [event])
                raise KeyError

        with pytest.raises(KeyError):
            await breaks()
        async with place.hearing() as inbox:
            assert set(await inbox.new_among("campaigns", [event])) == {event}

    async def test_of_two_who_hear_the_same_event_at_once_one_deals_with_it(self, place: Place) -> None:
        event, dealt = uuid4(), list[str]()

        async def deal(name: str) -> None:
            new = set[UUID]()
            async with place.hearing() as inbox:
                new = set(await inbox.new_among("campaigns", [event, uuid4()]))
                await asyncio.sleep(0.2)
            if event in new:
                dealt.append(name)

        ends = await asyncio.gather(deal("one"), deal("other"), return_exceptions=True)
        assert len(dealt) == 1
        assert all(end is None or isinstance(end, Undone) for end in ends)


@pytest.mark.anyio
class OutboxContract:
    """Subclass it beside a fixture `place` that gives a `Place` of your own, in which nothing waits."""

    async def test_what_is_told_waits_in_order_until_it_is_published(self, place: Place) -> None:
        us, somebody = OrganizationId(uuid4()), UserId(uuid4())
        events = [
            MemberRemoved(organization_id=us, user_id=somebody),
            OrganizationClosed(organization_id=us),
            MemberRemoved(organization_id=OrganizationId(uuid4()), user_id=somebody),
        ]
        async with place.telling() as outbox:
            await outbox.put(*events[:2])
        async with place.telling() as outbox:
            await outbox.put(events[2])
        first = await place.reader.waiting(2)
        assert _told(first) == events[:2]
        assert await place.reader.waiting(2) == first
        assert len({envelope.id for _, envelope in await place.reader.waiting(9)}) == 3
        await place.reader.published([position for position, _ in first])
        rest = await place.reader.waiting(9)
        assert _told(rest) == events[2:]
        await place.reader.published([position for position, _ in rest])
        assert list(await place.reader.waiting(9)) == []

    async def test_what_was_undone_is_told_to_nobody(self, place: Place) -> None:
        async def breaks() -> None:
            async with place.telling() as outbox:
                await outbox.put(OrganizationClosed(organization_id=OrganizationId(uuid4())))
                raise KeyError

        with pytest.raises(KeyError):
            await breaks()
        async with place.telling() as outbox:
            await outbox.put()
        assert list(await place.reader.waiting(9)) == []


def _told(waiting: Sequence[tuple[int, Envelope]]) -> list[Event]:
    """The events in envelopes, which say the same on their outside."""
    found = list[Event]()
    for _, envelope in waiting:
        event = msgspec.json.decode(unpacked(envelope.body), type=AnyEvent)
        assert (envelope.key, envelope.organization_id) == (event.key, event.organization_id)
        assert envelope.type == event.__struct_config__.tag
        found.append(event)
    return found
