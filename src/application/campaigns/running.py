"""Running campaigns: freeze the audience, hand people over, hear what became of them.

Every step is a transaction that can be repeated: planning notes how far it came in the transaction that
adds recipients, handing over is idempotent at the other side, and news is taken over by its version. So a
process may die between any two of them, and another goes on.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from tidings.application.campaigns.experimenting import Experimenting
from tidings.application.campaigns.planning import Draft, Planner, Ways, by_way, ways_of
from tidings.application.campaigns.telling import keep, tell, tell_line
from tidings.application.campaigns.watching import Watch
from tidings.application.ports.campaigns import (
    ActiveCampaigns,
    Audience,
    Begin,
    Line,
    Person,
    Progress,
    Templates,
    Work,
)
from tidings.application.ports.common import NewId, Now, Signal
from tidings.domain.campaigns import (
    CAPPED,
    CAPPED_REST,
    Act,
    Campaign,
    CampaignNotFound,
    Missed,
    Origin,
    Outcome,
    Repeat,
    Schedule,
    State,
    offshoot,
    totals,
)
from tidings.domain.errors import Conflict, Invalid, NotFound, Unavailable
from tidings.domain.events import MessagesMoved, Move, RunHalted, TemplateStatusChanged
from tidings.domain.kernel import CampaignId, ContactId, OrganizationId

PAGE = 1000
"""People handed over in one transaction."""
PLANNED = 2000
"""People planned in one transaction."""
REST = 0.25
"""Seconds between two looks when there was nothing to do."""
AHEAD = 10_000
"""Recipients of a campaign in line at most, so that pause and cancel bite at once."""
OPEN = frozenset({Outcome.PENDING, Outcome.SENDING})
KNOWN = 10_000
"""Campaigns of which it is remembered whose they are."""
GROUP = "campaigns"
"""The consumer group of this context."""


@dataclass(frozen=True, slots=True)
class Runner:
    """The loop that moves campaigns on, and the ear for what whatsapp tells."""

    begin: Begin
    read: Begin
    active: ActiveCampaigns
    audience: Audience
    templates: Templates
    line: Line
    planner: Planner
    watch: Watch
    experimenting: Experimenting
    signal: Signal
    now: Now
    new_id: NewId
    ahead: dict[CampaignId, Draft] = field(default_factory=dict[CampaignId, Draft])
    """The page that follows what is planned of a campaign."""
    known: set[tuple[OrganizationId, CampaignId]] = field(
        default_factory=set[tuple[OrganizationId, CampaignId]]
    )
    """Whose campaigns are."""
    hindered: dict[CampaignId, str] = field(default_factory=dict[CampaignId, str])
    """What a campaign could not go on for at its last turn: something that did not answer."""

    async def run(self, stop: asyncio.Event) -> None:
        """Move campaigns on until `stop`. Safe to run in any number of processes."""
        while not stop.is_set():
            try:
                busy = await self.step()
            except Unavailable:
                busy = False
            if not busy:
                # News comes many times a second while messages leave; this often keeps the line full.
                await asyncio.sleep(REST)
            if not stop.is_set():
                await self.signal.wait(0.02 if busy else 0.5)

    async def step(self) -> bool:
        """One page of work for each unfinished campaign; whether there may be more at once.

        One that cannot go on holds up no other; what stopped it is raised when all had their turn.
        """
        busy = False
        stopped: list[Exception] = []
        for campaign in await self.active.due(self.now()):
            await self._start(campaign)
        unfinished = await self.active.unfinished()
        for known in (self.ahead, self.hindered):
            for id in known.keys() - {campaign.id for campaign in unfinished}:
                del known[id]
        for campaign in unfinished:
            try:
                busy |= await self._move_on(campaign)
                self.hindered.pop(campaign.id, None)
            except Exception as error:
                if isinstance(error, Unavailable):
                    self.hindered[campaign.id] = str(error)
                error.add_note(f"organization_id={campaign.organization_id}")
                error.add_note(f"campaign_id={campaign.id}")
                stopped.append(error)
        bugs = [error for error in stopped if not isinstance(error, Unavailable)]
        for error in bugs or stopped:
            raise error
        return busy

    async def _move_on(self, campaign: Campaign) -> bool:
        match campaign.state:
            case State.PLANNING:
                return await self._plan(campaign)
            case State.CANCELLED:
                return await self._wind_up(campaign)
            case State.RUNNING if campaign.told == campaign.epoch:
                return await self._hand_over(campaign)
            case _:
                await tell_line(self.begin, self.line, campaign)
                return True

    async def _plan(self, campaign: Campaign) -> bool:
        """Freeze one page of the audience."""
        async with self.read(campaign.organization_id) as work:
            progress = await work.recipients.progress(campaign.id)
        try:
            ways = await ways_of(self.templates, self.line, campaign)
            draft = self.ahead.pop(campaign.id, None)
            if draft is None or (draft.campaign, draft.ways, draft.place) != (campaign, ways, progress):
                draft = await self._draft(campaign, ways, progress)
        except (NotFound, Conflict) as refused:
            await self._pause(campaign, str(refused))
            return False
        if not draft.people:
            return await self._planned(campaign)
        done = Progress(after=draft.people[-1].contact_id)
        # The next page is read and drawn up while this one is written: of either, half the time is waiting.
        frozen, following = await asyncio.gather(
            self._freeze(draft, done), self._draft(campaign, ways, done), return_exceptions=True
        )
        if isinstance(frozen, BaseException):
            raise frozen
        if not isinstance(following, BaseException):
            self.ahead[campaign.id] = following
        elif not isinstance(following, Exception):
            raise following
        # A page that could not be read ahead is read when its turn comes.
        return True

    async def _draft(self, campaign: Campaign, ways: Ways, place: Progress) -> Draft:
        """The people who come next, as recipients if nobody of them is in the campaign yet."""
        people = await self._people(campaign, place.after)
        recipients = self.planner.recipients(campaign, ways, people, set())
        return Draft(campaign=campaign, ways=ways, place=place, people=people, recipients=recipients)

    async def _freeze(self, draft: Draft, done: Progress) -> None:
        campaign, recipients = draft.campaign, draft.recipients
        async with self.begin(campaign.organization_id) as work:
            current = await work.campaigns.get(campaign.id)
            if current.state is not State.PLANNING:
                return
            if await work.recipients.progress(campaign.id) != draft.place:
                return
            taken = await work.recipients.taken(campaign.id, [person.person for person in draft.people])
            if taken:
                recipients = self.planner.recipients(campaign, draft.ways, draft.people, set(taken))
            await work.recipients.plan(campaign.id, recipients, done)

    async def _start(self, campaign: Campaign) -> None:
        """A scheduled campaign whose time has come; who is refused now, pauses with the reason later."""
        now = self.now()
        async with self.begin(campaign.organization_id) as work:
            current = await work.campaigns.get(campaign.id)
            if current.state is State.COMPLETED and current.due_at is not None and current.due_at <= now:
                await self._retry_capped(work, current)
                return
            schedule, due = current.schedule, current.due_at
            if current.state is not State.SCHEDULED or schedule is None or due is None or due > now:
                return
            missed = schedule.is_missed(due, now)
            if missed and schedule.missed is Missed.EXPIRE:
                await keep(work, current.turn(Act.CANCEL, now, "its start was missed"))
                return
            starting = not missed or schedule.missed is Missed.RUN
            if schedule.repeat is Repeat.ONCE:
                if starting:
                    await keep(work, replace(current.turn(Act.LAUNCH, now), due_at=None))
                else:
                    back = current.turn(Act.UNSCHEDULE, now, "its start was missed")
                    await keep(work, replace(back, schedule=None, due_at=None, starts=0))
                return
            if starting:
                occurrence = offshoot(current, CampaignId(self.new_id()), Origin.OCCURRENCE, now)
                await work.campaigns.add(occurrence)
                await tell(work, occurrence)
            await work.campaigns.save(_awaiting_next(current, schedule, now))

    async def _retry_capped(self, work: Work, campaign: Campaign) -> None:
        """A day after its end: those whom Meta's cap kept out, unless somebody had them tried again."""
        await work.campaigns.save(replace(campaign, due_at=None))
        if await work.campaigns.retry_of(campaign.id) is not None:
            return
        if not await work.recipients.failed(campaign.id, limit=1, code=CAPPED):
            return
        retry = offshoot(campaign, CampaignId(self.new_id()), Origin.CAPPED, self.now())
        await work.campaigns.add(retry)
        await tell(work, retry)

    async def _people(self, campaign: Campaign, after: ContactId | None) -> Sequence[Person]:
        if not campaign.origin.again or campaign.parent_id is None:
            return await self.audience.page(
                campaign.organization_id, campaign.group_id, after=after, limit=PLANNED
            )
        capped = campaign.origin is Origin.CAPPED
        async with self.read(campaign.organization_id) as work:
            others = not capped and await work.campaigns.retry_of(campaign.parent_id, Origin.CAPPED)
            failed = await work.recipients.failed(
                campaign.parent_id,
                after=after,
                limit=PLANNED,
                code=CAPPED if capped else None,
                but=CAPPED if others else None,
            )
        return [
            Person(
                contact_id=each.contact_id,
                phone=each.phone,
                person=each.person,
                name=each.name,
                zone=each.zone,
                language=each.language,
                country=each.country,
                before=each,
            )
            for each in failed
        ]

    async def _planned(self, campaign: Campaign) -> bool:
        async with self.begin(campaign.organization_id) as work:
            current = await work.campaigns.get(campaign.id)
            if current.state is State.PLANNING:
                await keep(work, current.turn(Act.PLANNED, self.now()))
        return True

    async def _hand_over(self, campaign: Campaign) -> bool:
        """Put the next page of people in line, unless enough stand there or the campaign must wait."""
        try:
            ways = await ways_of(self.templates, self.line, campaign)
            if stop := await self.watch.breach(campaign, ways.words):
                await self._pause(campaign, stop)
                return False
            async with self.begin(campaign.organization_id) as work:
                current = await work.campaigns.get(campaign.id)
                room = await self._room(work, current)
                arms = current.opened(self.now())
                page = await work.recipients.to_hand_over(
                    campaign.id, arms=arms, limit=max(min(room, PAGE), 0)
                )
                if not page:
                    await self.experimenting.decide(work, current)
                    await self._complete_if_done(work, campaign)
                    return False
            for sent_by, words, some in by_way(current, ways, page):
                ready = await self.planner.with_files(sent_by, words, some)
                await self.line.hand_over(sent_by, words, ready)
        except (NotFound, Conflict, Invalid) as refused:
            await self._pause(campaign, str(refused))
            return False
        async with self.begin(campaign.organization_id) as work:
            await work.recipients.handed_over(campaign.id, [recipient.id for recipient in page])
        return True

    async def _room(self, work: Work, campaign: Campaign) -> int:
        """How many more may stand in line: none until a tenth of it is free, since counting takes time."""
        left = AHEAD - await work.recipients.in_line(campaign.id, asleep=False)
        return min(left, await self.watch.room(work, campaign)) if left >= AHEAD // 10 else 0

    async def _wind_up(self, campaign: Campaign) -> bool:
        """Cancelled: first the line, then those who never stood in it; told only when nobody is left.

        In this order a page that is being handed over at this moment meets a cancelled line.
        """
        await self.line.turn(campaign)
        async with self.begin(campaign.organization_id) as work:
            if await work.recipients.skip_rest(campaign.id, "cancelled", limit=PAGE):
                return True
            await work.campaigns.told(campaign.id, campaign.epoch)
        return False

    async def _pause(self, campaign: Campaign, reason: str) -> None:
        async with self.begin(campaign.organization_id) as work:
            current = await work.campaigns.get(campaign.id)
            if current.may(Act.PAUSE):
                await keep(work, current.turn(Act.PAUSE, self.now(), reason))

    async def _complete_if_done(self, work: Work, campaign: Campaign) -> None:
        current = await work.campaigns.get(campaign.id)
        if (
            current.state is State.RUNNING
            and not totals(list(await work.recipients.tallies(campaign.id))).open
        ):
            done = current.turn(Act.COMPLETE, self.now())
            later = self.now() + CAPPED_REST if current.capped_retries else None
            await keep(work, replace(done, due_at=later))

    async def messages_moved(self, events: Sequence[tuple[UUID, MessagesMoved]]) -> None:
        """Take over news of messages: all events of one organisation in one transaction."""
        for organization in dict.fromkeys(event.organization_id for _, event in events):
            theirs = {id: event for id, event in events if event.organization_id == organization}
            async with self.begin(organization) as work:
                new = await work.inbox.new_among(GROUP, list(theirs))
                moves: dict[CampaignId, list[Move]] = {}
                for id, event in theirs.items():
                    if id in new:
                        moves.setdefault(event.campaign_id, []).extend(event.moves)
                for campaign in sorted(await self._ours(work, organization, moves)):
                    await work.recipients.fold(campaign, moves[campaign])
                    if any(move.state in OPEN for move in moves[campaign]):
                        await self._reopen_if_over(work, campaign)
        self.signal.wake()

    async def _ours(
        self, work: Work, organization: OrganizationId, ids: Collection[CampaignId]
    ) -> list[CampaignId]:
        """Without those of others: what an event says of its organisation is not taken on trust.

        Whose a campaign is never changes, so it is asked once.
        """
        if unknown := [id for id in ids if (organization, id) not in self.known]:
            if len(self.known) > KNOWN:
                self.known.clear()
            self.known.update((organization, id) for id in await work.campaigns.ours(unknown))
        return [id for id in ids if (organization, id) in self.known]

    async def _reopen_if_over(self, work: Work, id: CampaignId) -> None:
        """What a frozen sender brings late may put people back in line: then it is not over yet."""
        try:
            campaign = await work.campaigns.get(id)
        except CampaignNotFound:
            return
        if campaign.may(Act.REOPEN) and totals(list(await work.recipients.tallies(id))).open:
            await keep(work, campaign.turn(Act.REOPEN, self.now()))

    async def template_changed(self, event_id: UUID, event: TemplateStatusChanged) -> None:
        """A template that may no longer be sent: campaigns that use it wait, and say why."""
        if event.status == "APPROVED":
            return
        reason = f"The template is {event.status}" + (f": {event.reason}" if event.reason else "")
        async with self.begin(event.organization_id) as work:
            # An old notice that comes again must not pause what was resumed since.
            if not await work.inbox.first_time(GROUP, event_id):
                return
            for campaign in await work.campaigns.sending(event.template_id):
                await keep(work, campaign.turn(Act.PAUSE, self.now(), reason))
        self.signal.wake()

    async def run_halted(self, event_id: UUID, event: RunHalted) -> None:
        """Meta refused in a way that would meet everyone: the campaign waits, and says why."""
        async with self.begin(event.organization_id) as work:
            if not await work.inbox.first_time(GROUP, event_id):
                return
            try:
                campaign = await work.campaigns.get(event.campaign_id)
            except CampaignNotFound:
                return
            if campaign.may(Act.PAUSE) and campaign.epoch <= event.epoch:
                await keep(work, campaign.turn(Act.PAUSE, self.now(), event.reason))


def _awaiting_next(campaign: Campaign, schedule: Schedule, now: datetime) -> Campaign:
    """The recurring campaign before its next start; those missed in between are not made up for."""
    following = schedule.after(now, campaign.starts + 1)
    if following is None:
        return replace(campaign.turn(Act.COMPLETE, now), due_at=None)
    index, due = following
    return replace(campaign.turn(Act.SCHEDULE, now), starts=index, due_at=due)
