"""What became of everyone: recipients, totals by reason, and the whole chain for one person."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.campaigns.experimenting import Experimenting, ExperimentReport
from tidings.application.campaigns.live import LiveProgress, Moments
from tidings.application.ports.campaigns import Begin, Counted, HourCount, Line
from tidings.application.ports.common import Sleep, Tables
from tidings.domain.campaigns import (
    OPEN,
    Campaign,
    Cost,
    Kind,
    Outcome,
    RateCard,
    Recipient,
    State,
    Totals,
    cost,
    totals,
)
from tidings.domain.campaigns.advice import advice
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import (
    Actor,
    CampaignId,
    MessageId,
    OrganizationId,
    Page,
    Permission,
    masked_person,
    masked_phone,
)

FILES = ("csv", "xlsx")
COLUMNS = (
    "phone",
    "name",
    "country",
    "state",
    "reason",
    "code",
    "attempts",
    "wamid",
    "priced",
    "changedAt",
    "arm",
    "phoneNumberId",
)


class ReasonCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many recipients ended so, and why."""

    state: Outcome
    reason: str
    count: int
    advice: str = ""
    """What to do about it."""


class CountryCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of those in one country."""

    country: str
    state: Outcome
    count: int


class Report(Struct, frozen=True, kw_only=True, rename="camel"):
    """A campaign's account: the totals, what they are made of, and whether they equal a recount."""

    campaign: Campaign
    totals: Totals
    reasons: Sequence[ReasonCount]
    consistent: bool
    waiting: str
    """What the campaign waits for, if it does."""
    responses: Mapping[Kind, int]
    """How many replied, clicked, opted out, converted."""
    cost: Cost
    """Of what was delivered, by Meta's word on the price and the organisation's rates."""
    countries: Sequence[CountryCount]
    hours: Sequence[HourCount]
    """When recipients came to where they stand now."""
    experiment: ExperimentReport | None = None


class Explanation(Struct, frozen=True, kw_only=True, rename="camel"):
    """Why one person stands where they stand, step by step."""

    recipient: Recipient
    chain: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Reports:
    read: Begin
    line: Line
    experimenting: Experimenting
    tables: Tables
    sleep: Sleep
    moments: Moments | None = None
    """What is shared by all who watch; None: each looks alone."""
    hindered: Mapping[CampaignId, str] = field(default_factory=dict[CampaignId, str])
    """What does not answer a campaign that wants to go on."""

    async def report(self, actor: Actor, id: CampaignId) -> Report:
        """Raise CampaignNotFound."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
            tallies = list(await work.recipients.tallies(id))
            recount = list(await work.recipients.recount(id))
            counted = await work.recipients.by_country(id)
            hours = await work.recipients.by_hour(id)
            responses = await work.responses.counts(id)
            card = await work.settings.card()
            experiment = await self.experimenting.report(work, campaign)
        ordered = sorted(tallies, key=lambda tally: (list(Outcome).index(tally.state), -tally.count))
        return Report(
            campaign=campaign,
            totals=totals(tallies),
            reasons=[
                ReasonCount(
                    state=tally.state,
                    reason=tally.reason,
                    count=tally.count,
                    advice=advice(tally.reason),
                )
                for tally in ordered
                if tally.count
            ],
            consistent={t for t in tallies if t.count} == {t for t in recount if t.count},
            waiting=await self._waiting(campaign),
            responses=responses,
            cost=_real_cost(counted, card, campaign.launched_at or campaign.created_at),
            countries=_by_country(counted),
            hours=hours,
            experiment=experiment,
        )

    async def export(self, actor: Actor, id: CampaignId, kind: str = "csv") -> AsyncIterator[bytes]:
        """Everyone in the campaign as a file, in order of planning. Raise CampaignNotFound, Invalid."""
        if kind not in FILES:
            message = f"must be one of {', '.join(FILES)}"
            raise Invalid("", Fault(field="format", rule="choice", message=message))
        await self.recipients(actor, id, limit=1)
        return self.tables.write(kind, COLUMNS, self._rows(actor, id))

    async def _rows(self, actor: Actor, id: CampaignId) -> AsyncIterator[Sequence[Sequence[str]]]:
        cursor: str | None = None
        while True:
            page = await self.recipients(actor, id, cursor=cursor, limit=1000)
            yield [_cells(recipient) for recipient in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return

    async def recipients(
        self,
        actor: Actor,
        id: CampaignId,
        *,
        state: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Recipient]:
        """Everyone in the campaign, in order of planning. Raise CampaignNotFound, BadCursor."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        if state is not None and state not in list(Outcome):
            message = f"must be one of {', '.join(Outcome)}"
            raise Invalid("", Fault(field="state", rule="choice", message=message))
        wanted = None if state is None else Outcome(state)
        async with self.read(organization) as work:
            await work.campaigns.get(id)
            page = await work.recipients.page(id, state=wanted, cursor=cursor, limit=limit)
        return replace(page, items=[shown(actor, recipient) for recipient in page.items])

    async def explain(self, actor: Actor, id: CampaignId, recipient_id: MessageId) -> Explanation:
        """One person's chain, from the audience to what they did. Raise NoSuchRecipient."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
            recipient = await work.recipients.get(id, recipient_id)
            responses = await work.responses.of([recipient_id])
        chain = _beginning(campaign, recipient)
        chain += await self.line.explain(organization, recipient_id)
        if recipient.priced:
            price = f"{recipient.priced} {recipient.price_category}"
            chain.append(_step(recipient.changed_at, "priced", price))
        chain += [
            _step(each.at, each.kind.value.replace("_", " "), each.detail or None) for each in responses
        ]
        if recipient.state in OPEN and campaign.state not in (State.COMPLETED, State.CANCELLED):
            waits = await self._waiting(campaign) or recipient.reason or "its turn in line"
            chain.append(_step(recipient.changed_at, "waiting", waits))
        return Explanation(recipient=shown(actor, recipient), chain=chain)

    async def _waiting(self, campaign: Campaign) -> str:
        """What holds a campaign although nobody paused it."""
        match campaign.state:
            case State.SCHEDULED if campaign.due_at is not None:
                return f"its start at {campaign.due_at.isoformat()}"
            case State.PLANNING:
                why = self.hindered.get(campaign.id)
                return f"its audience to be frozen: {why}" if why else "its audience to be frozen"
            case State.PAUSED:
                return f"somebody to resume it: {campaign.reason}" if campaign.reason else "a resume"
            case State.RUNNING:
                held = await self.line.waiting(campaign)
                return held or _canary(campaign) or _undecided(campaign)
            case _:
                return ""

    async def watch(
        self, actor: Actor, id: CampaignId, *, every: float = 0.25
    ) -> AsyncIterator[LiveProgress]:
        """The campaign's progress until it ends, whenever it changed. Raise CampaignNotFound."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read(organization) as work:
            await work.campaigns.get(id)

        async def look() -> LiveProgress:
            return await self._moment(organization, id)

        last: LiveProgress | None = None
        while True:
            progress = await (look() if self.moments is None else self.moments.of(id, look))
            if progress != last:
                yield progress
                last = progress
            if progress.state in (State.COMPLETED, State.CANCELLED):
                return
            await self.sleep(every)

    async def _moment(self, organization: OrganizationId, id: CampaignId) -> LiveProgress:
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
            now = totals(list(await work.recipients.tallies(id)))
        waiting = await self._waiting(campaign)
        return LiveProgress(state=campaign.state, reason=campaign.reason, waiting=waiting, totals=now)


