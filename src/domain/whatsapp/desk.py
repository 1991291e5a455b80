"""What those who answer keep at hand: notes, canned replies, and how long things took."""

from datetime import datetime

from msgspec import Struct

from tidings.domain.errors import Conflict
from tidings.domain.kernel import ConversationId, MessageId, OrganizationId, TeamId, UserId


class ShortcutTaken(Conflict):
    """There is a canned reply of this shortcut already."""


class Stretch(Struct, frozen=True, kw_only=True, rename="camel"):
    """A conversation from its opening to its close, for the figures."""

    id: MessageId
    organization_id: OrganizationId
    conversation_id: ConversationId
    team_id: TeamId | None
    opened_at: datetime
    first_reply_at: datetime | None
    first_reply_by: UserId | None
    closed_at: datetime
    closed_by: UserId | None
    breached: bool


class Note(Struct, frozen=True, kw_only=True, rename="camel"):
    """A remark among colleagues: the person never sees it."""

    id: MessageId
    organization_id: OrganizationId
    conversation_id: ConversationId
    author_id: UserId
    text: str
    at: datetime


class CannedReply(Struct, frozen=True, kw_only=True, rename="camel"):
    """A text to be said again and again."""

    id: MessageId
    organization_id: OrganizationId
    shortcut: str
    text: str
    created_at: datetime
