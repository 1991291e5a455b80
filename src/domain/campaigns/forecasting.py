"""When a campaign will be done, if nothing changes: people as water through a pipe of known width."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

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


class Pipe(Struct, frozen=True, kw_only=True):
    """How fast messages leave."""

    per_second: float
    limit: int | None = None
    """New people in 24 hours that a campaign may use."""
    used: int = 0
    """How many of them are used up at the start."""


def finish(portions: Sequence[Portion], pipe: Pipe, start: datetime) -> datetime:
    """When the last message leaves."""
    at = start
    spent: deque[tuple[datetime, int]] = deque([(start, pipe.used)] if pipe.used else [])
    for portion in sorted(portions, key=lambda each: each.due):
        at = max(at, portion.due)
        at += timedelta(seconds=portion.known / pipe.per_second)
        left = portion.new
        while left:
            while spent and spent[0][0] + DAY <= at:
                spent.popleft()
            room = left if pipe.limit is None else pipe.limit - sum(count for _, count in spent)
            if room <= 0:
                if not spent:
                    return at
                at = spent[0][0] + DAY
                continue
            going = min(left, room)
            if pipe.limit is not None:
                spent.append((at, going))
            at += timedelta(seconds=going / pipe.per_second)
            left -= going
    return at


def with_rollout(done: datetime, rollout: Rollout | None) -> datetime:
    """The same with the pauses of a canary."""
    return done if rollout is None else done + timedelta(seconds=rollout.watch * len(rollout.steps))
