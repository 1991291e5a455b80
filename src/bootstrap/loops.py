"""Background work: named loops, started again when they break, drained when the process is told to stop.

Every loop may be killed at any instant without harm; draining only spares the successor some work.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

from tidings.adapters.embedded.system import chance
from tidings.application.pausing import pause

Loop: TypeAlias = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set, and then ends by itself."""

log = structlog.get_logger("tidings.loops")

FIRST_PAUSE, LAST_PAUSE = 0.2, 10.0
"""Seconds before a broken loop is started again; doubled each time."""
HEALTHY = 60.0
"""Seconds at work after which a loop counts as mended."""
GRACE = 2.0
"""Seconds that a cancelled loop has to end; then the process goes without it."""


@dataclass(slots=True)
class Watched:
    """A loop and how it fares."""

    task: "asyncio.Task[None] | None" = None
    breaks: int = 0
    """How often it broke since it was last healthy."""
    error: str = ""
    """What broke it last; empty while it is at work."""


@dataclass(slots=True)
class Loops:
    """The loops of one process."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    watched: dict[str, Watched] = field(default_factory=dict[str, Watched])

    @property
    def broken(self) -> Mapping[str, str]:
        """The loops that are not at work now, and what broke them: for readiness."""
        return {name: each.error for name, each in self.watched.items() if each.error}

    def start(self, name: str, loop: Loop) -> None:
        if name in self.watched:
            raise ValueError(f"there is a loop {name} already")
        self.watched[name] = watched = Watched()
        watched.task = asyncio.create_task(self._supervise(name, loop, watched), name=name)

    async def _supervise(self, name: str, loop: Loop, watched: Watched) -> None:
        clock = asyncio.get_running_loop().time
        while not self.stop.is_set():
            started, watched.error = clock(), ""
            try:
                await loop(self.stop)
                if not self.stop.is_set():
                    log.info("loop ended by itself", loop=name)
                return
            except Exception as error:
                log.error("loop broke", loop=name, exc_info=error)
                watched.error = repr(error)
            except asyncio.CancelledError:
                # A library may raise it although nobody cancelled this task: then the loop broke.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                log.error("loop broke: something in it was cancelled", loop=name)
                watched.error = "CancelledError()"
            watched.breaks = 1 if clock() - started > HEALTHY else watched.breaks + 1
            seconds = min(FIRST_PAUSE * 2 ** (watched.breaks - 1), LAST_PAUSE)
            await pause(self.stop, seconds * (0.5 + chance()))

    async def drain(self, seconds: float) -> None:
        """Let every loop end by itself within this time, then cancel what is left, and wait no longer."""
        self.stop.set()
        tasks = {each.task for each in self.watched.values() if each.task is not None}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                log.warning("loop did not end in time", loop=task.get_name())
                task.cancel()
            _, stuck = await asyncio.wait(late, timeout=GRACE) if late else (late, late)
            for task in stuck:
                log.error("loop cannot be ended", loop=task.get_name())
        self.watched.clear()
