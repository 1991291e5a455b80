"""Values that are written into a statement as hexadecimal literals.

The driver looks at every character of a text or bytes for what must be escaped, and JSON is full of quotes:
that takes thirty times as long as writing a hexadecimal literal.
"""

from collections.abc import Callable, Mapping
from datetime import date
from operator import attrgetter
from typing import Any

SHORTEST, LONGEST = 64, 4 * 1024 * 1024
"""Bytes between which it pays. A literal is twice as long, and a server takes 16 MiB at once by default."""


class Literal:
    """What stands in the statement as it is."""

    __slots__ = ("sql",)

    def __init__(self, sql: str) -> None:
        self.sql = sql

    def __repr__(self) -> str:
        return self.sql if len(self.sql) <= SHORTEST else f"{self.sql[:SHORTEST]}…"


def bytes_literal(value: bytes) -> bytes | Literal:
    return Literal(f"x'{value.hex()}'") if SHORTEST <= len(value) <= LONGEST else value


def text_literal(value: bytes) -> str | Literal:
    """Of a text in UTF-8."""
    return Literal(f"_utf8mb4 x'{value.hex()}'") if SHORTEST <= len(value) <= LONGEST else value.decode()


def written(value: object) -> str:
    """What the driver takes, as SQL in which nothing up to 4 MiB is escaped.

    Raise TypeError for what it cannot be.
    """
    return _WRITTEN.get(type(value), _another)(value)


def _text(value: str) -> str:
    if "'" not in value and "\\" not in value:
        return f"'{value}'"
    if len(value) <= LONGEST:
        return f"_utf8mb4 x'{value.encode().hex()}'"
    return _escaped(value)


def _bytes(value: bytes) -> str:
    return f"x'{value.hex()}'" if len(value) <= LONGEST else _escaped(value)


def _float(value: float) -> str:
    """Without an exponent it would be a decimal."""
    said = repr(value)
    return said if "e" in said else f"{said}e0"


def _another(value: object) -> str:
    """A member of an enumeration, say."""
    for kind, write in _WRITTEN.items():
        if isinstance(value, kind):
            return write(value)
    raise TypeError(f"a {type(value).__name__} cannot be written into a statement")


_WRITTEN: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    bool: lambda value: "1" if value else "0",
    int: str,
    float: _float,
    str: _text,
    bytes: _bytes,
    date: lambda value: f"'{value.isoformat()}'",
    Literal: attrgetter("sql"),
}


def _as_it_is(value: Literal, mapping: Mapping[object, object]) -> str:
    return value.sql


def _drivers() -> dict[Any, Any]:
    # Where no MySQL is used, its driver takes no memory.
    from asyncmy import converters

    return vars(converters)["conversions"]


def _escaped(value: str | bytes) -> str:
    """As the driver does it: half as long as hexadecimal."""
    return _drivers()[type(value)](value)


def conversions() -> dict[Any, Any]:
    """The driver's `conv`: how values are written and read."""
    return {**_drivers(), Literal: _as_it_is}
