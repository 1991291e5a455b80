"""What people do after a campaign reached them, credited to the campaign that reached them last."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from tidings.application.ports.campaigns import Begin
from tidings.application.ports.common import Now
from tidings.domain.campaigns import Kind, NoSuchRecipient, Recipient, Response
from tidings.domain.events import ContactErased, ContactOptedOut, MessageReceived
from tidings.domain.kernel import Actor, ContactId, Permission, PersonKey, Phone, person_key

GROUP = "campaigns"


class NewConversion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A success that the organisation saw itself, such as an order."""

    phone: Phone
    name: Annotated[str, Meta(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class Crediting:
    begin: Begin
    now: Now

    async def received(self, event_id: UUID, event: MessageReceived) -> None:
        """A reply, and a pressed button: of the message that was answered, else of the last one."""
        key = event.sender or event.sender_user_id
        if key is None:
            return
        person = person_key(event.sender) if event.sender else PersonKey(key)
        async with self.begin(event.organization_id) as work:
            if not await work.inbox.first_time(GROUP, event_id):
                return
            reached = await work.responses.credit(
                event.organization_id, person=person, contact=None, at=event.at
            )
            if not reached:
                return
            credited = next((each for each in reached if each.wamid == event.reply_to), reached[0])
            did = [_response(credited, Kind.REPLIED, event.at, event.text)]
            if event.button and credited.wamid == event.reply_to:
                did.append(_response(credited, Kind.CLICKED, event.at, event.button))
            await work.responses.note(did)

    async def opted_out(self, event_id: UUID, event: ContactOptedOut) -> None:
        """A wish to hear no more, from whatever campaign came last."""
        async with self.begin(event.organization_id) as work:
            if not await work.inbox.first_time(GROUP, event_id):
                return
            reached = await work.responses.credit(
                event.organization_id, person=None, contact=event.contact_id, at=event.at
            )
            await work.responses.note(
                [_response(each, Kind.OPTED_OUT, event.at, event.source) for each in reached[:1]]
            )

    async def convert(self, actor: Actor, new: NewConversion) -> Response:
        """Credit a conversion to the last campaign that reached the person. Raise NoSuchRecipient."""
        organization = actor.require(Permission.CAMPAIGNS_WRITE)
        now = self.now()
        async with self.begin(organization) as work:
            reached = await work.responses.credit(
                organization, person=person_key(new.phone), contact=None, at=now
            )
            if not reached:
                raise NoSuchRecipient("No campaign reached this person within the 72 hours before.")
            response = _response(reached[0], Kind.CONVERTED, now, new.name)
            await work.responses.note([response])
        return response

    async def erased(self, event_id: UUID, event: ContactErased) -> None:
        """A person is forgotten: numbers, names and values; what became of them stays countable."""
        async with self.begin(event.organization_id) as work:
            if await work.inbox.first_time(GROUP, event_id):
                await work.recipients.forget(event.contact_id, event.people)


def _response(recipient: Recipient, kind: Kind, at: datetime, detail: str) -> Response:
    return Response(
        recipient_id=recipient.id,
        campaign_id=recipient.campaign_id,
        contact_id=ContactId(recipient.contact_id),
        kind=kind,
        at=at,
        detail=detail,
    )
