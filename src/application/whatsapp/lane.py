"""The sender: owns lanes and hands their messages to Meta, at most once an attempt.

A lane is everything behind one sending number. Its owner holds a lease with an epoch; the intent to send
is committed, under that epoch, before any call; the call is not made once the lease may have ended; and
what came of it belongs to the attempt, whoever reports it. So a process that is killed leaves `unknown`
behind for what was in flight, a process that was frozen sends nothing when it wakes, and two processes
never send for one lane.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import Chance, Monotonic, NewId, Now, Owners, Signal
from tidings.application.ports.gateway import Gateway, NotSent, Outgoing, Rejected, Unclear, Verdict
from tidings.application.ports.pressure import Zones
from tidings.application.ports.whatsapp import Begin, Consent, Due, Work
from tidings.application.whatsapp.admission import Admission, Screened, is_marketing
from tidings.application.whatsapp.settling import HALTS, WHOLE_LANE, Outcome, Settled, Withheld, settle
from tidings.application.whatsapp.telling import moved_events
from tidings.domain.errors import Unavailable
from tidings.domain.events import RunHalted
from tidings.domain.kernel import AttemptId, ContactId, OrganizationId
from tidings.domain.whatsapp.messages import Attempt, Fact, Message, State
from tidings.domain.whatsapp.numbers import Lease, Number, RunState
from tidings.domain.whatsapp.pace import Pace
from tidings.domain.whatsapp.quotas import day_of

NUMBER_LIFE = 5.0
"""Seconds for which what is known of the number is believed."""
LAST_BEATS = 5
"""Tries to settle the last answers of a lane; what they leave is `unknown` to the next owner."""


class SenderOptions(Struct, frozen=True, kw_only=True):
    """Times in seconds."""

    beat: float = 0.05
    """Between two intent transactions: what is written ahead is what a kill leaves unknown."""
    lease: float = 9.0
    margin: float = 6.5
    """No call starts when less than this is left of the lease; above the gateway's total time-out."""
    in_flight: int = 512
    """Calls at once for one lane."""
    poll: float = 1.0
    """The longest a lost wake-up can cost."""
    idle: float = 5.0
    """A lane without work is let go after this."""
    drain: float = 10.0
    """How long a stop waits for calls on their way."""


@dataclass(frozen=True, slots=True)
class SenderPorts:
    """What sending stands on."""

    begin: Begin
    due: Due
    gateway: Gateway
    consent: Consent
    owners: Owners
    zones: Zones
    signal: Signal
    now: Now
    boottime: Monotonic
    new_id: NewId
    chance: Chance


