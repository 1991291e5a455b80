"""From outbox to bus, and from bus to use cases."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from tidings.application.pausing import listening
from tidings.application.ports.bus import (
    Answer,
    Delivery,
    Handler,
    Outcome,
    Publishes,
    Unreadable,
    unpacked,
)
from tidings.application.ports.common import Signal
from tidings.application.ports.relay import OutboxReader
from tidings.application.recalling import Recaller
from tidings.domain.errors import Unavailable
from tidings.domain.events import AnyEvent, Event

BATCH = 200
POLL = 0.5
"""The longest that a lost wake-up can cost, and the pause when the bus is away."""
PACE = 0.04
"""Seconds between two rounds of a steady stream: what commits in between leaves together."""

Hear: TypeAlias = Callable[[Sequence[tuple[UUID, Any]]], Awaitable[None]]
"""A use case that takes events of one type, in order, each with its id; told twice, it does nothing."""
Report: TypeAlias = Callable[[Exception], None]


def _silence(error: Exception) -> None:
    """What goes wrong is nobody's business."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Moves one context's events onto the bus, in order. One process at a time does, by `hold`.

    A process that was frozen while it held the name may publish a batch again: consumers dedupe, and no
    event can overtake an earlier one that was not published before.
    """

    name: str
    outbox: OutboxReader
    bus: Publishes
    signal: Signal
    hold: Callable[[str], Awaitable[bool]]
    report: Report = _silence
    recaller: Recaller | None = None
    """Tells again what a bus lost that can be emptied by hand."""

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop`, however long the bus or the database is away."""
        while not stop.is_set():
            async with listening(self.signal.wait(POLL)) as woken:
                try:
                    moved = await self.run_once()
                except Unavailable as error:
                    self.report(error)
                    await asyncio.sleep(POLL)
                    continue
                if not moved and not stop.is_set():
                    await woken
                elif moved < BATCH:
                    await asyncio.sleep(PACE)

    async def run_once(self) -> int:
        """Publish what waits, then take it out of the outbox; how many events that were."""
        if not await self.hold(f"relay:{self.name}"):
            return 0
        again = await self.recaller.run_once() if self.recaller else 0
        waiting = await self.outbox.waiting(BATCH)
        if not waiting:
            return again
        await self.bus.publish([envelope for _, envelope in waiting])
        await self.outbox.published([position for position, _ in waiting])
        return again + len(waiting)


def listener(handlers: Mapping[type[Event], Hear], report: Report, *, ordered: bool = True) -> Handler:
    """A bus handler that hands events to use cases, those of one type together.

    What cannot be read, or nobody here knows, is rejected to the dead letters. When some events together
    fail, each is tried by itself, so that a bad one is retried alone; with `ordered`, later events of its
    key are not told before it. `report` hears of what was not expected.
    """
    decode = msgspec.json.Decoder(AnyEvent).decode

    def read(delivery: Delivery) -> _Heard:
        envelope = delivery.envelope
        try:
            event = decode(unpacked(envelope.body))
        except (Unreadable, msgspec.DecodeError) as error:
            report(error)
            return _Heard(envelope.id, envelope.key, None, f"cannot be read: {error}")
        if type(event) not in handlers:
            return _Heard(envelope.id, envelope.key, None, f"nobody here hears {envelope.type}")
        return _Heard(envelope.id, envelope.key, event)

    async def handle(deliveries: Sequence[Delivery]) -> Sequence[Outcome | Answer]:
        heard = [read(delivery) for delivery in deliveries]
        telling = _Telling(handlers, report, ordered)
        answers: dict[int, Outcome | Answer] = {}
        while len(answers) < len(heard):
            run = _run(heard, [n for n in range(len(heard)) if n not in answers])
            told = await telling.tell([heard[n] for n in run])
            answers.update(zip(run, told, strict=True))
        return [answers[n] for n in range(len(heard))]

    return handle


@dataclass(frozen=True, slots=True)
class _Heard:
    """A delivery as it was read: an event that somebody here hears, or why not."""

    id: UUID
    key: str
    event: Event | None
    why_not: str = ""


def _run(heard: Sequence[_Heard], left: Sequence[int]) -> Sequence[int]:
    """Of those that are left, the ones of the first one's type that overtake none of their key."""
    kind = type(heard[left[0]].event)
    run: list[int] = []
    waiting: set[str] = set()
    for n in left:
        if type(heard[n].event) is not kind:
            waiting.add(heard[n].key)
        elif heard[n].key not in waiting:
            run.append(n)
    return run


class _Telling:
    """One batch on its way to the use cases, and the keys in it that have stumbled."""

    def __init__(self, handlers: Mapping[type[Event], Hear], report: Report, ordered: bool) -> None:
        self._handlers, self._report, self._ordered = handlers, report, ordered
        self._stumbled: dict[str, Answer] = {}

    async def tell(self, run: Sequence[_Heard]) -> list[Outcome | Answer]:
        """Answers for events of one type."""
        if run[0].event is None:
            return [Answer(Outcome.REJECT, each.why_not) for each in run]
        hear = self._handlers[type(run[0].event)]
        answers: list[Outcome | Answer | None] = [self._stumbled.get(each.key) for each in run]
        free = [each for each, answer in zip(run, answers, strict=True) if answer is None]
        told = iter(await self._together(hear, free))
        return [next(told) if answer is None else answer for answer in answers]

    async def _together(self, hear: Hear, run: Sequence[_Heard]) -> list[Outcome | Answer]:
        if not run:
            return []
        try:
            await hear([(each.id, each.event) for each in run])
        except Unavailable as error:
            return [self._stumble(each, Answer(Outcome.WAIT, str(error))) for each in run]
        except Exception as error:
            if len(run) > 1:
                return [await self._alone(hear, each) for each in run]
            self._report(error)
            return [self._stumble(run[0], Answer(Outcome.RETRY, repr(error)))]
        return [Outcome.ACK] * len(run)

    async def _alone(self, hear: Hear, each: _Heard) -> Outcome | Answer:
        if before := self._stumbled.get(each.key):
            return before
        return (await self._together(hear, [each]))[0]

    def _stumble(self, each: _Heard, answer: Answer) -> Answer:
        if self._ordered:
            self._stumbled[each.key] = answer
        return answer


def one_by_one(hear: Callable[[UUID, Any], Awaitable[None]]) -> Hear:
    """A use case that takes a single event, for `listener`."""

    async def each(events: Sequence[tuple[UUID, Any]]) -> None:
        for event_id, event in events:
            await hear(event_id, event)

    return each


def in_turn(*hears: Hear) -> Hear:
    """Use cases that all hear of the same events, one after the other."""

    async def all_of_them(events: Sequence[tuple[UUID, Any]]) -> None:
        for hear in hears:
            await hear(events)

    return all_of_them
