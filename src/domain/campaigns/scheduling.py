"""When a campaign starts by itself: a wall-clock time in a zone, again and again if wanted."""

import calendar
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from tidings.domain.errors import Fault, Invalid


class BadSchedule(Invalid):
    """The schedule makes no sense."""


class Missed(StrEnum):
    """What to do about a start that nobody was there for, once it is later than the grace."""

    RUN = "run"
    """Start late."""
    SKIP = "skip"
    """Leave this one out; a recurring campaign waits for the next, any other goes back to draft."""
    EXPIRE = "expire"
    """Give the campaign up."""


class Repeat(StrEnum):
    """How often a campaign starts."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    """On the same day; on the month's last where it has no such day."""


class Schedule(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A start on the wall clock of a zone."""

    at: datetime
    """Wall-clock time, without an offset."""
    zone: str
    """An IANA name, such as `Europe/London`."""
    missed: Missed = Missed.RUN
    grace: int = 300
    """Seconds after which a start counts as missed."""
    repeat: Repeat = Repeat.ONCE
    until: datetime | None = None
    """The last moment on the wall clock at which a recurring campaign may start."""

    def starts(self, index: int) -> datetime | None:
        """The start of this number, counted from 0, in UTC; None when there is none.

        A time that the change to summer time leaves out happens an hour later on the clock; one that
        happens twice is the first of the two.
        """
        local = _nth(self.at, self.repeat, index)
        if local is None or (self.until is not None and local > self.until):
            return None
        return local.replace(tzinfo=ZoneInfo(self.zone), fold=0).astimezone(UTC)

    def after(self, moment: datetime, index: int = 0) -> tuple[int, datetime] | None:
        """The first start later than `moment`, from this number on; None when there is none left."""
        if self.repeat is not Repeat.ONCE:
            index = max(index, (moment - timedelta(days=62) - _utc(self)).days // _DAYS[self.repeat])
        while (start := self.starts(index)) is not None and start <= moment:
            index += 1
        return None if start is None else (index, start)

    def is_missed(self, due: datetime, now: datetime) -> bool:
        return (now - due).total_seconds() > self.grace


_DAYS = {Repeat.DAILY: 1, Repeat.WEEKLY: 7, Repeat.MONTHLY: 31}


def check_schedule(schedule: Schedule, now: datetime) -> tuple[int, datetime]:
    """The first start and its number. Raise BadSchedule with everything that is wrong."""
    faults: list[Fault] = []
    if schedule.at.tzinfo is not None:
        message = "give the time on the wall clock, without an offset; the zone says where"
        faults.append(Fault(field="at", rule="wall_clock", message=message))
    if schedule.until is not None and schedule.until.tzinfo is not None:
        faults.append(Fault(field="until", rule="wall_clock", message="give it without an offset"))
    if not _zone_exists(schedule.zone):
        message = "must be an IANA time zone, such as Europe/London"
        faults.append(Fault(field="zone", rule="zone", message=message))
    if not 0 <= schedule.grace <= 7 * 86_400:
        faults.append(Fault(field="grace", rule="range", message="must be from 0 to 604800 seconds"))
    if faults:
        raise BadSchedule("", *faults)
    first = schedule.after(now)
    if first is None:
        raise BadSchedule("", Fault(field="at", rule="future", message="must lie in the future"))
    return first


def _utc(schedule: Schedule) -> datetime:
    return schedule.at.replace(tzinfo=ZoneInfo(schedule.zone)).astimezone(UTC)


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _nth(at: datetime, repeat: Repeat, index: int) -> datetime | None:
    match repeat:
        case Repeat.ONCE:
            return at if index == 0 else None
        case Repeat.DAILY:
            return at + timedelta(days=index)
        case Repeat.WEEKLY:
            return at + timedelta(weeks=index)
        case Repeat.MONTHLY:
            years, month = divmod(at.month - 1 + index, 12)
            year = at.year + years
            day = min(at.day, calendar.monthrange(year, month + 1)[1])
            return at.replace(year=year, month=month + 1, day=day)