@dataclass(slots=True)
class LaneSender:
    """The owner of one lane for as long as its lease lasts."""

    number: Number
    lease: Lease
    ports: SenderPorts
    options: SenderOptions
    leased_until: float
    """On the boot-time clock, counted from before the lease was written."""
    pace: Pace
    admission: Admission
    held_until: float = 0.0
    """On the boot-time clock: campaigns wait for room in the messaging limit."""
    seen_number_at: float = 0.0
    ready: deque[Message] = field(default_factory=deque[Message])
    calls: dict[AttemptId, asyncio.Task[None]] = field(default_factory=dict[AttemptId, asyncio.Task[None]])
    outcomes: list[Settled] = field(default_factory=list[Settled])
    fenced: bool = False
    stopping: bool = False
    seen_due: bool = True

    @property
    def busy(self) -> bool:
        return bool(self.ready or self.calls or self.outcomes)

    async def run(self) -> None:
        """Beat until the lane is lost, idle or stopped; then wait for calls on their way and settle them."""
        idle_since = self.ports.boottime()
        while not (self.fenced or self.stopping):
            began = self.ports.boottime()
            await self._beat_or_back_off()
            if self.busy:
                idle_since = self.ports.boottime()
                await asyncio.sleep(max(began + self.options.beat - idle_since, 0.0))
            elif self.ports.boottime() - idle_since > self.options.idle:
                break
            else:
                await self.ports.signal.wait(self.options.poll if not self.seen_due else self.options.beat)
        await self.finish()

    async def finish(self) -> None:
        """Start nothing more; settle what is on its way; give the lane back."""
        self.stopping = True
        if self.calls:
            await asyncio.wait(list(self.calls.values()), timeout=self.options.drain)
        for _ in range(LAST_BEATS):
            try:
                await self.beat()
                if not self.fenced:
                    async with self.ports.begin() as work:
                        await work.leases.release(self.lease)
                return
            except Unavailable:
                await asyncio.sleep(min(self.options.poll, 0.2))

    async def _beat_or_back_off(self) -> None:
        try:
            await self.beat()
        except Unavailable:
            await asyncio.sleep(min(self.options.poll, 0.2))

    async def beat(self) -> int:
        """Settle what came back and start what is due, in one transaction; how many calls were started."""
        self.pace = self.pace.flow(self.ports.boottime())
        await self._reserve()
        chosen = [self.ready.popleft() for _ in range(self._room())]
        outcomes, self.outcomes = self.outcomes, []
        started = self.ports.boottime()
        if not (outcomes or chosen or self.leased_until - started < self.options.lease - 1.0):
            return 0
        intents: list[Message] = []
        try:
            async with self.ports.begin() as work:
                changed, returned = await self._settle(work, outcomes)
                if await work.leases.renew(self.lease, seconds=self.options.lease):
                    await self._look_at_number(work)
                    intents, skipped = await self._intend(work, chosen)
                    changed += intents + skipped
                else:
                    self.fenced = True
                await self._count(work, intents, returned)
                await work.outbox.put(*moved_events(changed, self.ports.now()))
        except BaseException:
            # Whether it was committed is unknown. Nothing was called, so "not sent" is true of every
            # attempt that was written down, and means nothing for those that were not.
            self.outcomes[:0] = outcomes + [
                self._settled(m, NotSent(reason="commit failed")) for m in intents
            ]
            raise
        if self.fenced:
            self.ready.clear()
            return 0
        self.leased_until = started + self.options.lease
        self.pace = self.pace.spend(len(intents))
        await self._call(intents)
        return len(intents)

    def _room(self) -> int:
        if self.stopping or self.fenced:
            return 0
        return max(min(int(self.pace.tokens), self.options.in_flight - len(self.calls), len(self.ready)), 0)

    async def _reserve(self) -> None:
        """Hold about a second's worth of due messages in memory; reserving promises nothing."""
        want = int(max(self.pace.rate, 20.0))
        if self.stopping:
            return
        lane, now = self.number.phone_number_id, self.ports.now()
        known = {message.id for message in self.ready}
        held = self.ports.boottime() < self.held_until
        if held or len(self.ready) > want // 2:
            # Codes and answers do not stand behind a campaign's next second.
            ask = self.ports.due.singles(lane, now, limit=want, known=known)
            self.ready.extendleft(reversed(await ask))
        else:
            ask = self.ports.due.messages(lane, now, limit=want + len(known), known=known)
            self.ready.extend(await ask)
        self.seen_due = bool(self.ready)

    async def _settle(self, work: Work, outcomes: Sequence[Settled]) -> tuple[list[Message], list[Message]]:
        """Those that changed; and, as they were, those of them that Meta did not take."""
        if not outcomes:
            return [], []
        by_attempt = {settled.attempt_id: settled for settled in outcomes}
        before = await work.messages.of_attempts(list(by_attempt))
        changed: list[Message] = []
        ended: list[Attempt] = []
        for message in before:
            if message.attempt_id is None:
                continue
            after = settle(message, by_attempt[message.attempt_id], self.ports.chance())
            if after.version == message.version:
                continue
            changed.append(after)
            if after.attempt_id is None and after.code is not None:
                ended += message.ended_attempt(self.ports.now(), code=after.code, reason=after.reason)
        changed = await self._let_go_of_cancelled(work, changed)
        refused = {m.id for m in changed if m.state in (State.PENDING, State.FAILED, State.SKIPPED)}
        under_way = (State.SENDING, State.UNKNOWN)
        returned = [m for m in before if m.id in refused and m.state in under_way]
        await work.messages.keep_attempts(ended)
        await work.pressure.undo([m for m in changed if m.state in (State.FAILED, State.SKIPPED)])
        await self._parked(work, changed)
        await work.messages.save(changed)
        await self._obey(work, changed, by_attempt, before)
        return changed, returned

    async def _let_go_of_cancelled(self, work: Work, changed: Sequence[Message]) -> list[Message]:
        """Who comes back in line after the run was cancelled would wait there for ever."""
        back = {m.run_id for m in changed if m.state is State.PENDING and m.run_id is not None}
        states = await work.runs.states(back)
        cancelled = {run for run, state in states.items() if state is RunState.CANCELLED}
        return [
            m.skip("cancelled") if m.state is State.PENDING and m.run_id in cancelled else m for m in changed
        ]

    async def _parked(self, work: Work, changed: list[Message]) -> None:
        """Apply statuses that came before we knew the wamid they speak of."""
        waiting = {m.wamid: i for i, m in enumerate(changed) if m.wamid is not None}
        for parked in await work.webhooks.parked(list(waiting)):
            index = waiting[parked.wamid]
            changed[index] = changed[index].hear(
                Fact(parked.status), parked.at, wamid=parked.wamid, code=parked.code, reason=parked.reason
            )

    async def _obey(
        self,
        work: Work,
        changed: Sequence[Message],
        by_attempt: dict[AttemptId, Settled],
        before: Sequence[Message],
    ) -> None:
        """Slow down, and halt campaigns, where a refusal asks for it."""
        attempt_of = {message.id: message.attempt_id for message in before}
        for message in changed:
            attempt = attempt_of.get(message.id)
            outcome = by_attempt[attempt].outcome if attempt is not None else None
            if not isinstance(outcome, Rejected):
                continue
            if outcome.verdict is Verdict.SLOW_DOWN:
                self.pace = self.pace.slow_down(self.ports.boottime())
            if outcome.verdict in HALTS and message.run_id is not None:
                await self._halt(work, message, outcome)

    async def _halt(self, work: Work, message: Message, said: Rejected) -> None:
        if message.run_id is None:
            return
        reason = f"Meta refused with {said.code}: {said.details or said.message}"
        if said.verdict in WHOLE_LANE:
            halted = await work.runs.halt(self.number.phone_number_id, reason)
        else:
            run = await work.runs.get(message.run_id)
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

    async def _intend(self, work: Work, chosen: Sequence[Message]) -> tuple[list[Message], list[Message]]:
        """Write attempts down for what may still be sent; those, and those that are skipped for good."""
        if not chosen:
            return [], []
        states = await work.runs.states({m.run_id for m in chosen if m.run_id is not None})
        pending = await work.messages.still_pending([m.id for m in chosen])
        now = self.ports.now()
        may: list[Message] = []
        skipped: list[Message] = []
        for message in chosen:
            state = RunState.RUNNING if message.run_id is None else states.get(message.run_id)
            if message.id not in pending or state is not RunState.RUNNING:
                continue
            if message.expires_at is not None and message.expires_at <= now:
                skipped.append(message.skip("expired"))
            else:
                may.append(message)
        clock = self.ports.boottime()
        screened = await self.admission.screen(work, self.number, may, now, clock)
        intents = [m.intend(AttemptId(self.ports.new_id()), self.lease.epoch, now) for m in screened.go]
        await self._hold(work, may, screened, now, clock)
        skipped += screened.changed
        await work.messages.save(intents + skipped)
        return intents, skipped

    async def _count(self, work: Work, intents: Sequence[Message], returned: Sequence[Message]) -> None:
        """What this transaction hands to Meta, less what Meta did not take, by the day of the attempt."""
        days = Counter(day_of(m.attempted_at) for m in intents if m.attempted_at)
        days.subtract(day_of(m.attempted_at) for m in returned if m.attempted_at)
        await work.quotas.count(self.number.organization_id, days)

    async def _hold(
        self, work: Work, may: Sequence[Message], screened: Screened, now: datetime, clock: float
    ) -> None:
        """Campaigns rest while the messaging limit or the quota is used up, and say so."""
        runs = {message.run_id for message in may if message.run_id is not None}
        if screened.held_until is not None:
            self.held_until = clock + (screened.held_until - now).total_seconds()
            self.ready = deque(message for message in self.ready if message.run_id is None)
            await work.runs.wait(runs, screened.held_for)
        elif self.held_until and runs:
            self.held_until = 0.0
            await work.runs.wait(runs, "")

    async def _look_at_number(self, work: Work) -> None:
        """What Meta said of the number meanwhile, its speed and its limit; and what operators allow."""
        clock = self.ports.boottime()
        if clock - self.seen_number_at < NUMBER_LIFE:
            return
        self.seen_number_at = clock
        self.admission.quota = await work.quotas.of(self.number.organization_id)
        for number in await work.numbers.find([self.number.phone_number_id]):
            limit = float(number.messages_per_second)
            if limit != self.pace.limit:
                self.pace = replace(self.pace, limit=limit, rate=min(self.pace.rate, limit))
            self.number = number

    async def _call(self, intents: Sequence[Message]) -> None:
        """The last look at consent, then one task a call."""
        try:
            blocked = await self._blocked(intents)
        except Exception as error:
            # Also what contacts may raise by mistake: nothing was called, and nobody may stay in `sending`.
            reason = f"consent could not be asked: {error!r}"
            self.outcomes += [self._settled(m, NotSent(reason=reason)) for m in intents]
            return
        for message in intents:
            if message.contact_id in blocked and message.attempt_id is not None:
                self.outcomes.append(self._settled(message, Withheld(reason="opted_out")))
            elif message.attempt_id is not None:
                task = asyncio.create_task(self._send(message, message.attempt_id))
                self.calls[message.attempt_id] = task

    async def _blocked(self, intents: Sequence[Message]) -> set[ContactId]:
        asked: dict[OrganizationId, list[ContactId]] = {}
        for message in intents:
            if message.contact_id is not None and is_marketing(message):
                asked.setdefault(message.organization_id, []).append(message.contact_id)
        blocked: set[ContactId] = set()
        for organization, contacts in asked.items():
            blocked.update(await self.ports.consent.blocked(organization, contacts))
        return blocked

    async def _send(self, message: Message, attempt: AttemptId) -> None:
        outcome: Outcome
        if self.ports.boottime() > self.leased_until - self.options.margin:
            outcome = NotSent(reason="the lease was about to end")
        else:
            outcome = await self._hand_over(message, attempt)
        self.outcomes.append(self._settled(message, outcome))
        self.calls.pop(attempt, None)

    async def _hand_over(self, message: Message, attempt: AttemptId) -> Outcome:
        try:
            return await self.ports.gateway.send(
                Outgoing(
                    attempt_id=attempt,
                    waba_id=self.number.waba_id,
                    phone_number_id=message.phone_number_id,
                    to=message.to,
                    recipient=message.recipient,
                    content=message.content,
                    reply_to=message.reply_to,
                    message_id=message.id,
                    campaign_id=message.run_id,
                )
            )
        except Exception as bug:
            # A gateway breaks its contract by raising, and may have called Meta before it did.
            return Unclear(reason=f"the gateway raised {bug!r}")

    def _settled(self, message: Message, outcome: Outcome) -> Settled:
        if message.attempt_id is None:
            raise ValueError("only an attempt can be settled")
        return Settled(attempt_id=message.attempt_id, outcome=outcome, at=self.ports.now())
