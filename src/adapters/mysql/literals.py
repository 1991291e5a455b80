"""Values that are written into a statement as hexadecimal literals.

The driver looks at every character of a text or bytes for what must be escaped, and JSON is full of quotes:
that takes thirty times as long as writing a hexadecimal literal.
"""

from collections.abc import Mapping
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


def _written(value: Literal, mapping: Mapping[object, object]) -> str:
    return value.sql


def conversions() -> dict[Any, Any]:
    """The driver's `conv`: how values are written and read."""
    # Where no MySQL is used, its driver takes no memory.
    from asyncmy import converters

    theirs: dict[Any, Any] = vars(converters)["conversions"]
    return {**theirs, Literal: _written}
