"""How much is too much for a person, and when: frequency caps, quiet hours, and Meta's own limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import OrganizationId, PersonKey

DAY = timedelta(hours=24)
RESERVE = 0.05
"""Share of a messaging limit that campaigns leave to codes and single messages."""
PAIR_EVERY = 6.0
"""Seconds in which Meta allows one message from a number to a person (fact sheet 6.2)."""
PAIR_BURST = 45
"""Messages that may be borrowed from the future of a pair."""
TIERS: dict[str, int | None] = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1000,
    "TIER_2K": 2000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": None,
}
"""People a portfolio may begin to talk to in 24 hours (fact sheet 6.3)."""

Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time on the wall: `21:00`."""


class BadPolicy(Invalid):
    """The sending policy makes no sense."""


class Beyond(StrEnum):
    """What to do with a message that may not leave now."""

    WAIT = "wait"
    """Keep it until it may, at most for the policy's patience."""
    SKIP = "skip"
    """Leave the person out, with the reason."""


class QuietHours(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """No marketing between these times on the person's own wall clock."""

    start: Clock
    end: Clock


class Cap(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """At most so many marketing messages to a person in so many days, over all campaigns and numbers."""

    most: Annotated[int, Meta(ge=1, le=100)]
    days: Annotated[int, Meta(ge=1, le=30)]


class SendingPolicy(Struct, frozen=True, kw_only=True, rename="camel"):
    """An organisation's own limits for marketing."""

    organization_id: OrganizationId
    quiet: QuietHours | None = None
    cap: Cap | None = None
    beyond: Beyond = Beyond.WAIT
    patience: int = 3 * 86_400
    """Seconds after which a message that still may not leave is skipped."""


def check_policy(policy: SendingPolicy) -> None:
    """Raise BadPolicy with everything that is wrong."""
    faults: list[Fault] = []
    if policy.quiet is not None and policy.quiet.start == policy.quiet.end:
        faults.append(Fault(field="quiet.end", rule="differ", message="must differ from the start"))
    if not 3600 <= policy.patience <= 30 * 86_400:
        faults.append(Fault(field="patience", rule="range", message="must be from 3600 to 2592000 seconds"))
    if faults:
        raise BadPolicy("", *faults)


def tier(said: str | None) -> int | None:
    """People in 24 hours of a limit in Meta's words or as a number; None: no limit, or none that is known."""
    if said is None:
        return None
    if said.isascii() and said.isdigit():
        return int(said)
    return TIERS.get(said)


def is_quiet(moment: datetime, zone: str, quiet: QuietHours) -> bool:
    """Whether the wall clock of this zone stands within the quiet hours."""
    now = moment.astimezone(ZoneInfo(zone)).strftime("%H:%M")
    if quiet.start < quiet.end:
        return quiet.start <= now < quiet.end
    return now >= quiet.start or now < quiet.end


def awake_from(moment: datetime, zones: Sequence[str], quiet: QuietHours) -> datetime:
    """The first moment, from this one on, that is quiet in none of these zones.

    A number may belong to several zones. Where they leave no common hour, the first zone decides.
    """
    for candidates in (zones, zones[:1]):
        at = moment
        for _ in range(16):
            asleep = [zone for zone in candidates if is_quiet(at, zone, quiet)]
            if not asleep:
                return at
            at = _end_of_quiet(at, asleep[0], quiet)
    return moment


def _end_of_quiet(moment: datetime, zone: str, quiet: QuietHours) -> datetime:
    """The next time the quiet ends; the clock may jump over it, or show it twice."""
    where = ZoneInfo(zone)
    end = time.fromisoformat(quiet.end)
    today = moment.astimezone(where).date()
    for days in range(3):
        for fold in (0, 1):
            local = datetime.combine(today + timedelta(days=days), end, where).replace(fold=fold)
            found = local.astimezone(UTC)
            if found > moment and not is_quiet(found, zone, quiet):
                return found
    raise ValueError(f"the quiet hours {quiet.start} to {quiet.end} have no end in {zone}")


@dataclass(slots=True)
class Pairs:
    """One number's buckets for the people it writes to; on a clock that only grows."""

    known: dict[PersonKey, tuple[float, float]] = field(default_factory=dict[PersonKey, tuple[float, float]])
    """Tokens left, and when that was."""
    largest: int = 10_000
    """Buckets remembered before full ones are forgotten."""

    def wait(self, person: PersonKey, now: float) -> float:
        """Seconds until another message may go to this person; 0: now."""
        return max(1.0 - self._tokens(person, now), 0.0) * PAIR_EVERY

    def spend(self, person: PersonKey, now: float) -> None:
        self.known[person] = (self._tokens(person, now) - 1.0, now)
        if len(self.known) > self.largest:
            self.known = {
                each: bucket for each, bucket in self.known.items() if self._tokens(each, now) < PAIR_BURST
            }

    def _tokens(self, person: PersonKey, now: float) -> float:
        tokens, at = self.known.get(person, (float(PAIR_BURST), now))
        return min(tokens + (now - at) / PAIR_EVERY, float(PAIR_BURST))
