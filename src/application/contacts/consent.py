"""Consent: what people themselves say, heard once and folded by its time."""

from dataclasses import dataclass
from uuid import UUID

from msgspec.structs import replace

from tidings.application.contacts.people import opted_in, opted_out
from tidings.application.ports.common import Now
from tidings.application.ports.contacts import Begin
from tidings.domain.contacts.wishes import Wish, wish_in
from tidings.domain.events import MessageReceived
from tidings.domain.kernel import person_key

GROUP = "contacts.consent"
"""The durable consumer group in which messages are heard."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Listens for STOP and START."""

    begin: Begin
    now: Now

    async def message_received(self, event_id: UUID, event: MessageReceived) -> None:
        """A message that is nothing but a wish is honoured; everything else is left to others."""
        wish = wish_in(event.text)
        if wish is None or event.sender is None:
            return
        async with self.begin(event.organization_id) as work:
            if not await work.inbox.first_time(GROUP, event_id):
                return
            for contact in await work.contacts.of_people([person_key(event.sender)]):
                heard = (contact.opt_out if wish is Wish.STOP else contact.opt_in)(event.at, "message")
                if heard == contact:
                    continue
                await work.contacts.save([replace(heard, updated_at=self.now())])
                if heard.opted_out != contact.opted_out:
                    told = opted_out if heard.opted_out else opted_in
                    await work.outbox.put(told(heard, event.at))
