"""Before a campaign starts: what it would do, what it costs, when it ends; a trial; a second pair of eyes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Raw, Struct
from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.campaigns.planning import Planner, Ways, addressed, by_way
from tidings.application.campaigns.reporting import shown
from tidings.application.ports.campaigns import (
    Audience,
    Begin,
    Capacity,
    Line,
    Outlook,
    Person,
    SendableTemplate,
    Templates,
)
from tidings.application.ports.common import Now
from tidings.domain.campaigns import (
    Act,
    Campaign,
    Cost,
    NobodyToReach,
    Outcome,
    OwnApproval,
    RateCard,
    Recipient,
    State,
    WrongState,
    charged,
    check_card,
    cost,
)
from tidings.domain.campaigns.forecasting import Pipe, Portion, finish, with_rollout
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import (
    Actor,
    CampaignId,
    ContactId,
    MessageId,
    Page,
    Permission,
    PersonKey,
    Phone,
)

PAGE = 1000
TRIAL = 10
"""People who may get a trial at once."""


class NobodySuch(Invalid):
    """Some of these people are not among the contacts."""


class Trial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Who tries a campaign first."""

    contact_ids: Annotated[Sequence[ContactId], Meta(min_length=1, max_length=TRIAL)]


class Why(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many people, and for what reason."""

    reason: str
    count: int


class Forecast(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a campaign would do if it were launched now and nothing changed."""

    at: datetime
    people: int
    """Everyone in the audience."""
    reachable: int
    """Those who would get a message, at once or after a wait."""
    skipped: Sequence[Why]
    waits: Sequence[Why]
    cost: Cost
    number: Capacity
    """The one it sends from; of several, the first."""
    numbers: Sequence[Capacity]
    seconds: float
    """From launch to the last message."""
    finishes_at: datetime


class Verdict(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What would become of one person."""

    contact_id: ContactId
    name: str
    phone: Phone
    verdict: str
    """`send`, `wait` or `skip`."""
    reason: str = ""
    due: datetime | None = None
    payload: Raw | None = None
    """The message, as it would be handed to Meta."""


class Approval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Whether a second person must approve each campaign."""

    needed: bool


@dataclass(frozen=True, slots=True)
class Rehearsal:
    begin: Begin
    read: Begin
    audience: Audience
    templates: Templates
    line: Line
    planner: Planner
    now: Now

    async def forecast(self, actor: Actor, id: CampaignId) -> Forecast:
        """The whole audience by the same path as planning and sending, without a call.

        Raise CampaignNotFound, WrongState once it was launched, or what stands in the way of a launch.
        """
        campaign, ways, card = await self._before(actor, id)
        numbers = [await self.line.capacity(campaign.organization_id, each) for each in ways.numbers]
        now, after = self.now(), None
        taken: set[PersonKey] = set()
        skipped: Counter[str] = Counter()
        waits: Counter[str] = Counter()
        costs: Counter[tuple[str, str, bool]] = Counter()
        portions: Counter[tuple[datetime, bool]] = Counter()
        people = 0
        while page := await self.audience.page(
            campaign.organization_id, campaign.group_id, after=after, limit=PAGE
        ):
            after, people = page[-1].contact_id, people + len(page)
            for recipient, outlook in await self._judged(campaign, ways, page, taken):
                if outlook is None or outlook.never:
                    skipped[(outlook.why if outlook else recipient.reason) or ""] += 1
                    continue
                if outlook.due > now:
                    waits[outlook.why] += 1
                category = ways.told(recipient.arm, campaign.winner).category
                due = max(outlook.due, now + _opens(campaign, recipient.arm))
                minute = due.replace(second=0, microsecond=0)
                portions[(max(minute, now), outlook.counted)] += 1
                paid = charged(category, due, in_window=outlook.in_window)
                costs[(recipient.country, category, paid)] += 1
        if not people:
            raise NobodyToReach()
        done = _finish(portions, numbers, campaign, now)
        return Forecast(
            at=now,
            people=people,
            reachable=sum(portions.values()),
            skipped=_why(skipped),
            waits=_why(waits),
            cost=cost(card, costs, now),
            number=numbers[0],
            numbers=numbers,
            seconds=(done - now).total_seconds(),
            finishes_at=done,
        )

    async def dry_run(
        self, actor: Actor, id: CampaignId, *, after: ContactId | None = None, limit: int = 50
    ) -> Page[Verdict]:
        """Person by person: what each would get, and when, or why not. Raise as `forecast`."""
        campaign, ways, _ = await self._before(actor, id)
        page = await self.audience.page(campaign.organization_id, campaign.group_id, after=after, limit=limit)
        judged = await self._judged(campaign, ways, page, set())
        now = self.now()
        verdicts = [
            self._verdict(ways.told(recipient.arm, None), shown(actor, recipient), outlook, now)
            for recipient, outlook in judged
        ]
        more = len(page) == limit
        return Page(items=verdicts, next_cursor=str(page[-1].contact_id) if more else None)

    async def try_out(self, actor: Actor, id: CampaignId, trial: Trial) -> Sequence[Recipient]:
        """Send the campaign's message to some contacts now; it counts for nothing and nobody.

        Raise CampaignNotFound, NobodySuch, what a launch raises for the template and the number.
        """
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
        # In the campaign's own words: whoever tries it is of no arm.
        campaign, ways = await addressed(self.templates, self.line, replace(campaign, experiment=None))
        people = await self.audience.people(organization, trial.contact_ids)
        if missing := set(trial.contact_ids) - {person.contact_id for person in people}:
            faults = [
                Fault(field="contactIds", rule="exists", message=f"{id} is not among the contacts")
                for id in sorted(missing)
            ]
            raise NobodySuch("", *faults)
        recipients = self.planner.recipients(campaign, ways, people, set())
        pending = [each for each in recipients if each.state is Outcome.PENDING]
        for sent_by, words, some in by_way(campaign, ways, pending):
            await self.line.try_out(sent_by, words, await self.planner.with_files(sent_by, words, some))
        async with self.begin(organization) as work:
            await note(work, actor, self.now(), "campaign:tried_out", id, difference(None, trial))
        return [shown(actor, recipient) for recipient in recipients]

    async def approve(self, actor: Actor, id: CampaignId) -> Campaign:
        """Let it start: what was approved is what stands there now. Raise WrongState, OwnApproval."""
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        now = self.now()
        async with self.begin(organization) as work:
            campaign = await work.campaigns.get(id)
            if campaign.state is not State.DRAFT:
                raise WrongState("Only a draft can be approved.")
            if campaign.author_id == actor.user_id:
                raise OwnApproval()
            before = campaign
            campaign = replace(campaign, approved_by=actor.user_id, approved_at=now, updated_at=now)
            await work.campaigns.save(campaign)
            await note(work, actor, now, "campaign:approved", id, difference(before, campaign))
        return campaign

    async def approval(self, actor: Actor) -> Approval:
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read(organization) as work:
            return Approval(needed=await work.settings.needs_approval())

    async def set_approval(self, actor: Actor, wish: Approval) -> Approval:
        """Whether campaigns need a second person from now on."""
        organization = actor.require(Permission.ORGANIZATION_WRITE)
        async with self.begin(organization) as work:
            before = Approval(needed=await work.settings.needs_approval())
            await work.settings.put_approval(wish.needed)
            told = difference(before, wish)
            await note(work, actor, self.now(), "campaign_approval:set", organization, told)
        return wish

    async def card(self, actor: Actor) -> RateCard | None:
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read(organization) as work:
            return await work.settings.card()

    async def put_card(self, actor: Actor, card: RateCard) -> RateCard:
        """Replace all rates. Raise BadRates."""
        organization = actor.require(Permission.CAMPAIGNS_WRITE)
        check_card(card)
        async with self.begin(organization) as work:
            before = await work.settings.card()
            await work.settings.put_card(card)
            await note(work, actor, self.now(), "prices:set", organization, difference(before, card))
        return card

    async def _before(self, actor: Actor, id: CampaignId) -> tuple[Campaign, Ways, RateCard | None]:
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
            card = await work.settings.card()
        if not campaign.may(Act.LAUNCH):
            raise WrongState("Only a campaign that has not started can be forecast.")
        return *await addressed(self.templates, self.line, campaign), card

    async def _judged(
        self,
        campaign: Campaign,
        ways: Ways,
        people: Sequence[Person],
        taken: set[PersonKey],
    ) -> list[tuple[Recipient, Outlook | None]]:
        """Everyone with what planning makes of them and, unless it skips them, what the sender says."""
        known = set(taken)
        recipients = self.planner.recipients(campaign, ways, people, known)
        taken |= known
        named = {person.contact_id: person for person in people}
        pending = [each for each in recipients if each.state is Outcome.PENDING]
        outlooks: dict[MessageId, Outlook] = {}
        for sent_by, words, some in by_way(campaign, ways, pending):
            theirs = [named[each.contact_id] for each in some]
            asked = await self.line.outlook(sent_by, words, theirs)
            outlooks |= {each.id: outlook for each, outlook in zip(some, asked, strict=True)}
        return [(each, outlooks.get(each.id)) for each in recipients]

    def _verdict(
        self, template: SendableTemplate, recipient: Recipient, outlook: Outlook | None, now: datetime
    ) -> Verdict:
        never = outlook is None or outlook.never
        waits = outlook is not None and not never and outlook.due > now
        said = self.templates.for_reader(template, recipient.language)
        return Verdict(
            contact_id=recipient.contact_id,
            name=recipient.name,
            phone=recipient.phone,
            verdict="skip" if never else "wait" if waits else "send",
            reason=(recipient.reason or "") if outlook is None else outlook.why,
            due=outlook.due if outlook is not None and waits else None,
            payload=None if never else self.templates.filled(said, recipient.values),
        )


def _opens(campaign: Campaign, arm: str) -> timedelta:
    """How long after the launch people of an arm may be written to at the earliest."""
    experiment = campaign.experiment
    if experiment is None:
        return timedelta()
    if found := experiment.arm(arm):
        return timedelta(seconds=found.delay)
    return timedelta(seconds=max(each.delay for each in experiment.arms) + experiment.decide_after)


def _finish(
    portions: Counter[tuple[datetime, bool]], numbers: Sequence[Capacity], campaign: Campaign, now: datetime
) -> datetime:
    """Several numbers send side by side, and share one messaging limit and the organisation's quotas."""
    due = sorted({at for at, _ in portions})
    limits = [number.limit for number in numbers if number.limit is not None]
    pipe = Pipe(
        per_second=float(sum(number.per_second for number in numbers)),
        limit=min(limits, default=None),
        used=numbers[0].used,
        budgets=numbers[0].budgets,
    )
    flow = [Portion(due=at, new=portions[(at, False)], known=portions[(at, True)]) for at in due]
    return with_rollout(finish(flow, pipe, now), campaign.rollout)


def _why(counted: Counter[str]) -> list[Why]:
    return [Why(reason=reason, count=count) for reason, count in counted.most_common()]
