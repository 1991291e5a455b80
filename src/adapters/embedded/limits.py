"""Budgets of tries in this process."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from tidings.domain.users import Budget

KEPT = 100_000
"""Keys at most; the one that was used longest ago makes room."""


@dataclass(slots=True)
class LocalLimiter:
    """The Limiter port in a dictionary. Nothing here waits, so a spend is never interrupted."""

    monotonic: Callable[[], float]
    _free_at: "OrderedDict[str, float]" = field(default_factory=OrderedDict[str, float])

    async def spend(self, budget: Budget, key: str) -> float | None:
        name = f"{budget.name}|{key}"
        free_at, wait = budget.spend(self._free_at.get(name, 0.0), self.monotonic())
        if wait is None:
            self._free_at[name] = free_at
            self._free_at.move_to_end(name)
            if len(self._free_at) > KEPT:
                self._free_at.popitem(last=False)
        return wait

    async def give_back(self, budget: Budget, key: str) -> None:
        name = f"{budget.name}|{key}"
        if name in self._free_at:
            self._free_at[name] -= budget.interval
