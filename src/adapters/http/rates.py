"""How many requests somebody may send in a minute, told in the headers of every answer.

Counted by who asks: a person or an API key, their organisation, and for whoever shows no bearer that is
good the network address (of IPv6 the first 64 bits, which are one customer's). Processes that share a Redis
tell each other their counts twice a second and add them up; between two tellings, and while there is no
Redis, each knows of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from tidings.application.pausing import pause
from tidings.application.ports.common import Now
from tidings.application.users.doors import network
from tidings.domain.errors import Throttled
from tidings.domain.kernel import Actor

Header: TypeAlias = tuple[bytes, bytes]
Share: TypeAlias = Callable[[int, Mapping[str, int]], Awaitable[Mapping[str, int] | None]]
"""Adds the counts of a minute to those of all processes, and says what they are now; None: it cannot."""

WINDOW = 60
"""Seconds, which begin with the minute."""
TOLD_EVERY = 0.5
KEPT = 100_000
"""Who is counted at most in a minute; beyond that nobody new is, so that memory stays."""


class TooManyRequests(Throttled):
    """More requests in this minute than are allowed; `Retry-After` says when the next one begins."""


class Limits(NamedTuple):
    """Requests a minute; 0: as many as they like."""

    bearer: int
    organization: int
    address: int


class Standing(NamedTuple):
    """Where somebody stands, of the limit that is nearest."""

    limit: int
    left: int
    """Requests that may still follow; below 0: this one was too much."""
    reset: int
    """Seconds until the next minute."""

    @property
    def headers(self) -> list[Header]:
        """`RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`, the last in seconds."""
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % max(self.left, 0)),
            (b"ratelimit-reset", b"%d" % self.reset),
        ]

    @property
    def refusal(self) -> TooManyRequests | None:
        if self.left >= 0:
            return None
        return TooManyRequests(
            f"More than {self.limit} requests in a minute; try again in {self.reset} s.",
            retry_after=self.reset,
        )


@dataclass(slots=True)
class _Count:
    here: int = 0
    told: int = 0
    """Of those, what the others know of."""
    everywhere: int = 0
    """As of the last telling."""

    @property
    def total(self) -> int:
        return self.everywhere + self.here - self.told


@dataclass(slots=True)
class Rates:
    """The counts of this minute."""

    limits: Limits
    now: Now
    share: Share | None = None
    _minute: int = 0
    _counts: dict[str, _Count] = field(default_factory=dict[str, _Count])

    def count(self, actor: Actor | None, bearer: bytes, origin: str) -> Standing | None:
        """One request more; None where nothing limits who asks."""
        second = int(self.now().timestamp())
        if second // WINDOW != self._minute:
            self._minute = second // WINDOW
            self._counts = {}
        nearest: Standing | None = None
        for name, limit in self._limits(actor, bearer, origin):
            if limit and (count := self._counted(name)) is not None:
                count.here += 1
                left = limit - count.total
                if nearest is None or left < nearest.left:
                    nearest = Standing(limit, left, WINDOW - second % WINDOW)
        return nearest

    async def run(self, stop: asyncio.Event) -> None:
        """Tell the other processes, and hear from them, until `stop`."""
        while not await pause(stop, TOLD_EVERY):
            await self.tell()

    async def tell(self) -> None:
        """Everything that was counted since the last time."""
        minute = self._minute
        news = {name: count.here - count.told for name, count in self._counts.items()}
        news = {name: number for name, number in news.items() if number}
        if self.share is None or not news:
            return
        totals = await self.share(minute, news)
        if totals is None or minute != self._minute:
            return
        for name, total in totals.items():
            count = self._counts[name]
            count.everywhere, count.told = total, count.told + news[name]

    def _limits(self, actor: Actor | None, bearer: bytes, origin: str) -> Sequence[tuple[str, int]]:
        if actor is None:
            return [(f"address:{network(origin)}", self.limits.address)] if origin else ()
        # An API key is known by its secret alone; a person is the same with every new access token.
        who = str(actor.user_id) if actor.session_id else sha256(bearer).hexdigest()[:32]
        organization = (f"organization:{actor.organization_id}", self.limits.organization)
        return (f"bearer:{who}", self.limits.bearer), organization

    def _counted(self, name: str) -> _Count | None:
        count = self._counts.get(name)
        if count is None and len(self._counts) < KEPT:
            count = self._counts[name] = _Count()
        return count
