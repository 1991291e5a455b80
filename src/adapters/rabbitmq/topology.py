"""What stands at the broker: an exchange of events, a queue for each shard of a group, and its dead letters.

    events (topic) ──"<shard>.<type>"──> <group>.<shard>.v1 ──rejected──> <group>.dead.v1
                                          <group>.all.v1  <──expired── <group>.retry.<ms>.v1   (unordered)

The arguments of a queue can never change: another kind of queue gets another version in its name.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage, AbstractQueue

from tidings.adapters.rabbitmq.links import PATIENCE
from tidings.application.ports.bus import SHARDS, Envelope, Place, Recall, Subscription, is_deflated, shard_of
from tidings.domain.kernel import OrganizationId

DELIVERY_LIMIT = 20
"""Times that a message may be in hand while its process dies; then the broker makes it a dead letter."""
RECALLS = 1_000
"""Wishes to be told again that wait for a source that is away."""
BROWSED = 1_000_000
"""Times that a dead letter may be looked at."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Names:
    """What things are called at the broker. Deployments that share one differ in `prefix`."""

    prefix: str

    @property
    def events(self) -> str:
        return f"{self.prefix}.events"

    def shard(self, group: str, shard: int) -> str:
        return f"{self.prefix}.{group}.{shard}.v1"

    def all(self, group: str) -> str:
        return f"{self.prefix}.{group}.all.v1"

    def retry(self, group: str, seconds: float) -> str:
        return f"{self.prefix}.{group}.retry.{int(seconds * 1000)}.v1"

    def dead(self, group: str) -> str:
        return f"{self.prefix}.{group}.dead.v1"

    def members(self, group: str) -> str:
        return f"{self.prefix}.{group}.members.v1"

    def owner(self, group: str, shard: int) -> str:
        return f"{self.prefix}.{group}.{shard}.owner"

    def hold(self, name: str) -> str:
        return f"{self.prefix}.hold.{name}"

    def recalls(self, source: str) -> str:
        return f"{self.prefix}.recalls.{source}.v1"

    def inbox(self, subscription: Subscription, key: str) -> str:
        """The queue in which a group finds the events of a key."""
        if subscription.ordered:
            return self.shard(subscription.group, shard_of(key))
        return self.all(subscription.group)


def pattern(type: str) -> str:
    """What a topic exchange makes of a type or a prefix; consumers look again where it is too wide."""
    if not type.endswith("*"):
        return type
    start, dot, _ = type[:-1].rpartition(".")
    return f"{start}{dot}#"


async def declare(channel: AbstractChannel, names: Names, subscription: Subscription) -> None:
    """Make everything of a group that is missing. Raise one of FAILURES."""
    group = subscription.group
    events = await declare_events(channel, names)
    buried = {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": names.dead(group),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-delivery-limit": DELIVERY_LIMIT,
    }
    await _queue(channel, names.dead(group), {"x-delivery-limit": BROWSED})
    if subscription.ordered:
        await _queue(channel, names.members(group), {})
        inboxes = {names.shard(group, shard): str(shard) for shard in range(SHARDS)}
        buried["x-single-active-consumer"] = True
    else:
        inboxes = {names.all(group): "*"}
    await asyncio.gather(
        *(_inbox(channel, events, name, shard, buried, subscription) for name, shard in inboxes.items())
    )
    if not subscription.ordered:
        await asyncio.gather(
            *(
                _ladder(channel, names, group, pause)
                for pause in {*subscription.backoff, subscription.patience}
            )
        )


async def declare_events(channel: AbstractChannel, names: Names) -> AbstractExchange:
    return await channel.declare_exchange(names.events, ExchangeType.TOPIC, durable=True, timeout=PATIENCE)


async def _inbox(
    channel: AbstractChannel,
    events: AbstractExchange,
    name: str,
    shard: str,
    arguments: Mapping[str, Any],
    subscription: Subscription,
) -> None:
    queue = await channel.declare_queue(
        name, durable=True, arguments={"x-queue-type": "quorum", **arguments}, timeout=PATIENCE
    )
    for type in subscription.types:
        await queue.bind(events, f"{shard}.{pattern(type)}", timeout=PATIENCE)


async def _ladder(channel: AbstractChannel, names: Names, group: str, pause: float) -> None:
    await _queue(
        channel,
        names.retry(group, pause),
        {
            "x-message-ttl": int(pause * 1000),
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": names.all(group),
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


async def declare_recalls(channel: AbstractChannel, names: Names, source: str) -> AbstractQueue:
    """Where groups ask a source to tell again. Who is not heard asks again, so few are kept."""
    arguments = {"x-max-length": RECALLS, "x-overflow": "drop-head"}
    return await _queue(channel, names.recalls(source), arguments)


async def _queue(channel: AbstractChannel, name: str, arguments: Mapping[str, Any]) -> AbstractQueue:
    return await channel.declare_queue(
        name, durable=True, arguments={"x-queue-type": "quorum", **arguments}, timeout=PATIENCE
    )


def message_of(envelope: Envelope, *, attempts: int = 0, reason: str = "") -> Message:
    """Without its place, which only what comes from its source has."""
    return Message(
        envelope.body,
        message_id=str(envelope.id),
        type=envelope.type,
        content_type="application/json",
        content_encoding="deflate" if is_deflated(envelope.body) else None,
        delivery_mode=DeliveryMode.PERSISTENT,
        headers={
            "key": envelope.key,
            "organization": str(envelope.organization_id),
            "occurred": (envelope.occurred_at - _EPOCH) // _MICROSECOND,
            "attempts": attempts,
            "reason": reason,
            **{f"h.{name}": value for name, value in envelope.headers.items()},
        },
    )


def placed_message_of(envelope: Envelope) -> Message:
    """As its source tells it."""
    message = message_of(envelope)
    if place := envelope.place:
        message.headers |= {"source": place.source, "sequence": place.sequence}
        message.headers |= {f"after.{group}": sequence for group, sequence in place.after.items()}
    return message


def recall_message_of(recall: Recall) -> Message:
    return Message(msgspec.json.encode(recall), content_type="application/json")


def recall_of(message: AbstractIncomingMessage) -> Recall:
    """Raise ValueError when it is none."""
    return msgspec.json.decode(message.body, type=Recall)


def _place_of(message: AbstractIncomingMessage) -> Place | None:
    headers = message.headers
    if "sequence" not in headers:
        return None
    return Place(
        source=str(headers["source"]),
        sequence=number(message, "sequence"),
        after={n.removeprefix("after."): number(message, n) for n in headers if n.startswith("after.")},
    )


def number(message: AbstractIncomingMessage, header: str) -> int:
    """A header's number; 0 when it is missing. Raise ValueError."""
    return int(str(message.headers.get(header, 0)))


def envelope_of(message: AbstractIncomingMessage) -> Envelope:
    """Raise ValueError or KeyError when it is none of ours."""
    headers = message.headers
    return Envelope(
        id=UUID(message.message_id or ""),
        type=message.type or "",
        key=str(headers["key"]),
        organization_id=OrganizationId(UUID(str(headers["organization"]))),
        occurred_at=_EPOCH + timedelta(microseconds=number(message, "occurred")),
        body=message.body,
        headers={n.removeprefix("h."): str(v) for n, v in headers.items() if n.startswith("h.")},
        place=_place_of(message),
    )


def attempts_of(message: AbstractIncomingMessage) -> int:
    """How often it was handed out before: by our count, and by the broker's when a process died."""
    return number(message, "attempts") + number(message, "x-delivery-count")
