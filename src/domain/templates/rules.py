"""What Meta refuses in a template, found before Meta sees it: every fault at once, with its path.

The same rules serve our own forms and the sandbox's review. Where Meta's rule is not published, the
stricter reading stands, so that what passes here passes there.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from tidings.domain.templates.buttons import check_buttons, tag
from tidings.domain.templates.components import (
    MEDIA,
    Body,
    Buttons,
    Card,
    Carousel,
    Category,
    Component,
    CopyCode,
    Draft,
    Example,
    Footer,
    Header,
    HeaderFormat,
    LimitedTimeOffer,
    Otp,
    ParameterFormat,
    Url,
)
from tidings.domain.templates.faults import Subcode, TemplateFault
from tidings.domain.templates.languages import LANGUAGES
from tidings.domain.templates.placeholders import names, placeholders
from tidings.domain.templates.texts import (
    Samples,
    check_length,
    check_placeholders,
    check_samples,
    check_surroundings,
    check_undecorated,
)

MAX_NAME = 512
MAX_HEADER = 60
MAX_BODY = 1024
MAX_OFFER_BODY = 600
MAX_CARD_BODY = 160
MAX_FOOTER = 60
MAX_OFFER = 16
CARDS = range(2, 11)

TTL: dict[Category, range] = {
    Category.AUTHENTICATION: range(30, 901),
    Category.UTILITY: range(30, 43_201),
    Category.MARKETING: range(43_200, 2_592_001),
}
"""Seconds for which Meta goes on trying to deliver (fact sheet 4.2); -1 is 30 days, save for marketing."""

_NAME = re.compile(r"[a-z0-9_]+")
_BODY_SUBCODE = Subcode.BODY_FORMAT


def check(draft: Draft) -> tuple[TemplateFault, ...]:
    """Everything that is wrong with a template."""
    return (
        *_check_name(draft),
        *check_ttl(draft.category, draft.message_send_ttl_seconds),
        *check_components(draft.category, draft.components, draft.parameter_format),
    )


def check_components(
    category: Category, components: Sequence[Component], format: ParameterFormat
) -> tuple[TemplateFault, ...]:
    """Everything that is wrong with a template's components."""
    faults = list(_check_set(category, components))
    limit = MAX_OFFER_BODY if any(isinstance(c, LimitedTimeOffer) for c in components) else MAX_BODY
    for i, component in enumerate(components):
        path = f"components[{i}]"
        if category is Category.AUTHENTICATION:
            faults += _check_authentication(path, component)
            continue
        match component:
            case Header():
                faults += _check_header(path, component, category, format)
            case Body():
                faults += _check_body(path, component, format, limit)
            case Footer():
                faults += _check_footer(path, component)
            case Buttons():
                faults += check_buttons(f"{path}.buttons", component.buttons)
            case LimitedTimeOffer():
                faults += _check_offer(path, component)
            case Carousel():
                faults += _check_carousel(path, component, format)
    return tuple(faults)


def check_ttl(category: Category, seconds: int | None) -> Iterator[TemplateFault]:
    """How long Meta may go on trying."""
    allowed = TTL[category]
    if seconds is None or seconds in allowed or (seconds == -1 and category is not Category.MARKETING):
        return
    yield TemplateFault(
        path="message_send_ttl_seconds",
        rule="range",
        message=f"must be from {allowed.start} to {allowed.stop - 1} seconds for {category}",
    )


def _check_name(draft: Draft) -> Iterator[TemplateFault]:
    if not _NAME.fullmatch(draft.name):
        yield TemplateFault(
            path="name",
            rule="name",
            message="must consist of lower-case letters a-z, digits and underscores",
            subcode=Subcode.NAME_FORMAT,
        )
    if len(draft.name) > MAX_NAME:
        yield TemplateFault(
            path="name",
            rule="max_length",
            message=f"must have at most {MAX_NAME} characters",
            subcode=Subcode.NAME_FORMAT,
        )
    if draft.language not in LANGUAGES:
        yield TemplateFault(
            path="language",
            rule="language",
            message="must be one of Meta's language codes, such as en_GB",
            subcode=Subcode.LANGUAGE,
        )


