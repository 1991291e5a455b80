"""Every fault of a request's body, named by field and rule: msgspec itself stops at the first."""

import re
from collections.abc import Iterator, Mapping
from inspect import isclass
from typing import Any, cast, get_args, get_origin

import msgspec
from msgspec import Struct

from tidings.domain.errors import Fault

MOST = 100
"""Faults that are named at most."""

_RULES = (
    ("missing required field", "required"),
    ("unknown field", "unknown"),
    ("of length", "length"),
    ("matching regex", "pattern"),
    ("Invalid enum value", "choice"),
    ("Invalid value", "choice"),
    ("multiple of", "range"),
    ("` >= ", "range"),
    ("` <= ", "range"),
    ("` > ", "range"),
    ("` < ", "range"),
    ("Expected", "type"),
    ("Invalid", "format"),
    ("malformed", "json"),
    ("truncated", "json"),
)
_AT = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$")
_ABSENT = re.compile(r"Missing required \w+ parameter '([^']+)'")
_FIELD = re.compile(r"(?:missing required|unknown) field `([^`]+)`")


def faults_of_body(body: bytes, kind: object) -> list[Fault]:
    """What is wrong with a JSON body of this type; empty when this cannot tell."""
    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return []
    faults: list[Fault] = []
    for fault in _faults(value, kind, ""):
        faults.append(fault)
        if len(faults) == MOST:
            break
    return faults


def fault_told(text: str, path: str = "") -> Fault:
    """msgspec's message as a fault: ``Expected `str`, got `int` - at `$.name` ``."""
    if absent := _ABSENT.match(text):
        return Fault(field=absent[1], rule="required", message="is missing")
    found = _AT.search(text)
    where = _joined(path, found["path"].lstrip(".")) if found else path
    said = _AT.sub("", text)
    if named := _FIELD.search(said):
        where = _joined(where, named[1])
    return Fault(field=where, rule=rule_told(said), message=said)


def rule_told(text: str) -> str:
    return next((rule for words, rule in _RULES if words in text), "valid")


def _faults(value: object, kind: object, path: str) -> Iterator[Fault]:
    if isclass(kind) and issubclass(kind, Struct) and isinstance(value, dict):
        yield from _of_struct(cast("Mapping[str, Any]", value), kind, path)
        return
    arguments = [each for each in get_args(kind) if each is not Ellipsis]
    if get_origin(kind) in (list, tuple) and len(arguments) == 1 and isinstance(value, list):
        for at, item in enumerate(cast("list[object]", value)):
            yield from _faults(item, arguments[0], f"{path}[{at}]")
    else:
        yield from _converted(value, kind, path)


def _of_struct(value: Mapping[str, Any], kind: type[Struct], path: str) -> Iterator[Fault]:
    found = False
    fields = msgspec.structs.fields(kind)
    for field in fields:
        if field.encode_name in value:
            inner = _faults(value[field.encode_name], field.type, _joined(path, field.encode_name))
        elif field.required:
            inner = iter(
                [Fault(field=_joined(path, field.encode_name), rule="required", message="is missing")]
            )
        else:
            continue
        for fault in inner:
            found = True
            yield fault
    config = kind.__struct_config__
    known = {field.encode_name for field in fields} | {config.tag_field}
    if config.forbid_unknown_fields:
        for name in value.keys() - known:
            found = True
            yield Fault(field=_joined(path, name), rule="unknown", message="is not a field of this")
    if not found:
        yield from _converted(value, kind, path)


def _converted(value: object, kind: object, path: str) -> Iterator[Fault]:
    try:
        msgspec.convert(value, cast("Any", kind))
    except msgspec.ValidationError as error:
        yield fault_told(str(error), path)
    except (TypeError, NotImplementedError):
        return


def _joined(path: str, name: str) -> str:
    if not path or name.startswith("["):
        return path + name
    return f"{path}.{name}" if name else path
