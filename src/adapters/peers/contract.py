"""A port as a contract on the wire: every asynchronous method a call, its signature both sides' shapes."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

import msgspec
from msgspec import Struct

from tidings.domain.errors import Fault, Refused


@dataclass(frozen=True, slots=True)
class Call:
    """One method: `asked` is a Struct of its arguments, `answer` the type of what it returns."""

    name: str
    asked: type[Struct]
    parameters: tuple[str, ...]
    read: msgspec.json.Decoder[Any]
    read_answer: msgspec.json.Decoder[Any]


@cache
def calls_of(port: type) -> Mapping[str, Call]:
    """The calls that a port consists of; methods that wait for nothing are no calls."""
    methods = inspect.getmembers(port, inspect.iscoroutinefunction)
    return {name: _call(name, method) for name, method in methods if not name.startswith("_")}


def _call(name: str, method: Any) -> Call:
    hints = get_type_hints(method)
    answer = hints.pop("return")
    parameters = [each for each in inspect.signature(method).parameters.values() if each.name != "self"]
    fields = [
        (each.name, hints[each.name])
        if each.default is inspect.Parameter.empty
        else (each.name, hints[each.name], each.default)
        for each in parameters
    ]
    asked = msgspec.defstruct(f"Asked_{name}", fields, kw_only=True, forbid_unknown_fields=True)
    return Call(
        name=name,
        asked=asked,
        parameters=tuple(each.name for each in parameters),
        read=msgspec.json.Decoder(asked),
        read_answer=msgspec.json.Decoder(answer),
    )


class Refusal(Struct, frozen=True, kw_only=True, rename="camel"):
    """A typed error on its way to the other side."""

    code: str
    message: str
    faults: tuple[Fault, ...] = ()
    retry_after: float | None = None


def told(error: Refused) -> Refusal:
    return Refusal(code=error.code, message=str(error), faults=error.faults, retry_after=error.retry_after)


def raised(refusal: Refusal, otherwise: type[Refused] = Refused) -> Refused:
    """The same error here: of the same class where this process knows it."""
    kind = _kinds().get(refusal.code)
    if kind is None:
        _kinds.cache_clear()
        kind = _kinds().get(refusal.code, otherwise)
    error = kind.__new__(kind)
    # Not the class's own constructor: some make their message of things that only the other side has.
    Refused.__init__(error, refusal.message, *refusal.faults, retry_after=refusal.retry_after)
    return error


@cache
def _kinds() -> Mapping[str, type[Refused]]:
    kinds: dict[str, type[Refused]] = {}
    left: list[type[Refused]] = [Refused]
    while left:
        kind = left.pop()
        kinds[kind.__new__(kind).code] = kind
        left += kind.__subclasses__()
    return kinds
