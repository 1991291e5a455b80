"""One checker for the whole promise: what Meta accepted, what the rows say, what the API reports.

`check` compares the three ledgers of one campaign and names every breach of I1 to I5:

- I1 nobody is accepted twice;
- I2 everyone planned ends accepted, failed, skipped or unknown, with a reason where there must be one;
- I3 the totals equal the fold of the rows;
- I4 every update that was answered 200 is applied;
- I5 no status moved backwards.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

ORDER = ("accepted", "sent", "failed", "delivered", "read")
"""How far a message can be, in Meta's words; proof of delivery outranks `failed`."""
OPEN = frozenset({"pending", "sending"})


class Taken(Struct, frozen=True, kw_only=True):
    """A message that Meta (the sandbox) accepted, and the furthest status of it that we answered with 200."""

    wamid: str
    to: str
    status: str = "accepted"


class Row(Struct, frozen=True, kw_only=True):
    """A recipient as the rows have it."""

    phone: str
    state: str
    wamid: str | None = None
    reason: str | None = None
    code: int | None = None


class Breach(Struct, frozen=True, kw_only=True):
    """A promise that was not kept."""

    invariant: str
    what: str


def check(
    accepted: Iterable[Taken], rows: Sequence[Row], totals: dict[str, int], *, finished: bool = True
) -> list[Breach]:
    """Every breach, in order of the invariants; an empty list is the proof.

    `totals` are the API's counts by state, with `planned`; `finished` says that the campaign has ended and
    every webhook was delivered.
    """
    taken = list(accepted)
    breaches = [*_twice(taken), *_accounted(rows, finished), *_counted(rows, totals)]
    return breaches + _applied(taken, rows) if finished else breaches


def _twice(taken: Sequence[Taken]) -> list[Breach]:
    got = Counter(_digits(each.to) for each in taken)
    return [
        Breach(invariant="I1", what=f"{who} was accepted {count} times")
        for who, count in got.items()
        if count > 1
    ]


def _accounted(rows: Sequence[Row], finished: bool) -> list[Breach]:
    breaches: list[Breach] = []
    for row in rows:
        if finished and row.state in OPEN:
            breaches.append(Breach(invariant="I2", what=f"{row.phone} is still {row.state}"))
        if row.state == "failed" and row.code is None and not row.reason:
            breaches.append(Breach(invariant="I2", what=f"{row.phone} failed without a reason"))
        if row.state == "skipped" and not row.reason:
            breaches.append(Breach(invariant="I2", what=f"{row.phone} was skipped without a reason"))
    return breaches


def _counted(rows: Sequence[Row], totals: dict[str, int]) -> list[Breach]:
    fold = Counter(row.state for row in rows)
    states = [state for state in totals if state != "planned"]
    breaches = [
        Breach(invariant="I3", what=f"{state}: the API says {totals[state]}, the rows say {fold[state]}")
        for state in states
        if totals[state] != fold[state]
    ]
    if totals["planned"] != sum(totals[state] for state in states):
        breaches.append(Breach(invariant="I3", what="planned is not the sum of the states"))
    if totals["planned"] != len(rows):
        breaches.append(Breach(invariant="I3", what=f"planned {totals['planned']}, rows {len(rows)}"))
    return breaches


def _applied(taken: Sequence[Taken], rows: Sequence[Row]) -> list[Breach]:
    by_wamid = {row.wamid: row for row in rows if row.wamid}
    breaches: list[Breach] = []
    for each in taken:
        row = by_wamid.pop(each.wamid, None)
        if row is None:
            breaches.append(
                Breach(invariant="I4", what=f"{each.to}: accepted as {each.wamid}, not in the rows")
            )
        elif row.state not in ORDER or ORDER.index(row.state) < ORDER.index(each.status):
            breaches.append(
                Breach(invariant="I5", what=f"{each.to}: Meta said {each.status}, the row says {row.state}")
            )
        elif row.state != each.status and {row.state, each.status} != {"sent", "accepted"}:
            breaches.append(
                Breach(invariant="I5", what=f"{each.to}: the row says {row.state}, Meta only {each.status}")
            )
    return breaches + [
        Breach(invariant="I4", what=f"{row.phone}: the rows know {wamid}, Meta does not")
        for wamid, row in by_wamid.items()
    ]


def _digits(phone: str) -> str:
    return phone.removeprefix("+")
