"""Faults at every port call: the process is killed there, the port does not answer, or its answer is lost.

`Chaos` stands between use cases and ports. Each call passes two points, one before and one after the port
did its work; leaving a transaction passes one before the commit and one after. At a point the process may
be killed (`Killed`, after which nothing of it may run on), or the port may be away (`Away`): before the
work nothing was done, after it everything was and the caller cannot know. Both are what real networks do.
"""

import asyncio
import dataclasses
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tidings.domain.errors import Unavailable

P = TypeVar("P")


class Killed(BaseException):
    """The process ended here, at once: no `except Exception` and no `finally` may do anything more."""


class Away(Unavailable):
    """The port does not answer, or its answer was lost on the way."""


@dataclass
class Chaos:
    """Counts the points that are passed, and decides at each what happens.

    `decide` is asked with the number of the point and its name, and answers with None, `kill`, `away`, or
    `stall`: the process stands still there for longer than its lease, and then goes on.
    """

    decide: Callable[[int, str], str | None] = lambda number, name: None
    passed: int = 0
    trace: list[str] = field(default_factory=list[str])
    """The names of the points, in order."""
    stall: Callable[[], None] = lambda: None
    """Lets time pass; the world says how."""
    dead: bool = False
    """Whether the process was killed; `revive` starts another."""

    def revive(self) -> None:
        self.dead = False

    def reach(self, name: str) -> None:
        """Raise Killed or Away if that is what happens here."""
        if self.dead:
            raise Killed(name)
        number, self.passed = self.passed, self.passed + 1
        self.trace.append(name)
        fault = self.decide(number, name)
        if fault == "kill":
            self.dead = True
            raise Killed(name)
        if fault == "stall":
            self.stall()
        if fault == "away":
            raise Away(f"{name} (a fault that was asked for)")

    def port(self, name: str, port: P) -> P:
        """The same port, with a point before and after each of its calls."""
        proxy: Any = _Perilous(name, port, self)
        return proxy

    def transactions(
        self, name: str, begin: Callable[..., AbstractAsyncContextManager[P]], *, writing: bool = True
    ) -> Callable[..., AbstractAsyncContextManager[P]]:
        """The same transactions, with points at every store's call, before the commit and after it."""

        @asynccontextmanager
        async def perilous(*given: Any, **named: Any) -> AsyncGenerator[P]:
            self.reach(f"{name}.begin")
            async with begin(*given, **named) as work:
                held: Any = work
                stores = {
                    each.name: self.port(f"{name}.{each.name}", getattr(held, each.name))
                    for each in dataclasses.fields(held)
                }
                yield dataclasses.replace(held, **stores)
                if writing:
                    self.reach(f"{name}.commit")
            if writing:
                self.reach(f"{name}.committed")

        return perilous


class _Perilous:
    __slots__ = ("_chaos", "_name", "_port")

    def __init__(self, name: str, port: Any, chaos: Chaos) -> None:
        self._name, self._port, self._chaos = name, port, chaos

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._port, attribute)
        if not inspect.iscoroutinefunction(found):
            return found
        return self._perilous(f"{self._name}.{attribute}", found)

    def _perilous(
        self, name: str, call: Callable[..., Awaitable[object]]
    ) -> Callable[..., Awaitable[object]]:
        async def called(*given: Any, **named: Any) -> object:
            self._chaos.reach(name)
            answer = await call(*given, **named)
            self._chaos.reach(f"{name} answered")
            return answer

        return called


def unless_killed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A task that died with its process has nobody to tell."""
    if not isinstance(context.get("exception"), Killed):
        loop.default_exception_handler(context)
