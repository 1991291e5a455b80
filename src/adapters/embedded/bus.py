"""The message bus in the memory of one process, for tests and simulations: virtual time, faults on demand."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tidings.adapters.feeding import End, Fate, Line, Waiting, judged, killer
from tidings.application.ports.bus import (
    BusUnavailable,
    DeadLetter,
    Envelope,
    Handler,
    Lag,
    Subscription,
    hears,
)
from tidings.application.ports.common import Chance, Now, Sleep


def never() -> float:
    return 1.0


@dataclass(slots=True)
class Mischief:
    """How often things go wrong, each as a share in [0, 1]. `chance` with a seed makes it repeatable."""

    chance: Chance = never
    refused: float = 0.0
    """The broker takes nothing of a publish."""
    unconfirmed: float = 0.0
    """It takes everything, and the confirmation is lost."""
    doubled: float = 0.0
    """A delivery comes twice."""
    delayed: float = 0.0
    """A delivery, and what follows it in its key, comes later by up to `delay` seconds."""
    delay: float = 1.0
    reordered: float = 0.0
    """Keys of a publish overtake each other."""
    forgotten: float = 0.0
    """What a handler has dealt with comes again, as if its process had died before it could say so."""

    def strikes(self, share: float) -> bool:
        return self.chance() < share


@dataclass(slots=True)
class Group:
    """A durable group at the broker."""

    types: tuple[str, ...]
    line: Line[None]
    letters: list[DeadLetter] = field(default_factory=list[DeadLetter])
    news: set[asyncio.Event] = field(default_factory=set[asyncio.Event])

    def tell(self) -> None:
        for each in self.news:
            each.set()


@dataclass(slots=True)
class Broker:
    """What outlives the processes on a MemoryBus. `up` turns it off and on."""

    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    holders: dict[str, "MemoryBus"] = field(default_factory=dict[str, "MemoryBus"])
    up: bool = True


@dataclass(slots=True, eq=False)
class MemoryBus:
    """The MessageBus port, as one process has it."""

    now: Now
    sleep: Sleep
    broker: Broker = field(default_factory=Broker)
    mischief: Mischief = field(default_factory=Mischief)
    consumers: "list[MemoryConsumer]" = field(default_factory=list["MemoryConsumer"])

    async def declare(self, subscription: Subscription) -> None:
        known = self._broker().groups.get(subscription.group)
        if known is None:
            line = Line[None](subscription.ordered)
            self.broker.groups[subscription.group] = Group(subscription.types, line)
        else:
            known.types = subscription.types

    async def publish(self, batch: Sequence[Envelope], *, timeout: float = 5.0) -> None:
        broker, mischief = self._broker(), self.mischief
        if mischief.strikes(mischief.refused):
            raise BusUnavailable("The message bus refused.")
        envelopes = _keys_overtaking(batch) if mischief.strikes(mischief.reordered) else batch
        for envelope in envelopes:
            for group in broker.groups.values():
                if hears(group.types, envelope.type):
                    self._put(group, envelope)
        if mischief.strikes(mischief.unconfirmed):
            raise BusUnavailable("The message bus did not confirm.")

    async def subscribe(self, subscription: Subscription, handler: Handler) -> "MemoryConsumer":
        await self.declare(subscription)
        consumer = MemoryConsumer(self, self.broker.groups[subscription.group], subscription, handler)
        consumer.open()
        self.consumers.append(consumer)
        return consumer

    async def dead_letters(self, group: str, *, limit: int = 100) -> Sequence[DeadLetter]:
        return self._broker().groups[group].letters[:limit]

    async def redrive(self, group: str, ids: Sequence[UUID]) -> int:
        found = self._broker().groups[group]
        wanted = [letter for letter in found.letters if letter.envelope.id in ids]
        found.letters = [letter for letter in found.letters if letter.envelope.id not in ids]
        for letter in wanted:
            found.line.put(Waiting(None, letter.envelope, 0))
        found.tell()
        return len(wanted)

    async def lag(self, group: str) -> Lag:
        found = self._broker().groups[group]
        line = found.line
        in_hand = sum(each.in_hand for each in line)
        since = min((each.envelope.occurred_at for each in line), default=None)
        age = 0.0 if since is None else (self.now() - since).total_seconds()
        return Lag(
            ready=len(line) - in_hand,
            in_flight=in_hand,
            oldest_age=max(age, 0.0),
            dead=len(found.letters),
        )

    async def hold(self, name: str) -> bool:
        return self._broker().holders.setdefault(name, self) is self

    async def close(self, drain: float = 5.0) -> None:
        await asyncio.gather(*(each.close(drain) for each in self.consumers))
        self.consumers.clear()
        self._let_go()

    def crash(self) -> None:
        """Die as a killed process does: what was in hand is not heard of again."""
        for consumer in self.consumers:
            consumer.crash()
        self.consumers.clear()
        self._let_go()

    def _let_go(self) -> None:
        for name in [name for name, holder in self.broker.holders.items() if holder is self]:
            del self.broker.holders[name]

    def _broker(self) -> Broker:
        if not self.broker.up:
            raise BusUnavailable("The message bus is down.")
        return self.broker

    def _put(self, group: Group, envelope: Envelope) -> None:
        mischief = self.mischief
        late = mischief.strikes(mischief.delayed)
        due = _seconds(self.now()) + mischief.delay * mischief.chance() if late else 0.0
        for _ in range(1 + mischief.strikes(mischief.doubled)):
            group.line.put(Waiting(None, envelope, 0, due))
        group.tell()


@dataclass(slots=True, eq=False)
class MemoryConsumer:
    """The Consumer port."""

    bus: MemoryBus
    group: Group
    subscription: Subscription
    handler: Handler
    stopping: bool = False
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set["asyncio.Task[None]"])
    in_hand: list[Waiting[None]] = field(default_factory=list[Waiting[None]])

    def open(self) -> None:
        self.tasks = {asyncio.create_task(self._run(number)) for number in range(self.subscription.parallel)}

    async def close(self, drain: float) -> None:
        self.stopping = True
        self.group.tell()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=drain)
        self.crash()

    def crash(self) -> None:
        self.stopping = True
        for task in self.tasks:
            task.cancel()
        for each in self.in_hand:
            each.in_hand = False
            each.attempts += 1
        self.in_hand.clear()
        self.group.tell()

    async def _run(self, number: int) -> None:
        news = asyncio.Event()
        self.group.news.add(news)
        try:
            while not self.stopping:
                news.clear()
                if not await self._step(number):
                    await self._rest(news)
        finally:
            self.group.news.discard(news)

    async def _step(self, number: int) -> int:
        line, limit, of = self.group.line, self.subscription.batch, self.subscription.parallel
        taken = line.take(limit, _seconds(self.bus.now()), number, of) if self.bus.broker.up else []
        if taken:
            self.in_hand += taken
            deliveries = [each.delivery for each in taken]
            given_up = killer(self.subscription, deliveries)
            fates = [given_up] if given_up else await judged(self.subscription, self.handler, deliveries)
            for each, fate in zip(taken, fates, strict=True):
                self._settle(each, fate)
            self.group.tell()
        return len(taken)

    async def _rest(self, news: asyncio.Event) -> None:
        now = _seconds(self.bus.now())
        due = self.group.line.next_due(now)
        waits = {asyncio.ensure_future(self._news(news))}
        if due is not None:
            waits.add(asyncio.ensure_future(self._pause(due - now)))
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

    async def _news(self, news: asyncio.Event) -> None:
        await news.wait()

    async def _pause(self, seconds: float) -> None:
        await self.bus.sleep(seconds)

    def _settle(self, each: Waiting[None], fate: Fate) -> None:
        if each not in self.in_hand:
            return
        self.in_hand.remove(each)
        each.in_hand = False
        mischief = self.bus.mischief
        if mischief.strikes(mischief.forgotten):
            each.attempts += 1
            return
        if fate.end is End.AGAIN:
            each.attempts, each.due = fate.attempts, _seconds(self.bus.now()) + fate.pause
        elif fate.end is not End.HELD:
            self.group.line.remove(each)
        if fate.end is End.DEAD:
            self.group.letters.append(
                DeadLetter(
                    group=self.subscription.group,
                    envelope=each.envelope,
                    attempts=fate.attempts,
                    reason=fate.reason,
                )
            )


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


def _keys_overtaking(batch: Sequence[Envelope]) -> list[Envelope]:
    """The same events with their keys the other way round, and each key's own order kept."""
    keys = list(dict.fromkeys(envelope.key for envelope in batch))[::-1]
    return [envelope for key in keys for envelope in batch if envelope.key == key]
