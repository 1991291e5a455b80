"""Background work: named loops, started again when they break, drained when the process is told to stop.

Every loop may be killed at any instant without harm; draining only spares the successor some work.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

from tidings.adapters.embedded.system import chance

Loop: TypeAlias = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set, and then ends by itself."""

log = structlog.get_logger("tidings.loops")

FIRST_PAUSE, LAST_PAUSE = 0.2, 10.0
"""Seconds before a broken loop is started again; doubled each time."""


@dataclass(slots=True)
class Loops:
    """The loops of one process."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])

    def start(self, name: str, loop: Loop) -> None:
        self.tasks[name] = asyncio.create_task(self._supervise(name, loop), name=name)

    async def _supervise(self, name: str, loop: Loop) -> None:
        pause = FIRST_PAUSE
        while not self.stop.is_set():
            started = asyncio.get_running_loop().time()
            try:
                await loop(self.stop)
                return
            except Exception:
                log.exception("loop broke", loop=name)
            if asyncio.get_running_loop().time() - started > 60:
                pause = FIRST_PAUSE
            try:
                await asyncio.wait_for(self.stop.wait(), pause * (0.5 + chance()))
            except TimeoutError:
                pause = min(pause * 2, LAST_PAUSE)

    async def drain(self, seconds: float) -> None:
        """Let every loop end by itself within this time, then cancel what is left."""
        self.stop.set()
        if not self.tasks:
            return
        _, late = await asyncio.wait(self.tasks.values(), timeout=seconds)
        for task in late:
            log.warning("loop did not end in time", loop=task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        self.tasks.clear()
