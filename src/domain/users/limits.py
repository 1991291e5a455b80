"""How often somebody may try."""

from msgspec import Struct

from tidings.domain.errors import Throttled


class TooManyTries(Throttled):
    """Too many tries; wait a while."""


class Budget(Struct, frozen=True, kw_only=True):
    """`tries` at once, which come back evenly over `seconds`.

    So whoever has none left waits for `seconds / tries`, and nobody is ever locked out for good.
    """

    name: str
    tries: int
    seconds: float

    @property
    def interval(self) -> float:
        return self.seconds / self.tries

    def spend(self, free_at: float, now: float) -> tuple[float, float | None]:
        """The moment at which all tries are free again, and None or the seconds to wait for one."""
        after = max(free_at, now) + self.interval
        early = after - now - self.seconds
        return (free_at, early) if early > 1e-6 else (after, None)
