"""What became of everyone: recipients, totals by reason, and the whole chain for one person."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from tidings.application.ports.campaigns import Begin, Line
from tidings.application.ports.common import Sleep
from tidings.domain.campaigns import Campaign, Outcome, Recipient, State, Totals, totals
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import Actor, CampaignId, MessageId, Page, Permission


class ReasonCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many recipients ended so, and why."""

    state: Outcome
    reason: str
    count: int


class Report(Struct, frozen=True, kw_only=True, rename="camel"):
    """A campaign's account: the totals, what they are made of, and whether they equal a recount."""

    campaign: Campaign
    totals: Totals
    reasons: Sequence[ReasonCount]
    consistent: bool


class Explanation(Struct, frozen=True, kw_only=True, rename="camel"):
    """Why one person stands where they stand, step by step."""

    recipient: Recipient
    chain: Sequence[Mapping[str, str]]


class LiveProgress(Struct, frozen=True, kw_only=True, rename="camel"):
    """A moment of a campaign under way."""

    state: State
    reason: str | None
    totals: Totals


@dataclass(frozen=True, slots=True)
class Reports:
    read: Begin
    line: Line
    sleep: Sleep

    async def report(self, actor: Actor, id: CampaignId) -> Report:
        """Raise CampaignNotFound."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
            tallies = list(await work.recipients.tallies(id))
            recount = list(await work.recipients.recount(id))
        ordered = sorted(tallies, key=lambda tally: (list(Outcome).index(tally.state), -tally.count))
        return Report(
            campaign=campaign,
            totals=totals(tallies),
            reasons=[
                ReasonCount(state=tally.state, reason=tally.reason, count=tally.count)
                for tally in ordered
                if tally.count
            ],
            consistent={t for t in tallies if t.count} == {t for t in recount if t.count},
        )

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
            return await work.recipients.page(id, state=wanted, cursor=cursor, limit=limit)

    async def explain(self, actor: Actor, id: CampaignId, recipient_id: MessageId) -> Explanation:
        """One person's chain, from planning to the last word of Meta. Raise NoSuchRecipient."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
            recipient = await work.recipients.get(id, recipient_id)
        chain: list[Mapping[str, str]] = []
        if campaign.launched_at is not None:
            chain.append({"at": campaign.launched_at.isoformat(), "what": "campaign launched"})
        if recipient.state is Outcome.SKIPPED and not recipient.handed:
            at, what = recipient.changed_at, f"skipped: {recipient.reason or ''}"
        else:
            at, what = campaign.planned_at or recipient.changed_at, "planned"
        chain.append({"at": at.isoformat(), "what": what})
        chain += await self.line.explain(organization, recipient_id)
        return Explanation(recipient=recipient, chain=chain)

    async def watch(
        self, actor: Actor, id: CampaignId, *, every: float = 0.25
    ) -> AsyncIterator[LiveProgress]:
        """The campaign's progress until it ends, whenever it changed. Raise CampaignNotFound."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        last: LiveProgress | None = None
        while True:
            async with self.read(organization) as work:
                campaign = await work.campaigns.get(id)
                now = totals(list(await work.recipients.tallies(id)))
            progress = LiveProgress(state=campaign.state, reason=campaign.reason, totals=now)
            if progress != last:
                yield progress
                last = progress
            if campaign.state in (State.COMPLETED, State.CANCELLED):
                return
            await self.sleep(every)
