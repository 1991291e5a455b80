"""Drafting, launching, pausing, resuming and cancelling campaigns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.campaigns.checking import check_everyone
from tidings.application.campaigns.planning import Planner, addressed, ways_of
from tidings.application.campaigns.telling import keep, tell, tell_line
from tidings.application.ports.campaigns import Audience, Begin, Line, Templates, Work
from tidings.application.ports.common import NewId, Now, Signal
from tidings.domain.campaigns import (
    CAPPED,
    Act,
    AlreadyRetried,
    BadExperiment,
    Campaign,
    CampaignNotFound,
    Experiment,
    Fill,
    Guard,
    Missing,
    NobodyFailed,
    NoExperiment,
    NotApproved,
    Origin,
    Rollout,
    Schedule,
    State,
    Totals,
    WrongState,
    check_experiment,
    check_rollout,
    check_schedule,
    offshoot,
    totals,
)
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import (
    Actor,
    CampaignId,
    GroupId,
    Page,
    Permission,
    PhoneNumberId,
    TemplateId,
)

NUMBERS = 20
"""Numbers behind one campaign at most."""


class NewCampaign(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a campaign is made of."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Annotated[str, Meta(max_length=2000)] = ""
    template_id: TemplateId
    group_id: GroupId | None = None
    phone_number_id: PhoneNumberId | None = None
    parameters: dict[str, Fill] = {}
    missing: Missing = Missing.REFUSE
    in_their_language: bool = False
    rollout: Rollout | None = None
    guard: Guard | None = None
    phone_number_ids: Annotated[Sequence[PhoneNumberId], Meta(max_length=NUMBERS)] = ()
    """Several numbers share the sending; `phone_number_id` is then not given."""
    experiment: Experiment | None = None
    capped_retries: Annotated[int, Meta(ge=0, le=3)] = 0


class CampaignChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What to change of a draft; what is not mentioned stays."""

    name: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET
    template_id: TemplateId | UnsetType = UNSET
    group_id: GroupId | UnsetType | None = UNSET
    phone_number_id: PhoneNumberId | UnsetType | None = UNSET
    parameters: dict[str, Fill] | UnsetType = UNSET
    missing: Missing | UnsetType = UNSET
    in_their_language: bool | UnsetType = UNSET
    rollout: Rollout | UnsetType | None = UNSET
    guard: Guard | UnsetType | None = UNSET
    phone_number_ids: Annotated[Sequence[PhoneNumberId], Meta(max_length=NUMBERS)] | UnsetType = UNSET
    experiment: Experiment | UnsetType | None = UNSET
    capped_retries: Annotated[int, Meta(ge=0, le=3)] | UnsetType = UNSET


