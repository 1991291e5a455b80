"""Placeholders in a template's texts: `{{1}}`, `{{2}}` or `{{first_name}}` (fact sheet 4.3, 4.4)."""

import re
from collections.abc import Callable

from msgspec import Struct

_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_NAME = re.compile(r"[a-z_]{1,100}")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


class Placeholder(Struct, frozen=True):
    """Where a value goes, and what it is called."""

    name: str
    start: int
    end: int

    @property
    def positional(self) -> bool:
        return _NUMBER.fullmatch(self.name) is not None

    @property
    def named(self) -> bool:
        return _NAME.fullmatch(self.name) is not None


def placeholders(text: str) -> tuple[Placeholder, ...]:
    """Every placeholder, in the order of the text, well named or not."""
    return tuple(Placeholder(m[1], m.start(), m.end()) for m in _PLACEHOLDER.finditer(text))


def names(text: str) -> tuple[str, ...]:
    """What wants a value, each once: numbers by size, names in the order of the text."""
    found = dict.fromkeys(p.name for p in placeholders(text))
    if all(name.isdecimal() for name in found):
        return tuple(sorted(found, key=int))
    return tuple(found)


def fill(text: str, value: Callable[[str], str]) -> str:
    """The text with every placeholder replaced; what a value contains is never looked at again."""
    return _PLACEHOLDER.sub(lambda m: value(m[1]), text)


def plain(text: str) -> str:
    """The text without its placeholders."""
    return _PLACEHOLDER.sub(" ", text)


def words(text: str) -> int:
    """How many words the text has beside its placeholders; scripts without spaces count by character."""
    rest = plain(text)
    unspaced = len(_UNSPACED.findall(rest))
    return unspaced + len(re.findall(r"\w+", _UNSPACED.sub(" ", rest)))
