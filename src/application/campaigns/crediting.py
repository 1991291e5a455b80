"""What people do after a campaign reached them, credited to the campaign that reached them last."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

from msgspec import Meta, Struct

from tidings.application.auditing import Told, difference, note
from tidings.application.ports.campaigns import Begin, Work
from tidings.application.ports.common import Now
from tidings.domain.campaigns import CREDITED, Kind, NoSuchRecipient, Recipient, Response
from tidings.domain.events import ContactErased, ContactOptedOut, Event, MessageReceived
from tidings.domain.kernel import Actor, ContactId, OrganizationId, Permission, PersonKey, Phone, person_key

GROUP = "campaigns"

E = TypeVar("E", bound=Event)


class NewConversion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A success that the organisation saw itself, such as an order."""

    phone: Phone
    name: Annotated[str, Meta(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class Crediting:
    begin: Begin
    now: Now

    async def received(self, events: Sequence[tuple[UUID, MessageReceived]]) -> None:
        """Replies and pressed buttons: of the message that was answered, else of the last one."""
        for organization, theirs in _by_organization(events).items():
            async with self.begin(organization) as work:
                new = await _new(work, theirs)
                asked = [person for event in new if (person := _person(event)) is not None]
                reached = await _reached(work, [event.at for event in new], people=asked)
                did: list[Response] = []
                for event in new:
                    did += _replied([each for each in reached if each.person == _person(event)], event)
                await work.responses.note(did)

    async def opted_out(self, events: Sequence[tuple[UUID, ContactOptedOut]]) -> None:
        """Wishes to hear no more, from whatever campaign came last."""
        for organization, theirs in _by_organization(events).items():
            async with self.begin(organization) as work:
                new = await _new(work, theirs)
                contacts = [event.contact_id for event in new]
                reached = await _reached(work, [event.at for event in new], contacts=contacts)
                did: list[Response] = []
                for event in new:
                    before = [each for each in reached if each.contact_id == event.contact_id]
                    credited = _within(before, event.at)[:1]
                    did += [_response(each, Kind.OPTED_OUT, event.at, event.source) for each in credited]
                await work.responses.note(did)

    async def convert(self, actor: Actor, new: NewConversion) -> Response:
        """Credit a conversion to the last campaign that reached the person. Raise NoSuchRecipient."""
        organization = actor.require(Permission.CAMPAIGNS_WRITE)
        now = self.now()
        async with self.begin(organization) as work:
            people = [person_key(new.phone)]
            # What somebody does whom an experiment wrote nothing is what the others are compared with.
            reached = await _reached(work, [now], people=people, held_out=True)
            if not reached:
                raise NoSuchRecipient("No campaign reached this person within the 72 hours before.")
            response = _response(reached[0], Kind.CONVERTED, now, new.name)
            await work.responses.note([response])
            await note(work, actor, now, "conversion:credited", reached[0].campaign_id, _converted(new))
        return response

    async def erased(self, event_id: UUID, event: ContactErased) -> None:
        """A person is forgotten: numbers, names and values; what became of them stays countable."""
        async with self.begin(event.organization_id) as work:
            if await work.inbox.first_time(GROUP, event_id):
                await work.recipients.forget(event.contact_id, event.people)


def _converted(new: NewConversion) -> Told:
    return difference(None, new, private=("phone",))


async def _reached(
    work: Work,
    moments: Sequence[datetime],
    *,
    people: Collection[PersonKey] = (),
    contacts: Collection[ContactId] = (),
    held_out: bool = False,
) -> Sequence[Recipient]:
    """Everyone among these to whom something may be credited at one of these moments, the latest first."""
    if not moments:
        return ()
    since, until = min(moments) - CREDITED, max(moments)
    return await work.responses.reached(people, contacts, since=since, until=until, held_out=held_out)


def _within(reached: Sequence[Recipient], at: datetime) -> list[Recipient]:
    return [each for each in reached if each.changed_at > at - CREDITED]


def _replied(theirs: Sequence[Recipient], event: MessageReceived) -> list[Response]:
    before = _within(theirs, event.at)
    if not before:
        return []
    credited = next((each for each in before if each.wamid == event.reply_to), before[0])
    did = [_response(credited, Kind.REPLIED, event.at, event.text)]
    if event.button and credited.wamid == event.reply_to:
        did.append(_response(credited, Kind.CLICKED, event.at, event.button))
    return did


def _person(event: MessageReceived) -> PersonKey | None:
    if event.sender is not None:
        return person_key(event.sender)
    return None if event.sender_user_id is None else PersonKey(event.sender_user_id)


def _by_organization(events: Sequence[tuple[UUID, E]]) -> dict[OrganizationId, dict[UUID, E]]:
    found: dict[OrganizationId, dict[UUID, E]] = {}
    for id, event in events:
        found.setdefault(event.organization_id, {})[id] = event
    return found


async def _new(work: Work, events: Mapping[UUID, E]) -> list[E]:
    new = await work.inbox.new_among(GROUP, list(events))
    return [event for id, event in events.items() if id in new]


def _response(recipient: Recipient, kind: Kind, at: datetime, detail: str) -> Response:
    return Response(
        recipient_id=recipient.id,
        campaign_id=recipient.campaign_id,
        contact_id=ContactId(recipient.contact_id),
        kind=kind,
        at=at,
        detail=detail,
    )
