"""Campaigns: one approved template, sent once to each of many people, everyone accounted for."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from tidings.domain.errors import Conflict, Fault, Invalid, NotFound
from tidings.domain.kernel import (
    CampaignId,
    ContactId,
    GroupId,
    MessageId,
    OrganizationId,
    PersonKey,
    Phone,
    PhoneNumberId,
    TemplateId,
    Wamid,
)


class CampaignNotFound(NotFound):
    """There is no such campaign."""


class NoSuchRecipient(NotFound):
    """The campaign has no such recipient."""


class WrongState(Conflict):
    """The campaign's state does not allow this."""


class NobodyToReach(Conflict):
    """The audience is empty."""


class CannotFill(Invalid):
    """Some people lack a value that the template needs; nothing was sent."""


class State(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    PLANNING = "planning"
    """The audience is being frozen; nothing has left."""
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Act(StrEnum):
    """What can be done to a campaign."""

    EDIT = "edit"
    LAUNCH = "launch"
    PLANNED = "planned"
    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"
    CANCEL = "cancel"
    DELETE = "delete"


LIFE: dict[State, dict[Act, State]] = {
    State.DRAFT: {Act.EDIT: State.DRAFT, Act.LAUNCH: State.PLANNING, Act.DELETE: State.DRAFT},
    State.PLANNING: {Act.PLANNED: State.RUNNING, Act.PAUSE: State.PAUSED, Act.CANCEL: State.CANCELLED},
    State.RUNNING: {Act.PAUSE: State.PAUSED, Act.COMPLETE: State.COMPLETED, Act.CANCEL: State.CANCELLED},
    State.PAUSED: {Act.RESUME: State.RUNNING, Act.CANCEL: State.CANCELLED},
    State.COMPLETED: {Act.DELETE: State.COMPLETED},
    State.CANCELLED: {Act.DELETE: State.CANCELLED},
}
"""A campaign's life. RESUME leads back to PLANNING when the audience was not yet frozen."""


class Fill(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True):
    """Where a template's value comes from: a field of the contact, or a fixed text, and what stands in."""

    field: str | None = None
    text: str | None = None
    fallback: str | None = None

    def value(self, fields: Mapping[str, str]) -> str | None:
        """The value for a person with these fields; None when there is none."""
        if self.text is not None:
            return self.text
        return (fields.get(self.field, "").strip() if self.field else "") or self.fallback


class Missing(StrEnum):
    """What to do about people who lack a value."""

    REFUSE = "refuse"
    """Launch nothing."""
    SKIP = "skip"
    """Leave them out, with the reason."""


class Campaign(Struct, frozen=True, kw_only=True, rename="camel"):
    """A campaign of an organisation."""

    id: CampaignId
    organization_id: OrganizationId
    name: str
    description: str = ""
    template_id: TemplateId
    group_id: GroupId | None = None
    """The audience: this group, or every contact."""
    phone_number_id: PhoneNumberId | None = None
    """The number to send from; chosen at launch when the organisation has only one."""
    parameters: dict[str, Fill] = field(default_factory=dict[str, Fill])
    """For each slot of the template (`body.1`, `header.shop`, `button.0`) where its value comes from."""
    missing: Missing = Missing.REFUSE
    state: State = State.DRAFT
    reason: str | None = None
    epoch: int = 0
    """Grows with every turn; the number's line obeys the newest."""
    told: int = 0
    """The epoch that the line has confirmed; below `epoch`, it is still to be told."""
    created_at: datetime
    updated_at: datetime
    launched_at: datetime | None = None
    planned_at: datetime | None = None
    """When the audience was frozen."""
    finished_at: datetime | None = None

    def may(self, act: Act) -> bool:
        return act in LIFE[self.state]

    def turn(self, act: Act, at: datetime, reason: str | None = None) -> "Campaign":
        """Do it. Raise WrongState."""
        if not self.may(act):
            raise WrongState(f"A campaign that is {self.state.value} cannot be changed by: {act.value}.")
        state = LIFE[self.state][act]
        if act is Act.RESUME and self.planned_at is None:
            state = State.PLANNING
        return replace(
            self,
            state=state,
            epoch=self.epoch + 1,
            reason=reason,
            updated_at=at,
            launched_at=at if act is Act.LAUNCH else self.launched_at,
            planned_at=at if act is Act.PLANNED else self.planned_at,
            finished_at=at if act in (Act.COMPLETE, Act.CANCEL) else self.finished_at,
        )


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


def check_parameters(
    required: Mapping[str, str], optional: Mapping[str, str], parameters: Mapping[str, Fill]
) -> tuple[Fault, ...]:
    """What is wrong with where values come from, for a template with these slots (key → what it is)."""
    faults = [
        Fault(field=f"parameters.{key}", rule="required", message=f"the template needs a value for {what}")
        for key, what in required.items()
        if key not in parameters
    ]
    faults += [
        Fault(field=f"parameters.{key}", rule="unknown", message="the template has no such parameter")
        for key in parameters
        if key not in required and key not in optional
    ]
    faults += [
        Fault(field=f"parameters.{key}", rule="one_of", message="give either field or text")
        for key, fill in parameters.items()
        if (fill.field is None) == (fill.text is None)
    ]
    return tuple(faults)


def fill(parameters: Mapping[str, Fill], fields: Mapping[str, str]) -> dict[str, str]:
    """The values for a person with these fields; slots for which there is none are absent."""
    return {key: value for key, source in parameters.items() if (value := source.value(fields))}
