"""Hypothesis strategies for the domain's own types: `of(Campaign)` draws whole campaigns, field by field.

What a field may hold follows from its type; where the domain asks for more than the type says (a country is
two letters, a time zone has a name) this module knows it. Fields are drawn apart from one another: a message
that was drawn may be `read` and have no wamid, as what an adapter stores may be anything that fits its type.
Needs the extra `tidings[testing]`.
"""

import types
import typing
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

from hypothesis import strategies as st
from msgspec import Meta, Struct

from tidings.domain.campaigns import Recipient
from tidings.domain.events import Move
from tidings.domain.kernel import PersonKey, Phone, PhoneNumberId, WabaId, Wamid, person_key
from tidings.domain.users.subscriptions import Delivery
from tidings.domain.whatsapp.conversations import Conversation, Inbound
from tidings.domain.whatsapp.messages import Message
from tidings.domain.whatsapp.numbers import Lease, Number
from tidings.testing.strategies import phones, wamids

T = TypeVar("T")

texts: st.SearchStrategy[str] = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0"), max_size=30
)
"""What people write: any letters of any script, line breaks too."""
moments: st.SearchStrategy[datetime] = st.datetimes(
    datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)
)
digits: st.SearchStrategy[str] = st.from_regex(r"[1-9][0-9]{9,15}", fullmatch=True)
bsuids: st.SearchStrategy[str] = st.from_regex(r"[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}", fullmatch=True)
"""Business-scoped user ids (fact sheet 2.10)."""
words: st.SearchStrategy[str] = st.from_regex(r"[a-z][a-z_]{0,30}", fullmatch=True)
counts: st.SearchStrategy[int] = st.integers(0, 2**31 - 1)
countries: st.SearchStrategy[str] = st.sampled_from(["", "GB", "DE", "BR", "IN"])
zones: st.SearchStrategy[str | None] = st.sampled_from([None, "Europe/London", "America/Sao_Paulo"])
languages: st.SearchStrategy[str] = st.sampled_from(["", "en", "pt_BR", "zh-Hant-HK"])

_NAMED: Mapping[object, st.SearchStrategy[Any]] = {
    Phone: phones(),
    PersonKey: phones().map(person_key),
    PhoneNumberId: digits,
    WabaId: digits,
    Wamid: wamids,
}
_PLAIN: Mapping[object, st.SearchStrategy[Any]] = {
    str: texts,
    bytes: st.binary(max_size=40),
    bool: st.booleans(),
    int: counts,
    Decimal: st.decimals(0, 1000, places=6),
    float: st.floats(0, 1e9, allow_nan=False).map(lambda number: round(number, 6)),
    UUID: st.uuids(),
    datetime: moments,
    date: st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    time: st.times().map(lambda at: at.replace(microsecond=0)),
    timedelta: st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)),
    type(None): st.none(),
    Any: texts,
    object: texts,
}
_KNOWN: Mapping[type[Struct], Mapping[str, st.SearchStrategy[Any]]] = {
    Recipient: {
        "country": countries,
        "zone": zones,
        "language": languages,
        "arm": words.map(lambda word: word[:30]),
        "priced": words,
        "price_category": words,
    },
    Move: {"priced": words, "price_category": words, "state": st.sampled_from(["sent", "delivered", "read"])},
    Message: {"zone": zones, "priced": words, "price_category": words, "recipient": st.none() | bsuids},
    Inbound: {"sender_user_id": st.none() | bsuids, "kind": words},
    Conversation: {"recipient": st.none() | bsuids},
    Number: {"quality_rating": st.sampled_from(["GREEN", "YELLOW", "RED", "UNKNOWN"])},
    Delivery: {"type": words, "key": words},
    Lease: {"name": words, "owner": words},
}
"""What fields may hold beyond what their type says."""


def of(kind: type[T], **given: Any) -> st.SearchStrategy[T]:
    """Values of a type of the domain; a field that is `given` is drawn from a strategy, or is a value."""
    if not given:
        return cast("st.SearchStrategy[T]", _of(kind))
    return _built(kind, given)


def _built(kind: Any, given: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    known = {**_KNOWN.get(kind, {}), **{name: _strategy(each) for name, each in given.items()}}
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {name: known[name] if name in known else _of(hints[name]) for name in kind.__struct_fields__}
    return st.builds(kind, **fields)


def _strategy(given: Any) -> st.SearchStrategy[Any]:
    return cast("st.SearchStrategy[Any]", given) if isinstance(given, st.SearchStrategy) else st.just(given)


def _of(kind: Any) -> st.SearchStrategy[Any]:
    """By a type, as it stands at a field."""
    if kind in _NAMED:
        return _NAMED[kind]
    if isinstance(kind, typing.NewType):
        return _of(kind.__supertype__)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _whole(kind)
    return _of_several(typing.get_origin(kind), typing.get_args(kind), kind)


@cache
def _whole(kind: type[Struct]) -> st.SearchStrategy[Any]:
    """One strategy for each type: a type may be part of itself."""
    return st.deferred(lambda: _built(kind, {}))


def _of_several(origin: Any, parts: Sequence[Any], kind: Any) -> st.SearchStrategy[Any]:
    """Unions and collections."""
    if origin in (typing.Union, types.UnionType):
        return st.one_of([_of(part) for part in parts])
    if origin is typing.Annotated:
        return _within(parts[0], next((part for part in parts if isinstance(part, Meta)), Meta()))
    if origin is typing.Literal:
        return st.sampled_from(list(parts))
    if origin is tuple and parts[-1] is not Ellipsis:
        return st.tuples(*(_of(part) for part in parts))
    if origin is tuple:
        return st.lists(_of(parts[0]), max_size=3).map(tuple)
    if origin in (list, Sequence, Collection):
        return st.lists(_of(parts[0]), max_size=3)
    if origin in (frozenset, set, AbstractSet):
        return st.frozensets(_of(parts[0]), max_size=3)
    if origin in (dict, Mapping):
        return st.dictionaries(_of(parts[0]), _of(parts[1]), max_size=3)
    raise TypeError(f"nothing is known of {kind}")


def _within(kind: Any, told: Meta) -> st.SearchStrategy[Any]:
    """What msgspec holds a field to."""
    if kind is int:
        return st.integers(int(told.ge or 0), 2**31 - 1 if told.le is None else int(told.le))
    if kind is float:
        least = told.gt if told.ge is None else told.ge
        return st.floats(least, told.le, exclude_min=told.ge is None, allow_subnormal=False)
    if told.pattern is not None:
        return st.from_regex(told.pattern.replace("$", r"\Z"))
    least, most = told.min_length or 0, told.max_length
    if kind is str:
        return st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=least, max_size=most)
    if least or most is not None:
        part = typing.get_args(kind)[0]
        return st.lists(_of(part), min_size=least, max_size=min(most or 3, least + 3)).map(
            tuple if typing.get_origin(kind) is tuple else list
        )
    return _of(kind)
