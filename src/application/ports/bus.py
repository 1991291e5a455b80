"""The message bus between contexts: at least once, in order for each key, in batches.

Use cases never publish: they put events in the outbox of their own transaction, and the relay alone
calls `MessageBus.publish`. Consumers dedupe by the envelope's id through their `Inbox`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias
from uuid import UUID
from zlib import compress, crc32, decompressobj
from zlib import error as ZlibError

import msgspec
from msgspec import Struct, field

from tidings.domain.errors import Unavailable
from tidings.domain.events import Event
from tidings.domain.kernel import OrganizationId

SHARDS = 8
"""Into how many parts every group's events are dealt by key. Fixed: what waits has been dealt already."""


def shard_of(key: str) -> int:
    """The part that the events of a key belong to."""
    return crc32(key.encode()) % SHARDS


LONG, LONGEST = 2048, 64 * 1024 * 1024
"""Bytes from which a body is deflated, and to which one is inflated."""
_DEFLATED = b"\x78"
"""How zlib begins; JSON never does."""


class Unreadable(ValueError):
    """A body that `packed` has not made."""


def packed(event: Event) -> bytes:
    """The body of an event. Those of a busy campaign are long, and a third as long when they are deflated."""
    body = msgspec.json.encode(event)
    return body if len(body) < LONG else compress(body, level=1)


def is_deflated(body: bytes) -> bool:
    return body.startswith(_DEFLATED)


def unpacked(body: bytes) -> bytes:
    """Its JSON. Raise Unreadable."""
    if not is_deflated(body):
        return body
    inflating = decompressobj()
    try:
        text = inflating.decompress(body, LONGEST)
    except ZlibError as error:
        raise Unreadable(f"the body cannot be inflated: {error}") from error
    if not inflating.eof:
        raise Unreadable(f"the body is cut short, or longer than {LONGEST} bytes")
    return text


class BusUnavailable(Unavailable):
    """The message bus did not confirm; whether it has the messages is unknown, so keep them."""


class Place(Struct, frozen=True, kw_only=True):
    """Where an event stands among all that its source tells, so that a consumer sees when one is missing."""

    source: str
    """The context that tells it."""
    sequence: int
    """Of this source alone; they grow, with gaps."""
    after: Mapping[str, int]
    """For each group that hears it: the sequence of what that group heard just before, of the same source and
    shard; 0 before the first."""


class Envelope(Struct, frozen=True, kw_only=True):
    """One event on its way. `id` is what consumers dedupe by; `key` is what orders it."""

    id: UUID
    type: str
    key: str
    organization_id: OrganizationId
    occurred_at: datetime
    body: bytes
    """The event as msgspec JSON, tagged; a long one deflated (see `packed`)."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    place: Place | None = None
    """None on a bus that cannot be emptied behind our back."""


class Outcome(StrEnum):
    """What a handler says of a delivery."""

    ACK = "ack"
    RETRY = "retry"
    """It failed: comes back after the subscription's backoff, `max_attempts` times in all."""
    WAIT = "wait"
    """What it needs is away: comes back soon, as often as it takes, and is not counted as an attempt."""
    REJECT = "reject"
    """It can never succeed: a dead letter at once."""


class Answer(Struct, frozen=True):
    """An outcome and why, for the dead letters."""

    outcome: Outcome
    reason: str = ""


class Delivery(Struct, frozen=True, kw_only=True):
    """An envelope handed to a consumer, for the `attempt`-th time (from 1).

    Being in hand when a process was killed counts as an attempt, so an event that kills is found out too.
    """

    envelope: Envelope
    attempt: int


class Subscription(Struct, frozen=True, kw_only=True):
    """What a durable consumer group hears, and how it is fed. The members of a group share its events."""

    group: str
    types: tuple[str, ...]
    """Exact types, or a prefix ending in `*`."""
    ordered: bool = True
    """At most one batch of a key is out at a time, and a retry holds back what follows it."""
    batch: int = 200
    parallel: int = 1
    """Batches that one member deals with at a time, each of keys of its own."""
    max_attempts: int = 8
    backoff: tuple[float, ...] = (0.2, 1, 5, 30, 120)
    """Seconds before each next attempt; the last one repeats."""
    patience: float = 1.0
    """Seconds before an event that had to WAIT comes back."""


def hears(types: Sequence[str], type: str) -> bool:
    """Whether a group that subscribed to these types hears this one."""
    return any(type == each or (each.endswith("*") and type.startswith(each[:-1])) for each in types)


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A delivery given up: rejected, or refused `max_attempts` times."""

    group: str
    envelope: Envelope
    attempts: int
    reason: str


class Lag(Struct, frozen=True, kw_only=True):
    """How far a group is behind."""

    ready: int
    in_flight: int
    """In the hands of this process."""
    oldest_age: float | None
    """Seconds since the oldest waiting event occurred; 0.0 when none waits, None when the bus cannot tell."""
    dead: int
    """Dead letters."""


Handler: TypeAlias = Callable[[Sequence[Delivery]], Awaitable[Sequence[Outcome | Answer]]]
"""Deals with a batch and answers for each delivery. Raising retries it all; Unavailable lets it wait."""


class Recall(Struct, frozen=True, kw_only=True):
    """A group's wish to be told again what a source told after these sequences, by shard."""

    group: str
    after: Mapping[int, int]
    sure: bool
    """Whether something is known to be missing; else it was only silent for long."""


class Followed(Protocol):
    """How far the consumer groups of a context have dealt with what each source told, by source and shard."""

    async def reached(self, group: str) -> Mapping[tuple[str, int], int]:
        """The sequence up to which nothing is missing. Raise Unavailable."""
        ...

    async def keep(self, group: str, reached: Mapping[tuple[str, int], int]) -> None:
        """Take note; what was noted further on stays. Raise Unavailable."""
        ...


class Consumer(Protocol):
    """A running subscription: one member of its group."""

    async def close(self, drain: float) -> None:
        """Take nothing new, finish what is in hand within `drain` seconds, then let go of the rest."""
        ...


class Publishes(Protocol):
    """The side of a bus on which events go in."""

    async def publish(self, batch: Sequence[Envelope], *, timeout: float = 5.0) -> None:
        """Return when every declared group has it durably; raise BusUnavailable otherwise."""
        ...


class MessageBus(Publishes, Protocol):
    """Fan-out to named durable groups. Delivery is at least once, everywhere."""

    async def declare(self, subscription: Subscription) -> None:
        """Make the group durable: what is published from now on waits for it. Raise Unavailable."""
        ...

    async def subscribe(self, subscription: Subscription, handler: Handler) -> Consumer:
        """Declare the group and start feeding it. Raise Unavailable."""
        ...

    async def dead_letters(self, group: str, *, limit: int = 100) -> Sequence[DeadLetter]:
        """The oldest dead letters of a group. Raise Unavailable."""
        ...

    async def redrive(self, group: str, ids: Sequence[UUID]) -> int:
        """Put dead letters back in line with their attempts forgotten; how many there were."""
        ...

    async def lag(self, group: str) -> Lag:
        """Raise Unavailable."""
        ...

    async def hold(self, name: str) -> bool:
        """Take or keep a name that one process on the bus holds at a time; whether it is ours now.

        A holder that dies loses it within seconds. Raise Unavailable.
        """
        ...

    async def close(self, drain: float = 5.0) -> None:
        """Close every consumer, and let go of what is held."""
        ...
