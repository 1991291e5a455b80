"""What every message bus does alike with a batch: ask the handler, and judge each delivery by its answer."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

import structlog
from msgspec import Struct

from tidings.application.ports.bus import Answer, Delivery, Envelope, Handler, Outcome, Subscription, shard_of
from tidings.domain.errors import Unavailable

T = TypeVar("T")

SUSPECT = 3
"""Attempts after which a delivery goes out alone, so that a bad one stops dragging its neighbours along."""

SHOWN = 5
"""Events that a line of the log names."""

log = structlog.get_logger("tidings.bus")


class End(StrEnum):
    """What becomes of a delivery."""

    DONE = "done"
    AGAIN = "again"
    HELD = "held"
    """Nothing: it stays in line behind an earlier one of its key."""
    DEAD = "dead"


class Fate(Struct, frozen=True):
    """A judged delivery: when it comes AGAIN, after `pause` seconds and with this many attempts behind it."""

    end: End
    attempts: int = 0
    pause: float = 0.0
    reason: str = ""


async def judged(subscription: Subscription, handler: Handler, deliveries: Sequence[Delivery]) -> list[Fate]:
    """Hand the batch to the handler, and say what becomes of each delivery."""
    stumbled: set[str] = set()
    fates: list[Fate] = []
    for delivery, answer in zip(deliveries, await _answers(handler, deliveries), strict=True):
        key = delivery.envelope.key
        fate = _fate(subscription, delivery, answer)
        if answer.outcome in (Outcome.RETRY, Outcome.WAIT) and subscription.ordered:
            if key in stumbled:
                fate = Fate(End.HELD)
            stumbled.add(key)
        if fate.end is End.DEAD:
            _lament(subscription.group, delivery, fate)
        fates.append(fate)
    return fates


async def _answers(handler: Handler, deliveries: Sequence[Delivery]) -> list[Answer]:
    task = asyncio.current_task()
    try:
        given = [
            answer if isinstance(answer, Answer) else Answer(answer) for answer in await handler(deliveries)
        ]
        if len(given) == len(deliveries):
            return given
        failure = Answer(Outcome.RETRY, f"the handler answered {len(given)} of {len(deliveries)} deliveries")
    except Unavailable as error:
        failure = Answer(Outcome.WAIT, str(error))
    except Exception as error:
        log.error("a handler failed", exc_info=error, events=_told(deliveries))
        failure = Answer(Outcome.RETRY, repr(error))
    except asyncio.CancelledError:
        # Some libraries raise it although nobody cancelled us; then it is a failure like any other.
        if task is None or task.cancelling():
            raise
        failure = Answer(Outcome.RETRY, "something the handler called was cancelled")
    return [failure] * len(deliveries)


def _told(deliveries: Sequence[Delivery]) -> list[dict[str, str]]:
    """What a handler was given, as far as a line of the log has room."""
    return [
        {
            "type": each.envelope.type,
            "id": str(each.envelope.id),
            "about_id": each.envelope.key,
            "organization_id": str(each.envelope.organization_id),
        }
        for each in deliveries[:SHOWN]
    ]


def _fate(subscription: Subscription, delivery: Delivery, answer: Answer) -> Fate:
    match answer.outcome:
        case Outcome.ACK:
            return Fate(End.DONE)
        case Outcome.WAIT:
            return Fate(End.AGAIN, delivery.attempt - 1, subscription.patience)
        case Outcome.REJECT:
            return Fate(End.DEAD, delivery.attempt, reason=answer.reason or "rejected")
        case Outcome.RETRY:
            pass
    if delivery.attempt >= subscription.max_attempts:
        return Fate(End.DEAD, delivery.attempt, reason=answer.reason or "the handler refused it")
    pauses = subscription.backoff
    return Fate(
        End.AGAIN, delivery.attempt, pauses[min(delivery.attempt, len(pauses)) - 1], reason=answer.reason
    )


def _lament(group: str, delivery: Delivery, fate: Fate) -> None:
    log.warning(
        "dead letter",
        group=group,
        **_told([delivery])[0],
        attempts=fate.attempts,
        reason=fate.reason,
    )


def together(attempts: Sequence[int]) -> int:
    """How many of the first in line go out in one batch, given the attempts behind each."""
    if attempts and attempts[0] >= SUSPECT:
        return 1
    return next((n for n, each in enumerate(attempts) if each >= SUSPECT), len(attempts))


def killer(subscription: Subscription, deliveries: Sequence[Delivery]) -> Fate | None:
    """The end of a delivery that went out alone and was in hand each time that its process died.

    Only for a bus that knows exactly what was in hand: elsewhere innocent ones would be counted too.
    """
    attempts = deliveries[0].attempt - 1
    if len(deliveries) > 1 or attempts < max(subscription.max_attempts, SUSPECT + 1):
        return None
    fate = Fate(End.DEAD, attempts, reason="its process died each time that it was in hand")
    _lament(subscription.group, deliveries[0], fate)
    return fate


@dataclass(slots=True, eq=False)
class Waiting(Generic[T]):
    """A delivery in line, with what its bus knows it by."""

    token: T
    envelope: Envelope
    attempts: int
    due: float = 0.0
    in_hand: bool = False

    @property
    def delivery(self) -> Delivery:
        return Delivery(envelope=self.envelope, attempt=self.attempts + 1)


@dataclass(slots=True)
class Line(Generic[T]):
    """Deliveries that wait in the memory of a process, in order."""

    ordered: bool
    waiting: dict[int, Waiting[T]] = field(default_factory=dict[int, Waiting[T]])

    def __iter__(self) -> Iterator[Waiting[T]]:
        return iter(self.waiting.values())

    def __len__(self) -> int:
        return len(self.waiting)

    def put(self, each: Waiting[T]) -> None:
        self.waiting[id(each)] = each

    def remove(self, each: Waiting[T]) -> None:
        self.waiting.pop(id(each), None)

    def take(self, limit: int, now: float, number: int = 0, of: int = 1) -> list[Waiting[T]]:
        """The next batch, marked as in hand; nothing of a key whose earlier event is out or held back.

        Of several feeders that take side by side, each has the shards that fall to its number.
        """
        blocked: set[str] = set()
        found: list[Waiting[T]] = []
        for each in self:
            if each.in_hand or each.due > now or (self.ordered and each.envelope.key in blocked):
                blocked.add(each.envelope.key)
                continue
            if shard_of(each.envelope.key) % of != number:
                continue
            found.append(each)
            if len(found) == limit:
                break
        found = found[: together([each.attempts for each in found])]
        for each in found:
            each.in_hand = True
        return found

    def next_due(self, now: float) -> float | None:
        """When the first of those that have to wait comes again."""
        return min((each.due for each in self if not each.in_hand and each.due > now), default=None)
