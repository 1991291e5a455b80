"""What campaigns keep of one person."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct

from tidings.application.ports.campaigns import Begin
from tidings.domain.campaigns import Recipient, Response
from tidings.domain.kernel import ContactId, OrganizationId, PersonKey


class Trace(Struct, frozen=True, kw_only=True, rename="camel"):
    """A person in a campaign."""

    campaign: str
    """Its name."""
    recipient: Recipient
    responses: Sequence[Response]


@dataclass(frozen=True, slots=True)
class Traces:
    """Fulfils the CampaignTraces port of contacts."""

    read: Begin

    async def of_person(
        self, organization: OrganizationId, contact: ContactId, people: Sequence[PersonKey]
    ) -> Raw:
        async with self.read(organization) as look:
            found = await look.recipients.of_person(contact, people)
            did = await look.responses.of([each.id for _, each in found])
        traces = [
            Trace(
                campaign=name,
                recipient=each,
                responses=[response for response in did if response.recipient_id == each.id],
            )
            for name, each in found
        ]
        return Raw(msgspec.json.encode(traces))
