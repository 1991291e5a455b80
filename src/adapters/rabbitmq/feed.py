"""One member of a consumer group on RabbitMQ.

The members of an ordered group share its shards: the owner of a shard has an exclusive queue of that
name, which the broker gives to one connection at a time and takes away when that one dies. A shard
changes hands only when nothing of it is in hand. What is retried waits in the owner's memory, unacknowledged,
so that nothing of its key can overtake it; in an unordered group it waits in a queue of the retry ladder.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aiormq.exceptions import ChannelLockedResource

from tidings.adapters.feeding import End, Fate, Line, Waiting, judged, log
from tidings.adapters.rabbitmq.following import Following
from tidings.adapters.rabbitmq.links import PATIENCE, Link, answering
from tidings.adapters.rabbitmq.topology import (
    Names,
    attempts_of,
    declare,
    envelope_of,
    message_of,
    recall_message_of,
)
from tidings.application.pausing import pause
from tidings.application.ports.bus import (
    SHARDS,
    BusUnavailable,
    Handler,
    Recall,
    Subscription,
    hears,
    shard_of,
)
from tidings.domain.errors import Unavailable

AGAIN, AGAIN_AT_MOST = 0.2, 5.0
"""Seconds before a lost connection is tried again; doubled each time."""
SILENCE = 60.0
"""Seconds without a delivery, while messages wait, after which the connection is not believed."""

LINGER = 0.005
"""Seconds in which deliveries gather after a silence, so that they go together."""

Token = AbstractIncomingMessage


@dataclass(slots=True, eq=False)
class Session:
    """What a member has as long as its connection lasts."""

    channel: AbstractChannel
    line: Line[Token]
    following: Following
    over: asyncio.Event = field(default_factory=asyncio.Event)
    tags: dict[int, None] = field(default_factory=dict[int, None])
    """What was delivered and not yet acknowledged, in order."""
    shards: "dict[int, Held]" = field(default_factory=dict[int, "Held"])
    leaving: set[int] = field(default_factory=set[int])

    def of_shard(self, shard: int) -> list[Waiting[Token]]:
        return [each for each in self.line if shard_of(each.envelope.key) == shard]

    async def acknowledge(self, messages: Sequence[Token]) -> None:
        """As few acknowledgements as will do: one for all that are the oldest, one for each other."""
        settled = {message.delivery_tag: message for message in messages if message.delivery_tag is not None}
        oldest: list[int] = []
        for tag in self.tags:
            if tag not in settled:
                break
            oldest.append(tag)
        if oldest:
            await settled[oldest[-1]].ack(multiple=True)
        for tag in settled.keys() - set(oldest):
            await settled[tag].ack()
        for tag in settled:
            self.tags.pop(tag, None)

    async def give_back(self, message: Token) -> None:
        if message.delivery_tag is not None:
            self.tags.pop(message.delivery_tag, None)
        await message.nack(requeue=True)


@dataclass(slots=True, eq=False)
class Held:
    """A shard of ours."""

    queue: AbstractQueue
    tag: str
    lock: AbstractQueue
    heard_at: float


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True, eq=False)
class RabbitConsumer:
    """The Consumer port."""

    link: Link
    names: Names
    subscription: Subscription
    handler: Handler
    beat: float
    following: Callable[[], Following]
    session: Session | None = None
    stopping: bool = False
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    nudges: list[asyncio.Event] = field(default_factory=list[asyncio.Event])
    tasks: "list[asyncio.Task[None]]" = field(default_factory=list["asyncio.Task[None]"])
    keeper: "asyncio.Task[None] | None" = None

    async def open(self) -> None:
        """Begin; deliveries come as soon as the broker gives us something to do."""
        name = f"bus {self.subscription.group}"
        self.nudges = [asyncio.Event() for _ in range(self.subscription.parallel)]
        self.tasks = [asyncio.create_task(self._feed(n), name=name) for n in range(len(self.nudges))]
        self.keeper = asyncio.create_task(self._keep(), name=name)
        async with asyncio.timeout(PATIENCE):
            await self.ready.wait()

    @property
    def in_hand(self) -> int:
        return 0 if self.session is None else sum(each.in_hand for each in self.session.line)

    async def close(self, drain: float) -> None:
        if self.stopping:
            return
        self.stopping = True
        self.hurry.set()
        self._nudge()
        _, late = await asyncio.wait(self.tasks, timeout=drain)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if self.keeper is not None:
            _, stuck = await asyncio.wait([self.keeper], timeout=PATIENCE)
            for task in stuck:
                task.cancel()
        await self.link.close()

    async def _keep(self) -> None:
        """Sessions, one after the other, until we stop."""
        pause = AGAIN
        while not self.stopping:
            started = _now()
            try:
                with answering():
                    await self._session()
            except Unavailable as error:
                log.warning("the broker was lost", group=self.subscription.group, reason=str(error))
            except Exception as error:
                log.error("a consumer broke", group=self.subscription.group, exc_info=error)
            finally:
                self._end()
            pause = AGAIN if _now() - started > AGAIN_AT_MOST else min(pause * 2, AGAIN_AT_MOST)
            if not self.stopping:
                await self._either(self.hurry, pause)

    async def _session(self) -> None:
        channel = await self.link.open()
        session = Session(channel, Line(self.subscription.ordered), self.following())

        def over(*_: object) -> None:
            session.over.set()

        channel.close_callbacks.add(over)
        prefetch = max(32, 2 * self.subscription.batch // SHARDS)
        await channel.set_qos(prefetch_count=prefetch, timeout=PATIENCE)
        await declare(channel, self.names, self.subscription)
        self.session = session
        try:
            await self._lasts(session)
        finally:
            await session.following.note(session.line, _now(), at_once=True)

    async def _lasts(self, session: Session) -> None:
        if self.subscription.ordered:
            members = await self._passive(self.names.members(self.subscription.group))
            await members.consume(_ignore, no_ack=True, timeout=PATIENCE)
        else:
            inbox = await self._passive(self.names.all(self.subscription.group))
            await inbox.consume(partial(self._arrived, session), timeout=PATIENCE)
        while not (session.over.is_set() or self.stopping):
            self.hurry.clear()
            if self.subscription.ordered:
                await self._wish(session, await self._balance(session))
                await session.following.note(session.line, _now())
            else:
                await self._passive(self.names.all(self.subscription.group))
            self.ready.set()
            waits = [asyncio.create_task(each.wait()) for each in (session.over, self.hurry)]
            await asyncio.wait(waits, timeout=self.beat, return_when=asyncio.FIRST_COMPLETED)
            for each in waits:
                each.cancel()
        if self.stopping:
            await asyncio.wait(self.tasks)

    def _end(self) -> None:
        """What was not acknowledged comes again, to whoever is next."""
        if self.session is not None:
            self.session.over.set()
            self.session = None
        self.link.drop()

    async def _passive(self, name: str) -> AbstractQueue:
        assert self.link.channel is not None
        return await self.link.channel.declare_queue(name, passive=True, timeout=PATIENCE)

    # Sharing.

    async def _balance(self, session: Session) -> set[int]:
        """Give what is more than our share, take what is free of it, and doubt a queue that is silent.

        Those of our shards in which nothing waits.
        """
        group = self.subscription.group
        members = (await self._passive(self.names.members(group))).declaration_result.consumer_count or 1
        share = ceil(SHARDS / members)
        for shard in sorted(session.shards)[share:]:
            if shard not in session.leaving:
                await self._leave(session, shard)
        for shard in list(session.leaving):
            if not session.of_shard(shard):
                await self._part(session, shard)
        silent: set[int] = set()
        for shard in range(SHARDS):
            queue = await self._passive(self.names.shard(group, shard))
            if held := session.shards.get(shard):
                self._doubt(session, shard, held, queue)
                if not queue.declaration_result.message_count and not session.of_shard(shard):
                    silent.add(shard)
            elif len(session.shards) < share and not queue.declaration_result.consumer_count:
                await self._take(session, shard, queue)
        return silent

    async def _wish(self, session: Session, silent: Collection[int]) -> None:
        """Ask sources to tell again what did not come. One that is not there is asked again later."""
        for (source, sure), after in session.following.wishes(silent, _now()).items():
            recall = Recall(group=self.subscription.group, after=after, sure=sure)
            await session.channel.default_exchange.publish(
                recall_message_of(recall), self.names.recalls(source), mandatory=False, timeout=PATIENCE
            )

    async def _take(self, session: Session, shard: int, queue: AbstractQueue) -> None:
        side = await self.link.side_channel()
        try:
            name = self.names.owner(self.subscription.group, shard)
            await side.declare_queue(name, exclusive=True, timeout=PATIENCE)
        except ChannelLockedResource:
            return
        finally:
            if not side.is_closed:
                await side.close()
        lock = await session.channel.get_queue(name, ensure=False)
        await session.following.begin(shard)
        held = session.shards[shard] = Held(queue, "", lock, _now())
        held.tag = await queue.consume(partial(self._arrived, session), timeout=PATIENCE)

    async def _leave(self, session: Session, shard: int) -> None:
        """Hear no more of a shard, and put back what nobody has begun with: all at once, and in its order."""
        held = session.shards[shard]
        await held.queue.cancel(held.tag, timeout=PATIENCE)
        await asyncio.sleep(0)
        session.leaving.add(shard)
        untouched = [each for each in session.of_shard(shard) if not each.in_hand]
        for each in untouched:
            session.line.remove(each)
            session.following.given_back(each.envelope)
        for each in untouched:
            await session.give_back(each.token)

    async def _part(self, session: Session, shard: int) -> None:
        """Let another have a shard of which nothing is in hand any more."""
        held = session.shards.pop(shard)
        session.leaving.discard(shard)
        await session.following.end(shard, session.line)
        await held.lock.delete(if_unused=False, if_empty=False, timeout=PATIENCE)

    def _doubt(self, session: Session, shard: int, held: Held, queue: AbstractQueue) -> None:
        """Raise BusUnavailable when the broker has forgotten that we listen."""
        found = queue.declaration_result
        forgotten = found.consumer_count == 0 and shard not in session.leaving
        silent = _now() - held.heard_at > SILENCE and found.message_count and not session.of_shard(shard)
        if forgotten or silent:
            raise BusUnavailable(f"The message broker delivers nothing of {queue.name}.")

    # Feeding.

    async def _arrived(self, session: Session, message: Token) -> None:
        if message.delivery_tag is not None:
            session.tags[message.delivery_tag] = None
        try:
            envelope = envelope_of(message)
        except (ValueError, KeyError) as error:
            log.error("a message that is none of ours", queue=message.routing_key, exc_info=error)
            session.tags.pop(message.delivery_tag or 0, None)
            await message.nack(requeue=False)
            return
        shard = shard_of(envelope.key)
        if held := session.shards.get(shard):
            held.heard_at = _now()
        if session.over.is_set() or shard in session.leaving:
            await session.give_back(message)
        elif not hears(self.subscription.types, envelope.type):
            await session.acknowledge([message])
        elif not session.following.follows(envelope):
            await session.acknowledge([message])
            if session.following.urgent:
                self.hurry.set()
        else:
            session.line.put(Waiting(message, envelope, attempts_of(message)))
            self._nudge()

    async def _feed(self, number: int) -> None:
        nudged = self.nudges[number]
        while not self.stopping:
            nudged.clear()
            session = self.session
            taken = (
                session.line.take(self.subscription.batch, _now(), number, len(self.nudges))
                if session
                else []
            )
            if session is None or not taken:
                due = session.line.next_due(_now()) if session else None
                await self._either(nudged, None if due is None else due - _now())
                await asyncio.sleep(LINGER)
                continue
            fates = await judged(self.subscription, self.handler, [each.delivery for each in taken])
            try:
                with answering():
                    await self._settle(session, taken, fates)
            except BusUnavailable as error:
                log.warning("a batch could not be settled", group=self.subscription.group, reason=str(error))
                session.over.set()
            if session.leaving:
                self.hurry.set()

    async def _settle(self, session: Session, taken: Sequence[Waiting[Token]], fates: Sequence[Fate]) -> None:
        if session.over.is_set():
            return
        settled: list[Waiting[Token]] = []
        for each, fate in zip(taken, fates, strict=True):
            if fate.end is End.HELD or (fate.end is End.AGAIN and self.subscription.ordered):
                each.attempts = fate.attempts if fate.end is End.AGAIN else each.attempts
                each.due, each.in_hand = _now() + fate.pause, False
                continue
            await self._passed_on(session, each, fate)
            settled.append(each)
        await session.acknowledge([each.token for each in settled])
        for each in settled:
            session.line.remove(each)
        self._nudge()

    async def _passed_on(self, session: Session, each: Waiting[Token], fate: Fate) -> None:
        """Put what is not done where it goes next, before it is acknowledged here."""
        group = self.subscription.group
        if fate.end is End.DONE:
            return
        target = self.names.dead(group) if fate.end is End.DEAD else self.names.retry(group, fate.pause)
        await session.channel.default_exchange.publish(
            message_of(each.envelope, attempts=fate.attempts, reason=fate.reason[:500]),
            target,
            mandatory=True,
            timeout=PATIENCE,
        )

    def _nudge(self) -> None:
        for each in self.nudges:
            each.set()

    async def _either(self, event: asyncio.Event, seconds: float | None) -> None:
        await pause(event, None if seconds is None else max(seconds, 0.001))


async def _ignore(message: AbstractIncomingMessage) -> None:
    """Nothing is ever sent to the members."""
