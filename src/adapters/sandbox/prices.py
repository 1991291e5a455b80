"""What a message costs: who pays when, before October 2026 and since (fact sheet 8)."""

from datetime import UTC, datetime
from typing import NamedTuple

from tidings.adapters.sandbox.accounts import Entry, Line
from tidings.adapters.sandbox.people import Person

OCTOBER_2026 = 1_790_812_800
"""From then on messages within the service window cost too."""
HOUR = 3600.0
ENTRY_ANSWER = 24 * HOUR
ENTRY_LASTS = 72 * HOUR


class Price(NamedTuple):
    """What is told of a message's price."""

    kind: str
    """`regular`, `free_customer_service` or `free_entry_point`."""
    category: str
    ends: float = 0.0
    """Of an open free entry point."""

    @property
    def free(self) -> bool:
        return self.kind != "regular"


def priced(line: Line, person: Person, category: str, at: float, *, in_window: bool, allowance: int) -> Price:
    """The price of a message that is delivered now."""
    if ends := _entry(line, person, at):
        return Price("free_entry_point", "referral_conversion", ends)
    if in_window and at < OCTOBER_2026 and category in ("service", "utility"):
        return Price("free_customer_service", category)
    if category == "service" and at >= OCTOBER_2026:
        month = datetime.fromtimestamp(at, UTC).strftime("%Y-%m")
        given = line.given.get(month, 0)
        if given < allowance:
            line.given[month] = given + 1
            return Price("free_customer_service", category)
    return Price("regular", category)


def refer(line: Line, person: Person, at: float) -> None:
    """Somebody wrote from an advertisement. An entry point that is open stays as it is."""
    entry = line.entries.get(person.user_id)
    if entry is None or entry.until <= at:
        line.entries[person.user_id] = Entry(wrote_at=at)


def _entry(line: Line, person: Person, at: float) -> float:
    """Until when the person's free entry point is open, or 0. The first answer opens it."""
    if not line.entries or (entry := line.entries.get(person.user_id)) is None:
        return 0.0
    if not entry.until and at <= entry.wrote_at + ENTRY_ANSWER:
        entry.until = at + ENTRY_LASTS
    if entry.until > at:
        return entry.until
    del line.entries[person.user_id]
    return 0.0
