"""What the suites of a message bus stand on: a place of yours, and ears that hear and answer as told."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from typing import Any, Protocol, TypeAlias, TypeVar
from uuid import uuid4

import pytest

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.bus import (
    SHARDS,
    Answer,
    Delivery,
    Envelope,
    MessageBus,
    Outcome,
    Subscription,
    shard_of,
)
from tidings.domain.kernel import OrganizationId

T = TypeVar("T")
LEASE = 1.0
"""Seconds after which a killed process's work must come back."""


@dataclass
class Clock:
    """The wall clock that every process of a place goes by; it may jump."""

    offset: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset)


class Place(Protocol):
    """A bus of yours as a place on which processes start, crash and stop. Each test has a new one."""

    clock: Clock

    async def process(self) -> MessageBus:
        """One more process on it."""
        ...

    async def crash(self, bus: Any) -> None:
        """Kill this one: nothing that it had in memory is heard of again."""

    async def freeze(self) -> None:
        """What the bus is made of stops answering, or goes away."""

    async def thaw(self) -> None: ...


Processes: TypeAlias = Callable[[], Awaitable[MessageBus]]
"""Starts one more process."""


@asynccontextmanager
async def processes_on(place: Place) -> AsyncGenerator[Processes]:
    """Start processes in the block; those that still run are stopped at its end."""
    started: list[MessageBus] = []

    async def start() -> MessageBus:
        started.append(await place.process())
        return started[-1]

    yield start
    for bus in started:
        await bus.close(drain=1.0)


@pytest.mark.anyio
class OnABus:
    """Subclass a suite beside a fixture `place` that gives a `Place` of your own."""

    @pytest.fixture
    async def processes(self, place: Place) -> AsyncGenerator[Processes]:
        """Starts processes, and stops those that still run at the end."""
        async with processes_on(place) as start:
            yield start

    @pytest.fixture
    async def bus(self, processes: Processes) -> MessageBus:
        """A process."""
        return await processes()


def an_event(key: str = "k", body: bytes = b"{}", type: str = "campaigns.x.v1", **more: Any) -> Envelope:
    return Envelope(
        id=uuid7(),
        type=type,
        key=key,
        organization_id=OrganizationId(uuid4()),
        occurred_at=datetime.now(UTC),
        body=body,
        **more,
    )


def group(name: str = "g", **how: Any) -> Subscription:
    known: dict[str, Any] = {"group": name, "types": ("campaigns.*",), "backoff": (0.05,)}
    return Subscription(**(known | how))


def key_of_shard(shard: int) -> str:
    if not 0 <= shard < SHARDS:
        raise ValueError("there is no such shard")
    return next(f"k{n}" for n in range(10_000) if shard_of(f"k{n}") == shard)


@dataclass
class Ear:
    """Hears, and answers as told: by body, else ACK. Fails the test when two batches of a key overlap."""

    answers: Mapping[bytes, list[Outcome] | list[Answer]] = field(
        default_factory=dict[bytes, list[Outcome] | list[Answer]]
    )
    heard: list[tuple[bytes, int]] = field(default_factory=list[tuple[bytes, int]])
    sizes: list[int] = field(default_factory=list[int])
    takes: float = 0.0
    out: set[str] = field(default_factory=set[str])

    async def __call__(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome | Answer]:
        keys = {each.envelope.key for each in deliveries}
        assert not keys & self.out, "two batches of one key at once"
        self.out |= keys
        self.sizes.append(len(deliveries))
        await asyncio.sleep(self.takes)
        self.out -= keys
        outcomes: list[Outcome | Answer] = []
        for delivery in deliveries:
            body = delivery.envelope.body
            self.heard.append((body, delivery.attempt))
            left = self.answers.get(body, list[Outcome]())
            outcomes.append(left.pop(0) if left else Outcome.ACK)
        return outcomes

    async def until(self, count: int, seconds: float = 10) -> None:
        await eventually(lambda: len(self.heard) >= count, seconds)

    @property
    def bodies(self) -> list[bytes]:
        return [body for body, _ in self.heard]


async def eventually(condition: Callable[[], Awaitable[T | None] | T | None], seconds: float = 10) -> T:
    """Wait for a condition, which may be a coroutine function; its value."""
    async with asyncio.timeout(seconds):
        while True:
            said = condition()
            found: T | None = await said if isawaitable(said) else said
            if found:
                return found
            await asyncio.sleep(0.01)


def hangs() -> tuple[Callable[[Sequence[Delivery]], Awaitable[Sequence[Outcome]]], list[Delivery]]:
    """A handler that never answers, and the deliveries that it was given."""
    given: list[Delivery] = []

    async def handler(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        given.extend(deliveries)
        await asyncio.sleep(60)
        return []

    return handler, given
