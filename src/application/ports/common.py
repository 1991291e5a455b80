"""What every context needs: the time, fresh ids, chance, sleep, and a way to tell the others."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from tidings.domain.events import Event

Now: TypeAlias = Callable[[], datetime]
"""The present moment, aware, in UTC."""
NewId: TypeAlias = Callable[[], UUID]
"""A fresh UUIDv7: later ids sort after earlier ones."""
NewSecret: TypeAlias = Callable[[], str]
"""256 bits of chance, as URL-safe text."""
Chance: TypeAlias = Callable[[], float]
"""A number in [0, 1), for jitter."""
Monotonic: TypeAlias = Callable[[], float]
"""Seconds that only grow and go on counting while the machine is suspended (CLOCK_BOOTTIME)."""
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


class Outbox(Protocol):
    """Events that become public if, and only if, the transaction commits."""

    async def put(self, *events: Event) -> None: ...


class Inbox(Protocol):
    """Which events a consumer has already dealt with, in the consumer's own transaction."""

    async def first_time(self, group: str, event_id: UUID) -> bool:
        """Note the event; False if it was noted before, and then nothing may be done again."""
        ...

    async def new_among(self, group: str, event_ids: Sequence[UUID]) -> Collection[UUID]:
        """Note the events; those that were not noted before. Raise Undone when another notes one just now."""
        ...


class Signal(Protocol):
    """A wake-up that may be lost: losing one costs a poll interval."""

    def wake(self) -> None: ...

    async def wait(self, seconds: float) -> None:
        """Return at the next wake-up, or after `seconds`."""
        ...


class Owners(Protocol):
    """Who this process is, and whether another one on this machine still lives."""

    def me(self) -> str: ...

    def is_dead(self, owner: str) -> bool:
        """True only when the owner certainly no longer runs."""
        ...


class Tables(Protocol):
    """Tables on their way out, as files that spreadsheets open without running anything."""

    def write(
        self, kind: str, header: Sequence[str], rows: AsyncIterable[Sequence[Sequence[str]]]
    ) -> AsyncIterator[bytes]:
        """`csv` or `xlsx`, in pieces; `rows` come in batches."""
        ...
