"""Rounds: what came back to all lanes of a process is settled, and what is due is started, in one
transaction. Numbers of a campaign share its line and an organisation's counters: one lane after another would
wait for the locks of the one before.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from tidings.application.ports.gateway import Accepted, NotSent, Rejected, Verdict
from tidings.application.ports.whatsapp import Work
from tidings.application.whatsapp.admission import Admission, Line, Screened, is_marketing
from tidings.application.whatsapp.lane import LaneSender, SenderOptions, SenderPorts
from tidings.application.whatsapp.settling import (
    HALTS,
    WHOLE_LANE,
    Outcome,
    Settled,
    Withheld,
    settle,
)
from tidings.application.whatsapp.telling import moved_events
from tidings.domain.events import RunHalted
from tidings.domain.kernel import AttemptId, CampaignId, ContactId, OrganizationId, PhoneNumberId
from tidings.domain.whatsapp.messages import Attempt, Fact, Message, State
from tidings.domain.whatsapp.numbers import Run, RunState
from tidings.domain.whatsapp.quotas import day_of

NUMBER_LIFE = 5.0
"""Seconds for which what is known of a number is believed."""
RENEW = 1.0
"""Seconds after which a lease is written again, also when there is nothing else to write."""


@dataclass(slots=True, eq=False)
class Part:
    """What one lane brings to a round, and what came of it."""

    lane: LaneSender
    chosen: Sequence[Message]
    outcomes: Sequence[Settled]
    intents: list[Message] = field(default_factory=list[Message])

    def take_back(self) -> None:
        """Whether the transaction was committed is unknown. Nothing was called, so "not sent" is true of
        every attempt that was written down, and means nothing for those that were not.
        """
        unsent = NotSent(reason="commit failed")
        undone = [self.lane.settled(message, unsent) for message in self.intents]
        self.lane.outcomes[:0] = [*self.outcomes, *undone]


@dataclass(slots=True, eq=False)
class Answered:
    """A message before and after an outcome of one of its attempts."""

    lane: LaneSender
    outcome: Outcome
    before: Message
    after: Message

    def was_refused(self) -> bool:
        """Whether Meta did not take what was counted as handed to it."""
        back = self.after.state in (State.PENDING, State.FAILED, State.SKIPPED)
        return back and self.before.state in (State.SENDING, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Rounds:
    """What a process does for its lanes, again and again."""

    ports: SenderPorts
    options: SenderOptions

    async def beat(self, lanes: Sequence[LaneSender]) -> int:
        """Settle what came back and start what is due; how many calls were started.

        Raise Unavailable: nothing was called, and what came back is kept for the next time.
        """
        now = self.ports.boottime()
        for lane in lanes:
            lane.pace = lane.pace.flow(now)
        await self._reserve(lanes)
        started = self.ports.boottime()
        parts = self._parts(lanes, started)
        if not parts:
            return 0
        try:
            async with self.ports.begin() as work:
                await self._work(work, parts)
        except BaseException:
            for part in parts:
                part.take_back()
            raise
        for part in parts:
            if not part.lane.fenced:
                part.lane.leased_until = started + self.options.lease
                part.lane.pace = part.lane.pace.spend(len(part.intents))
        await self._call(parts)
        return sum(len(part.intents) for part in parts)

    async def _reserve(self, lanes: Sequence[LaneSender]) -> None:
        """Hold about a second's worth of due messages of each lane in memory; reserving promises nothing."""
        all_due, singles = dict[PhoneNumberId, int](), dict[PhoneNumberId, int]()
        for lane in lanes:
            want = int(max(lane.pace.rate, 20.0))
            if not lane.open:
                continue
            if self.ports.boottime() < lane.held_until or len(lane.ready) > want // 2:
                # Codes and answers do not stand behind a campaign's next second.
                singles[lane.number.phone_number_id] = want
            else:
                all_due[lane.number.phone_number_id] = want + len(lane.ready)
        now = self.ports.now()
        found = await self.ports.due.messages(all_due, now)
        urgent = await self.ports.due.singles(singles, now)
        for lane in lanes:
            number = lane.number.phone_number_id
            if new := _unknown(found.get(number, ()), lane.ready):
                lane.ready.extend(new)
            if new := _unknown(urgent.get(number, ()), lane.ready):
                lane.ready.extendleft(reversed(new))

    def _parts(self, lanes: Sequence[LaneSender], now: float) -> list[Part]:
        """Those with something to settle or to start, and those whose lease is to be renewed."""
        rooms = [lane.room() for lane in lanes]
        free = max(self.options.in_flight - sum(len(lane.calls) for lane in lanes), 0)
        parts: list[Part] = []
        for lane, room in zip(lanes, shared_out(rooms, free), strict=True):
            aging = lane.open and lane.leased_until - now < self.options.lease - RENEW
            if room or lane.outcomes or aging:
                outcomes, lane.outcomes = lane.outcomes, []
                parts.append(Part(lane, [lane.ready.popleft() for _ in range(room)], outcomes))
        return parts

    async def _work(self, work: Work, parts: Sequence[Part]) -> None:
        # Lines are locked before messages, as by whoever turns a campaign.
        runs = {m.run_id for part in parts for m in part.chosen}
        runs |= {
            each.run_id for part in parts for each in part.outcomes if not isinstance(each.outcome, Accepted)
        }
        states = await work.runs.states({run for run in runs if run is not None})
        answered = await self._answered(work, parts)
        refused = [each for each in answered if each.was_refused()]
        await self._settle(work, answered, states)
        await self._renew(work, parts)
        owned = [part for part in parts if not part.lane.fenced]
        await self._look_at_numbers(work, [part.lane for part in owned])
        skipped = await self._intend(work, owned, states)
        await self._count(work, owned, refused)
        changed = [each.after for each in answered]
        changed += [intent for part in owned for intent in part.intents] + skipped
        await work.outbox.put(*moved_events(changed, self.ports.now()))

    async def _answered(self, work: Work, parts: Sequence[Part]) -> Sequence[Answered]:
        """What outcomes make of their messages; those that they change."""
        outcomes = {each.attempt_id: (part.lane, each) for part in parts for each in part.outcomes}
        if not outcomes:
            return []
        answered: list[Answered] = []
        for before in await work.messages.of_attempts(list(outcomes)):
            if before.attempt_id is None:
                continue
            lane, settled = outcomes[before.attempt_id]
            after = settle(before, settled, self.ports.chance())
            if after.version != before.version:
                answered.append(Answered(lane, settled.outcome, before, after))
        return answered

    async def _settle(
        self, work: Work, answered: Sequence[Answered], states: dict[CampaignId, RunState]
    ) -> None:
        """Write down what outcomes changed; `states` learns which campaigns they halt."""
        if not answered:
            return
        ended: list[Attempt] = []
        for each in answered:
            before, after = each.before, each.after
            if after.attempt_id is None and after.code is not None:
                ended += before.ended_attempt(self.ports.now(), code=after.code, reason=after.reason)
            if after.state is State.PENDING and _is_cancelled(after, states):
                # Who comes back in line after the run was cancelled would wait there for ever.
                each.after = after.skip("cancelled")
        await work.messages.keep_attempts(ended)
        lost = [each.after for each in answered if each.after.state in (State.FAILED, State.SKIPPED)]
        await work.pressure.undo(lost)
        await self._parked(work, answered)
        await work.messages.save([each.after for each in answered])
        await self._obey(work, answered, states)

    async def _parked(self, work: Work, answered: Sequence[Answered]) -> None:
        """Apply statuses that came before we knew the wamid they speak of."""
        waiting = {each.after.wamid: each for each in answered if each.after.wamid is not None}
        for parked in await work.webhooks.parked(list(waiting)):
            each = waiting[parked.wamid]
            each.after = each.after.hear(
                Fact(parked.status), parked.at, wamid=parked.wamid, code=parked.code, reason=parked.reason
            )

    async def _obey(
        self, work: Work, answered: Sequence[Answered], states: dict[CampaignId, RunState]
    ) -> None:
        """Slow down, and halt campaigns, where refusals ask for it."""
        asked: set[PhoneNumberId | CampaignId] = set()
        for each in answered:
            said, campaign, lane = each.outcome, each.before.run_id, each.lane
            if not isinstance(said, Rejected):
                continue
            if said.verdict is Verdict.SLOW_DOWN:
                lane.pace = lane.pace.slow_down(self.ports.boottime())
            if said.verdict in HALTS and campaign is not None:
                what = lane.number.phone_number_id if said.verdict in WHOLE_LANE else campaign
                if what not in asked:
                    asked.add(what)
                    halted = await self._halt(work, lane, campaign, said)
                    states |= {run.campaign_id: RunState.PAUSED for run in halted}

    async def _halt(
        self, work: Work, lane: LaneSender, campaign: CampaignId, said: Rejected
    ) -> Sequence[Run]:
        reason = f"Meta refused with {said.code}: {said.details or said.message}"
        halted: Sequence[Run]
        if said.verdict in WHOLE_LANE:
            halted = await work.runs.halt(lane.number.phone_number_id, reason)
        else:
            run = await work.runs.get(campaign)
            halted = [run] if run is not None and run.state is RunState.RUNNING else []
            for each in halted:
                await work.runs.pause(each.campaign_id, reason)
        await work.outbox.put(
            *(
                RunHalted(
                    organization_id=run.organization_id,
                    campaign_id=run.campaign_id,
                    epoch=run.epoch,
                    code=said.code,
                    reason=reason,
                )
                for run in halted
            )
        )
        return halted

    async def _renew(self, work: Work, parts: Sequence[Part]) -> None:
        leases = [part.lane.lease for part in parts]
        held = await work.leases.renew_all(leases, seconds=self.options.lease)
        for part in parts:
            if part.lane.lease.name not in held:
                part.lane.fenced = True

    async def _look_at_numbers(self, work: Work, lanes: Sequence[LaneSender]) -> None:
        """What Meta said of numbers meanwhile, their speed and limit; and what operators allow."""
        clock = self.ports.boottime()
        old = {
            lane.number.phone_number_id: lane for lane in lanes if clock - lane.seen_number_at >= NUMBER_LIFE
        }
        if not old:
            return
        quotas = await work.quotas.of({lane.number.organization_id for lane in old.values()})
        for number in await work.numbers.find(list(old)):
            old[number.phone_number_id].limit_to(float(number.messages_per_second))
            old[number.phone_number_id].number = number
        for lane in old.values():
            lane.seen_number_at = clock
            lane.quota = quotas.get(lane.number.organization_id, lane.quota)

    async def _intend(
        self, work: Work, parts: Sequence[Part], states: Mapping[CampaignId, RunState]
    ) -> list[Message]:
        """Write attempts down for what may still be sent; those that are skipped for good, or wait."""
        chosen = [message.id for part in parts for message in part.chosen]
        if not chosen:
            return []
        pending = await work.messages.still_pending(chosen)
        now, clock = self.ports.now(), self.ports.boottime()
        lines: list[Line] = []
        skipped: list[Message] = []
        for part in parts:
            may: list[Message] = []
            for message in part.chosen:
                state = RunState.RUNNING if message.run_id is None else states.get(message.run_id)
                if message.id not in pending or state is not RunState.RUNNING:
                    continue
                if message.expires_at is not None and message.expires_at <= now:
                    skipped.append(message.skip("expired"))
                else:
                    may.append(message)
            lines.append(Line(part.lane.number, part.lane.pairs, part.lane.quota, may))
        screened = await Admission(self.ports.zones).screen(work, lines, now, clock)
        for part, each in zip(parts, screened, strict=True):
            epoch = part.lane.lease.epoch
            part.intents += [m.intend(AttemptId(self.ports.new_id()), epoch, now) for m in each.go]
            skipped += each.changed
        await self._hold(work, parts, screened, now, clock)
        intents = [intent for part in parts for intent in part.intents]
        await work.messages.save(intents + skipped)
        return skipped

    async def _hold(
        self, work: Work, parts: Sequence[Part], screened: Sequence[Screened], now: datetime, clock: float
    ) -> None:
        """Campaigns rest while the messaging limit or the quota is used up, and say so."""
        waiting: dict[str, set[CampaignId]] = {}
        for lane, each in zip((part.lane for part in parts), screened, strict=True):
            runs = {message.run_id for message in each.line.messages if message.run_id is not None}
            if each.held_until is not None:
                lane.held_until = clock + (each.held_until - now).total_seconds()
                lane.ready = deque(message for message in lane.ready if message.run_id is None)
                waiting.setdefault(each.held_for, set()).update(runs)
            elif lane.held_until and runs:
                lane.held_until = 0.0
                waiting.setdefault("", set()).update(runs)
        for held_for in sorted(waiting):
            await work.runs.wait(waiting[held_for], held_for)

    async def _count(self, work: Work, parts: Sequence[Part], refused: Sequence[Answered]) -> None:
        """What this transaction hands to Meta, less what Meta did not take, by the day of the attempt."""
        days: Counter[tuple[OrganizationId, date]] = Counter()
        for part in parts:
            organization = part.lane.number.organization_id
            days.update((organization, day_of(m.attempted_at)) for m in part.intents if m.attempted_at)
        for each in refused:
            if each.before.attempted_at is not None:
                days[each.lane.number.organization_id, day_of(each.before.attempted_at)] -= 1
        await work.quotas.count(days)

    async def _call(self, parts: Sequence[Part]) -> None:
        """The last look at consent, then one task a call. Who needs no consent does not wait for it."""
        asking: dict[OrganizationId, list[tuple[LaneSender, Message, ContactId]]] = {}
        for part in parts:
            for message in part.intents:
                if message.contact_id is not None and is_marketing(message):
                    theirs = asking.setdefault(message.organization_id, [])
                    theirs.append((part.lane, message, message.contact_id))
                else:
                    part.lane.call(message)
        await asyncio.gather(*(self._call_willing(*each) for each in asking.items()))

    async def _call_willing(
        self, organization: OrganizationId, asked: Sequence[tuple[LaneSender, Message, ContactId]]
    ) -> None:
        try:
            blocked = await self.ports.consent.blocked(organization, [contact for _, _, contact in asked])
        except Exception as error:
            # Also what contacts may raise by mistake: nothing was called, and nobody may stay in `sending`.
            unsent = NotSent(reason=f"consent could not be asked: {error!r}")
            for lane, message, _ in asked:
                lane.outcomes.append(lane.settled(message, unsent))
            return
        for lane, message, contact in asked:
            if contact in blocked:
                lane.outcomes.append(lane.settled(message, Withheld(reason="opted_out")))
            else:
                lane.call(message)


def shared_out(rooms: Sequence[int], free: int) -> list[int]:
    """How many each may start when all together may start so many: of what they could, the same share; what
    is left over goes to the first.
    """
    whole = sum(rooms)
    if whole <= free:
        return list(rooms)
    shares = [room * free // whole for room in rooms]
    over = free - sum(shares)
    for place, room in enumerate(rooms):
        if over and shares[place] < room:
            shares[place] += 1
            over -= 1
    return shares


def _is_cancelled(message: Message, states: Mapping[CampaignId, RunState]) -> bool:
    return message.run_id is not None and states.get(message.run_id) is RunState.CANCELLED


def _unknown(due: Sequence[Message], ready: Iterable[Message]) -> list[Message]:
    if not due:
        return []
    known = {message.id for message in ready}
    return [message for message in due if message.id not in known]
