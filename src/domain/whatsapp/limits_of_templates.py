"""Limits of a template's values (fact sheet 2.3, 2.6), as far as they show without the template itself."""

import re
from collections.abc import Iterator, Sequence

from tidings.domain.errors import Fault
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.rules import (
    MAX_URL,
    check_attachment,
    check_count,
    check_place,
    check_text,
    fault,
)
from tidings.domain.whatsapp.values import (
    ActionValue,
    CouponValue,
    CurrencyValue,
    DateTimeValue,
    DocumentValue,
    GifValue,
    ImageValue,
    LocationValue,
    OfferValue,
    Parameter,
    PayloadValue,
    ProductSection,
    TemplateCard,
    TemplateComponent,
    Value,
    VideoValue,
)

MAX_BODY_VALUES = 1024
MAX_HEADER = 60
MAX_CARD_BODY = 160
MAX_PAYLOAD = 256
MAX_COUPON = 15
MAX_CODE = 15
"""A one-time code, which stands in the body and behind the button."""
MAX_CARDS = 10
MAX_BUTTONS = 10
MAX_SECTIONS = 10
MAX_PRODUCTS = 30

TYPES = ("header", "body", "button", "limited_time_offer", "carousel")
SUB_TYPES = ("quick_reply", "url", "copy_code", "flow", "catalog", "mpm", "voice_call", "order_details")

_NAME = re.compile(r"[a-z0-9_]{1,512}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")


def check_template(content: Template) -> Iterator[Fault]:
    if not _NAME.fullmatch(content.name):
        yield fault("name", "name", "must consist of lower-case letters, digits and underscores")
    if not _LANGUAGE.fullmatch(content.language):
        yield fault("language", "language", "must be a language code such as en_GB")
    if content.marketing_api and content.category.upper() != "MARKETING":
        yield fault("marketing_api", "category", "takes templates of the category MARKETING alone")
    yield from _check_components("components", content.components, MAX_BODY_VALUES)
    if content.category.upper() == "AUTHENTICATION":
        for i, component in enumerate(content.components):
            for j, value in enumerate(component.parameters):
                if isinstance(value, Parameter) and len(value.text) > MAX_CODE:
                    path = f"components[{i}].parameters[{j}].text"
                    yield fault(path, "max_length", f"a code must have at most {MAX_CODE} characters")


def check_sections(path: str, sections: Sequence[ProductSection]) -> Iterator[Fault]:
    yield from check_count(path, sections, 1, MAX_SECTIONS)
    yield from check_count(path, [item for s in sections for item in s.product_items], 1, MAX_PRODUCTS)
    for i, section in enumerate(sections):
        yield from check_text(f"{path}[{i}].title", section.title, 24, required=len(sections) > 1)


def _check_components(
    path: str, components: Sequence[TemplateComponent], most: int, *, inside: bool = False
) -> Iterator[Fault]:
    places: set[tuple[str, int | None]] = set()
    for i, component in enumerate(components):
        here = f"{path}[{i}]"
        kind = component.type.lower()
        if kind not in TYPES or (inside and kind not in ("header", "body", "button")):
            yield fault(f"{here}.type", "choice", f"must be one of {', '.join(TYPES)}")
        if (kind, component.index) in places:
            yield fault(here, "once", "is given twice")
        places.add((kind, component.index))
        if kind == "button":
            yield from _check_button(here, component)
        if kind == "carousel" and not inside:
            yield from _check_cards(f"{here}.cards", component.cards)
        for j, value in enumerate(component.parameters):
            yield from _check_value(f"{here}.parameters[{j}]", value)
        yield from _check_length(here, component, {"body": most, "header": MAX_HEADER, "button": MAX_URL})


def _check_length(path: str, component: TemplateComponent, limits: dict[str, int]) -> Iterator[Fault]:
    most = limits.get(component.type.lower())
    total = sum(len(value.text) for value in component.parameters if isinstance(value, Parameter))
    if most is not None and total > most:
        yield fault(path, "max_length", f"its values must have at most {most} characters together")


def _check_button(path: str, component: TemplateComponent) -> Iterator[Fault]:
    if (component.sub_type or "").lower() not in SUB_TYPES:
        yield fault(f"{path}.sub_type", "choice", f"must be one of {', '.join(SUB_TYPES)}")
    if component.index is None or not 0 <= component.index < MAX_BUTTONS:
        yield fault(f"{path}.index", "range", "must be the button's place, from 0 to 9")


def _check_cards(path: str, cards: Sequence[TemplateCard]) -> Iterator[Fault]:
    yield from check_count(path, cards, 2, MAX_CARDS)
    if [card.card_index for card in cards] != list(range(len(cards))):
        yield fault(path, "order", "must be numbered 0, 1, 2 ... in card_index")
    for i, card in enumerate(cards):
        yield from _check_components(f"{path}[{i}].components", card.components, MAX_CARD_BODY, inside=True)


def _check_value(path: str, value: Value) -> Iterator[Fault]:
    match value:
        case ImageValue(image=file):
            yield from check_attachment(f"{path}.image", file)
        case VideoValue(video=file):
            yield from check_attachment(f"{path}.video", file)
        case DocumentValue(document=file):
            yield from check_attachment(f"{path}.document", file)
        case GifValue(gif=file):
            yield from check_attachment(f"{path}.gif", file)
        case LocationValue(location=place):
            yield from check_place(f"{path}.location", place.latitude, place.longitude)
        case OfferValue(limited_time_offer=expiry):
            # Seconds in place of milliseconds would be a day in January 1970.
            if expiry.expiration_time_ms < 100_000_000_000:
                where = f"{path}.limited_time_offer.expiration_time_ms"
                yield fault(where, "milliseconds", "must be Unix time in milliseconds")
        case ActionValue(action=action):
            if action.sections:
                yield from check_sections(f"{path}.action.sections", action.sections)
        case _:
            yield from _check_word(path, value)


def _check_word(path: str, value: Value) -> Iterator[Fault]:
    match value:
        case Parameter():
            yield from check_text(f"{path}.text", value.text, MAX_URL)
        case PayloadValue():
            yield from check_text(f"{path}.payload", value.payload, MAX_PAYLOAD)
        case CouponValue():
            yield from check_text(f"{path}.coupon_code", value.coupon_code, MAX_COUPON)
        case CurrencyValue(currency=amount):
            yield from check_text(f"{path}.currency.fallback_value", amount.fallback_value, 100)
        case DateTimeValue(date_time=moment):
            yield from check_text(f"{path}.date_time.fallback_value", moment.fallback_value, 100)
        case _:
            pass
