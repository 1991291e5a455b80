"""Values into a template: what is sent, and what a person will read of it.

The preview is read off the very components that are sent, so the two cannot differ.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from tidings.domain.errors import Fault
from tidings.domain.templates.components import Component
from tidings.domain.templates.files import file_of
from tidings.domain.templates.filled import (
    Action,
    ActionValue,
    CouponValue,
    DocumentValue,
    Expiry,
    File,
    Filled,
    FilledCard,
    GifValue,
    ImageValue,
    LocationValue,
    OfferValue,
    PayloadValue,
    Place,
    ProductRef,
    ProductValue,
    TextValue,
    Value,
    VideoValue,
)
from tidings.domain.templates.placeholders import fill
from tidings.domain.templates.refusals import MissingValues
from tidings.domain.templates.slots import Kind, Part, Slot, parts

MAX_CODE = 15
MAX_PAYLOAD = 256

T = TypeVar("T")


class Mould(Struct, frozen=True):
    """A template made ready to be filled in many times."""

    parts: tuple[Part, ...]
    cards: int
    plain: tuple[tuple[tuple[str, ...], int, int], ...] | None = None
    """Where all that is asked for is text: of each part its slots' keys, how many characters it has room for,
    and how often a value may stand there."""

    def fits(self, values: Mapping[str, str]) -> bool:
        """Whether nothing can be wrong with these values, quickly told. Where it says no, `render` tells
        whether something is."""
        if self.plain is None:
            return False
        for keys, room, times in self.plain:
            longest = 0
            for key in keys:
                value = values.get(key)
                if not value or value.isspace():
                    return False
                longest = max(longest, len(value))
            if times * longest > room:
                return False
        return True


def mould(components: Sequence[Component]) -> Mould:
    found = parts(components)
    cards = 1 + max((p.card for p in found if p.card is not None), default=-1)
    return Mould(found, cards, tuple(map(_plain, found)) if all(map(_is_plain, found)) else None)


def _is_plain(part: Part) -> bool:
    return part.kind is Kind.TEXT


def _plain(part: Part) -> tuple[tuple[str, ...], int, int]:
    keys = tuple(slot.key for slot in part.slots)
    if part.limit is None:
        return keys, 0, 0
    return keys, part.limit - len(part.text), part.text.count("{{")


def render(template: Mould | Sequence[Component], values: Mapping[str, str]) -> tuple[Filled, ...]:
    """The components to send, in Meta's shape. Raise MissingValues with every fault.

    Values are found by a slot's key, and also by `1` or `first_name` alone for the body's and `code` for
    a one-time code.
    """
    ready = template if isinstance(template, Mould) else mould(template)
    faults: list[Fault] = []
    top: list[Filled] = []
    cards: list[list[Filled]] = [[] for _ in range(ready.cards)]
    for part in ready.parts:
        filled, wrong = _fill(part, values)
        faults += wrong
        if filled is not None:
            (top if part.card is None else cards[part.card]).append(filled)
    if faults:
        raise MissingValues("The template cannot be filled in with these values.", *faults)
    if cards:
        carousel = tuple(FilledCard(card_index=i, components=tuple(c)) for i, c in enumerate(cards))
        top.append(Filled(type="carousel", cards=carousel))
    return tuple(top)


def tidy(text: str) -> str:
    """One space for what Meta refuses in a value: line breaks, tabs, and more than four spaces in a row."""
    if "\n" in text or "\t" in text or "\r" in text or "     " in text:
        return " ".join(text.split())
    return text


def link_end(text: str) -> str:
    """What may not stand in a link is percent-encoded; what already is encoded stays."""
    return quote(tidy(text).strip(), safe="!#$%&'()*+,/:;=?@[]~-._")


def lookup(slot: Slot, values: Mapping[str, str]) -> str | None:
    """The value of a slot, by its key or by the short names of `render`."""
    if (value := values.get(slot.key)) and not value.isspace():
        return value
    names: list[str] = []
    if slot.component == "body" and slot.card is None:
        names = [slot.key.removeprefix("body."), *(["code"] if slot.key == "body.1" else [])]
    elif slot.name is not None:
        names = [slot.name]
    elif slot.kind is Kind.ONE_TIME_CODE:
        names = ["code", "body.1", "1"]
    return next((values[name] for name in names if values.get(name, "").strip()), None)


def _fill(part: Part, values: Mapping[str, str]) -> tuple[Filled | None, list[Fault]]:
    given = {slot.key: value for slot in part.slots if (value := lookup(slot, values)) is not None}
    missing = [
        Fault(field=slot.key, rule="required", message=f"needs a value: {slot.what}")
        for slot in part.slots
        if slot.required and slot.key not in given
    ]
    if missing or not given:
        return None, missing
    try:
        parameters = tuple(_parameters(part, given))
    except _Wrong as wrong:
        return None, [
            Fault(field=part.slots[0].key, rule=wrong.rule, message=f"{part.slots[0].what} {wrong}")
        ]
    filled = Filled(type=part.component, sub_type=part.sub_type, index=part.index, parameters=parameters)
    return filled, list(_too_long(part, filled))


class _Wrong(Exception):
    """A value does not fit; `rule` names the way in which."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def _parameters(part: Part, given: Mapping[str, str]) -> Iterator[Value]:
    """Raise _Wrong."""
    if part.kind is Kind.TEXT:
        for slot in part.slots:
            yield TextValue(text=tidy(given[slot.key]), parameter_name=slot.name)
    elif part.kind in _SINGLE:
        yield _SINGLE[part.kind](next(iter(given.values())))
    else:
        yield _header(part, given)


