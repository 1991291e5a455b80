"""Virtual time and ids that a seed decides."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
"""When every world begins."""


@dataclass
class Clock:
    """A wall clock and a boot-time clock that move together, and only when they are told."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def boottime(self) -> float:
        return self.seconds


@dataclass
class Ids:
    """UUIDv7s in rising order; the same seed gives the same ids."""

    seed: int = 0
    made: int = 0
    chance: Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)

    def __call__(self) -> UUID:
        self.made += 1
        tick = int(NOON.timestamp() * 1000) + self.made
        return UUID(int=tick << 80 | 0x7 << 76 | 0b10 << 62 | self.chance.getrandbits(62))
