"""Every message that was accepted, in a few dozen bytes each, and how far its webhooks have come."""

from array import array
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple


class Step(IntEnum):
    """How far a message has come. Later ones outrank earlier ones."""

    ACCEPTED = 0
    SENT = 1
    FAILED = 2
    DELIVERED = 3
    READ = 4
    PLAYED = 5

    @property
    def word(self) -> str:
        return self.name.lower()


CATEGORIES = ("service", "marketing", "utility", "authentication", "marketing_lite")


class Accepted(NamedTuple):
    """A message as it was accepted."""

    to: str
    line: int
    callback: str | None
    template: int
    """Its place among the names in the ledger; 0 is none."""
    category: int
    """Its place in CATEGORIES."""
    at: float


class Ledger:
    """Accepted messages, numbered from 1."""

    def __init__(self) -> None:
        self._to = array("Q", [0])
        self._line = array("H", [0])
        self._template = array("H", [0])
        self._category = array("B", [0])
        self._at = array("d", [0.0])
        self._callback: list[str | None] = [None]
        self._told = bytearray(1)
        self._users: dict[int, str] = {}
        self.names: list[str | None] = [None]
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._to) - 1

    def template(self, name: str) -> int:
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = len(self.names)
            self.names.append(name)
        return place

    def add(self, message: Accepted) -> int:
        n = len(self._to)
        if message.to.isdecimal():
            self._to.append(int(message.to))
        else:
            self._to.append(0)
            self._users[n] = message.to
        self._line.append(message.line)
        self._template.append(message.template)
        self._category.append(message.category)
        self._at.append(message.at)
        self._callback.append(message.callback)
        self._told.append(Step.ACCEPTED)
        return n

    def get(self, n: int) -> Accepted:
        to = str(self._to[n]) if self._to[n] else self._users[n]
        return Accepted(
            to, self._line[n], self._callback[n], self._template[n], self._category[n], self._at[n]
        )

    def told(self, n: int) -> Step:
        """The furthest status that a webhook brought home."""
        return Step(self._told[n])

    def tell(self, n: int, step: int) -> None:
        if step > self._told[n]:
            self._told[n] = step

    def unfinished(self, template: int) -> bool:
        """Whether a message of this template is still on its way."""
        on_its_way = (Step.ACCEPTED, Step.SENT)
        return any(t == template and self._told[n] in on_its_way for n, t in enumerate(self._template) if n)

    def after(self, n: int, limit: int) -> Iterator[int]:
        return iter(range(n + 1, min(n + limit, len(self)) + 1))
