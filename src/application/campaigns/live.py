"""A campaign as it stands this moment, looked up once for everybody who watches it, in whatever process."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from tidings.application.ports.cache import FarCache
from tidings.application.ports.common import Monotonic
from tidings.domain.campaigns import State, Totals
from tidings.domain.kernel import CampaignId

FRESH = 0.25
"""Seconds for which a moment is shown to others who ask."""
MANY = 1000
"""Campaigns of which a moment is kept."""


class LiveProgress(Struct, frozen=True, kw_only=True, rename="camel"):
    """A moment of a campaign under way."""

    state: State
    reason: str | None
    waiting: str = ""
    """What holds it although nobody paused it; empty when nothing does."""
    totals: Totals


Look = Callable[[], Awaitable[LiveProgress]]


@dataclass(slots=True)
class Moments:
    """A hundred windows on one campaign cost its tables one look every `FRESH` seconds."""

    far: FarCache | None
    """What other processes have just seen, where there is something that all of them share."""
    clock: Monotonic
    _seen: dict[CampaignId, tuple[float, LiveProgress]] = field(
        default_factory=dict[CampaignId, tuple[float, LiveProgress]]
    )
    _asked: dict[CampaignId, "asyncio.Task[LiveProgress]"] = field(
        default_factory=dict[CampaignId, "asyncio.Task[LiveProgress]"]
    )

    async def of(self, id: CampaignId, look: Look) -> LiveProgress:
        """The newest moment, at most twice `FRESH` old."""
        at, seen = self._seen.get(id, (float("-inf"), None))
        if seen is not None and self.clock() - at < FRESH:
            return seen
        asked = self._asked.get(id)
        if asked is None:
            asked = self._asked[id] = asyncio.create_task(self._look(id, look))
            asked.add_done_callback(lambda done: self._answered(id, done))
        # Who goes away meanwhile takes nothing from the others who wait for the same.
        return await asyncio.shield(asked)

    def _answered(self, id: CampaignId, asked: "asyncio.Task[LiveProgress]") -> None:
        self._asked.pop(id, None)
        if not asked.cancelled():
            # Whoever still waits is told; when nobody does, nobody has to know.
            asked.exception()

    async def _look(self, id: CampaignId, look: Look) -> LiveProgress:
        found = await self._known_elsewhere(id)
        if found is None:
            found = await look()
            if self.far is not None:
                await self.far.keep(f"moment:{id}", msgspec.json.encode(found), seconds=FRESH)
        if len(self._seen) >= MANY:
            self._seen.clear()
        self._seen[id] = (self.clock(), found)
        return found

    async def _known_elsewhere(self, id: CampaignId) -> LiveProgress | None:
        raw = None if self.far is None else await self.far.read(f"moment:{id}")
        return None if raw is None else msgspec.json.decode(raw, type=LiveProgress)
