"""Experiments: people by lot get other words or other hours, and some get nothing to compare with.

The lot of a person in a campaign is a hash of both, so it is the same after every restart.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated

from msgspec import Meta, Struct

from tidings.domain.campaigns.guarding import Rollout
from tidings.domain.campaigns.responses import Kind
from tidings.domain.errors import Conflict, Fault, Invalid
from tidings.domain.kernel import CampaignId, PersonKey, TemplateId

HOLD_OUT = "hold-out"
"""The arm of those who get nothing, and the reason under which they are skipped."""
REST = "rest"
"""The arm of those who wait for the winner."""


class BadExperiment(Invalid):
    """The experiment makes no sense."""


class NoExperiment(Conflict):
    """The campaign has nobody who waits for a winner."""


class Metric(StrEnum):
    """What an arm is judged by."""

    READ = "read"
    REPLIED = "replied"
    CLICKED = "clicked"
    CONVERTED = "converted"

    @property
    def kind(self) -> Kind | None:
        """What people do; None for what Meta reports of the message itself."""
        return None if self is Metric.READ else Kind(self.value)


class Arm(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One way of writing to people. The first arm of an experiment is what it is compared with."""

    name: Annotated[str, Meta(min_length=1, max_length=30)]
    template_id: TemplateId | None = None
    """The campaign's own template when it is not given."""
    share: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    """Its weight beside the other arms."""
    delay: Annotated[int, Meta(ge=0, le=7 * 86_400)] = 0
    """Seconds after the launch before anybody of this arm gets it."""


class Experiment(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Arms, a hold-out, and how the winner is found."""

    arms: Annotated[Sequence[Arm], Meta(min_length=1, max_length=5)]
    hold_out: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    """The share of people who get nothing."""
    sample: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """The share of the others who take part; the rest waits for the winner."""
    metric: Metric = Metric.REPLIED
    decide_after: Annotated[int, Meta(ge=0, le=30 * 86_400)] = 86_400
    """Seconds between the last settled person of the sample and the one look at the figures."""
    confidence: Annotated[float, Meta(ge=0.8, le=0.999)] = 0.95
    by_itself: bool = True
    """Whether the rest gets the winner by itself; else somebody chooses."""

    @property
    def has_rest(self) -> bool:
        return self.sample < 1

    def arm(self, name: str) -> Arm | None:
        return next((arm for arm in self.arms if arm.name == name), None)

    def opened(self, since_launch: timedelta, winner: str | None) -> list[str]:
        """The arms whose people may be written to."""
        names = [arm.name for arm in self.arms if since_launch >= timedelta(seconds=arm.delay)]
        return [*names, REST] if winner is not None else names


class Count(Struct, frozen=True, kw_only=True):
    """People of an arm, and those of them who did what is measured."""

    people: int
    did: int

    @property
    def share(self) -> float:
        return self.did / self.people if self.people else 0.0


def check_experiment(experiment: Experiment | None, rollout: Rollout | None) -> None:
    """Raise BadExperiment with everything that is wrong."""
    if experiment is None:
        return
    faults: list[Fault] = []
    seen: set[str] = set()
    for n, arm in enumerate(experiment.arms):
        if arm.name.strip() != arm.name or arm.name in (HOLD_OUT, REST):
            message = f"must not be {HOLD_OUT} or {REST}, nor begin or end with a blank"
            faults.append(Fault(field=f"experiment.arms[{n}].name", rule="name", message=message))
        if arm.name in seen:
            message = "is the name of another arm"
            faults.append(Fault(field=f"experiment.arms[{n}].name", rule="unique", message=message))
        seen.add(arm.name)
    if len(experiment.arms) == 1 and not experiment.hold_out:
        message = "one arm needs a hold-out to be compared with"
        faults.append(Fault(field="experiment.arms", rule="several", message=message))
    if len(experiment.arms) == 1 and experiment.has_rest:
        message = "one arm has no winner that a rest could wait for"
        faults.append(Fault(field="experiment.sample", rule="several", message=message))
    if rollout is not None:
        message = "an experiment and a careful start exclude each other"
        faults.append(Fault(field="rollout", rule="alone", message=message))
    if faults:
        raise BadExperiment("", *faults)


def assign(experiment: Experiment, campaign: CampaignId, person: PersonKey) -> str:
    """The arm of a person: one of the names, HOLD_OUT or REST. Shares hold over many people."""
    lot = _lot(campaign, person)
    if lot < experiment.hold_out:
        return HOLD_OUT
    lot = (lot - experiment.hold_out) / (1 - experiment.hold_out)
    if lot >= experiment.sample:
        return REST
    place = lot / experiment.sample * sum(arm.share for arm in experiment.arms)
    for arm in experiment.arms:
        place -= arm.share
        if place < 0:
            return arm.name
    return experiment.arms[-1].name


def winner(counts: Sequence[Count], differ: Sequence[Sequence[float]], confidence: float) -> int | None:
    """The arm that is better than every other beyond chance, if one is.

    `differ[i][j]` is the p value of arms i and j having the same share. All pairs are compared at once, so
    each must hold at the level divided by their number (Bonferroni): with no true difference the whole look
    names a winner by mistake no oftener than `1 - confidence`, as long as there is one look.
    """
    best = max(range(len(counts)), key=lambda n: counts[n].share)
    pairs = len(counts) * (len(counts) - 1) / 2
    level = (1 - confidence) / max(pairs, 1)
    others = [n for n in range(len(counts)) if n != best]
    if not others or any(counts[n].share >= counts[best].share for n in others):
        return None
    return best if all(differ[best][n] <= level for n in others) else None


def _lot(campaign: CampaignId, person: PersonKey) -> float:
    """From 0 to just below 1, the same for ever for this person in this campaign."""
    digest = blake2b(f"{campaign}:{person}".encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 2**56
