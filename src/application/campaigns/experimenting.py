"""Experiments under way and judged: how each arm did, whether that is chance, and who wins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.campaigns import Statistics, Work
from tidings.application.ports.common import Now
from tidings.domain.campaigns import (
    HOLD_OUT,
    REST,
    Campaign,
    Count,
    Experiment,
    Metric,
    Outcome,
    winner,
)


class ArmReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """How one arm did. Shares from 0 to 1, their bounds at the experiment's confidence."""

    arm: str
    people: int
    """Everybody who was assigned to it and could be written to, whatever became of the message."""
    did: int
    share: float
    low: float
    high: float
    lift: float | None = None
    """The share less that of what it is compared with: the hold-out if there is one, else the first arm."""
    lift_low: float | None = None
    lift_high: float | None = None
    p: float | None = None
    """How likely so large a difference is by chance alone."""


class ExperimentReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """An experiment's account so far. Looking at it often and stopping at a good moment makes it untrue:
    the winner is found by one look, `decideAfter` after the sample is settled."""

    metric: Metric
    confidence: float
    arms: Sequence[ArmReport]
    waiting: int
    """People who wait for the winner."""
    winner: str | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Experimenting:
    statistics: Statistics
    now: Now

    async def report(self, work: Work, campaign: Campaign) -> ExperimentReport | None:
        """None for a campaign without one."""
        experiment = campaign.experiment
        if experiment is None:
            return None
        counts, waiting = await self._counts(work, campaign, experiment)
        # The hold-out never read nor answered anything: only what it did by itself can be compared.
        compared = HOLD_OUT if experiment.metric is Metric.CONVERTED and HOLD_OUT in counts else None
        base = counts.get(compared or experiment.arms[0].name, Count(people=0, did=0))
        arms = [
            self._arm(
                name, count, experiment, None if name == (compared or experiment.arms[0].name) else base
            )
            for name, count in counts.items()
            if name != HOLD_OUT or compared
        ]
        return ExperimentReport(
            metric=experiment.metric,
            confidence=experiment.confidence,
            arms=arms,
            waiting=waiting,
            winner=campaign.winner,
            verdict=self._verdict(campaign, experiment, counts),
        )

    async def decide(self, work: Work, campaign: Campaign) -> None:
        """Once the sample is settled and has been watched for as long as it was said: who wins.

        Asked when nobody of the arms that are open is left to be handed over. When nobody is better beyond
        chance, the rest gets the first arm.
        """
        experiment = campaign.experiment
        if experiment is None or not experiment.has_rest or campaign.winner or not experiment.by_itself:
            return
        now = self.now()
        if campaign.origin.again or set(campaign.opened(now)) != {arm.name for arm in experiment.arms}:
            return
        # Nobody of the open arms is left to be handed over, or this would not be asked.
        if await work.recipients.in_line(campaign.id, asleep=True):
            if campaign.settled_since is not None:
                await work.campaigns.save(replace(campaign, settled_since=None))
            return
        if campaign.settled_since is None:
            await work.campaigns.save(replace(campaign, settled_since=now))
            return
        if now < campaign.settled_since + timedelta(seconds=experiment.decide_after):
            return
        counts, _ = await self._counts(work, campaign, experiment)
        best = self._winner(experiment, counts) or experiment.arms[0].name
        await work.campaigns.save(replace(campaign, winner=best, decided_at=now, settled_since=None))

    async def _counts(
        self, work: Work, campaign: Campaign, experiment: Experiment
    ) -> tuple[dict[str, Count], int]:
        """By arm, in the order of the arms; and how many wait for the winner."""
        counted = await work.recipients.by_arm(campaign.id)
        did = await work.responses.by_arm(campaign.id)
        kind = experiment.metric.kind
        names = [arm.name for arm in experiment.arms]
        if experiment.hold_out:
            names.append(HOLD_OUT)
        found: dict[str, Count] = {}
        for name in names:
            theirs = [each for each in counted if each.arm == name and each.reason in ("", HOLD_OUT)]
            people = sum(each.count for each in theirs)
            read = sum(each.count for each in theirs if each.state is Outcome.READ)
            found[name] = Count(people=people, did=read if kind is None else did.get((name, kind), 0))
        waiting = sum(each.count for each in counted if each.arm == REST and each.state is Outcome.PENDING)
        return found, 0 if campaign.winner else waiting

    def _winner(self, experiment: Experiment, counts: dict[str, Count]) -> str | None:
        names = [arm.name for arm in experiment.arms]
        theirs = [counts[name] for name in names]
        differ = [[self.statistics.differ(one, other) for other in theirs] for one in theirs]
        found = winner(theirs, differ, experiment.confidence)
        return None if found is None else names[found]

    def _verdict(self, campaign: Campaign, experiment: Experiment, counts: dict[str, Count]) -> str:
        if len(experiment.arms) == 1:
            return ""
        leads = self._winner(experiment, counts)
        said = (
            f"{leads} is better than every other arm beyond chance" if leads else "no arm leads beyond chance"
        )
        if campaign.winner is not None:
            return f"the rest gets {campaign.winner}; by now {said}"
        return said

    def _arm(self, name: str, count: Count, experiment: Experiment, base: Count | None) -> ArmReport:
        low, high = self.statistics.bounds(count, experiment.confidence)
        report = ArmReport(
            arm=name, people=count.people, did=count.did, share=count.share, low=low, high=high
        )
        if base is None or not base.people or not count.people:
            return report
        lift_low, lift_high = self.statistics.lift(base, count, experiment.confidence)
        return replace(
            report,
            lift=count.share - base.share,
            lift_low=lift_low,
            lift_high=lift_high,
            p=self.statistics.differ(base, count),
        )
