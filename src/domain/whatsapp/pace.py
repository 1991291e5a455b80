"""How fast a number may send: a token bucket whose rate falls on Meta's complaint and climbs back."""

from msgspec import Struct
from msgspec.structs import replace

FLOOR = 1.0
"""Messages per second below which the pace never falls."""
CLIMB = 0.05
"""Share of the limit that a second without complaint gives back."""
BURST = 0.25
"""Seconds' worth of tokens that may gather: a transaction that took long costs no pace."""
REST = 1.0
"""Seconds after a complaint in which further complaints (of calls already on their way) change nothing."""


class Pace(Struct, frozen=True, kw_only=True):
    """Messages per second, in `limit` at most. `at` and `cut_at` are seconds of any clock that only grows."""

    limit: float
    rate: float
    tokens: float = 0.0
    at: float
    cut_at: float = float("-inf")

    def flow(self, now: float) -> "Pace":
        """Let time pass: tokens come in, a quarter of a second's worth at most, and the rate climbs."""
        passed = max(now - self.at, 0.0)
        rate = (
            min(self.rate + CLIMB * self.limit * passed, self.limit)
            if now > self.cut_at + REST
            else self.rate
        )
        return replace(
            self,
            rate=rate,
            tokens=min(self.tokens + rate * passed, max(rate * BURST, 1.0)),
            at=max(now, self.at),
        )

    def spend(self, count: int) -> "Pace":
        return replace(self, tokens=self.tokens - count)

    def slow_down(self, now: float) -> "Pace":
        """Meta said 130429: halve the rate at once, but once for all the calls of the same moment."""
        if now <= self.cut_at + REST:
            return self
        return replace(self, rate=max(self.rate / 2, FLOOR), tokens=0.0, cut_at=now)
