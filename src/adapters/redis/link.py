"""The way to Redis: a command has fifty milliseconds, and after a failure Redis is left alone for a second.

Nothing here is needed for anything to be right. Whoever asks is told that Redis has no answer, and does
without.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tidings.application.ports.common import Monotonic

T = TypeVar("T")

PATIENCE = 0.05
"""Seconds for a command, its connection included."""
REST = 1.0
"""Seconds without a command after one that failed."""


class NoAnswer(Exception):
    """Redis did not answer in time, or is being left alone."""


def connected(url: str) -> Any:
    """A client of this Redis that tries nothing twice. (The library's own types are unfinished.)"""
    make: Any = Redis
    return make.from_url(url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=1.0, max_connections=64)


@dataclass(slots=True)
class Link:
    """One Redis, behind a circuit."""

    url: str
    clock: Monotonic
    patience: float = PATIENCE
    client: Any = field(init=False)
    closed_again_at: float = float("-inf")
    _forgiven: bool = False
    """Whether the last command had no answer because this process was late itself."""

    def __post_init__(self) -> None:
        self.client = connected(self.url)

    @property
    def open(self) -> bool:
        """Whether Redis is worth asking."""
        return self.clock() >= self.closed_again_at

    async def ask(self, command: Callable[[Any], Awaitable[T]]) -> T:
        """Raise NoAnswer."""
        if not self.open:
            raise NoAnswer
        began = self.clock()
        try:
            async with asyncio.timeout(self.patience):
                answer = await command(self.client)
        except (RedisError, OSError, TimeoutError) as error:
            # Where time ran out long ago, something else held the loop: the answer may be there unread.
            late = isinstance(error, TimeoutError) and self.clock() - began > 2 * self.patience
            self._forgiven = late and not self._forgiven
            if not self._forgiven:
                self.closed_again_at = self.clock() + REST
            raise NoAnswer from error
        self._forgiven = False
        return answer

    async def aclose(self) -> None:
        await self.client.aclose()
