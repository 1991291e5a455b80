"""From outbox to bus, and from bus to use cases."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from tidings.application.ports.bus import Delivery, Handler, MessageBus, Outcome
from tidings.application.ports.common import Signal
from tidings.application.ports.relay import OutboxReader
from tidings.domain.errors import Unavailable
from tidings.domain.events import AnyEvent, Event

BATCH = 500

Hear: TypeAlias = Callable[[Sequence[tuple[UUID, Any]]], Awaitable[None]]
"""A use case that takes events of one type, in order, each with its id; told twice, it does nothing."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Moves one context's events onto the bus, in order. One process at a time does, by `hold`."""

    name: str
    outbox: OutboxReader
    bus: MessageBus
    signal: Signal
    hold: Callable[[str], Awaitable[bool]]

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop`."""
        while not stop.is_set():
            try:
                moved = await self.run_once()
            except Unavailable:
                moved = 0
            if not moved:
                await self.signal.wait(0.5)

    async def run_once(self) -> int:
        """Publish what waits, then take it out of the outbox; how many events that were."""
        waiting = await self.outbox.waiting(BATCH)
        if not waiting or not await self.hold(f"relay:{self.name}"):
            return 0
        await self.bus.publish([envelope for _, envelope in waiting])
        await self.outbox.published([position for position, _ in waiting])
        return len(waiting)


def listener(handlers: Mapping[type[Event], Hear], report: Callable[[Exception], None]) -> Handler:
    """A bus handler that hands events to use cases, neighbours of one type together.

    A type that nobody here knows is rejected to the dead letters. When some events together fail, each is
    tried by itself, so that a bad one is retried alone; `report` hears of what was not expected.
    """
    decode = msgspec.json.Decoder(AnyEvent).decode

    async def handle(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        events: list[tuple[UUID, Event] | None] = []
        for delivery in deliveries:
            try:
                events.append((delivery.envelope.id, decode(delivery.envelope.body)))
            except msgspec.DecodeError as error:
                report(error)
                events.append(None)
        outcomes: list[Outcome] = []
        while len(outcomes) < len(events):
            run = _run(events, len(outcomes))
            hear = handlers.get(type(run[0][1])) if run else None
            if hear is None:
                outcomes += [Outcome.REJECT] * max(len(run), 1)
            else:
                outcomes += await _tell(hear, run, report)
        return outcomes

    return handle


def _run(events: Sequence[tuple[UUID, Event] | None], start: int) -> list[tuple[UUID, Event]]:
    """The events from `start` on that are of one type; nothing if the first cannot be read."""
    run: list[tuple[UUID, Event]] = []
    for event in events[start:]:
        if event is None or (run and type(event[1]) is not type(run[0][1])):
            break
        run.append(event)
    return run


async def _tell(
    hear: Hear, run: Sequence[tuple[UUID, Event]], report: Callable[[Exception], None]
) -> list[Outcome]:
    try:
        await hear(run)
    except Unavailable:
        return [Outcome.RETRY] * len(run)
    except Exception as error:
        report(error)
        if len(run) == 1:
            return [Outcome.RETRY]
        return [outcome for event in run for outcome in await _tell(hear, [event], report)]
    return [Outcome.ACK] * len(run)


def one_by_one(hear: Callable[[UUID, Any], Awaitable[None]]) -> Hear:
    """A use case that takes a single event, for `listener`."""

    async def each(events: Sequence[tuple[UUID, Any]]) -> None:
        for event_id, event in events:
            await hear(event_id, event)

    return each
