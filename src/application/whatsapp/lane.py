"""A lane: everything behind one sending number, for as long as its owner's lease lasts.

Its owner holds a lease with an epoch; the intent to send is committed, under that epoch, before any call
(`rounds.py`); the call is not made once the lease may have ended; and what came of it belongs to the attempt,
whoever reports it. So a process that is killed leaves `unknown` behind for what was in flight, a process
that was frozen sends nothing when it wakes, and two processes never send for one lane.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import Chance, Monotonic, NewId, Now, Owners, Signal
from tidings.application.ports.gateway import Gateway, NotSent, Outgoing, Unclear
from tidings.application.ports.pressure import Zones
from tidings.application.ports.whatsapp import Begin, Consent, Due
from tidings.application.whatsapp.settling import Outcome, Settled
from tidings.domain.kernel import AttemptId
from tidings.domain.whatsapp.messages import Message
from tidings.domain.whatsapp.numbers import Lease, Number
from tidings.domain.whatsapp.pace import Pace
from tidings.domain.whatsapp.pressure import Pairs
from tidings.domain.whatsapp.quotas import Quota


class SenderOptions(Struct, frozen=True, kw_only=True):
    """Times in seconds."""

    beat: float = 0.05
    """Between two intent transactions: what is written ahead is what a kill leaves unknown."""
    lease: float = 9.0
    margin: float = 6.5
    """No call starts when less than this is left of the lease; above the gateway's total time-out."""
    in_flight: int = 512
    """Calls at once for all lanes of a process: as many as its connections to Meta."""
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


@dataclass(slots=True, eq=False)
class LaneSender:
    """What the owner of a lane knows of it, and its calls."""

    number: Number
    lease: Lease
    ports: SenderPorts
    options: SenderOptions
    leased_until: float
    """On the boot-time clock, counted from before the lease was written."""
    pace: Pace
    quota: Quota
    seen_number_at: float
    """On the boot-time clock."""
    busy_at: float
    """On the boot-time clock: when it last had anything to do."""
    pairs: Pairs = field(default_factory=Pairs)
    held_until: float = 0.0
    """On the boot-time clock: campaigns wait for room in the messaging limit."""
    ready: deque[Message] = field(default_factory=deque[Message])
    calls: dict[AttemptId, asyncio.Task[None]] = field(default_factory=dict[AttemptId, asyncio.Task[None]])
    outcomes: list[Settled] = field(default_factory=list[Settled])
    fenced: bool = False
    """It is another owner's."""
    stopped_at: float | None = None
    """On the boot-time clock: since when nothing more is started."""

    @property
    def busy(self) -> bool:
        return bool(self.ready or self.calls or self.outcomes)

    @property
    def open(self) -> bool:
        """Whether anything more may be started."""
        return self.stopped_at is None and not self.fenced

    @property
    def stopping(self) -> bool:
        return self.stopped_at is not None

    def stop(self) -> None:
        """Start nothing more; what is on its way is settled."""
        if self.stopped_at is None:
            self.stopped_at = self.ports.boottime()
            self.ready.clear()

    def is_over(self) -> bool:
        """Whether there is nothing left to do for it, or nothing worth more waiting."""
        if self.stopped_at is None or self.outcomes:
            return False
        return not self.calls or self.ports.boottime() - self.stopped_at > self.options.drain

    def room(self) -> int:
        """How many messages may be started now, as far as it depends on this lane."""
        return max(min(int(self.pace.tokens), len(self.ready)), 0) if self.open else 0

    def limit_to(self, limit: float) -> None:
        """What Meta lets the number send in a second."""
        if limit != self.pace.limit:
            self.pace = replace(self.pace, limit=limit, rate=min(self.pace.rate, limit))

    def call(self, message: Message) -> None:
        """Hand a message to Meta, whose intent is committed; the outcome is found in `outcomes`."""
        attempt = attempt_of(message)
        self.calls[attempt] = asyncio.create_task(self._send(message, attempt))

    def settled(self, message: Message, outcome: Outcome) -> Settled:
        return Settled(
            attempt_id=attempt_of(message), run_id=message.run_id, outcome=outcome, at=self.ports.now()
        )

    async def _send(self, message: Message, attempt: AttemptId) -> None:
        outcome: Outcome
        if self.ports.boottime() > self.leased_until - self.options.margin:
            outcome = NotSent(reason="the lease was about to end")
        else:
            outcome = await self._hand_over(message, attempt)
        self.outcomes.append(self.settled(message, outcome))
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


def attempt_of(message: Message) -> AttemptId:
    if message.attempt_id is None:
        raise ValueError("nobody tries to send it")
    return message.attempt_id
