"""A template and its standing with Meta: what may be done in which state, and which news counts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from tidings.domain.kernel import OrganizationId, TemplateId, WabaId
from tidings.domain.templates.components import Category, Component, Draft, ParameterFormat
from tidings.domain.templates.refusals import (
    EditQuotaReached,
    TemplateNotApproved,
    TemplateNotDeletable,
    TemplateNotEditable,
)


class Status(StrEnum):
    """Where a template stands (fact sheet 4.8). Of news of the same second the later member counts."""

    DRAFT = "DRAFT"
    """Ours alone: Meta has not got it, or refused it at once."""
    SUBMITTING = "SUBMITTING"
    """Handed in, and Meta's answer is not known yet."""
    PENDING = "PENDING"
    IN_APPEAL = "IN_APPEAL"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    PAUSED = "PAUSED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    DISABLED = "DISABLED"
    ARCHIVED = "ARCHIVED"
    UNKNOWN = "UNKNOWN"
    """Meta said a word that we do not know; only its own next word or a sync helps."""
    DELETED = "DELETED"
    """Here, or at Meta, where PENDING_DELETION may last for 30 days before the name is free."""


class Standing(Struct, frozen=True):
    """What a status allows (fact sheet 4.6 to 4.8)."""

    sendable: bool = False
    editable: bool = False
    deletable: bool = True


STANDING: dict[Status, Standing] = {
    Status.DRAFT: Standing(editable=True),
    Status.SUBMITTING: Standing(deletable=False),
    Status.PENDING: Standing(),
    Status.IN_APPEAL: Standing(),
    Status.APPROVED: Standing(sendable=True, editable=True),
    Status.REJECTED: Standing(editable=True),
    Status.PAUSED: Standing(editable=True),
    Status.LIMIT_EXCEEDED: Standing(),
    Status.DISABLED: Standing(deletable=False),
    Status.ARCHIVED: Standing(),
    Status.UNKNOWN: Standing(),
    Status.DELETED: Standing(deletable=False),
}

_EVENTS: dict[str, Status] = {
    "REINSTATED": Status.APPROVED,
    "UNPAUSED": Status.APPROVED,
    "UNARCHIVED": Status.APPROVED,
    "LOCKED": Status.PAUSED,
}
"""Words that only webhooks use."""

_OURS = frozenset({Status.DRAFT, Status.SUBMITTING, Status.UNKNOWN})


def status_of(word: str) -> Status:
    """The status that Meta lists a template with."""
    if word.upper() == "PENDING_DELETION":
        return Status.DELETED
    status = Status.__members__.get(word.upper(), Status.UNKNOWN)
    return Status.UNKNOWN if status in _OURS else status


def event_status(word: str) -> Status | None:
    """The status that an event of Meta's leads to; None for a warning (FLAGGED) or a word not known."""
    word = word.upper()
    status = _EVENTS.get(word) or status_of(word)
    return None if status is Status.UNKNOWN else status


class Quality(StrEnum):
    """What readers think of a template, as Meta counts it."""

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"
    UNKNOWN = "UNKNOWN"


def quality_of(word: str | None) -> Quality:
    return Quality(word) if word in Quality.__members__ else Quality.UNKNOWN


class News(Struct, frozen=True, kw_only=True):
    """A status of Meta's, when it became so, and why."""

    status: Status
    at: datetime
    reason: str | None = None


EDITS_A_DAY = 1
EDITS_A_MONTH = 10


