"""Activity: when people last wrote, were reached, and read; so that segments can ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tidings.application.ports.contacts import Begin, Work
from tidings.domain.contacts.identities import person_of
from tidings.domain.contacts.rules import Deed, Happening
from tidings.domain.events import MessageReceived, MessagesMoved
from tidings.domain.kernel import OrganizationId

GROUP = "contacts.activity"
"""The durable consumer group in which activity is heard."""

_DEEDS = {
    "delivered": (Deed.REACHED,),
    "read": (Deed.REACHED, Deed.READ),
}


@dataclass(frozen=True, slots=True)
class Activity:
    """Listens to what passes between the organisation and its people. Heard twice is heard once."""

    begin: Begin

    async def messages_received(self, work: Work, events: Sequence[MessageReceived]) -> None:
        """Of the organisation whose transaction `work` is."""
        senders = [(person_of(event.sender, event.sender_user_id), event.at) for event in events]
        known = await work.contacts.of_people({person for person, _ in senders if person is not None})
        await work.deeds.note(
            [
                Happening(contact_id=known[person].id, deed=Deed.INBOUND, at=at)
                for person, at in senders
                if person is not None and person in known
            ]
        )

    async def messages_moved(self, events: Sequence[tuple[UUID, MessagesMoved]]) -> None:
        """Moves that do not say whom they concern are passed over."""
        happened: dict[OrganizationId, list[Happening]] = {}
        for _, event in events:
            happened.setdefault(event.organization_id, []).extend(
                Happening(contact_id=move.contact_id, deed=deed, at=move.at, campaign_id=event.campaign_id)
                for move in event.moves
                if move.contact_id is not None
                for deed in _DEEDS.get(move.state, ())
            )
        for organization, deeds in happened.items():
            if deeds:
                async with self.begin(organization) as work:
                    await work.deeds.note(deeds)
