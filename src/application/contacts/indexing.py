"""The search index of very large organisations, made and kept up in the background."""

import asyncio
from dataclasses import dataclass

from tidings.application.pausing import pause
from tidings.application.ports.contacts import ContactSearch

LARGE = 200_000
"""From how many contacts on looking at each takes longer than people like to wait."""
BATCH = 10_000
"""Contacts in one transaction: the more, the fewer blocks are written twice."""
IDLE = 2.0
"""Seconds between two looks for work."""


@dataclass(frozen=True, slots=True)
class Indexer:
    """Any number of processes may run one; they take turns at an organisation."""

    index: ContactSearch
    large: int = LARGE

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if not await self.step():
                await pause(stop, IDLE)

    async def step(self) -> int:
        """One batch for every organisation that is behind; how many contacts were taken in."""
        for organization in await self.index.outgrown(self.large):
            await self.index.begin(organization)
        return sum([await self.index.grow(each, limit=BATCH) for each in await self.index.behind()])
