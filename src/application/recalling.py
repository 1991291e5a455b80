"""Telling again what a bus lost: somebody emptied its queues by hand, or it lost its disk.

Consumers see by an event's place that one before it is missing, or ask while nothing comes; they take
nothing further of that source until they have heard what they asked for. So one task does both: tell again,
and tell what is new.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from tidings.application.ports.bus import Envelope, Recall, shard_of
from tidings.application.ports.relay import KeptOutbox, Recalls

PAGE = 500
"""Events looked at between two looks at what is new."""
LOOK = 1.0
"""Seconds between two looks at whether somebody asks."""


@dataclass(slots=True)
class _Telling:
    """A recall on its way."""

    recall: Recall
    reached: int
    gone: Callable[[str, int], object]
    linked: set[int] = field(default_factory=set[int])
    count: int = 0

    def of(self, page: Sequence[Envelope]) -> list[Envelope]:
        """What the group asked for of a page, joined to what it has heard."""
        chosen: list[Envelope] = []
        for each in page:
            place, shard = each.place, shard_of(each.key)
            if place is None or self.recall.group not in place.after:
                continue
            after = self.recall.after.get(shard)
            if after is None or place.sequence <= after:
                continue
            chosen.append(each if shard in self.linked else self._joined(each, shard, after))
            self.linked.add(shard)
        return chosen

    def _joined(self, first: Envelope, shard: int, after: int) -> Envelope:
        """The first of a shard; what came before it is no longer kept when it does not follow by itself."""
        place, group = first.place, self.recall.group
        if place is None or place.after[group] <= after:
            return first
        self.gone(group, shard)
        return replace(first, place=replace(place, after={**place.after, group: after}))


@dataclass(slots=True)
class Recaller:
    """Tells the groups of a bus again what one context told them, when they ask."""

    source: str
    outbox: KeptOutbox
    bus: Recalls
    monotonic: Callable[[], float]
    again: Callable[[str, int], object]
    """Is told of a group, and how many events it was told again."""
    gone: Callable[[str, int], object]
    """Is told of a group and shard that lost events which are no longer kept."""
    tellings: dict[str, _Telling] = field(default_factory=dict[str, _Telling])
    looked: float | None = None

    async def run_once(self) -> int:
        """A page for each group that asked; how many events were told again. Raise Unavailable."""
        await self._look()
        return sum([await self._page(group, telling) for group, telling in list(self.tellings.items())])

    async def _look(self) -> None:
        now = self.monotonic()
        if self.looked is not None and now - self.looked < LOOK:
            return
        self.looked = now
        for recall in await self.bus.recalls(self.source):
            if recall.group in self.tellings:
                continue
            told = await self.outbox.told(recall.group)
            behind = {shard: after for shard, after in recall.after.items() if told.get(shard, 0) > after}
            if behind:
                wanted = Recall(group=recall.group, after=behind, sure=recall.sure)
                self.tellings[recall.group] = _Telling(wanted, min(behind.values()), self.gone)

    async def _page(self, group: str, telling: _Telling) -> int:
        page = await self.outbox.since(telling.reached, PAGE)
        chosen = telling.of(page)
        if chosen and not telling.count and not telling.recall.sure and self._is_on_its_way(chosen[0]):
            del self.tellings[group]
            return 0
        if chosen:
            await self.bus.tell_again(group, chosen)
            telling.count += len(chosen)
        if len(page) == PAGE and page[-1].place:
            telling.reached = page[-1].place.sequence
            return len(chosen)
        del self.tellings[group]
        if telling.count:
            self.again(group, telling.count)
        return len(chosen)

    def _is_on_its_way(self, event: Envelope) -> bool:
        return event.place is not None and event.place.sequence > self.outbox.settled()
