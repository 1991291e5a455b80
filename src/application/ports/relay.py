"""What the relay needs: the events of one context, and on some buses those that it told already."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tidings.application.ports.bus import Envelope, Recall


class OutboxReader(Protocol):
    """An outbox as the relay sees it."""

    async def waiting(self, limit: int) -> Sequence[tuple[int, Envelope]]:
        """The oldest events not yet published, with their positions."""
        ...

    async def published(self, positions: Sequence[int]) -> None:
        """Take note that these are on the bus."""
        ...


class KeptOutbox(Protocol):
    """An outbox that keeps for a while what is on the bus, each with its place."""

    async def told(self, group: str) -> Mapping[int, int]:
        """The last sequence that was told to each shard of a group."""
        ...

    async def since(self, sequence: int, limit: int) -> Sequence[Envelope]:
        """What was published after a sequence and is still kept, in order."""
        ...

    def settled(self) -> int:
        """A sequence: what was published up to it has long reached whoever listens."""
        ...


class Recalls(Protocol):
    """A bus on which groups can ask to be told again."""

    async def recalls(self, source: str) -> Sequence[Recall]:
        """Wishes that came since the last look; each is handed out once. Raise Unavailable."""
        ...

    async def tell_again(self, group: str, batch: Sequence[Envelope]) -> None:
        """Put these in line for one group, in this order. Raise BusUnavailable."""
        ...