def shown(actor: Actor, recipient: Recipient) -> Recipient:
    """The recipient with number and person in part, for those who may not see numbers."""
    if actor.may(Permission.CONTACTS_REVEAL):
        return recipient
    phone = masked_phone(recipient.phone) or recipient.phone
    return replace(recipient, phone=phone, person=masked_person(recipient.person))


def _cells(recipient: Recipient) -> list[str]:
    return [
        recipient.phone,
        recipient.name,
        recipient.country,
        recipient.state.value,
        recipient.reason or "",
        str(recipient.code or ""),
        str(recipient.attempts),
        recipient.wamid or "",
        recipient.priced,
        recipient.changed_at.isoformat(),
        recipient.arm,
        recipient.phone_number_id or "",
    ]


def _canary(campaign: Campaign) -> str:
    rollout = campaign.rollout
    if rollout is None or campaign.step >= len(rollout.steps):
        return ""
    share, steps = rollout.steps[campaign.step], len(rollout.steps)
    return f"canary: step {campaign.step + 1} of {steps}, {share:.0%} of everyone"


def _undecided(campaign: Campaign) -> str:
    experiment = campaign.experiment
    if experiment is None or not experiment.has_rest or campaign.winner or campaign.origin.again:
        return ""
    if not experiment.by_itself:
        return "somebody to choose the experiment's winner"
    return "the experiment's sample to be settled and watched"


def _beginning(campaign: Campaign, recipient: Recipient) -> list[Mapping[str, str]]:
    """What was settled before the message stood in line."""
    chain: list[Mapping[str, str]] = []
    if campaign.launched_at is not None:
        whom = "everyone" if campaign.group_id is None else f"group or segment {campaign.group_id}"
        chain.append(_step(campaign.launched_at, "campaign launched", f"audience: {whom}"))
    at = campaign.planned_at or recipient.changed_at
    if recipient.state is Outcome.SKIPPED and not recipient.handed:
        said = advice(recipient.reason or "")
        chain.append(_step(recipient.changed_at, f"skipped: {recipient.reason or ''}", said or None))
        return chain
    values = ", ".join(f"{key} = {value}" for key, value in recipient.values.items())
    chain.append(_step(at, "planned", f"values: {values}" if values else None))
    if recipient.arm:
        chain.append(_step(at, f"experiment: arm {recipient.arm}"))
    return chain


def _step(at: datetime, what: str, detail: str | None = None) -> Mapping[str, str]:
    return {"at": at.isoformat(), "what": what, **({"detail": detail} if detail else {})}


def _by_country(counted: Sequence[Counted]) -> list[CountryCount]:
    found: Counter[tuple[str, Outcome]] = Counter()
    for each in counted:
        found[(each.country, each.state)] += each.count
    ordered = sorted(found.items(), key=lambda item: (item[0][0], list(Outcome).index(item[0][1])))
    return [CountryCount(country=country, state=state, count=count) for (country, state), count in ordered]


def _real_cost(counted: Sequence[Counted], card: RateCard | None, at: datetime) -> Cost:
    """What was delivered and has a price in Meta's words; what Meta called free costs nothing."""
    found: Counter[tuple[str, str, bool]] = Counter()
    for each in counted:
        if each.priced and each.state in (Outcome.DELIVERED, Outcome.READ):
            found[(each.country, each.category.upper(), each.priced == "regular")] += each.count
    return cost(card, found, at)
