"""What the other contexts keep of one person, for the document that a person may ask for."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Raw

from tidings.domain.kernel import ContactId, OrganizationId, PersonKey


class CampaignTraces(Protocol):
    """Answered by campaigns."""

    async def of_person(
        self, organization: OrganizationId, contact: ContactId, people: Sequence[PersonKey]
    ) -> Raw:
        """JSON: in which campaigns the person is, with what they were told and what they did."""
        ...


class MessageTraces(Protocol):
    """Answered by whatsapp."""

    async def of_person(
        self, organization: OrganizationId, contact: ContactId, people: Sequence[PersonKey]
    ) -> Raw:
        """JSON: everything that was said to the person and by them, and noted about it."""
        ...
