"""Meta's facts as they come in through the webhook, in our words.

`adapters/meta/webhooks.py` reads bytes into these; unknown fields and types arrive as `OtherUpdate`, never
lost. Phone numbers here are digits as Meta writes them (`wa_id`), which may be absent (fact sheet 2.10).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Raw, Struct

from tidings.domain.errors import Invalid, Unauthenticated
from tidings.domain.kernel import PhoneNumberId, WabaId, Wamid


class BadSignature(Unauthenticated):
    """The webhook's signature is missing or wrong."""


class UnreadableBody(Invalid):
    """The webhook's body is not the JSON that Meta sends."""


class StatusError(Struct, frozen=True, kw_only=True):
    """One of `statuses[].errors[]`."""

    code: int
    title: str = ""
    details: str = ""


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


class PreferenceUpdate(Struct, frozen=True, kw_only=True, tag=True):
    """`user_preferences[]`: marketing stopped or resumed (fact sheet 9.2)."""

    phone_number_id: PhoneNumberId
    wa_id: str | None = None
    user_id: str | None = None
    category: str
    value: str
    at: datetime


class OtherUpdate(Struct, frozen=True, kw_only=True, tag=True):
    """Any other field, kept whole."""

    waba_id: WabaId
    field: str
    value: Raw


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
