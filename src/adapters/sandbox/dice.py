"""Chance that is the same for the same seed, whatever the order in which it is asked."""

from hashlib import blake2b
from struct import unpack

_WHOLE = float(1 << 32)


class Dice:
    """Rolls that depend on the seed and on what they are rolled for, and on nothing else."""

    def __init__(self, seed: int) -> None:
        self.seed = 0
        self._key = b""
        self.begin(seed)

    def begin(self, seed: int) -> None:
        """From now on, roll as somebody does who began with this seed. Raise OverflowError."""
        self._key = seed.to_bytes(16, "big", signed=True)
        self.seed = seed

    def roll(self, about: str) -> tuple[float, ...]:
        """Eight numbers from 0 up to 1."""
        digest = blake2b(about.encode(), digest_size=32, key=self._key).digest()
        return tuple(part / _WHOLE for part in unpack(">8I", digest))

    def number(self, about: str, digits: int) -> str:
        """Decimal digits that look like an id of Meta's: none begins with 0."""
        digest = blake2b(about.encode(), digest_size=32, key=self._key).digest()
        low = 10 ** (digits - 1)
        return str(low + int.from_bytes(digest, "big") % (9 * low))

    def hex(self, about: str, length: int) -> str:
        return blake2b(about.encode(), digest_size=32, key=self._key).hexdigest()[:length]


def between(span: tuple[float, float], share: float) -> float:
    return span[0] + (span[1] - span[0]) * share
