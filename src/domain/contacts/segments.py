"""Segments: saved rules, checked against what the organisation has: attributes, groups, sensible values."""

from collections.abc import Iterator, Mapping, Set
from datetime import datetime
from typing import NewType
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tidings.domain.contacts.attributes import Attribute, Kind, canonical
from tidings.domain.contacts.people import search_terms, tidy_text
from tidings.domain.contacts.rules import (
    FLAG_FIELDS,
    TEXT_FIELDS,
    All,
    Any,
    AnyRule,
    Not,
    OfActivity,
    OfAttribute,
    OfField,
    OfGroup,
    OfSearch,
    Op,
    Value,
)
from tidings.domain.errors import Conflict, Fault, Invalid, NotFound
from tidings.domain.kernel import GroupId, OrganizationId

SegmentId = NewType("SegmentId", UUID)

MAX_DEPTH = 8
MAX_RULES = 100
MAX_VALUES = 200
MAX_NAME = 100
MAX_DESCRIPTION = 500


class SegmentNotFound(NotFound):
    """The organisation has no such segment."""


class SegmentNameTaken(Conflict):
    """The organisation already has a segment of this name."""


class InvalidRule(Invalid):
    """The rule does not make sense; each fault says where."""


class Segment(Struct, frozen=True, kw_only=True, rename="camel"):
    """A saved rule, usable wherever a group is: it is asked anew each time."""

    id: SegmentId
    organization_id: OrganizationId
    name: str
    description: str = ""
    rule: AnyRule
    created_at: datetime
    updated_at: datetime


_SET = frozenset({Op.IS_SET, Op.IS_NOT_SET})
_SAME = _SET | {Op.EQUALS, Op.NOT_EQUALS}
_ORDER = frozenset({Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST})
OPS: Mapping[Kind, Set[Op]] = {
    Kind.TEXT: _SAME | {Op.ONE_OF, Op.CONTAINS, Op.STARTS_WITH},
    Kind.CHOICE: _SAME | {Op.ONE_OF},
    Kind.BOOLEAN: _SAME,
    Kind.NUMBER: _SAME | _ORDER | {Op.ONE_OF},
    Kind.DATE: _SAME | _ORDER | {Op.ONE_OF},
}


def named(name: str, description: str) -> tuple[str, str]:
    """A segment's name and description, tidied. Raise InvalidRule."""
    name, description = tidy_text(name), tidy_text(description)
    faults: list[Fault] = []
    if not 0 < len(name) <= MAX_NAME:
        message = f"must have 1 to {MAX_NAME} characters"
        faults.append(Fault(field="name", rule="length", message=message))
    if len(description) > MAX_DESCRIPTION:
        message = f"must have at most {MAX_DESCRIPTION} characters"
        faults.append(Fault(field="description", rule="max_length", message=message))
    if faults:
        raise InvalidRule("The segment needs a name.", *faults)
    return name, description


class Known(Struct, frozen=True, kw_only=True):
    """What rules may name."""

    attributes: dict[str, Attribute]
    groups: frozenset[GroupId]


def checked_rule(rule: AnyRule, known: Known) -> AnyRule:
    """The rule with every value in its one spelling. Raise InvalidRule with every fault and its path."""
    faults: list[Fault] = []
    if _depth(rule) > MAX_DEPTH or _size(rule) > MAX_RULES:
        message = f"must be at most {MAX_DEPTH} deep, and {MAX_RULES} questions altogether"
        raise InvalidRule("", Fault(field="rule", rule="size", message=message))
    whole = _checked(rule, "rule", known, faults)
    if faults:
        raise InvalidRule("", *faults)
    return whole


def groups_in(rule: AnyRule) -> frozenset[GroupId]:
    """The groups that a rule names."""
    if isinstance(rule, OfGroup):
        return frozenset({rule.group_id})
    return frozenset[GroupId]().union(*(groups_in(each) for each in _parts(rule)))


def attributes_in(rule: AnyRule) -> frozenset[str]:
    """The attributes that a rule names."""
    if isinstance(rule, OfAttribute):
        return frozenset({rule.key})
    return frozenset[str]().union(*(attributes_in(each) for each in _parts(rule)))


def _parts(rule: AnyRule) -> tuple[AnyRule, ...]:
    if isinstance(rule, All | Any):
        return rule.rules
    return (rule.rule,) if isinstance(rule, Not) else ()