class Choice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The arm that won."""

    arm: str


class CampaignView(Campaign, frozen=True, kw_only=True, rename="camel"):
    """A campaign with how far it has come."""

    totals: Totals


_OURS = frozenset({"epoch", "told", "step", "settled_since"})
"""Fields that only the machinery knows."""
_DONE = {Act.PAUSE: "paused", Act.RESUME: "resumed", Act.CANCEL: "cancelled"}


@dataclass(frozen=True, slots=True)
class Campaigns:
    begin: Begin
    read: Begin
    audience: Audience
    templates: Templates
    line: Line
    planner: Planner
    signal: Signal
    now: Now
    new_id: NewId

    async def create(self, actor: Actor, new: NewCampaign) -> CampaignView:
        """Make a draft. Raise what `Templates.sendable` raises for a template that does not exist."""
        organization = actor.require(Permission.CAMPAIGNS_WRITE)
        check_rollout(new.rollout, new.guard)
        check_experiment(new.experiment, new.rollout)
        _check_numbers(new.phone_number_id, new.phone_number_ids)
        now = self.now()
        campaign = Campaign(
            id=CampaignId(self.new_id()),
            organization_id=organization,
            name=new.name,
            description=new.description,
            template_id=new.template_id,
            group_id=new.group_id,
            phone_number_id=new.phone_number_id,
            parameters=new.parameters,
            missing=new.missing,
            in_their_language=new.in_their_language,
            rollout=new.rollout,
            guard=new.guard,
            phone_number_ids=new.phone_number_ids,
            experiment=new.experiment,
            capped_retries=new.capped_retries,
            author_id=actor.user_id,
            created_at=now,
            updated_at=now,
        )
        async with self.begin(organization) as work:
            await work.campaigns.add(campaign)
            await note(
                work, actor, now, "campaign:created", campaign.id, difference(None, campaign, untold=_OURS)
            )
        return view(campaign, Totals())

    async def change(self, actor: Actor, id: CampaignId, change: CampaignChange) -> CampaignView:
        """Change a draft. Raise CampaignNotFound, WrongState."""
        organization = actor.require(Permission.CAMPAIGNS_WRITE)
        wanted = {
            name: value
            for name in CampaignChange.__struct_fields__
            if (value := getattr(change, name)) is not UNSET
        }
        async with self.begin(organization) as work:
            before = await work.campaigns.get(id)
            campaign = before.turn(Act.EDIT, self.now())
            # One number and several stand for each other, whichever was said, or chosen by a start, before.
            if "phone_number_ids" in wanted:
                wanted.setdefault("phone_number_id", None)
            elif wanted.get("phone_number_id") is not None:
                wanted["phone_number_ids"] = ()
            # Whoever changes it is its author, and what was approved was something else.
            unapproved = {"author_id": actor.user_id, "approved_by": None, "approved_at": None}
            campaign = replace(campaign, **wanted, **unapproved)
            check_rollout(campaign.rollout, campaign.guard)
            check_experiment(campaign.experiment, campaign.rollout)
            _check_numbers(campaign.phone_number_id, campaign.phone_number_ids)
            await work.campaigns.save(campaign)
            await self._note(work, actor, "changed", before, campaign)
        return view(campaign, Totals())

    async def remove(self, actor: Actor, id: CampaignId) -> None:
        """Delete a campaign that is not under way. Raise CampaignNotFound, WrongState."""
        organization = actor.require(Permission.CAMPAIGNS_WRITE)
        async with self.begin(organization) as work:
            campaign = await work.campaigns.get(id)
            campaign.turn(Act.DELETE, self.now())
            if campaign.state is State.CANCELLED and campaign.told < campaign.epoch:
                # Without the campaign nobody would stop its line any more.
                raise WrongState("The campaign is still being cancelled; delete it in a moment.")
            if campaign.origin.again and await self._parent_stands(work, campaign):
                # Forgotten, its successes would count as failed again, and be tried once more.
                raise WrongState("Delete the campaign that this one retries first.")
            for origin in (Origin.RETRY, Origin.CAPPED):
                retry = await work.campaigns.retry_of(id, origin)
                if retry is not None and (await work.campaigns.get(retry)).state is State.PLANNING:
                    raise WrongState("Its retry is still being planned from it; delete it in a moment.")
            await work.campaigns.remove(id)
            told = difference(campaign, None, untold=_OURS)
            await note(work, actor, self.now(), "campaign:removed", id, told)

    async def get(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Raise CampaignNotFound."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
            return view(campaign, totals(list(await work.recipients.tallies(id))))

    async def page(
        self,
        actor: Actor,
        *,
        state: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
        number: int | None = None,
    ) -> Page[Campaign]:
        """Newest first."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        if state is not None and state not in list(State):
            message = f"must be one of {', '.join(State)}"
            raise Invalid("", Fault(field="state", rule="choice", message=message))
        async with self.read(organization) as work:
            return await work.campaigns.page(state=state, cursor=cursor, limit=limit, number=number)

    async def launch(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Check that everyone can be reached with every value filled, then set out.

        From here on the audience is being frozen; whoever joins the group later is not part of it. Raise
        WrongState, BadParameters, CannotFill, NobodyToReach, or what stands in the way of the template or
        the number; then nothing has changed.
        """
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
        campaign.turn(Act.LAUNCH, self.now())
        await self._require_approval(campaign)
        campaign, ways = await addressed(self.templates, self.line, campaign)
        await check_everyone(self.audience, self.planner, campaign, ways)
        async with self.begin(organization) as work:
            current = await work.campaigns.get(id)
            if current.updated_at != campaign.updated_at:
                raise WrongState("The campaign was changed at the same moment; look at it and launch again.")
            campaign = replace(current.turn(Act.LAUNCH, self.now()), phone_number_id=campaign.phone_number_id)
            await keep(work, campaign)
            await self._note(work, actor, "launched", current, campaign)
        self.signal.wake()
        return view(campaign, Totals())

    async def schedule(self, actor: Actor, id: CampaignId, schedule: Schedule) -> CampaignView:
        """Start at a time of the wall clock. Raise BadSchedule, and what `launch` raises, at once."""
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        index, due = check_schedule(schedule, self.now())
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
        campaign.turn(Act.SCHEDULE, self.now())
        await self._require_approval(campaign)
        campaign, ways = await addressed(self.templates, self.line, campaign)
        await check_everyone(self.audience, self.planner, campaign, ways)
        async with self.begin(organization) as work:
            current = await work.campaigns.get(id)
            if current.updated_at != campaign.updated_at:
                raise WrongState("The campaign was changed at the same moment; look at it and try again.")
            campaign = replace(
                current.turn(Act.SCHEDULE, self.now()),
                phone_number_id=campaign.phone_number_id,
                schedule=schedule,
                due_at=due,
                starts=index,
            )
            await keep(work, campaign)
            await self._note(work, actor, "scheduled", current, campaign)
        self.signal.wake()
        return view(campaign, Totals())

    async def unschedule(self, actor: Actor, id: CampaignId) -> CampaignView:
        """A draft again. Raise CampaignNotFound, WrongState."""
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        async with self.begin(organization) as work:
            before = await work.campaigns.get(id)
            campaign = before.turn(Act.UNSCHEDULE, self.now())
            campaign = replace(campaign, schedule=None, due_at=None, starts=0)
            await keep(work, campaign)
            await self._note(work, actor, "unscheduled", before, campaign)
        return view(campaign, Totals())

    async def retry_failed(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Try those who failed once more, in a campaign of its own that names this one as its parent.

        Nobody who was reached is in it, and each failure is retried in one campaign only, whose own
        failures may be retried in turn. Raise WrongState before the end, NobodyFailed, AlreadyRetried.
        """
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        async with self.read(organization) as work:
            parent = await work.campaigns.get(id)
        await ways_of(self.templates, self.line, parent)
        now = self.now()
        async with self.begin(organization) as work:
            parent = await work.campaigns.get(id)
            if parent.state not in (State.COMPLETED, State.CANCELLED):
                raise WrongState("Only a campaign that has ended can be retried.")
            if await work.campaigns.retry_of(id) is not None:
                raise AlreadyRetried()
            # Those whom the cap kept out may have a campaign of their own already.
            capped = await work.campaigns.retry_of(id, Origin.CAPPED) is not None
            if not await work.recipients.failed(id, limit=1, but=CAPPED if capped else None):
                raise NobodyFailed()
            retry = offshoot(parent, CampaignId(self.new_id()), Origin.RETRY, now)
            await work.campaigns.add(retry)
            await tell(work, retry)
            told = difference(None, retry, untold=_OURS)
            await note(work, actor, now, "campaign:retried", id, told)
        self.signal.wake()
        return view(retry, Totals())

    async def pause(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Stop new calls at once; what is on its way finishes."""
        return await self._turn(actor, id, Act.PAUSE)

    async def resume(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Go on with exactly the rest. Raise what stands in the way of the template."""
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
        await ways_of(self.templates, self.line, campaign)
        return await self._turn(actor, id, Act.RESUME)

    async def choose_winner(self, actor: Actor, id: CampaignId, choice: Choice) -> CampaignView:
        """Give the rest of an experiment's people this arm. Raise WrongState, NoExperiment, BadExperiment."""
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        now = self.now()
        async with self.begin(organization) as work:
            before = await work.campaigns.get(id)
            if before.state not in (State.RUNNING, State.PAUSED):
                raise WrongState("Only a campaign under way has a winner.")
            experiment = before.experiment
            if experiment is None or not experiment.has_rest or before.winner is not None:
                raise NoExperiment()
            if experiment.arm(choice.arm) is None:
                names = ", ".join(arm.name for arm in experiment.arms)
                raise BadExperiment("", Fault(field="arm", rule="choice", message=f"must be one of {names}"))
            campaign = replace(before, winner=choice.arm, decided_at=now, updated_at=now)
            await work.campaigns.save(campaign)
            await self._note(work, actor, "decided", before, campaign)
            so_far = totals(list(await work.recipients.tallies(id)))
        self.signal.wake()
        return view(campaign, so_far)

    async def cancel(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Nothing more leaves, for good."""
        return await self._turn(actor, id, Act.CANCEL)

    async def _turn(self, actor: Actor, id: CampaignId, act: Act) -> CampaignView:
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        async with self.begin(organization) as work:
            before = await work.campaigns.get(id)
            campaign = before.turn(act, self.now())
            await keep(work, campaign)
            await self._note(work, actor, _DONE[act], before, campaign)
            so_far = totals(list(await work.recipients.tallies(id)))
        if act is Act.CANCEL:
            # Told only by the runner, once those who never stood in line are skipped too.
            await self.line.turn(campaign)
        else:
            await tell_line(self.begin, self.line, campaign)
        self.signal.wake()
        return view(campaign, so_far)

    async def _note(self, work: Work, by: Actor, did: str, before: Campaign, after: Campaign) -> None:
        told = difference(before, after, untold=_OURS)
        await note(work, by, self.now(), f"campaign:{did}", after.id, told)

    async def _require_approval(self, campaign: Campaign) -> None:
        async with self.read(campaign.organization_id) as work:
            if campaign.approved_at is None and await work.settings.needs_approval():
                raise NotApproved()

    async def _parent_stands(self, work: Work, campaign: Campaign) -> bool:
        if campaign.parent_id is None:
            return False
        try:
            await work.campaigns.get(campaign.parent_id)
        except CampaignNotFound:
            return False
        return True


def _check_numbers(one: PhoneNumberId | None, several: Sequence[PhoneNumberId]) -> None:
    """Raise Invalid."""
    if len(set(several)) != len(several):
        raise Invalid("", Fault(field="phoneNumberIds", rule="unique", message="names a number twice"))
    if several and one is not None and one not in several:
        message = "give either phoneNumberId or phoneNumberIds"
        raise Invalid("", Fault(field="phoneNumberIds", rule="one_of", message=message))


def view(campaign: Campaign, so_far: Totals) -> CampaignView:
    fields = {name: getattr(campaign, name) for name in Campaign.__struct_fields__}
    return CampaignView(**fields, totals=so_far)
