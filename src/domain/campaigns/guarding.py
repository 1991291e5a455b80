"""A careful start and a watchful eye: canary steps, and the limits at which a campaign stops by itself."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from tidings.domain.campaigns.recipients import Totals
from tidings.domain.errors import Fault, Invalid

Share = Annotated[float, Meta(gt=0, le=1)]
QUALITIES = ("GREEN", "YELLOW", "RED")
"""Of numbers and templates, from good to bad (fact sheet 4.8 and 9.4)."""


class BadRollout(Invalid):
    """The canary or the guard makes no sense."""


class Rollout(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Some people first: each step waits until its people are settled and have been watched for a while."""

    steps: Annotated[Sequence[Share], Meta(min_length=1, max_length=5)] = (0.01, 0.1)
    """Shares of everyone, growing; after the last one everyone follows."""
    watch: Annotated[int, Meta(ge=0, le=7 * 86_400)] = 600
    """Seconds between the last settled person of a step and the next step."""

    def target(self, step: int, people: int) -> int:
        """How many people may have been handed over in this step, at least one."""
        if step >= len(self.steps):
            return people
        return min(max(round(self.steps[step] * people), 1), people)


class Guard(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """When a campaign stops by itself. What is not given is not watched."""

    failed: Share | None = None
    """Of those who are settled, failures among them."""
    opted_out: Share | None = None
    """Of those who were reached, wishes to hear no more."""
    quality: str | None = "YELLOW"
    """The worst rating of template and number with which it goes on."""
    least: Annotated[int, Meta(ge=1)] = 50
    """People of whom something is known before a share counts."""


class Seen(Struct, frozen=True, kw_only=True):
    """What is known of a campaign under way."""

    totals: Totals
    opted_out: int = 0
    template_quality: str = ""
    number_quality: str = ""


def check_rollout(rollout: Rollout | None, guard: Guard | None) -> None:
    """Raise BadRollout with everything that is wrong."""
    faults: list[Fault] = []
    if rollout is not None and list(rollout.steps) != sorted(set(rollout.steps)):
        faults.append(Fault(field="rollout.steps", rule="growing", message="each step must be larger"))
    if guard is not None and guard.quality is not None and guard.quality not in QUALITIES:
        message = f"must be one of {', '.join(QUALITIES)}"
        faults.append(Fault(field="guard.quality", rule="choice", message=message))
    if faults:
        raise BadRollout("", *faults)


def breach(guard: Guard, seen: Seen) -> str | None:
    """Why the campaign must stop; None when it may go on."""
    totals = seen.totals
    reached = totals.accepted + totals.sent + totals.delivered + totals.read
    settled = reached + totals.failed
    if guard.failed is not None and settled >= guard.least and totals.failed > guard.failed * settled:
        return f"guard: {totals.failed} of {settled} failed, more than {guard.failed:.1%}"
    if guard.opted_out is not None and reached >= guard.least and seen.opted_out > guard.opted_out * reached:
        return f"guard: {seen.opted_out} of {reached} opted out, more than {guard.opted_out:.1%}"
    for what, quality in (("template", seen.template_quality), ("number", seen.number_quality)):
        if guard.quality is not None and _worse(quality, guard.quality):
            return f"guard: the quality of the {what} is {quality}"
    return None


def next_step(rollout: Rollout, *, step: int, since: datetime | None, now: datetime) -> bool:
    """Whether a step that is settled since this moment has been watched for long enough."""
    return step < len(rollout.steps) and since is not None and now >= since + timedelta(seconds=rollout.watch)


def worst(qualities: Iterable[str]) -> str:
    """The worst rating among these; empty when none is known."""
    known = [quality for quality in qualities if quality in QUALITIES]
    return max(known, key=QUALITIES.index, default="")


def _worse(quality: str, floor: str) -> bool:
    if quality not in QUALITIES:
        return False
    return QUALITIES.index(quality) > QUALITIES.index(floor)