def _depth(rule: AnyRule) -> int:
    return 1 + max((_depth(each) for each in _parts(rule)), default=0)


def _size(rule: AnyRule) -> int:
    return 1 + sum(_size(each) for each in _parts(rule))


def _checked(rule: AnyRule, path: str, known: Known, faults: list[Fault]) -> AnyRule:
    match rule:
        case All(rules=rules) | Any(rules=rules):
            parts = tuple(_checked(r, f"{path}.rules[{n}]", known, faults) for n, r in enumerate(rules))
            return replace(rule, rules=parts)
        case Not(rule=other):
            return replace(rule, rule=_checked(other, f"{path}.rule", known, faults))
        case OfAttribute():
            return _checked_attribute(rule, path, known, faults)
        case OfField():
            return _checked_field(rule, path, faults)
        case _:
            faults += _faults_of(rule, path, known)
            return rule


def _faults_of(rule: AnyRule, path: str, known: Known) -> Iterator[Fault]:
    if isinstance(rule, OfGroup) and rule.group_id not in known.groups:
        yield Fault(
            field=f"{path}.groupId", rule="unknown_group", message="the organisation has no such group"
        )
    if isinstance(rule, OfSearch) and not search_terms(rule.text):
        yield Fault(field=f"{path}.text", rule="required", message="must not be empty")
    if isinstance(rule, OfActivity) and rule.within_days is not None and not 0 < rule.within_days <= 36_500:
        yield Fault(field=f"{path}.withinDays", rule="range", message="must be from 1 to 36500")


def _checked_attribute(rule: OfAttribute, path: str, known: Known, faults: list[Fault]) -> AnyRule:
    attribute = known.attributes.get(rule.key)
    if attribute is None:
        message = f"the organisation has no attribute `{rule.key}`"
        faults.append(Fault(field=f"{path}.key", rule="unknown_attribute", message=message))
        return rule
    return replace(rule, value=_checked_value(rule.op, rule.value, attribute, path, faults))


def _checked_field(rule: OfField, path: str, faults: list[Fault]) -> AnyRule:
    if rule.name in FLAG_FIELDS:
        if rule.op not in (Op.EQUALS, Op.NOT_EQUALS):
            faults.append(Fault(field=f"{path}.op", rule="op", message="must be equals or not_equals"))
        if not isinstance(rule.value, bool):
            faults.append(Fault(field=f"{path}.value", rule="boolean", message="must be true or false"))
        return rule
    if rule.name not in TEXT_FIELDS:
        message = f"must be one of: {', '.join((*TEXT_FIELDS, *FLAG_FIELDS))}"
        faults.append(Fault(field=f"{path}.name", rule="unknown_field", message=message))
        return rule
    return replace(rule, value=_checked_value(rule.op, rule.value, None, path, faults))


def _checked_value(
    op: Op, value: Value, attribute: Attribute | None, path: str, faults: list[Fault]
) -> str | tuple[str, ...] | None:
    kind = Kind.TEXT if attribute is None else attribute.kind
    if op not in OPS[kind]:
        message = f"must be one of: {', '.join(sorted(OPS[kind]))}"
        faults.append(Fault(field=f"{path}.op", rule="op", message=message))
        return None
    if op in _SET:
        if value is not None:
            faults.append(Fault(field=f"{path}.value", rule="none", message="must not be given"))
        return None
    if op is Op.ONE_OF:
        if not isinstance(value, tuple) or not 0 < len(value) <= MAX_VALUES:
            message = f"must be a list of 1 to {MAX_VALUES} values"
            faults.append(Fault(field=f"{path}.value", rule="list", message=message))
            return None
        each = [_spelled(v, attribute, f"{path}.value[{n}]", faults) for n, v in enumerate(value)]
        return tuple(each)
    return _spelled(value, attribute, f"{path}.value", faults)


def _spelled(value: Value, attribute: Attribute | None, path: str, faults: list[Fault]) -> str:
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    told = tidy_text(text) if attribute is None or isinstance(value, tuple) else canonical(attribute, text)
    if isinstance(value, tuple) or told == "":
        faults.append(Fault(field=path, rule="required", message="must be a single value, and not empty"))
        return ""
    if isinstance(told, Fault):
        faults.append(replace(told, field=path))
        return ""
    return told
