"""What the context hears from the others, each event by everybody whom it concerns."""

from dataclasses import dataclass
from uuid import UUID

from tidings.application.contacts.activity import Activity
from tidings.application.contacts.consent import Consent
from tidings.application.contacts.identities import Identities
from tidings.domain.events import MessageReceived


@dataclass(frozen=True, slots=True)
class Hearing:
    """Every part may hear an event again without harm."""

    identities: Identities
    consent: Consent
    activity: Activity

    async def message_received(self, event_id: UUID, event: MessageReceived) -> None:
        """First who it was, then what they wish, then that they wrote."""
        await self.identities.message_received(event_id, event)
        await self.consent.message_received(event_id, event)
        await self.activity.message_received(event_id, event)
