"""What a template wants filled in, and whether what was sent with a message fills it (fact sheet 2.6)."""

from collections.abc import Iterator, Sequence

from msgspec import Raw, Struct

from tidings.adapters.sandbox.errors import GraphError
from tidings.domain.templates.components import (
    Body,
    Button,
    Buttons,
    Card,
    Carousel,
    Category,
    Component,
    CopyCode,
    Draft,
    Header,
    HeaderFormat,
    LimitedTimeOffer,
    ManyProducts,
    Otp,
    Url,
)
from tidings.domain.templates.placeholders import names, plain

MAX_BODY = 1024
MAX_COUPON = 20
MAX_CODE = 15


class Parameter(Struct, frozen=True):
    """A value for a placeholder, of whatever kind."""

    type: str = "text"
    text: str | None = None
    parameter_name: str | None = None
    coupon_code: str | None = None
    payload: str | None = None
    currency: Raw | None = None
    date_time: Raw | None = None
    image: dict[str, object] | None = None
    video: dict[str, object] | None = None
    document: dict[str, object] | None = None
    gif: dict[str, object] | None = None
    location: dict[str, object] | None = None
    product: dict[str, object] | None = None
    limited_time_offer: dict[str, object] | None = None
    action: dict[str, object] | None = None


class SentCard(Struct, frozen=True):
    """A card's values."""

    card_index: int
    components: tuple["SentComponent", ...] = ()


class SentComponent(Struct, frozen=True):
    """A component's values."""

    type: str
    sub_type: str = ""
    index: int | str = 0
    parameters: tuple[Parameter, ...] = ()
    cards: tuple[SentCard, ...] = ()


class _Text(Struct, frozen=True):
    """A text with placeholders."""

    where: str
    names: tuple[str, ...]
    length: int
    limit: int


class _Wanted(Struct, frozen=True):
    """A button that must get a value."""

    index: int
    sub_type: str
    kind: str
    limit: int


class Shape(Struct, frozen=True):
    """What must be said with a message of a template."""

    texts: tuple[_Text, ...] = ()
    header: str | None = None
    """The kind of parameter that a header of media, a place or a product wants."""
    buttons: tuple[_Wanted, ...] = ()
    button_count: int = 0
    expires: bool = False
    cards: tuple["Shape", ...] = ()

    def check(self, sent: Sequence[SentComponent]) -> None:
        """Raise GraphError for what is missing, too much or of the wrong kind."""
        parts: dict[str, SentComponent] = {}
        buttons: dict[int, SentComponent] = {}
        for component in sent:
            kind = component.type.lower()
            if kind == "button":
                buttons[_index(component)] = component
            elif kind in ("header", "body", "limited_time_offer", "carousel"):
                parts[kind] = component
            else:
                raise GraphError(100, message=f"(#100) Unexpected component type {component.type}")
        for text in self.texts:
            _check_text(text, parts.get(text.where))
        if self.header is not None:
            _check_header(self.header, parts.get("header"))
        elif "header" in parts and not any(text.where == "header" for text in self.texts):
            _count("header", len(parts["header"].parameters), 0)
        _check_buttons(self, buttons)
        if self.expires:
            _check_expiry(parts.get("limited_time_offer"))
        if self.cards:
            _check_cards(self.cards, parts.get("carousel"))


def shape_of(draft: Draft) -> Shape:
    """What messages of this template must bring."""
    if draft.category is Category.AUTHENTICATION:
        code = _Text("body", ("1",), 30, MAX_BODY)
        return Shape(texts=(code,), buttons=(_Wanted(0, "url", "text", MAX_CODE),), button_count=1)
    return _shape(draft.components)


def _shape(components: Sequence[Component]) -> Shape:
    texts: list[_Text] = []
    header: str | None = None
    buttons: tuple[Button, ...] = ()
    expires = False
    cards: tuple[Shape, ...] = ()
    for component in components:
        match component:
            case Header(format=HeaderFormat.TEXT):
                texts += _text("header", component.text, 60)
            case Header():
                header = component.format.lower()
            case Body():
                texts += _text("body", component.text, MAX_BODY)
            case Buttons():
                buttons = component.buttons
            case LimitedTimeOffer():
                expires = component.limited_time_offer.has_expiration
            case Carousel():
                cards = tuple(_card(card) for card in component.cards)
            case _:
                pass
    wanted = tuple(_wanted(buttons))
    return Shape(tuple(texts), header, wanted, len(buttons), expires, cards)


def _card(card: Card) -> Shape:
    return _shape(card.components)


def _text(where: str, text: str | None, limit: int) -> Iterator[_Text]:
    yield _Text(where, names(text or ""), len(plain(text or "")), limit)


