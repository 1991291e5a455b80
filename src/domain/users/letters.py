"""Mail that is owed. A letter names what it is about; the secret it carries is made when it is sent."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class LetterKind(StrEnum):
    """What the letter says."""

    RESET = "reset"
    """Subject: an e-mail, which may or may not be somebody's: only the postman looks."""
    INVITATION = "invitation"
    """Subject: the invitation's id."""
    WARNING = "warning"
    """Subject: a user's id; tells of a changed password or second factor."""


class Letter(Struct, frozen=True, kw_only=True):
    """A letter in line."""

    id: UUID
    kind: LetterKind
    subject: str
    detail: str = ""
    attempts: int = 0
    due_at: datetime