_ALLOWED: dict[Category, frozenset[type[Component]]] = {
    Category.AUTHENTICATION: frozenset({Body, Footer, Buttons}),
    Category.UTILITY: frozenset({Header, Body, Footer, Buttons}),
    Category.MARKETING: frozenset({Header, Body, Footer, Buttons, Carousel, LimitedTimeOffer}),
}


def _check_set(category: Category, components: Sequence[Component]) -> Iterator[TemplateFault]:
    """Which components there are, and which go together."""

    def fault(rule: str, message: str) -> TemplateFault:
        return TemplateFault(path="components", rule=rule, message=message)

    counts = Counter(type(component) for component in components)
    if not counts[Body]:
        yield fault("required", "needs a BODY")
    for kind, count in counts.items():
        word = str(kind.__struct_config__.tag)
        if count > 1:
            yield fault("once", f"may have one {word}")
        if kind not in _ALLOWED[category]:
            yield fault("category", f"{word} does not go with the category {category}")
    if category is Category.AUTHENTICATION and not counts[Buttons]:
        yield fault("required", "needs BUTTONS with one OTP button")
    if counts[Carousel] and set(counts) - {Body, Carousel}:
        yield fault("alone", "CAROUSEL goes with a BODY and nothing else")
    if counts[LimitedTimeOffer]:
        if counts[Footer]:
            yield fault("footer", "LIMITED_TIME_OFFER allows no FOOTER")
        yield from _check_offer_buttons(components)


def _check_offer_buttons(components: Sequence[Component]) -> Iterator[TemplateFault]:
    for i, component in enumerate(components):
        if not isinstance(component, Buttons):
            continue
        kinds = [type(button) for button in component.buttons]
        expected = [CopyCode, Url] if CopyCode in kinds else [Url]
        if kinds != expected:
            yield TemplateFault(
                path=f"components[{i}].buttons",
                rule="order",
                message="of a limited-time offer are a URL, or a COPY_CODE and then a URL",
            )


def _check_header(
    path: str, header: Header, category: Category, format: ParameterFormat
) -> Iterator[TemplateFault]:
    example = header.example or Example()
    if header.format is HeaderFormat.TEXT:
        yield from _check_header_text(path, header.text or "", example, format)
    elif header.format in MEDIA and (len(example.header_handle) != 1 or not example.header_handle[0]):
        yield TemplateFault(
            path=f"{path}.example.header_handle",
            rule="example",
            message="needs one sample file: the handle of an upload",
            subcode=Subcode.EXAMPLE_MISSING,
        )
    if header.format is not HeaderFormat.TEXT and header.text is not None:
        yield TemplateFault(
            path=f"{path}.text", rule="text", message=f"does not go with format {header.format}"
        )
    if header.format in (HeaderFormat.GIF, HeaderFormat.PRODUCT) and category is not Category.MARKETING:
        yield TemplateFault(
            path=f"{path}.format", rule="category", message=f"{header.format} is for MARKETING alone"
        )


def _check_header_text(
    path: str, text: str, example: Example, format: ParameterFormat
) -> Iterator[TemplateFault]:
    where = f"{path}.text"
    if not text.strip():
        yield TemplateFault(path=where, rule="required", message="needs a text")
        return
    yield from check_length(where, text, MAX_HEADER)
    yield from check_undecorated(where, text, Subcode.HEADER_FORMAT)
    yield from check_placeholders(where, text, format, Subcode.HEADER_FORMAT)
    if len(names(text)) > 1 or len(placeholders(text)) > 1:
        yield TemplateFault(
            path=where,
            rule="variables",
            message="may have one variable",
            subcode=Subcode.HEADER_FORMAT,
        )
    samples = Samples(f"{path}.example", example.header_text, example.header_text_named_params)
    yield from check_samples(text, format, samples)


def _check_body(path: str, body: Body, format: ParameterFormat, limit: int) -> Iterator[TemplateFault]:
    text, where = body.text or "", f"{path}.text"
    if not text.strip():
        yield TemplateFault(path=where, rule="required", message="needs a text")
        return
    yield from check_length(where, text, limit)
    yield from check_placeholders(where, text, format, _BODY_SUBCODE)
    yield from check_surroundings(where, text)
    example = body.example or Example()
    rows = example.body_text
    samples = Samples(f"{path}.example", rows[0] if len(rows) == 1 else (), example.body_text_named_params)
    yield from check_samples(text, format, samples)
    if body.add_security_recommendation is not None:
        yield TemplateFault(
            path=f"{path}.add_security_recommendation",
            rule="category",
            message="is for AUTHENTICATION alone",
        )


