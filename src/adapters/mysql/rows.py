"""Rows as the domain's structs."""

from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import CursorResult

S = TypeVar("S", bound=Struct)


def structs(kind: type[S], found: "CursorResult[*tuple[Any, ...]]", **given: object) -> list[S]:
    """A struct for each row, whose columns bear the names of the fields that are not given; all are read."""
    names = tuple(found.keys())
    return [kind(**dict(zip(names, row, strict=True)), **given) for row in found]
