"""Time in the sandbox: the caller's, which may be put forward or made to run faster, never back."""

from collections.abc import Callable
from typing import TypeAlias

Now: TypeAlias = Callable[[], float]


class Clock:
    """Unix time. Untouched, it is exactly what the caller's says."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._speed = 1.0
        self._turned = 0.0
        """The caller's time when this clock was last touched."""
        self._shown: float | None = None
        """What this clock showed then."""

    def __call__(self) -> float:
        if self._shown is None:
            return self._now()
        return self._shown + (self._now() - self._turned) * self._speed

    @property
    def speed(self) -> float:
        return self._speed

    def turn(self, *, advance: float = 0.0, speed: float | None = None) -> float:
        """Put it forward by seconds, and let it run so many times as fast. Raise ValueError."""
        if not 0 <= advance < float("inf"):
            raise ValueError("time goes forward: advance must not be negative")
        if speed is not None and not 0 < speed <= 1e6:
            raise ValueError("speed must be above 0 and at most 1000000")
        shown = self() + advance
        self._shown, self._turned = shown, self._now()
        self._speed = self._speed if speed is None else speed
        return shown
