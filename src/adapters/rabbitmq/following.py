"""How far a member of a group has followed what each source told to each of its shards.

A broker that is emptied by hand, or that lost its disk, says nothing of it. So an event says what its group
heard before it; when that was not heard here, nothing further of that source and shard is taken, and the
source is asked to tell again from there. While nothing comes it is asked now and then as well.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidings.adapters.feeding import Waiting, log
from tidings.application.ports.bus import Envelope, Followed, Place, shard_of
from tidings.domain.errors import Unavailable

AGAIN = 10.0
"""Seconds until a source is asked again that has not told what is missing."""
NOTED = 1.0
"""Seconds between two notes of how far we are: what lies between is told twice after a crash."""

Stream = tuple[str, int]
"""A source and a shard."""


@dataclass(slots=True, eq=False)
class Following:
    """What one member knows of the shards it has, as long as its connection lasts."""

    group: str
    followed: Followed | None
    """Where it is kept how far we are; without, everything is taken as it comes."""
    sources: Collection[str]
    quiet: float
    """Seconds of silence after which a source is asked whether it told anything."""
    reached: dict[Stream, int] = field(default_factory=dict[Stream, int])
    kept: dict[Stream, int] = field(default_factory=dict[Stream, int])
    missing: set[Stream] = field(default_factory=set[Stream])
    asked: dict[Stream, float] = field(default_factory=dict[Stream, float])
    noted: float = 0.0
    urgent: bool = False
    """Whether something is missing of which no source knows yet."""

    async def begin(self, shard: int) -> None:
        """Go on with a shard where its last owner was. Raise Unavailable."""
        if self.followed is None:
            return
        known = await self.followed.reached(self.group)
        for source in self.sources:
            stream = (source, shard)
            self.reached[stream] = self.kept[stream] = known.get(stream, 0)
            self.missing.discard(stream)
            self.asked.pop(stream, None)

    def follows(self, envelope: Envelope) -> bool:
        """Whether nothing before it is missing. What does not follow is told again, so let go of it."""
        place = envelope.place
        if self.followed is None or place is None or self.group not in place.after:
            return True
        stream = (place.source, shard_of(envelope.key))
        reached = self.reached.get(stream, 0)
        if place.after[self.group] > reached:
            if stream not in self.missing:
                log.warning("events are missing", group=self.group, source=stream[0], shard=stream[1])
                self.asked.pop(stream, None)
                self.urgent = True
            self.missing.add(stream)
            return False
        self.missing.discard(stream)
        self.reached[stream] = max(reached, place.sequence)
        return True

    def given_back(self, envelope: Envelope) -> None:
        """Take note that somebody else will deal with it."""
        place = envelope.place
        if place and self.group in place.after:
            self._held_back(self.reached, shard_of(envelope.key), place)

    async def end(self, shard: int, line: Iterable[Waiting[Any]]) -> None:
        """Leave a shard to somebody else, who goes on where we are."""
        await self.note(line, self.noted, at_once=True)
        for source in self.sources:
            for known in (self.reached, self.kept, self.asked):
                known.pop((source, shard), None)
            self.missing.discard((source, shard))

    def wishes(self, silent: Collection[int], now: float) -> Mapping[tuple[str, bool], Mapping[int, int]]:
        """What to ask of each source, and whether we are sure: by shard, after which sequence to tell again.

        `silent` are shards of ours of which nothing waits, here or at the broker.
        """
        self.urgent = False
        wishes: dict[tuple[str, bool], dict[int, int]] = {}
        for stream, reached in self.reached.items() if self.followed else ():
            source, shard = stream
            since = self.asked.setdefault(stream, now - AGAIN if stream in self.missing else now)
            sure = stream in self.missing
            waits = min(AGAIN, self.quiet) if sure else self.quiet
            if (sure or shard in silent) and now - since >= waits:
                self.asked[stream] = now
                wishes.setdefault((source, sure), {})[shard] = reached
        return wishes

    async def note(self, line: Iterable[Waiting[Any]], now: float, *, at_once: bool = False) -> None:
        """Keep how far everything is dealt with; `line` is what is not."""
        if self.followed is None or (now - self.noted < NOTED and not at_once):
            return
        self.noted = now
        done = dict(self.reached)
        for each in line:
            place = each.envelope.place
            if place and self.group in place.after:
                self._held_back(done, shard_of(each.envelope.key), place)
        news = {stream: far for stream, far in done.items() if far > self.kept.get(stream, 0)}
        if not news:
            return
        try:
            await self.followed.keep(self.group, news)
        except Unavailable as error:
            log.warning("how far a group is could not be kept", group=self.group, reason=str(error))
        else:
            self.kept |= news

    def _held_back(self, done: dict[Stream, int], shard: int, place: Place) -> None:
        stream = (place.source, shard)
        done[stream] = min(done.get(stream, 0), place.after[self.group])