class Template(Struct, frozen=True, kw_only=True, rename="camel"):
    """A message that Meta has to allow before it may be sent, in one language."""

    id: TemplateId
    organization_id: OrganizationId
    waba_id: WabaId
    name: str
    language: str
    category: Category
    components: tuple[Component, ...]
    parameter_format: ParameterFormat = ParameterFormat.POSITIONAL
    message_send_ttl_seconds: int | None = None
    marketing_api: bool = False
    """Whether campaigns send it by way of the Marketing Messages API."""
    meta_template_id: str | None = None
    status: Status = Status.DRAFT
    reason: str | None = None
    status_at: datetime
    """Since when, as Meta tells it, in whole seconds: what is older does not count any more."""
    quality: Quality = Quality.UNKNOWN
    quality_at: datetime | None = None
    next_category: Category | None = None
    """What Meta has announced to make of the category."""
    unreadable: str | None = None
    """Why the components are not understood, when Meta holds a kind that is newer than this version."""
    edited_at: tuple[datetime, ...] = ()
    """The edits made while approved, of the last 30 days."""
    created_at: datetime
    updated_at: datetime

    @property
    def standing(self) -> Standing:
        return STANDING[self.status]

    @property
    def draft(self) -> Draft:
        """As it is handed in for review."""
        return Draft(
            name=self.name,
            language=self.language,
            category=self.category,
            components=self.components,
            parameter_format=self.parameter_format,
            message_send_ttl_seconds=self.message_send_ttl_seconds,
        )

    def hear(self, news: News) -> "Template":
        """Take news over unless what is known is newer; in any order and number the same comes out.

        News has whole seconds, so what happened within one second counts by the order of `Status`.
        """
        at = whole_second(news.at)
        if (at, rank(news.status)) <= (self.status_at, rank(self.status)):
            return self
        return replace(self, status=news.status, status_at=at, reason=_reason(news))

    def rate(self, quality: Quality, at: datetime) -> "Template":
        """Take over how readers like it, unless what is known is newer."""
        if self.quality_at is not None and at < self.quality_at:
            return self
        return replace(self, quality=quality, quality_at=at)

    def require_sendable(self) -> None:
        """Raise TemplateNotApproved."""
        if not self.standing.sendable:
            why = f" ({self.reason})" if self.reason else ""
            raise TemplateNotApproved(
                f"The template {self.name} in {self.language} is {self.status}{why}; "
                "only an approved one may be sent."
            )
        if self.unreadable:
            raise TemplateNotApproved(
                f"The template {self.name} in {self.language} has parts this version cannot fill in: "
                f"{self.unreadable}"
            )

    def require_editable(self, category: Category | None, now: datetime) -> None:
        """Raise TemplateNotEditable or EditQuotaReached."""
        if not self.standing.editable:
            raise TemplateNotEditable(f"A template that is {self.status} cannot be edited.")
        if self.status is not Status.APPROVED:
            return
        if category not in (None, self.category):
            raise TemplateNotEditable("The category of an approved template cannot be edited.")
        day = [at for at in self.edited_at if at > now - timedelta(days=1)]
        month = [at for at in self.edited_at if at > now - timedelta(days=30)]
        if len(day) >= EDITS_A_DAY or len(month) >= EDITS_A_MONTH:
            free = day[0] + timedelta(days=1) if day else month[0] + timedelta(days=30)
            raise EditQuotaReached(f"This template may be edited again from {free:%Y-%m-%d %H:%M} UTC.")

    def require_deletable(self) -> None:
        """Raise TemplateNotDeletable."""
        if not self.standing.deletable:
            raise TemplateNotDeletable(f"A template that is {self.status} cannot be deleted.")

    def edited(self, now: datetime) -> "Template":
        """Note an edit: review begins anew, and for an approved template it counts against the quota."""
        recent: Sequence[datetime] = [at for at in self.edited_at if at > now - timedelta(days=30)]
        if self.status is Status.APPROVED:
            recent = [*recent, now]
        return replace(
            self,
            edited_at=tuple(recent),
            status=Status.PENDING,
            status_at=whole_second(now),
            reason=None,
            updated_at=now,
        )


def rank(status: Status) -> int:
    return _RANK[status]


_RANK = {status: i for i, status in enumerate(Status)}


def whole_second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _reason(news: News) -> str | None:
    return None if news.reason in (None, "", "NONE") else news.reason
