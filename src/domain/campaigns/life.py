"""A campaign and its life: what may be done to it, and where that leads."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from tidings.domain.campaigns.experiments import REST, Experiment
from tidings.domain.campaigns.filling import Fill, Missing
from tidings.domain.campaigns.guarding import Guard, Rollout
from tidings.domain.campaigns.scheduling import Schedule
from tidings.domain.errors import Conflict, NotFound
from tidings.domain.kernel import CampaignId, GroupId, OrganizationId, PhoneNumberId, TemplateId, UserId

CAPPED = 131049
"""Meta's code for who gets no more marketing for now (fact sheet 7.5)."""
CAPPED_REST = timedelta(hours=25)
"""Before those whom the cap kept out are tried again; Meta asks for a day."""


class CampaignNotFound(NotFound):
    """There is no such campaign."""


class WrongState(Conflict):
    """The campaign's state does not allow this."""


class NobodyToReach(Conflict):
    """The audience is empty."""


class NotApproved(Conflict):
    """A second person must approve this campaign before it starts."""


class OwnApproval(Conflict):
    """Somebody else than who wrote the campaign must approve it."""


class NobodyFailed(Conflict):
    """Nobody failed, so there is nobody to try again."""


class AlreadyRetried(Conflict):
    """Those who failed were tried again already; retry that campaign instead."""


class State(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    """Waits for its time; a recurring one makes a campaign of its own for each start."""
    PLANNING = "planning"
    """The audience is being frozen; nothing has left."""
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Act(StrEnum):
    """What can be done to a campaign."""

    EDIT = "edit"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    LAUNCH = "launch"
    PLANNED = "planned"
    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"
    CANCEL = "cancel"
    REOPEN = "reopen"
    """A late refusal put somebody back in line after the end."""
    DELETE = "delete"


LIFE: dict[State, dict[Act, State]] = {
    State.DRAFT: {
        Act.EDIT: State.DRAFT,
        Act.SCHEDULE: State.SCHEDULED,
        Act.LAUNCH: State.PLANNING,
        Act.DELETE: State.DRAFT,
    },
    State.SCHEDULED: {
        Act.SCHEDULE: State.SCHEDULED,
        Act.UNSCHEDULE: State.DRAFT,
        Act.LAUNCH: State.PLANNING,
        Act.COMPLETE: State.COMPLETED,
        Act.CANCEL: State.CANCELLED,
    },
    State.PLANNING: {Act.PLANNED: State.RUNNING, Act.PAUSE: State.PAUSED, Act.CANCEL: State.CANCELLED},
    State.RUNNING: {Act.PAUSE: State.PAUSED, Act.COMPLETE: State.COMPLETED, Act.CANCEL: State.CANCELLED},
    State.PAUSED: {Act.RESUME: State.RUNNING, Act.CANCEL: State.CANCELLED},
    State.COMPLETED: {Act.DELETE: State.COMPLETED, Act.REOPEN: State.RUNNING},
    State.CANCELLED: {Act.DELETE: State.CANCELLED},
}
"""A campaign's life. RESUME leads back to PLANNING when the audience was not yet frozen."""


class Origin(StrEnum):
    """Whom a campaign is for."""

    SEND = "send"
    """Its group, or everyone."""
    OCCURRENCE = "occurrence"
    """One start of the recurring campaign that is its parent."""
    RETRY = "retry"
    """Those of its parent who failed, with the values frozen then."""
    CAPPED = "capped"
    """Those of its parent whom Meta's cap for one person kept out, a day later (fact sheet 7.5, 131049)."""

    @property
    def again(self) -> bool:
        """Whether it is for people whom its parent did not reach."""
        return self in (Origin.RETRY, Origin.CAPPED)


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
    """The number to send from; chosen at launch when the template's account has only one."""
    phone_number_ids: Sequence[PhoneNumberId] = ()
    """Numbers that share the sending; everybody hears from one of them alone."""
    parameters: dict[str, Fill] = field(default_factory=dict[str, Fill])
    """For each slot of the template (`body.1`, `header.shop`, `button.0`) where its value comes from."""
    missing: Missing = Missing.REFUSE
    in_their_language: bool = False
    """Whether people get the template's approved translation that is nearest to the language they read."""
    rollout: Rollout | None = None
    guard: Guard | None = None
    experiment: Experiment | None = None
    winner: str | None = None
    """The arm that the rest of an experiment's people get."""
    decided_at: datetime | None = None
    capped_retries: int = 0
    """How often those whom Meta's cap for one person kept out are tried again, each time a day later."""
    step: int = 0
    """Of the canary, counted from 0; beyond its last, everyone follows."""
    settled_since: datetime | None = None
    """Since when everybody of this step is settled."""
    author_id: UserId | None = None
    """Who changed it last."""
    approved_by: UserId | None = None
    approved_at: datetime | None = None
    origin: Origin = Origin.SEND
    parent_id: CampaignId | None = None
    """The campaign that this one repeats or retries."""
    schedule: Schedule | None = None
    due_at: datetime | None = None
    """The next start."""
    starts: int = 0
    """The number of that start, counted from 0."""
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

    @property
    def numbers(self) -> Sequence[PhoneNumberId]:
        """Every number that it sends from; none before one is chosen."""
        if self.phone_number_ids:
            return self.phone_number_ids
        return [] if self.phone_number_id is None else [self.phone_number_id]

    @property
    def templates(self) -> set[TemplateId]:
        """Every template that people may get."""
        arms = () if self.experiment is None else self.experiment.arms
        return {self.template_id, *(arm.template_id for arm in arms if arm.template_id is not None)}

    def opened(self, at: datetime) -> Sequence[str]:
        """The arms whose people may be written to now; without an experiment everybody is of no arm."""
        if self.experiment is None:
            return ("",)
        if self.origin.again or self.launched_at is None:
            return [*(arm.name for arm in self.experiment.arms), REST]
        return self.experiment.opened(at - self.launched_at, self.winner)

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
            finished_at=_finished(act, at, self.finished_at),
        )


def _finished(act: Act, at: datetime, before: datetime | None) -> datetime | None:
    if act is Act.REOPEN:
        return None
    return at if act in (Act.COMPLETE, Act.CANCEL) else before


def offshoot(parent: Campaign, id: CampaignId, origin: Origin, at: datetime) -> Campaign:
    """A campaign that came of another, on its way at once."""
    name = f"{parent.name[:180]} ({'retry' if origin.again else f'no. {parent.starts + 1}'})"
    return Campaign(
        id=id,
        organization_id=parent.organization_id,
        name=name,
        description=parent.description,
        template_id=parent.template_id,
        group_id=parent.group_id,
        phone_number_id=parent.phone_number_id,
        parameters=parent.parameters,
        missing=parent.missing,
        in_their_language=parent.in_their_language,
        phone_number_ids=parent.phone_number_ids,
        rollout=parent.rollout if origin is Origin.OCCURRENCE else None,
        guard=parent.guard,
        experiment=parent.experiment,
        winner=parent.winner if origin.again else None,
        capped_retries=max(parent.capped_retries - (origin is Origin.CAPPED), 0),
        author_id=parent.author_id,
        approved_by=parent.approved_by,
        approved_at=parent.approved_at,
        origin=origin,
        parent_id=parent.id,
        created_at=at,
        updated_at=at,
    ).turn(Act.LAUNCH, at)
