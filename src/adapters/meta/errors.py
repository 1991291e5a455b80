"""Meta's error bodies, whatever shape their parts have, and the catalogue that says what to do about them.

Codes decide: never texts, which are localised, nor the HTTP status, which is a poor classifier. What the
catalogue (`codes.py`) does not know is given up on: repeating what one does not understand helps nobody.
"""

from collections.abc import Mapping
from typing import TypeAlias, cast

import msgspec
from msgspec import Struct

from tidings.adapters.meta.codes import FAMILIES, ROWS, SUBROWS, Family, Row
from tidings.application.ports.gateway import Rejected, Verdict

JsonObject: TypeAlias = dict[str, object]

CATALOGUE: dict[int, Row] = {row.code: row for row in ROWS}
SUBCODES: dict[tuple[int, int], Row] = {(row.code, row.subcode): row for row in SUBROWS}
UNKNOWN = Row(-1, Verdict.GIVE_UP, "a code that this catalogue does not know")
THROTTLED = Row(429, Verdict.SLOW_DOWN, "HTTP 429 without a code that we know", 1.0, 10)

MAYBE_QUEUED = frozenset({1, 2, 131000})
"""With a 5xx these leave open whether the message was taken: no verdict then, but `Unclear`."""

REGAIN = {4, 17, 32, 613, 80007}
"""Codes of call limits: how long they last stands in the usage headers (fact sheet 6.4)."""


def row(code: int, subcode: int | None = None) -> Row | Family:
    """The catalogue's word on a code."""
    if subcode is not None and (found := SUBCODES.get((code, subcode))):
        return found
    if found := CATALOGUE.get(code):
        return found
    return next((family for family in FAMILIES if code in family.codes), UNKNOWN)


class GraphError(Struct, frozen=True, kw_only=True):
    """What Meta says is wrong (fact sheet 7.1)."""

    code: int
    subcode: int | None = None
    message: str = ""
    details: str = ""
    """For developers, or failing that what Meta would show to a user."""
    fbtrace_id: str | None = None
    blamed: tuple[str, ...] = ()
    """Fields that Meta points at."""


class _Failure(Struct, frozen=True):
    error: JsonObject


_failure = msgspec.json.Decoder(_Failure)
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on bytes that are not the JSON that was expected."""


def read_error(body: bytes) -> GraphError | None:
    """The error in a body, or None when it is none of Meta's."""
    try:
        return graph_error(_failure.decode(body).error)
    except UNREADABLE:
        return None


def graph_error(said: JsonObject) -> GraphError | None:
    """An error object of an answer or of a webhook; everything but its code may be missing or odd."""
    code = _number(said.get("code"))
    if code is None:
        return None
    details, blamed = _data(said.get("error_data"))
    return GraphError(
        code=code,
        subcode=_number(said.get("error_subcode")),
        message=_text(said.get("message")) or _text(said.get("title")),
        details=details or _text(said.get("error_user_msg")) or _text(said.get("error_user_title")),
        fbtrace_id=_text(said.get("fbtrace_id")) or None,
        blamed=blamed,
    )


def rejected(error: GraphError, status: int, headers: Mapping[str, str]) -> Rejected:
    """An error as the sender takes it."""
    found = row(error.code, error.subcode)
    if found is UNKNOWN and status == 429:
        found = THROTTLED
    wait = found.wait
    if error.code in REGAIN:
        wait = regain_seconds(headers) or wait
    return Rejected(
        code=error.code,
        subcode=error.subcode,
        message=error.message,
        details=error.details,
        fbtrace_id=error.fbtrace_id,
        verdict=found.verdict,
        wait=wait,
        max_attempts=found.max_attempts,
    )


class Usage(Struct, frozen=True):
    """How much of an allowance is used, in percent of a rolling hour (fact sheet 6.4)."""

    type: str = ""
    call_count: float = 0.0
    total_cputime: float = 0.0
    total_time: float = 0.0
    estimated_time_to_regain_access: float = 0.0
    """Minutes."""

    @property
    def percent(self) -> float:
        return max(self.call_count, self.total_cputime, self.total_time)


_usages = msgspec.json.Decoder(dict[str, list[Usage]], strict=False)
_usage = msgspec.json.Decoder(Usage, strict=False)


def read_usage(headers: Mapping[str, str]) -> dict[str, tuple[Usage, ...]]:
    """What the usage headers say, by WABA id, and of the app under `app`; empty when there are none."""
    found: dict[str, tuple[Usage, ...]] = {}
    try:
        if business := headers.get("x-business-use-case-usage"):
            found |= {id: tuple(usages) for id, usages in _usages.decode(business).items()}
        if app := headers.get("x-app-usage"):
            found["app"] = (_usage.decode(app),)
    except UNREADABLE:
        pass
    return found


def regain_seconds(headers: Mapping[str, str]) -> float:
    """How long until calls are allowed again, as far as Meta says so; else 0."""
    minutes = [u.estimated_time_to_regain_access for usages in read_usage(headers).values() for u in usages]
    return max(minutes, default=0.0) * 60


def _data(said: object) -> tuple[str, tuple[str, ...]]:
    """`error_data` is an object with or without `details`, a plain text, or missing."""
    if not isinstance(said, dict):
        return _text(said), ()
    data = cast(JsonObject, said)
    try:
        blamed = msgspec.convert(data.get("blame_field_specs", ()), tuple[tuple[str, ...], ...])
    except msgspec.ValidationError:
        blamed = ()
    return _text(data.get("details")), tuple(name for names in blamed for name in names)


def _text(said: object) -> str:
    return said if isinstance(said, str) else ""


def _number(said: object) -> int | None:
    if isinstance(said, str) and said.lstrip("-").isascii() and said.lstrip("-").isdigit():
        return int(said[:18])
    return said if isinstance(said, int) and not isinstance(said, bool) else None
