"""What the suites of the campaigns context stand on: stores of yours, and campaigns to put there."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from hypothesis import HealthCheck, settings

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.campaigns import ActiveCampaigns, Begin, LinkReader, Progress
from tidings.domain.campaigns import Campaign, Recipient
from tidings.domain.kernel import (
    CampaignId,
    ContactId,
    MessageId,
    OrganizationId,
    Phone,
    TemplateId,
    person_key,
)

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Stores(Protocol):
    """Writing transactions, looks that wait for nobody, and questions to all organisations at once."""

    @property
    def begin(self) -> Begin: ...
    @property
    def read(self) -> Begin: ...
    @property
    def active(self) -> ActiveCampaigns: ...
    @property
    def links(self) -> LinkReader: ...


def a_campaign(organization: OrganizationId, **given: Any) -> Campaign:
    known: dict[str, Any] = {
        "id": CampaignId(uuid7()),
        "organization_id": organization,
        "name": "Spring",
        "template_id": TemplateId(uuid4()),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Campaign(**known | given)


def a_recipient(campaign: Campaign, **given: Any) -> Recipient:
    phone = Phone(f"+4477{uuid4().int % 10**8:08}")
    known: dict[str, Any] = {
        "id": MessageId(uuid7()),
        "campaign_id": campaign.id,
        "contact_id": ContactId(uuid7()),
        "person": person_key(phone),
        "phone": phone,
        "changed_at": NOON,
    }
    return Recipient(**known | given)


async def planned(stores: Stores, campaign: Campaign, people: Sequence[Recipient]) -> None:
    """The campaign with these people, none of whom is handed over."""
    async with stores.begin(campaign.organization_id) as work:
        await work.campaigns.add(campaign)
        await work.recipients.plan(campaign.id, people, Progress(after=max(p.contact_id for p in people)))
