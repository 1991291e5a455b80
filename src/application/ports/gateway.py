"""Meta, as the whatsapp context needs it: one call to send, one answer that is never an exception.

What the answer means for the message is the domain's business (`domain/whatsapp/messages.py`); which code
of Meta's means what is the catalogue's (`adapters/meta/errors.py`).
"""

from enum import StrEnum
from typing import Protocol, TypeAlias
from uuid import UUID

from msgspec import Struct

from tidings.domain.errors import NotFound
from tidings.domain.kernel import AttemptId, CampaignId, MessageId, Phone, PhoneNumberId, WabaId, Wamid
from tidings.domain.whatsapp.content import Content


class Verdict(StrEnum):
    """What a refusal asks of us (fact sheet 6.6, 7.2, 7.5)."""

    RETRY = "retry"
    """Try this message again after `wait` seconds."""
    SLOW_DOWN = "slow_down"
    """Try again, and lower the number's pace (130429)."""
    PAIR_WAIT = "pair_wait"
    """Only this person must wait: 4^n seconds (131056)."""
    GIVE_UP = "give_up"
    """Never again for this message."""
    SUPPRESS = "suppress"
    """Never again for this message, and the person wants or can have no more of its kind (131050)."""
    STOP_TEMPLATE = "stop_template"
    """Every message of the template would be refused: the campaign halts (132015, 132000, ...)."""
    STOP_NUMBER = "stop_number"
    """The sending number is out of service or restricted (131048, 133010, ...)."""
    STOP_ACCOUNT = "stop_account"
    """The account cannot send (368, 131031, 131042, ...)."""
    RENEW_TOKEN = "renew_token"
    """The access token is invalid (190, 0): nothing leaves until it is renewed."""


class Outgoing(Struct, frozen=True, kw_only=True):
    """A message at the moment it is handed to Meta."""

    attempt_id: AttemptId
    """Goes out as `biz_opaque_callback_data`, in the form of `callback_data()`."""
    waba_id: WabaId
    phone_number_id: PhoneNumberId
    to: Phone | None = None
    recipient: str | None = None
    """A business-scoped user id, when there is no phone."""
    content: Content
    reply_to: Wamid | None = None
    message_id: MessageId | None = None
    """The message that this is an attempt of, and its campaign: for whoever follows it."""
    campaign_id: CampaignId | None = None


class Accepted(Struct, frozen=True, kw_only=True, tag=True):
    """Meta took it: queued there, not yet sent (fact sheet 2.2)."""

    wamid: Wamid
    wa_id: str | None = None
    user_id: str | None = None
    held: bool = False
    """`held_for_quality_assessment`: Meta may still drop it."""


class Rejected(Struct, frozen=True, kw_only=True, tag=True):
    """Meta answered with an error code: certainly not accepted."""

    code: int
    subcode: int | None = None
    message: str = ""
    details: str = ""
    fbtrace_id: str | None = None
    verdict: Verdict
    wait: float = 0.0
    """Seconds before the next try, for RETRY and SLOW_DOWN; before jitter."""
    max_attempts: int = 5


class NotSent(Struct, frozen=True, kw_only=True, tag=True):
    """Certainly never left this machine: no connection, no token, past the deadline."""

    reason: str


class Unclear(Struct, frozen=True, kw_only=True, tag=True):
    """It left, and nothing readable came back: it may have been accepted."""

    reason: str


SendResult: TypeAlias = Accepted | Rejected | NotSent | Unclear


class Gateway(Protocol):
    """The call that sends."""

    async def send(self, message: Outgoing) -> SendResult:
        """One request, never repeated here. Cancellation is the only exception that comes out."""
        ...


class TokenMissing(NotFound):
    """No access token is stored for this WhatsApp Business Account."""


class Credentials(Protocol):
    """Where an adapter gets the token of a WABA at call time."""

    async def token(self, waba_id: WabaId) -> str:
        """Raise TokenMissing."""
        ...


def callback_data(attempt_id: AttemptId) -> str:
    """What travels to Meta and back in every status: no personal data, 35 characters of at most 512."""
    return f"a1:{attempt_id.hex}"


def parse_callback_data(text: str | None) -> AttemptId | None:
    """The attempt a status speaks of, or None when the text is not ours."""

    if text is None or not text.startswith("a1:"):
        return None
    try:
        return AttemptId(UUID(hex=text[3:]))
    except ValueError:
        return None