def _check_footer(path: str, footer: Footer) -> Iterator[TemplateFault]:
    text, where = footer.text or "", f"{path}.text"
    if not text.strip():
        yield TemplateFault(path=where, rule="required", message="needs a text")
    yield from check_length(where, text, MAX_FOOTER)
    if "{{" in text or "}}" in text:
        yield TemplateFault(
            path=where,
            rule="variables",
            message="must not contain variables",
            subcode=Subcode.FOOTER_FORMAT,
        )
    if footer.code_expiration_minutes is not None:
        yield TemplateFault(
            path=f"{path}.code_expiration_minutes",
            rule="category",
            message="is for AUTHENTICATION alone",
        )


def _check_offer(path: str, offer: LimitedTimeOffer) -> Iterator[TemplateFault]:
    where = f"{path}.limited_time_offer.text"
    text = offer.limited_time_offer.text
    if not text.strip():
        yield TemplateFault(path=where, rule="required", message="needs a text")
    yield from check_length(where, text, MAX_OFFER)


def _check_authentication(path: str, component: Component) -> Iterator[TemplateFault]:
    """Meta writes the texts of these itself; what comes back with them is not looked at."""
    match component:
        case Footer():
            minutes = component.code_expiration_minutes
            if minutes is None or not 1 <= minutes <= 90:
                yield TemplateFault(
                    path=f"{path}.code_expiration_minutes", rule="range", message="must be from 1 to 90"
                )
        case Buttons():
            where = f"{path}.buttons"
            if len(component.buttons) != 1 or not isinstance(component.buttons[0], Otp):
                yield TemplateFault(path=where, rule="alone", message="must be one OTP button")
            yield from check_buttons(where, component.buttons)
        case _:
            pass


def _check_carousel(path: str, carousel: Carousel, format: ParameterFormat) -> Iterator[TemplateFault]:
    where = f"{path}.cards"
    if len(carousel.cards) not in CARDS:
        yield TemplateFault(path=where, rule="items", message="must be 2 to 10 cards")
    if len({_shape(card) for card in carousel.cards}) > 1:
        yield TemplateFault(
            path=where,
            rule="same_shape",
            message="must all have the same components, header format and button types",
        )
    for i, card in enumerate(carousel.cards):
        yield from _check_card(f"{where}[{i}]", card, format)


def _check_card(path: str, card: Card, format: ParameterFormat) -> Iterator[TemplateFault]:
    where = f"{path}.components"
    counts = Counter(type(component) for component in card.components)
    for kind, wanted in ((Header, True), (Body, False), (Buttons, True)):
        word = str(kind.__struct_config__.tag)
        if wanted and not counts[kind]:
            yield TemplateFault(path=where, rule="required", message=f"needs {word}")
        if counts[kind] > 1:
            yield TemplateFault(path=where, rule="once", message=f"may have one {word}")
    for i, component in enumerate(card.components):
        here = f"{where}[{i}]"
        match component:
            case Header():
                if component.format not in (HeaderFormat.IMAGE, HeaderFormat.VIDEO, HeaderFormat.PRODUCT):
                    yield TemplateFault(
                        path=f"{here}.format", rule="format", message="must be IMAGE, VIDEO or PRODUCT"
                    )
                yield from _check_header(here, component, Category.MARKETING, format)
            case Body():
                yield from _check_body(here, component, format, MAX_CARD_BODY)
            case Buttons():
                if len(component.buttons) > 2:
                    yield TemplateFault(
                        path=f"{here}.buttons", rule="max_items", message="may be at most 2 on a card"
                    )
                yield from check_buttons(f"{here}.buttons", component.buttons)


def _shape(card: Card) -> tuple[str, ...]:
    shape: list[str] = []
    for component in card.components:
        match component:
            case Header():
                shape.append(f"HEADER {component.format}")
            case Body():
                shape.append("BODY")
            case Buttons():
                shape += [tag(button) for button in component.buttons]
    return tuple(sorted(shape))
