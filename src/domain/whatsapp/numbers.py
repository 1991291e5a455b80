"""Sending numbers and the work in line behind them."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from tidings.domain.errors import Conflict, NotFound
from tidings.domain.kernel import CampaignId, OrganizationId, PhoneNumberId, WabaId


class NumberNotFound(NotFound):
    """The organisation has no such sending number."""


class NoNumber(Conflict):
    """The organisation has no sending number yet: connect a WhatsApp Business Account first."""


class SeveralNumbers(Conflict):
    """The organisation has several sending numbers: say which one, in `phoneNumberId`."""


class OtherAccount(Conflict):
    """A template can be sent only from numbers of the WhatsApp Business Account that it belongs to."""


class Number(Struct, frozen=True, kw_only=True, rename="camel"):
    """A business number that messages are sent from."""

    phone_number_id: PhoneNumberId
    organization_id: OrganizationId
    waba_id: WabaId
    display_phone_number: str
    verified_name: str
    quality_rating: str
    messages_per_second: int
    messaging_limit: int | None = None
    """People with whom conversations may be begun in 24 hours (fact sheet 6.3); None: no limit is known."""
    connected_at: datetime
    heard_at: datetime | None = None
    """When a webhook last spoke of it."""


class RunState(StrEnum):
    """Whether a campaign's messages may leave."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Run(Struct, frozen=True, kw_only=True):
    """A campaign as the sender sees it: its messages stand in the lanes of one or more numbers."""

    campaign_id: CampaignId
    organization_id: OrganizationId
    phone_number_id: PhoneNumberId
    """Its number, or the first of those that share the sending."""
    state: RunState
    epoch: int
    """Grows with every turn of the campaign, so that turns that overtake each other end in the newest."""
    reason: str | None = None
    waiting: str = ""
    """What its messages wait for although it runs, such as Meta's messaging limit."""


class Lease(Struct, frozen=True, kw_only=True):
    """The right to start attempts on a lane, until it ends or a higher epoch is given out."""

    name: str
    owner: str
    epoch: int
