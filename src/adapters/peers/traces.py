"""What privacy asks of the other contexts, wherever they run."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Raw

from tidings.application.ports.contacts import CampaignTraces, MessageTraces
from tidings.domain.kernel import ContactId, OrganizationId, PersonKey


@dataclass(frozen=True, slots=True)
class Kept:
    """What one context keeps of a person, under its name."""

    name: str
    traces: CampaignTraces | MessageTraces

    async def of(self, organization: OrganizationId, contact: ContactId, people: Sequence[PersonKey]) -> Raw:
        return await self.traces.of_person(organization, contact, people)
