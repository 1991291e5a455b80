"""What people did after a campaign reached them, and to which campaign it is credited."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from tidings.domain.kernel import CampaignId, ContactId, MessageId

CREDITED = timedelta(hours=72)
"""How long after a message what a person does counts as an answer to it."""


class Kind(StrEnum):
    """What a person did. Each counts once a person and campaign."""

    REPLIED = "replied"
    CLICKED = "clicked"
    """A button or a tracked link."""
    OPTED_OUT = "opted_out"
    CONVERTED = "converted"
    """What the organisation itself reports as success."""


class Response(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something a recipient did."""

    recipient_id: MessageId
    campaign_id: CampaignId
    contact_id: ContactId
    kind: Kind
    at: datetime
    detail: str = ""
    """The button's text or payload, the link, or the name of the conversion."""
