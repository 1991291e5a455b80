"""Meta's facts as they come in through the webhook, in our words.

`adapters/meta/webhooks.py` reads bytes into these; unknown fields and types arrive as `OtherUpdate`, and
`raw` holds each item as it came, so that nothing is lost. Phone numbers here are digits as Meta writes
them (`wa_id`), which may be absent (fact sheet 2.10).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Raw, Struct

from tidings.application.ports.gateway import Verdict
from tidings.domain.errors import (
    Conflict,
    Fault,
    Invalid,
    NotFound,
    Refused,
    Throttled,
    Unauthenticated,
    Unavailable,
)
from tidings.domain.kernel import PhoneNumberId, WabaId, Wamid


class BadSignature(Unauthenticated):
    """The webhook's signature is missing or wrong."""


class UnreadableBody(Invalid):
    """The webhook's body is not the JSON that Meta sends."""


class MetaError(Refused):
    """Meta refused a call that is not a message. Comes as one of the kinds below."""

    def __init__(
        self,
        message: str = "",
        *faults: Fault,
        retry_after: float | None = None,
        graph_code: int | None = None,
        subcode: int | None = None,
        details: str = "",
        fbtrace_id: str | None = None,
    ) -> None:
        super().__init__(message, *faults, retry_after=retry_after)
        self.graph_code = graph_code
        self.subcode = subcode
        self.details = details
        self.fbtrace_id = fbtrace_id


class MetaRefused(MetaError, Invalid):
    """Meta refused the request."""


class MetaDenied(MetaError, Conflict):
    """Meta does not let us do this with the present token: connect the account again."""


class NotAtMeta(MetaError, NotFound):
    """Meta has no such thing, or does not show it to us."""


class MetaThrottled(MetaError, Throttled):
    """Meta takes no more calls for now; try again later."""


class MetaUnavailable(MetaError, Unavailable):
    """Meta gave no readable answer; what was asked may have been done."""


class StatusError(Struct, frozen=True, kw_only=True):
    """One of `statuses[].errors[]`, with what the error catalogue says of its code."""

    code: int
    title: str = ""
    details: str = ""
    verdict: Verdict = Verdict.GIVE_UP
    wait: float = 0.0
    """As in the gateway's `Rejected`."""
    max_attempts: int = 1


class StatusUpdate(Struct, frozen=True, kw_only=True, tag=True):
    """`statuses[]`: what became of a message (fact sheet 5.6)."""

    phone_number_id: PhoneNumberId
    wamid: Wamid
    status: str
    """sent, delivered, read, played, failed; anything else is kept as it came."""
    at: datetime
    callback_data: str | None = None
    recipient_id: str | None = None
    recipient_user_id: str | None = None
    error: StatusError | None = None
    pricing_category: str | None = None
    pricing_type: str | None = None
    billable: bool | None = None
    raw: Raw = Raw()


class InboundUpdate(Struct, frozen=True, kw_only=True, tag=True):
    """`messages[]`: a person wrote (fact sheet 5.5)."""

    phone_number_id: PhoneNumberId
    wamid: Wamid
    at: datetime
    kind: str
    sender: str | None = None
    """`from`, digits without `+`."""
    sender_user_id: str | None = None
    profile_name: str = ""
    text: str = ""
    """What a person would read of it: text body, caption, button or list title."""
    payload: str = ""
    """Button payload or list id."""
    reply_to: Wamid | None = None
    raw: Raw
    """The element as it came."""
    contact: Raw = Raw()
    """The sender's element of `contacts[]`, if there was one."""


class TemplateUpdate(Struct, frozen=True, kw_only=True, tag=True):
    """`message_template_status_update` (fact sheet 4.10)."""

    waba_id: WabaId
    meta_template_id: str
    name: str
    language: str
    """With `_`, whatever came."""
    event: str
    reason: str | None = None
    at: datetime
    details: str = ""
    """What Meta adds for people: why it was rejected, or why it was paused."""
    raw: Raw = Raw()


class PreferenceUpdate(Struct, frozen=True, kw_only=True, tag=True):
    """`user_preferences[]`: marketing stopped or resumed (fact sheet 9.2)."""

    phone_number_id: PhoneNumberId
    wa_id: str | None = None
    user_id: str | None = None
    category: str
    value: str
    at: datetime
    raw: Raw = Raw()


class OtherUpdate(Struct, frozen=True, kw_only=True, tag=True):
    """Any other field, kept whole. Those that we can read come as one of the kinds below."""

    waba_id: WabaId
    field: str
    value: Raw
    at: datetime | None = None


class TemplateQualityUpdate(OtherUpdate, frozen=True, kw_only=True, tag=True):
    """`message_template_quality_update` (fact sheet 4.10)."""

    meta_template_id: str
    name: str
    language: str
    previous: str | None = None
    quality: str


class TemplateCategoryUpdate(OtherUpdate, frozen=True, kw_only=True, tag=True):
    """`template_category_update`: done, or announced for later."""

    meta_template_id: str
    name: str
    language: str
    category: str
    """What it is now."""
    next_category: str | None = None
    """What it will become a day later."""
    previous_category: str | None = None


class NumberUpdate(OtherUpdate, frozen=True, kw_only=True, tag=True):
    """`phone_number_quality_update`: throughput or limits of a number changed (fact sheet 5.8)."""

    display_phone_number: str
    """Digits."""
    event: str
    limit: str | None = None
    """TIER_2K and the like."""


class NumberNameUpdate(OtherUpdate, frozen=True, kw_only=True, tag=True):
    """`phone_number_name_update`: Meta decided about a display name."""

    display_phone_number: str
    decision: str
    name: str | None = None
    reason: str | None = None


class NumberSecurityUpdate(OtherUpdate, frozen=True, kw_only=True, tag=True):
    """`security`: somebody changed a number's PIN, or asked to."""

    display_phone_number: str
    event: str
    requester: str | None = None


class AccountUpdate(OtherUpdate, frozen=True, kw_only=True, tag=True):
    """`account_update`: restrictions, bans, partners, prices. What belongs to the event stands in `value`."""

    event: str


class AccountReviewUpdate(OtherUpdate, frozen=True, kw_only=True, tag=True):
    """`account_review_update`."""

    decision: str


class AccountAlert(OtherUpdate, frozen=True, kw_only=True, tag=True):
    """`account_alerts`."""

    entity_type: str
    entity_id: str
    kind: str
    severity: str
    status: str
    description: str = ""


class CapabilityUpdate(OtherUpdate, frozen=True, kw_only=True, tag=True):
    """`business_capability_update`: how many people and numbers the business may have."""

    messaging_limit: str | None = None
    """TIER_2K and the like, or a number of people."""
    numbers_of_business: int | None = None
    numbers_of_waba: int | None = None


class BadItem(Struct, frozen=True, kw_only=True, tag=True):
    """An item that could not be read; it hurts none of its neighbours."""

    where: str
    reason: str
    raw: bytes


Update: TypeAlias = StatusUpdate | InboundUpdate | TemplateUpdate | PreferenceUpdate | OtherUpdate | BadItem


class WebhookReader(Protocol):
    """Meta's POST, without any framework."""

    def verify(self, signature: str | None, body: bytes) -> None:
        """Check `X-Hub-Signature-256` over the raw bytes in constant time. Raise BadSignature."""
        ...

    def read(self, body: bytes) -> Sequence[Update]:
        """Every item of every change of every entry. Raise UnreadableBody when it is no JSON object."""
        ...
