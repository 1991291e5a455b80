"""How many messages an organisation may send in a day and in a month, as operators of a platform set it."""

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from tidings.domain.errors import Throttled
from tidings.domain.whatsapp.pressure import RESERVE

Most = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class QuotaUsedUp(Throttled):
    """The organisation has sent as many messages as it may for now."""


class Usage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Messages handed to Meta and not refused by it at once; days and months are those of UTC."""

    today: int = 0
    this_month: int = 0


class Quota(Struct, frozen=True, kw_only=True, rename="camel"):
    """Messages that may be sent; None: as many as they like."""

    per_day: Most | None = None
    per_month: Most | None = None

    @property
    def none(self) -> bool:
        return self.per_day is None and self.per_month is None

    def for_campaigns(self) -> "Quota":
        """What campaigns may use of it: they leave a share to codes and single messages."""
        return Quota(per_day=_most_of(self.per_day), per_month=_most_of(self.per_month))

    def room(self, usage: Usage) -> float:
        """How many more may be sent now."""
        rooms = [
            most - used
            for most, used in ((self.per_day, usage.today), (self.per_month, usage.this_month))
            if most is not None
        ]
        return max(min(rooms, default=math.inf), 0)

    def waits_for(self, usage: Usage, now: datetime) -> tuple[datetime, str]:
        """When there is room again for what has none now, and the name of the wait."""
        if Quota(per_month=self.per_month).room(usage):
            return tomorrow(now), f"quota: {self.per_day} messages a day"
        return next_month(now), f"quota: {self.per_month} messages a month"


def day_of(moment: datetime) -> date:
    """The day to which a message counts."""
    return moment.astimezone(UTC).date()


def tomorrow(now: datetime) -> datetime:
    return _midnight(day_of(now) + timedelta(days=1))


def next_month(now: datetime) -> datetime:
    first = day_of(now).replace(day=1)
    return _midnight((first + timedelta(days=32)).replace(day=1))


def _most_of(most: int | None) -> int | None:
    return None if most is None else math.ceil(most * (1 - RESERVE))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
