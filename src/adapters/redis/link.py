"""The way to Redis: commands of the same moment go together, and a Redis that is silent is left alone.

Nothing here is needed for anything to be right. Whoever asks is told that Redis has no answer, and does
without; nobody waits to find out whether it is back.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tidings.adapters.together import Abandoned, Together
from tidings.application.ports.common import Monotonic

PATIENCE = 0.05
"""Seconds for commands, those in which this process was busy itself not counted."""
LOOKS = 10
"""Times that an answer is looked for in them: a loop that stood still has missed one."""
MEETING = 1.0
"""Seconds for whatever has to connect first."""
REST = 1.0
"""Seconds without a command after one that failed."""
MOST = 64
"""Who go together."""
Command: TypeAlias = Callable[[Any], object]
FAILURES = (RedisError, OSError, TimeoutError)


class NoAnswer(Exception):
    """Redis did not answer in time, has refused, or is being left alone."""


def connected(url: str) -> Any:
    """A client of this Redis that tries nothing twice. (The library's own types are unfinished.)"""
    make: Any = Redis
    return make.from_url(url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=MEETING)


@dataclass(slots=True)
class Link:
    """One Redis, behind a circuit. One trip costs almost the same for twenty commands as for one."""

    url: str
    clock: Monotonic
    patience: float = PATIENCE
    client: Any = field(init=False)
    _together: Together[Command, list[Any]] = field(init=False)
    _met: bool = False
    _rests_until: float | None = None
    _looking: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.client = connected(self.url)
        self._together = Together(self._said, MOST)

    @property
    def open(self) -> bool:
        """Whether Redis is asked anything at present."""
        return self._rests_until is None

    async def ask(self, command: Command) -> list[Any]:
        """What Redis says to each command that is put on the pipeline it is given. Raise NoAnswer."""
        self._admit()
        try:
            said = await self._together.ask(command)
        except Abandoned as error:
            raise NoAnswer("This process ends.") from error
        if refusals := [each for each in said if isinstance(each, RedisError)]:
            raise NoAnswer(str(refusals[0]))
        return said

    async def aclose(self) -> None:
        """Whoever waits has no answer."""
        await self._together.aclose()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self.client.aclose()

    async def _said(self, commands: Sequence[Command]) -> list[list[Any]]:
        """To each of them, refusals among it."""
        self._admit()
        try:
            patience = self.patience if self._met else max(self.patience, MEETING)
            async with within(patience), self.client.pipeline(transaction=False) as line:
                ends = [0]
                for command in commands:
                    command(line)
                    ends.append(len(line))
                said = await line.execute(raise_on_error=False)
        except FAILURES as error:
            self._rests_until = self.clock() + REST
            raise NoAnswer(str(error)) from error
        self._met = True
        return [said[begin:end] for begin, end in pairwise(ends)]

    def _admit(self) -> None:
        """Raise NoAnswer while Redis is left alone, and have somebody look once that was long enough."""
        if self._rests_until is None:
            return
        if self.clock() >= self._rests_until and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())
        raise NoAnswer("It is left alone after a command that had no answer.")

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(MEETING):
                await self.client.ping()
        except FAILURES:
            self._rests_until = self.clock() + REST
        else:
            self._rests_until = None


@asynccontextmanager
async def within(seconds: float) -> AsyncGenerator[None]:
    """Raise TimeoutError when these seconds are over, and the loop went round LOOKS times in them."""
    loop, looks = asyncio.get_running_loop(), 0

    def look() -> None:
        nonlocal looks, timer
        looks += 1
        if looks < LOOKS:
            timer = loop.call_later(seconds / LOOKS, look)
        else:
            limit.reschedule(loop.time())

    async with asyncio.timeout(None) as limit:
        timer = loop.call_later(seconds / LOOKS, look)
        try:
            yield
        finally:
            timer.cancel()
