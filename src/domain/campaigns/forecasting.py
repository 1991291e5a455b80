"""When a campaign will be done, if nothing changes: people as water through a pipe of known width."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from msgspec import Struct

from tidings.domain.campaigns.guarding import Rollout

DAY = timedelta(hours=24)


class Portion(Struct, frozen=True, kw_only=True):
    """People who may be written to from the same moment on."""

    due: datetime
    new: int = 0
    """Those who count against Meta's messaging limit."""
    known: int = 0
    """Those who do not."""


class Period(StrEnum):
    """Of the calendar, in UTC."""

    DAY = "day"
    MONTH = "month"


class Budget(Struct, frozen=True, kw_only=True):
    """Messages that may leave in each day or month."""

    most: int
    used: int = 0
    """In the period of the start."""
    period: Period


class Pipe(Struct, frozen=True, kw_only=True):
    """How fast messages leave."""

    per_second: float
    limit: int | None = None
    """New people in 24 hours that a campaign may use."""
    used: int = 0
    """How many of them are used up at the start."""
    budgets: Sequence[Budget] = ()


def finish(portions: Sequence[Portion], pipe: Pipe, start: datetime) -> datetime:
    """When the last message leaves; of what may never leave, the moment from which it waits."""
    at = start
    reach = _Reach(pipe.limit, pipe.used, start)
    meters = [_Meter(each, start) for each in pipe.budgets]
    for portion in sorted(portions, key=lambda each: each.due):
        at = max(at, portion.due)
        for people, gates in ((portion.known, meters), (portion.new, [reach, *meters])):
            left = people
            while left:
                for gate in gates:
                    gate.turn(at)
                room = min([left, *(gate.room for gate in gates)])
                if room <= 0:
                    waits = [gate.opens for gate in gates if gate.room <= 0]
                    if None in waits:
                        return at
                    at = max(wait for wait in waits if wait is not None)
                    continue
                # What would leave after the end of a period counts to the next one.
                lasting = [int((each.ends - at).total_seconds() * pipe.per_second) + 1 for each in meters]
                going = int(min([room, *lasting]))
                for gate in gates:
                    gate.spend(going, at)
                at += timedelta(seconds=going / pipe.per_second)
                left -= going
    return at


def with_rollout(done: datetime, rollout: Rollout | None) -> datetime:
    """The same with the pauses of a canary."""
    return done if rollout is None else done + timedelta(seconds=rollout.watch * len(rollout.steps))


class _Reach:
    """Meta's messaging limit: people in any 24 hours."""

    def __init__(self, limit: int | None, used: int, start: datetime) -> None:
        self.limit = limit
        self.spent: deque[tuple[datetime, int]] = deque([(start, used)] if used else [])

    def turn(self, at: datetime) -> None:
        while self.spent and self.spent[0][0] + DAY <= at:
            self.spent.popleft()

    @property
    def room(self) -> float:
        return float("inf") if self.limit is None else self.limit - sum(count for _, count in self.spent)

    @property
    def opens(self) -> datetime | None:
        """None: never."""
        return self.spent[0][0] + DAY if self.spent else None

    def spend(self, count: int, at: datetime) -> None:
        if self.limit is not None:
            self.spent.append((at, count))


class _Meter:
    """A budget while time passes."""

    def __init__(self, budget: Budget, start: datetime) -> None:
        self.budget = budget
        self.room: float = budget.most - budget.used
        self.ends = _end(budget.period, start)

    def turn(self, at: datetime) -> None:
        if at >= self.ends:
            self.room, self.ends = self.budget.most, _end(self.budget.period, at)

    @property
    def opens(self) -> datetime | None:
        """None: never."""
        return self.ends if self.budget.most > 0 else None

    def spend(self, count: int, _at: datetime) -> None:
        self.room -= count


def _end(period: Period, at: datetime) -> datetime:
    day = at.astimezone(UTC).date()
    if period is Period.DAY:
        day += timedelta(days=1)
    else:
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime.combine(day, time(), UTC)
