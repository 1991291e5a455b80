"""What people wrote to us, and what may be said to them now."""

from datetime import datetime, timedelta

from msgspec import Struct

from tidings.domain.errors import Conflict
from tidings.domain.kernel import MessageId, OrganizationId, PersonKey, Phone, PhoneNumberId, Wamid
from tidings.domain.whatsapp.content import Content, Template

SERVICE_WINDOW = timedelta(hours=24)


class WindowClosed(Conflict):
    """The person has not written for 24 hours: only a template may be sent (fact sheet 2.9)."""


class Inbound(Struct, frozen=True, kw_only=True):
    """A message from a person."""

    id: MessageId
    organization_id: OrganizationId
    phone_number_id: PhoneNumberId
    wamid: Wamid
    person: PersonKey
    sender: Phone | None = None
    sender_user_id: str | None = None
    profile_name: str = ""
    kind: str
    text: str = ""
    payload: str = ""
    reply_to: Wamid | None = None
    raw: str
    at: datetime


class Conversation(Struct, frozen=True, kw_only=True):
    """All that passed between one of our numbers and one person."""

    organization_id: OrganizationId
    phone_number_id: PhoneNumberId
    person: PersonKey
    heard_at: datetime
    """When the person last wrote."""

    def window_open(self, now: datetime) -> bool:
        return now < self.heard_at + SERVICE_WINDOW


def check_window(content: Content, conversation: Conversation | None, now: datetime) -> None:
    """Raise WindowClosed for anything but a template outside the customer service window."""
    if not isinstance(content, Template) and not (conversation and conversation.window_open(now)):
        raise WindowClosed()