def _header(part: Part, given: Mapping[str, str]) -> Value:
    base = part.slots[0].key.removesuffix(".latitude").removesuffix(".product_retailer_id")
    if part.kind is Kind.LOCATION:
        return LocationValue(
            location=Place(
                latitude=_number(given[f"{base}.latitude"], 90),
                longitude=_number(given[f"{base}.longitude"], 180),
                name=given.get(f"{base}.name"),
                address=given.get(f"{base}.address"),
            )
        )
    if part.kind is Kind.PRODUCT:
        product, catalog = given[f"{base}.product_retailer_id"], given[f"{base}.catalog_id"]
        return ProductValue(product=ProductRef(product_retailer_id=product, catalog_id=catalog))
    return _FILES[part.kind](_file(given[base], given.get(f"{base}.filename")))


def _file(value: str, filename: str | None = None) -> File:
    value = value.strip()
    if value.lower().startswith("https://"):
        return File(link=value, filename=filename)
    if not value.isdecimal() and file_of(value) is None:
        raise _Wrong(
            "media", "must be an https:// link, the id of an upload, or file: and a stored file's id"
        )
    return File(id=value, filename=filename)


def _moment(value: str) -> int:
    """Unix milliseconds, or a moment with its time zone."""
    if value.strip().isdecimal():
        return int(value)
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise _Wrong("moment", "must be a moment with its time zone, such as 2026-12-24T18:00:00+01:00")
    return int(at.timestamp() * 1000)


def _number(value: str, limit: int) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not -limit <= number <= limit:
        raise _Wrong("number", f"must be a number from -{limit} to {limit}")
    return number


def _at_most(limit: int, value: str) -> str:
    if len(value) > limit:
        raise _Wrong("max_length", f"may have at most {limit} characters, and has {len(value)}")
    return value


def _read(value: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.DecodeError as error:
        raise _Wrong("json", f"must be JSON: {error}") from error


_SINGLE: dict[Kind, Callable[[str], Value]] = {
    Kind.LINK_END: lambda text: TextValue(text=link_end(text)),
    Kind.ONE_TIME_CODE: lambda text: TextValue(text=tidy(text)),
    Kind.PAYLOAD: lambda text: PayloadValue(payload=_at_most(MAX_PAYLOAD, text)),
    Kind.COUPON: lambda text: CouponValue(coupon_code=_at_most(MAX_CODE, text.strip())),
    Kind.OFFER: lambda text: OfferValue(limited_time_offer=Expiry(expiration_time_ms=_moment(text))),
    Kind.FLOW: lambda text: ActionValue(action=Action(flow_token=text)),
    Kind.CATALOG: lambda text: ActionValue(action=Action(thumbnail_product_retailer_id=text)),
    Kind.PRODUCTS: lambda text: ActionValue(action=_read(text, Action)),
}

_FILES: dict[Kind, Callable[[File], Value]] = {
    Kind.IMAGE: lambda file: ImageValue(image=file),
    Kind.VIDEO: lambda file: VideoValue(video=file),
    Kind.GIF: lambda file: GifValue(gif=file),
    Kind.DOCUMENT: lambda file: DocumentValue(document=file),
}


def _too_long(part: Part, filled: Filled) -> Iterator[Fault]:
    if part.kind is Kind.ONE_TIME_CODE:
        whole, limit = texts(filled)[0], MAX_CODE
    elif part.limit is None or _at_longest(part, filled) <= part.limit:
        return
    else:
        whole, limit = substituted(part, filled), part.limit
    if len(whole) > limit:
        yield Fault(
            field=part.slots[0].key,
            rule="max_length",
            message=f"the {part.component} may have {limit} characters filled in, and has {len(whole)}",
        )


def _at_longest(part: Part, filled: Filled) -> int:
    """Not below the filled-in length, and quickly told; a placeholder may stand there more than once."""
    return len(part.text) + part.text.count("{{") * max(map(len, texts(filled)), default=0)


def texts(filled: Filled) -> list[str]:
    """The words that were put in, in the order of the part's slots."""
    return [p.text for p in filled.parameters if isinstance(p, TextValue)]


def substituted(part: Part, filled: Filled) -> str:
    """The part's text with the words that are sent."""
    words = texts(filled)
    keys = ["1"] if part.kind is Kind.LINK_END else [slot.key.rpartition(".")[2] for slot in part.slots]
    by_name = dict(zip(keys, words, strict=True))
    return fill(part.text, by_name.__getitem__)
