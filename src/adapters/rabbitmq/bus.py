"""The message bus on RabbitMQ 3.10 and later: quorum queues, publisher confirms, one owner for each shard."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aiormq.exceptions import ChannelLockedResource

from tidings.adapters.feeding import log
from tidings.adapters.rabbitmq.feed import RabbitConsumer
from tidings.adapters.rabbitmq.following import Following
from tidings.adapters.rabbitmq.links import PATIENCE, Link, answering
from tidings.adapters.rabbitmq.topology import (
    DELIVERY_LIMIT,
    Names,
    declare,
    declare_events,
    declare_recalls,
    envelope_of,
    message_of,
    number,
    placed_message_of,
    recall_of,
)
from tidings.application.ports.bus import (
    SHARDS,
    BusUnavailable,
    DeadLetter,
    Envelope,
    Followed,
    Handler,
    Lag,
    Recall,
    Subscription,
    hears,
    shard_of,
)
from tidings.application.ports.common import Now

BACK_LOOKS, BACK_PAUSE = 40, 0.05
"""Looks, and seconds between them, until letters are back in their queue, or somebody else has them."""


@dataclass(slots=True, eq=False)
class RabbitBus:
    """The MessageBus port.

    `url` is an AMQP address, such as `amqp://user:secret@host:5672/vhost?heartbeat=15`. Names are held and
    events published over one connection: a process that the broker has given up can do neither.
    """

    url: str
    now: Now
    prefix: str = "tidings"
    beat: float = 2.0
    """Seconds between two looks at who shares what."""
    followed: dict[str, Followed] = field(default_factory=dict[str, Followed])
    """Where each group keeps how far it is; one without takes what comes, and what is lost is lost."""
    sources: Sequence[str] = ()
    """Who tells anything."""
    quiet: float = 20.0
    """Seconds of silence after which a group asks a source whether it told anything."""
    groups: dict[str, Subscription] = field(default_factory=dict[str, Subscription])
    consumers: list[RabbitConsumer] = field(default_factory=list[RabbitConsumer])
    publisher: Link = field(init=False)
    names: Names = field(init=False)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: dict[str, AbstractConnection] = field(default_factory=dict[str, AbstractConnection])

    def __post_init__(self) -> None:
        self.publisher = Link(self.url, f"{self.prefix} publisher")
        self.names = Names(self.prefix)

    async def declare(self, subscription: Subscription) -> None:
        with answering():
            channel = await self._channel()
            await declare(channel, self.names, subscription)
        self.groups[subscription.group] = subscription

    async def publish(self, batch: Sequence[Envelope], *, timeout: float = 5.0) -> None:
        try:
            with answering():
                async with asyncio.timeout(timeout):
                    channel = await self._channel()
                    for wave in [batch] if all(each.place for each in batch) else _waves(batch):
                        await asyncio.gather(*(self._put(channel, envelope) for envelope in wave))
        except BusUnavailable:
            self.publisher.drop()
            raise

    async def subscribe(self, subscription: Subscription, handler: Handler) -> RabbitConsumer:
        await self.declare(subscription)
        link = Link(self.url, f"{self.prefix} {subscription.group}")
        # Members of an unordered group share a queue: none of them sees what is missing.
        followed = self.followed.get(subscription.group) if subscription.ordered else None
        following = partial(Following, subscription.group, followed, self.sources, self.quiet)
        consumer = RabbitConsumer(link, self.names, subscription, handler, self.beat, following)
        self.consumers = [each for each in self.consumers if not each.stopping] + [consumer]
        with answering():
            await consumer.open()
        return consumer

    async def recalls(self, source: str) -> Sequence[Recall]:
        found: list[Recall] = []
        with answering():
            queue = await declare_recalls(await self._channel(), self.names, source)
            for _ in range(queue.declaration_result.message_count or 0):
                message = await queue.get(no_ack=True, fail=False, timeout=PATIENCE)
                if message is None:
                    break
                try:
                    found.append(recall_of(message))
                except ValueError as error:
                    log.error("a recall that cannot be read", source=source, exc_info=error)
        return found

    async def tell_again(self, group: str, batch: Sequence[Envelope]) -> None:
        subscription = self.groups.get(group) or Subscription(group=group, types=())
        try:
            with answering():
                async with asyncio.timeout(PATIENCE):
                    exchange = (await self._channel()).default_exchange
                    inboxes = [self.names.inbox(subscription, each.key) for each in batch]
                    await asyncio.gather(
                        *(
                            exchange.publish(placed_message_of(each), inbox, mandatory=True)
                            for each, inbox in zip(batch, inboxes, strict=True)
                        )
                    )
        except BusUnavailable:
            self.publisher.drop()
            raise

    async def dead_letters(self, group: str, *, limit: int = 100) -> Sequence[DeadLetter]:
        found: list[DeadLetter] = []
        with answering():
            side = await self._side()
            try:
                seen = await self._browse(side, group, limit)
                for message in seen:
                    if letter := _letter(group, message):
                        found.append(letter)
                await self._put_back(side, group, seen)
            finally:
                await side.close()
        return found

    async def redrive(self, group: str, ids: Sequence[UUID]) -> int:
        wanted = set(ids)
        subscription = self.groups.get(group) or Subscription(group=group, types=())
        count = 0
        with answering():
            side = await self._side()
            try:
                left: list[AbstractIncomingMessage] = []
                for message in await self._browse(side, group, None):
                    letter = _letter(group, message)
                    if letter is None or letter.envelope.id not in wanted:
                        left.append(message)
                        continue
                    inbox = self.names.inbox(subscription, letter.envelope.key)
                    again = message_of(letter.envelope)
                    await side.default_exchange.publish(again, inbox, mandatory=True, timeout=PATIENCE)
                    await message.ack()
                    count += 1
                await self._put_back(side, group, left)
            finally:
                await side.close()
        return count

    async def lag(self, group: str) -> Lag:
        subscription = self.groups.get(group) or Subscription(group=group, types=())
        inboxes = (
            [self.names.shard(group, shard) for shard in range(SHARDS)]
            if subscription.ordered
            else [self.names.all(group)]
        )
        with answering():
            side = await self._side()
            try:
                found = [await side.declare_queue(name, passive=True, timeout=PATIENCE) for name in inboxes]
                graves = await side.declare_queue(self.names.dead(group), passive=True, timeout=PATIENCE)
            finally:
                await side.close()
        ready = sum(queue.declaration_result.message_count or 0 for queue in found)
        here = [
            each
            for c in self.consumers
            if c.session and c.subscription.group == group
            for each in c.session.line
        ]
        in_hand = sum(each.in_hand for each in here)
        ready += len(here) - in_hand
        since = min((each.envelope.occurred_at for each in here), default=None)
        age = None if since is None else max((self.now() - since).total_seconds(), 0.0)
        return Lag(
            ready=ready,
            in_flight=in_hand,
            oldest_age=age if ready or in_hand else 0.0,
            dead=graves.declaration_result.message_count or 0,
        )

    async def hold(self, name: str) -> bool:
        with answering():
            await self._channel()
            connection = self.publisher.live
            if connection is None:
                raise ConnectionError("not connected")
            if self.held.get(name) is connection:
                return True
            side = await self.publisher.side_channel()
            try:
                await side.declare_queue(self.names.hold(name), exclusive=True, timeout=PATIENCE)
            except ChannelLockedResource:
                return False
            finally:
                if not side.is_closed:
                    await side.close()
            self.held[name] = connection
            return True

    async def close(self, drain: float = 5.0) -> None:
        await asyncio.gather(*(each.close(drain) for each in self.consumers))
        self.consumers.clear()
        self.held.clear()
        await self.publisher.close()

    async def _channel(self) -> AbstractChannel:
        """The channel to publish on, once all that we know of stands at the broker."""
        async with self.turn:
            channel = self.publisher.channel
            if channel is not None and self.publisher.live:
                return channel
            channel = await self.publisher.open()
            try:
                await declare_events(channel, self.names)
                for subscription in self.groups.values():
                    await declare(channel, self.names, subscription)
            except BaseException:
                # A broker on which half of the queues stand would lose what is published to the rest.
                self.publisher.drop()
                raise
            return channel

    async def _side(self) -> AbstractChannel:
        await self._channel()
        return await self.publisher.side_channel()

    async def _put(self, channel: AbstractChannel, envelope: Envelope) -> None:
        events = await channel.get_exchange(self.names.events, ensure=False)
        heard = any(hears(each.types, envelope.type) for each in self.groups.values())
        await events.publish(
            placed_message_of(envelope), f"{shard_of(envelope.key)}.{envelope.type}", mandatory=heard
        )

    async def _browse(
        self, channel: AbstractChannel, group: str, limit: int | None
    ) -> list[AbstractIncomingMessage]:
        """Dead letters, which are back in their queue at the latest when the channel is closed."""
        queue = await channel.declare_queue(self.names.dead(group), passive=True, timeout=PATIENCE)
        count = queue.declaration_result.message_count or 0
        found: list[AbstractIncomingMessage] = []
        for _ in range(count if limit is None else min(count, limit)):
            message = await queue.get(no_ack=False, fail=False, timeout=PATIENCE)
            if message is None:
                break
            found.append(message)
        return found

    async def _put_back(
        self, channel: AbstractChannel, group: str, messages: Sequence[AbstractIncomingMessage]
    ) -> None:
        """Return what was only looked at, and wait until it is there again for whoever looks next."""
        for message in messages:
            await message.nack(requeue=True)
        for _ in range(BACK_LOOKS if messages else 0):
            queue = await channel.declare_queue(self.names.dead(group), passive=True, timeout=PATIENCE)
            if (queue.declaration_result.message_count or 0) >= len(messages):
                return
            await asyncio.sleep(BACK_PAUSE)


def _waves(batch: Sequence[Envelope]) -> list[list[Envelope]]:
    """The batch cut so that no key is twice in a wave.

    An event goes out when the earlier ones of its key are confirmed: the broker may refuse one and take
    the next, and then the first would come after it. Those with a place need no waves: who hears the next
    one sees that the first is missing.
    """
    waves: list[list[Envelope]] = []
    reached: dict[str, int] = {}
    for envelope in batch:
        wave = reached[envelope.key] = reached.get(envelope.key, -1) + 1
        if wave == len(waves):
            waves.append([])
        waves[wave].append(envelope)
    return waves


def _letter(group: str, message: AbstractIncomingMessage) -> DeadLetter | None:
    try:
        envelope = envelope_of(message)
    except (ValueError, KeyError) as error:
        log.error("a dead letter that cannot be read", group=group, exc_info=error)
        return None
    if message.headers.get("x-first-death-reason") == "delivery_limit":
        reason = "it was in hand each time that its process died"
        return DeadLetter(group=group, envelope=envelope, attempts=DELIVERY_LIMIT + 1, reason=reason)
    attempts = number(message, "attempts")
    reason = str(message.headers.get("reason") or "rejected")
    return DeadLetter(group=group, envelope=envelope, attempts=attempts, reason=reason)
