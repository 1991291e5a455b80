"""Wake-ups between loops: at once within a process, and within a blink between processes on one machine."""

import asyncio
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from tidings.application.pausing import pause

BLINK = 0.025
"""Seconds between two looks at whether another process wrote to the file."""


@dataclass(slots=True)
class LocalSignal:
    """The Signal port for one process: everyone who waits is woken."""

    waiters: set[asyncio.Event] = field(default_factory=set[asyncio.Event])

    def wake(self) -> None:
        for waiter in self.waiters:
            waiter.set()

    async def wait(self, seconds: float) -> None:
        woken = asyncio.Event()
        self.waiters.add(woken)
        try:
            await pause(woken, seconds)
        finally:
            self.waiters.discard(woken)

    def close(self) -> None:
        """There is nothing to let go of."""


@dataclass(slots=True)
class FileSignal:
    """The Signal port over an SQLite file: a commit of any process wakes those who wait.

    SQLite's `data_version` of a connection changes when another one commits; asking costs microseconds.
    """

    path: Path
    local: LocalSignal = field(default_factory=LocalSignal)
    connection: sqlite3.Connection | None = None

    def wake(self) -> None:
        self.local.wake()

    async def wait(self, seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        before, end = self._version(), clock() + seconds
        woken = asyncio.Event()
        self.local.waiters.add(woken)
        try:
            while not woken.is_set() and (left := end - clock()) > 0:
                if not await pause(woken, min(left, BLINK)) and self._version() != before:
                    return
        finally:
            self.local.waiters.discard(woken)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _version(self) -> int:
        if self.connection is None:
            self.connection = sqlite3.connect(self.path, check_same_thread=False)
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])
