"""The Statistics port of campaigns over SciPy, which is loaded only once an experiment is judged."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from tidings.domain.campaigns import Count


@dataclass(frozen=True, slots=True)
class ScipyStatistics:
    """Wilson's bounds of a share, Newcombe's of a difference, and the chi-square test of two shares."""

    def bounds(self, count: Count, confidence: float) -> tuple[float, float]:
        if not count.people:
            return 0.0, 1.0
        told = _scipy().binomtest(count.did, count.people).proportion_ci(confidence, method="wilson")
        return float(told.low), float(told.high)

    def lift(self, base: Count, count: Count, confidence: float) -> tuple[float, float]:
        low, high = self.bounds(count, confidence)
        base_low, base_high = self.bounds(base, confidence)
        difference = count.share - base.share
        below = ((count.share - low) ** 2 + (base_high - base.share) ** 2) ** 0.5
        above = ((high - count.share) ** 2 + (base.share - base_low) ** 2) ** 0.5
        return difference - below, difference + above

    def differ(self, one: Count, other: Count) -> float:
        did, did_not = one.did + other.did, one.people + other.people - one.did - other.did
        if not (one.people and other.people and did and did_not):
            return 1.0
        table = [[each.did, each.people - each.did] for each in (one, other)]
        if min(did, did_not) * min(one.people, other.people) < FEW * (one.people + other.people):
            return float(_scipy().fisher_exact(table).pvalue)
        return float(_scipy().chi2_contingency(table, correction=False).pvalue)


FEW = 5
"""Below so many expected in a cell the chi-square test is no longer true, and Fisher's exact one is used."""


@cache
def _scipy() -> Any:
    import scipy.stats

    return scipy.stats
