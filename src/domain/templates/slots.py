"""What a template wants to know before it can be sent: its slots, each with a key.

`body.1`, `body.first_name`, `header.shop`, `header` (a file), `button.0`, `card.1.body.1`,
`offer.expires_at`. A *part* is what becomes one component of Meta's send request.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from tidings.domain.templates.components import (
    Body,
    Button,
    Buttons,
    Card,
    Carousel,
    Catalog,
    Component,
    CopyCode,
    Flow,
    Header,
    HeaderFormat,
    LimitedTimeOffer,
    ManyProducts,
    Otp,
    QuickReply,
    Url,
    example_of,
)
from tidings.domain.templates.placeholders import names, placeholders


class Kind(StrEnum):
    """What a part's values are, in Meta's words for the parameter."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    DOCUMENT = "document"
    GIF = "gif"
    LOCATION = "location"
    PRODUCT = "product"
    LINK_END = "link_end"
    ONE_TIME_CODE = "one_time_code"
    PAYLOAD = "payload"
    COUPON = "coupon_code"
    FLOW = "flow"
    CATALOG = "catalog"
    PRODUCTS = "products"
    OFFER = "limited_time_offer"


class Slot(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A place that wants a value."""

    key: str
    what: str
    """For people: `body {{1}}`."""
    component: str
    """`header`, `body`, `button` or `limited_time_offer`."""
    kind: Kind
    sub_type: str | None = None
    index: int | None = None
    """Of a button, among all buttons."""
    card: int | None = None
    name: str | None = None
    """Of a named placeholder."""
    required: bool = True
    example: str | None = None


class Part(Struct, frozen=True, kw_only=True):
    """Slots that travel together."""

    component: str
    kind: Kind
    slots: tuple[Slot, ...]
    sub_type: str | None = None
    index: int | None = None
    card: int | None = None
    limit: int | None = None
    """How long the whole may be when it is filled in."""
    text: str = ""
    """What is filled in."""


def slots(components: Sequence[Component]) -> tuple[Slot, ...]:
    """Everything that can be given, in the order in which a person reads it."""
    return tuple(slot for part in parts(components) for slot in part.slots)


def required(components: Sequence[Component]) -> tuple[Slot, ...]:
    """What must be given."""
    return tuple(slot for slot in slots(components) if slot.required)


def parts(components: Sequence[Component]) -> tuple[Part, ...]:
    """What the template is filled in by."""
    body_limit = 600 if any(isinstance(c, LimitedTimeOffer) for c in components) else 1024
    found: list[Part] = []
    for component in components:
        match component:
            case Header() | Body():
                found += _text_or_file(component, None, body_limit)
            case Buttons():
                found += _buttons(component.buttons, None)
            case LimitedTimeOffer() if component.limited_time_offer.has_expiration:
                found.append(_offer())
            case Carousel():
                for i, card in enumerate(component.cards):
                    found += _card(i, card)
            case _:
                pass
    return tuple(found)


def _card(i: int, card: Card) -> Iterator[Part]:
    for component in card.components:
        match component:
            case Header() | Body():
                yield from _text_or_file(component, i, 160)
            case Buttons():
                yield from _buttons(component.buttons, i)


def _text_or_file(component: Header | Body, card: int | None, body_limit: int) -> Iterator[Part]:
    if isinstance(component, Header) and component.format is not HeaderFormat.TEXT:
        yield _header_file(component, card)
        return
    word = "header" if isinstance(component, Header) else "body"
    text = component.text or ("{{1}}" if _is_code(component) else "")
    wanted = names(text)
    if not wanted:
        return
    samples = _samples(component)
    yield Part(
        component=word,
        kind=Kind.TEXT,
        card=card,
        limit=60 if word == "header" else body_limit,
        text=text,
        slots=tuple(
            Slot(
                key=f"{_prefix(card)}{word}.{name}",
                what=f"{_where(card)}{word} {{{{{name}}}}}",
                component=word,
                kind=Kind.TEXT,
                card=card,
                name=None if name.isdecimal() else name,
                example=samples.get(name),
            )
            for name in wanted
        ),
    )


def _is_code(component: Header | Body) -> bool:
    """The body of an authentication template, whose text Meta writes around the code."""
    return isinstance(component, Body) and not component.text


def _header_file(header: Header, card: int | None) -> Part:
    kind = Kind(header.format.value.lower())
    optional: tuple[str, ...] = ()
    match header.format:
        case HeaderFormat.LOCATION:
            fields, optional = ("latitude", "longitude"), ("name", "address")
        case HeaderFormat.PRODUCT:
            fields = ("product_retailer_id", "catalog_id")
        case HeaderFormat.DOCUMENT:
            fields, optional = ("",), ("filename",)
        case _:
            fields = ("",)

    def slot(field: str, required: bool) -> Slot:
        return Slot(
            key=f"{_prefix(card)}header{'.' + field if field else ''}",
            what=f"{_where(card)}header {field or kind.value}",
            component="header",
            kind=kind,
            card=card,
            required=required,
        )

    return Part(
        component="header",
        kind=kind,
        card=card,
        slots=(*(slot(f, True) for f in fields), *(slot(f, False) for f in optional)),
    )


def _offer() -> Part:
    slot = Slot(
        key="offer.expires_at",
        what="the moment at which the offer ends",
        component="limited_time_offer",
        kind=Kind.OFFER,
    )
    return Part(component="limited_time_offer", kind=Kind.OFFER, slots=(slot,))


_BUTTONS: dict[type[Button], tuple[str, Kind, bool]] = {
    QuickReply: ("quick_reply", Kind.PAYLOAD, False),
    Url: ("url", Kind.LINK_END, True),
    Otp: ("url", Kind.ONE_TIME_CODE, True),
    CopyCode: ("copy_code", Kind.COUPON, True),
    Flow: ("flow", Kind.FLOW, False),
    Catalog: ("catalog", Kind.CATALOG, False),
    ManyProducts: ("mpm", Kind.PRODUCTS, True),
}
"""Sub-type, kind, and whether a value must be given (fact sheet 2.6)."""


def _buttons(buttons: Sequence[Button], card: int | None) -> Iterator[Part]:
    for i, button in enumerate(buttons):
        if type(button) not in _BUTTONS:
            continue
        sub_type, kind, required = _BUTTONS[type(button)]
        if isinstance(button, Url) and not placeholders(button.url or ""):
            continue
        slot = Slot(
            key=f"{_prefix(card)}button.{i}",
            what=f"{_where(card)}button {i} ({button.text or sub_type.replace('_', ' ')})",
            component="button",
            kind=kind,
            sub_type=sub_type,
            index=i,
            card=card,
            required=required,
            example=_button_example(button),
        )
        yield Part(
            component="button",
            kind=kind,
            sub_type=sub_type,
            index=i,
            card=card,
            slots=(slot,),
            limit=2000 if kind is Kind.LINK_END else None,
            text=(button.url or "") if isinstance(button, Url) else "",
        )


def _button_example(button: Button) -> str | None:
    """Of a link only the end that varies."""
    match button:
        case CopyCode():
            return next(iter(example_of(button)), None)
        case Url():
            whole = next(iter(example_of(button)), "")
            found = placeholders(button.url or "")
            fixed = (button.url or "")[: found[0].start] if found else ""
            return (whole.removeprefix(fixed) if whole.startswith(fixed) else whole) or None
        case _:
            return None


def _samples(component: Header | Body) -> dict[str, str]:
    example = component.example
    if example is None:
        return {}
    if isinstance(component, Header):
        named, positional = example.header_text_named_params, example.header_text
    else:
        named = example.body_text_named_params
        positional = example.body_text[0] if example.body_text else ()
    return {s.param_name: s.example for s in named} | {
        str(i): text for i, text in enumerate(positional, start=1)
    }


def _prefix(card: int | None) -> str:
    return "" if card is None else f"card.{card}."


def _where(card: int | None) -> str:
    return "" if card is None else f"card {card} "
