"""Recipients, where each stands, and the counts that are the fold of them."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from tidings.domain.errors import NotFound
from tidings.domain.kernel import CampaignId, ContactId, MessageId, PersonKey, Phone, PhoneNumberId, Wamid


class NoSuchRecipient(NotFound):
    """The campaign has no such recipient."""


class Outcome(StrEnum):
    """Where a recipient stands. At every instant each planned person is in exactly one of these."""

    PENDING = "pending"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    SKIPPED = "skipped"


OPEN = frozenset({Outcome.PENDING, Outcome.SENDING})
"""Outcomes that a campaign waits for; `unknown` is a number of its own in the report."""


class Recipient(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One person in one campaign. Its id is also the id of its message."""

    id: MessageId
    campaign_id: CampaignId
    contact_id: ContactId
    person: PersonKey
    phone: Phone
    name: str = ""
    country: str = ""
    """ISO letters of the number's calling code."""
    zone: str | None = None
    """The person's own time zone, when the contact names one."""
    language: str = ""
    """The person's own, when the campaign writes to people in it and the contact names one."""
    phone_number_id: PhoneNumberId | None = None
    """The number that writes to this person."""
    arm: str = ""
    """Of the campaign's experiment."""
    values: dict[str, str] = field(default_factory=dict[str, str])
    """What fills the template's slots, frozen at launch."""
    state: Outcome = Outcome.PENDING
    handed: bool = False
    """Whether it stands in the number's line."""
    version: int = 0
    """Of the message's state last heard of; older news changes nothing."""
    wamid: Wamid | None = None
    attempts: int = 0
    code: int | None = None
    reason: str | None = None
    priced: str = ""
    """Meta's word on the price: `regular`, `free_...`, or nothing yet."""
    price_category: str = ""
    changed_at: datetime


class Tally(Struct, frozen=True, kw_only=True):
    """How many recipients stand where, and why: the fold of the recipients."""

    state: Outcome
    reason: str
    count: int


class Totals(Struct, frozen=True, kw_only=True, rename="camel"):
    """`planned = pending + sending + unknown + accepted + sent + delivered + read + failed + skipped`."""

    planned: int = 0
    pending: int = 0
    sending: int = 0
    unknown: int = 0
    accepted: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def open(self) -> int:
        return self.pending + self.sending


def totals(tallies: list[Tally]) -> Totals:
    """The sum of the tallies by state."""
    counts = dict.fromkeys(Outcome, 0)
    for tally in tallies:
        counts[tally.state] += tally.count
    return Totals(planned=sum(counts.values()), **{state.value: count for state, count in counts.items()})


def why(state: Outcome, code: int | None, reason: str | None) -> str:
    """The reason under which a recipient is counted: short, and the same for all of a kind."""
    if state is Outcome.FAILED:
        return f"{code}" if code is not None else (reason or "")[:60]
    return (reason or "")[:60] if state is Outcome.SKIPPED else ""
