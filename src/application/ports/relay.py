"""What the relay needs: the waiting events of one context."""

from collections.abc import Sequence
from typing import Protocol

from tidings.application.ports.bus import Envelope


class OutboxReader(Protocol):
    """An outbox as the relay sees it."""

    async def waiting(self, limit: int) -> Sequence[tuple[int, Envelope]]:
        """The oldest events not yet published, with their positions."""
        ...

    async def published(self, positions: Sequence[int]) -> None:
        """Take note that these are on the bus."""
        ...
