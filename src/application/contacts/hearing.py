"""What the context hears from the others, each event by everybody whom it concerns."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tidings.application.contacts.activity import Activity
from tidings.application.contacts.consent import Consent
from tidings.application.contacts.identities import Identities
from tidings.application.ports.contacts import Begin
from tidings.domain.events import MessageReceived
from tidings.domain.kernel import OrganizationId


@dataclass(frozen=True, slots=True)
class Hearing:
    """Every part may hear an event again without harm."""

    begin: Begin
    identities: Identities
    consent: Consent
    activity: Activity

    async def messages_received(self, events: Sequence[tuple[UUID, MessageReceived]]) -> None:
        """First who they were, then what they wish, then that they wrote."""
        told: dict[OrganizationId, list[tuple[UUID, MessageReceived]]] = {}
        for id, event in events:
            told.setdefault(event.organization_id, []).append((id, event))
        for organization, theirs in told.items():
            messages = [event for _, event in theirs]
            async with self.begin(organization) as work:
                await self.identities.messages_received(work, messages)
                await self.consent.messages_received(work, theirs)
                await self.activity.messages_received(work, messages)
