"""What a piece of work has done that cannot be undone: while that is nothing, it may be begun anew."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Effects:
    """Counted in the task of the work and in all that it starts."""

    count: int = 0


_EFFECTS: ContextVar[Effects | None] = ContextVar("effects", default=None)


def happened() -> None:
    """Something was stored, or told to another system."""
    effects = _EFFECTS.get()
    if effects is not None:
        effects.count += 1


@contextmanager
def watched() -> Generator[Effects]:
    """Count what happens within; a piece of work around it counts it too."""
    effects, around = Effects(), _EFFECTS.get()
    token = _EFFECTS.set(effects)
    try:
        yield effects
    finally:
        _EFFECTS.reset(token)
        if around is not None:
            around.count += effects.count
