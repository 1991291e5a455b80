"""Attributes: what an organisation wants to know of its people, each with a kind of value."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from tidings.domain.contacts.people import (
    MAX_ATTRIBUTE_KEY,
    MAX_ATTRIBUTE_VALUE,
    folded,
    is_attribute_key,
    tidy_text,
)
from tidings.domain.errors import Conflict, Fault, Invalid, NotFound
from tidings.domain.kernel import OrganizationId

MAX_DEFINITIONS = 200
MAX_CHOICES = 200
MAX_LABEL = 100
DIGITS = 15
"""Significant digits of a number: as many as every database and every float keeps exactly."""


class AttributeNotFound(NotFound):
    """The organisation has no such attribute."""


class AttributeTaken(Conflict):
    """The organisation already has an attribute of this name."""


class AttributeInUse(Conflict):
    """Contacts have values that would not fit; change those first."""


class InvalidAttribute(Invalid):
    """Some fields of the attribute are not right."""


class Kind(StrEnum):
    """What values an attribute has."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    BOOLEAN = "boolean"


class Attribute(Struct, frozen=True, kw_only=True, rename="camel"):
    """An attribute as the organisation defined it. A name that was never defined is text."""

    organization_id: OrganizationId
    key: str
    kind: Kind = Kind.TEXT
    label: str = ""
    choices: tuple[str, ...] = ()
    created_at: datetime


YES = frozenset(
    folded(word)
    for word in """yes y true t 1 x on si sim oui ja da tak evet نعم כן हाँ 是 はい""".split()  # noqa: SIM905
)
NO = frozenset(
    folded(word)
    for word in """no n false f 0 off nao non nein nej nie hayir لا לא नहीं 否 いいえ""".split()  # noqa: SIM905
)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_DATES = (
    (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?"), (1, 2, 3)),
    (re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})"), (1, 2, 3)),
    (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})"), (3, 2, 1)),
)


def canonical(attribute: Attribute, text: str) -> str | Fault:
    """The value in its one spelling, or what is wrong with it. Empty text is no value and stays empty."""
    text = tidy_text(text)
    if not text:
        return ""
    match attribute.kind:
        case Kind.TEXT:
            return text
        case Kind.NUMBER:
            return _number(text) or _fault(
                attribute, "number", f"must be a number of at most {DIGITS} digits"
            )
        case Kind.DATE:
            return _date(text) or _fault(attribute, "date", "must be a date, such as 2026-01-31 or 31.1.2026")
        case Kind.BOOLEAN:
            word = folded(text)
            if word in YES or word in NO:
                return "true" if word in YES else "false"
            return _fault(attribute, "boolean", "must be yes or no")
        case Kind.CHOICE:
            known = {folded(choice): choice for choice in attribute.choices}
            listed = ", ".join(attribute.choices)[:300]
            return known.get(folded(text)) or _fault(attribute, "choice", f"must be one of: {listed}")


def _fault(attribute: Attribute, rule: str, message: str) -> Fault:
    return Fault(field=f"attributes.{attribute.key}", rule=rule, message=message)


def _number(text: str) -> str | None:
    plain = text.replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    if not _NUMBER.fullmatch(plain) or not plain.isascii():
        return None
    try:
        value = Decimal(plain).normalize()
    except InvalidOperation:
        return None
    if len(value.as_tuple().digits) > DIGITS or not -DIGITS < value.adjusted() < DIGITS:
        return None
    return format(value + 0, "f")


def _date(text: str) -> str | None:
    for pattern, (year, month, day) in _DATES:
        if found := pattern.fullmatch(text):
            try:
                return date(int(found[year]), int(found[month]), int(found[day])).isoformat()
            except ValueError:
                return None
    return None


def conformed(
    definitions: Mapping[str, Attribute], values: Mapping[str, str]
) -> tuple[dict[str, str], list[Fault]]:
    """The values in their one spelling, empty ones dropped; and everything that is wrong with the others."""
    good: dict[str, str] = {}
    faults: list[Fault] = []
    for key, value in values.items():
        told = canonical(definitions[key], value) if key in definitions else value
        if isinstance(told, Fault):
            faults.append(told)
        elif told:
            good[key] = told
    return good, faults


def defined(
    organization: OrganizationId, keys: Iterable[str], known: Mapping[str, Attribute], at: datetime
) -> list[Attribute]:
    """Text definitions of names that are used for the first time. Raise InvalidAttribute for too many."""
    new = [
        Attribute(organization_id=organization, key=key, label=key, created_at=at)
        for key in dict.fromkeys(keys)
        if key not in known
    ]
    if len(known) + len(new) > MAX_DEFINITIONS:
        message = f"an organisation can have at most {MAX_DEFINITIONS} attributes"
        raise InvalidAttribute("", Fault(field="attributes", rule="max_items", message=message))
    return new


def checked(attribute: Attribute) -> Attribute:
    """The definition, tidied, if it makes sense. Raise InvalidAttribute."""
    attribute = replace(
        attribute,
        label=tidy_text(attribute.label),
        choices=tuple(tidy_text(choice) for choice in attribute.choices),
    )
    faults: list[Fault] = []
    if not is_attribute_key(attribute.key):
        message = f"must have 1 to {MAX_ATTRIBUTE_KEY} letters, digits and _"
        faults.append(Fault(field="key", rule="name", message=message))
    if len(attribute.label) > MAX_LABEL:
        message = f"must have at most {MAX_LABEL} characters"
        faults.append(Fault(field="label", rule="max_length", message=message))
    if (attribute.kind is Kind.CHOICE) != bool(attribute.choices):
        message = "must be given for a choice, and only for a choice"
        faults.append(Fault(field="choices", rule="required", message=message))
    if len(attribute.choices) > MAX_CHOICES:
        faults.append(Fault(field="choices", rule="max_items", message=f"must be at most {MAX_CHOICES}"))
    folds = [folded(choice) for choice in attribute.choices]
    if "" in folds or len(set(folds)) < len(folds):
        message = "must be different from one another, and not empty"
        faults.append(Fault(field="choices", rule="unique", message=message))
    if any(len(choice) > MAX_ATTRIBUTE_VALUE for choice in attribute.choices):
        message = f"must have at most {MAX_ATTRIBUTE_VALUE} characters each"
        faults.append(Fault(field="choices", rule="max_length", message=message))
    if faults:
        raise InvalidAttribute("", *faults)
    return attribute