def _wanted(buttons: Sequence[Button]) -> Iterator[_Wanted]:
    for i, button in enumerate(buttons):
        match button:
            case Url() if names(button.url or ""):
                yield _Wanted(i, "url", "text", 2000)
            case CopyCode():
                yield _Wanted(i, "copy_code", "coupon_code", MAX_COUPON)
            case Otp():
                yield _Wanted(i, "url", "text", MAX_CODE)
            case ManyProducts():
                yield _Wanted(i, "mpm", "action", 0)
            case _:
                pass


def _index(component: SentComponent) -> int:
    try:
        return int(component.index)
    except ValueError:
        raise GraphError(131009, f"Button index {component.index!r} is not a number") from None


def _count(where: str, sent: int, wanted: int) -> None:
    if sent != wanted:
        raise GraphError(
            132000,
            f"{where}: number of localizable_params ({sent}) does not match "
            f"the expected number of params ({wanted})",
        )


def _check_text(text: _Text, sent: SentComponent | None) -> None:
    parameters = sent.parameters if sent else ()
    _count(text.where, len(parameters), len(text.names))
    if not parameters:
        return
    length = text.length
    for parameter in parameters:
        length += _value(text.where, parameter)
    named = {parameter.parameter_name for parameter in parameters}
    if not text.names[0].isdecimal():
        if named != set(text.names):
            raise GraphError(132012, f"{text.where}: parameter names do not match {', '.join(text.names)}")
    elif named != {None}:
        raise GraphError(132012, f"{text.where}: the template's parameters are positional")
    if length > text.limit:
        raise GraphError(132005, f"{text.where}: translated text too long")


def _value(where: str, parameter: Parameter) -> int:
    kind = parameter.type.lower()
    if kind in ("currency", "date_time"):
        return 20
    if kind != "text":
        raise GraphError(132012, f"{where}: Format mismatch, expected TEXT, received {kind.upper()}")
    text = parameter.text
    if not text:
        raise GraphError(131008, "Parameter of type text is missing text value")
    if "\n" in text or "\t" in text or "     " in text:
        raise GraphError(
            132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        )
    return len(text)


def _check_header(kind: str, sent: SentComponent | None) -> None:
    if sent is None or len(sent.parameters) != 1:
        received = len(sent.parameters) if sent else 0
        raise GraphError(
            132012, f"header: Format mismatch, expected {kind.upper()}, received {received} parameters"
        )
    parameter = sent.parameters[0]
    if parameter.type.lower() != kind:
        raise GraphError(
            132012, f"header: Format mismatch, expected {kind.upper()}, received {parameter.type.upper()}"
        )
    value: object = getattr(parameter, kind)
    if not isinstance(value, dict):
        raise GraphError(131008, f"Parameter of type {kind} is missing {kind} value")
    if kind in ("image", "video", "document", "gif") and not ("id" in value or "link" in value):
        raise GraphError(131008, f"{kind}: either id or link is required")


def _check_buttons(shape: Shape, sent: dict[int, SentComponent]) -> None:
    for index in sent:
        if index not in range(shape.button_count):
            raise GraphError(132000, f"buttons: there is no button at index {index} in the template")
    for wanted in shape.buttons:
        component = sent.get(wanted.index)
        if component is None or not component.parameters:
            word = wanted.sub_type.title()
            raise GraphError(
                131008, f"buttons: Button at index {wanted.index} of type {word} requires a parameter"
            )
        parameter = component.parameters[0]
        if component.sub_type.lower() != wanted.sub_type or parameter.type.lower() != wanted.kind:
            raise GraphError(
                132012,
                f"buttons: Button at index {wanted.index} expects {wanted.sub_type} with {wanted.kind}",
            )
        _check_button_value(wanted, parameter)


def _check_button_value(wanted: _Wanted, parameter: Parameter) -> None:
    value: object = getattr(parameter, wanted.kind)
    if not value:
        raise GraphError(131008, f"Parameter of type {wanted.kind} is missing {wanted.kind} value")
    if isinstance(value, str) and len(value) > wanted.limit:
        raise GraphError(
            131009, f"buttons: Button at index {wanted.index}: at most {wanted.limit} characters"
        )


def _check_expiry(sent: SentComponent | None) -> None:
    offer = sent.parameters[0].limited_time_offer if sent and sent.parameters else None
    if not offer or "expiration_time_ms" not in offer:
        raise GraphError(131008, "limited_time_offer: expiration_time_ms is required")
    if not isinstance(offer["expiration_time_ms"], int):
        raise GraphError(131009, "limited_time_offer: expiration_time_ms must be a number")


def _check_cards(shapes: Sequence[Shape], sent: SentComponent | None) -> None:
    cards = {card.card_index: card for card in sent.cards} if sent else {}
    if set(cards) != set(range(len(shapes))):
        raise GraphError(132012, f"carousel: every one of the template's {len(shapes)} cards must be sent")
    for i, shape in enumerate(shapes):
        shape.check(cards[i].components)
