"""What a person will read: taken from the components that are sent, word for word."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from tidings.domain.templates.components import (
    Body,
    Button,
    Buttons,
    CardComponent,
    Carousel,
    Component,
    CopyCode,
    Footer,
    Header,
    HeaderFormat,
    LimitedTimeOffer,
    Otp,
    PhoneNumber,
    Url,
)
from tidings.domain.templates.filled import (
    CouponValue,
    DocumentValue,
    File,
    Filled,
    GifValue,
    ImageValue,
    LocationValue,
    ProductValue,
    VideoValue,
)
from tidings.domain.templates.filling import lookup, mould, render, substituted, texts
from tidings.domain.templates.slots import Kind, Part, slots


class ButtonPreview(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A button's label, and where it leads, what it rings or what it copies."""

    text: str
    target: str | None = None


class Preview(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message as it appears; `text` is the whole of it in plain lines."""

    header: str | None = None
    media: str | None = None
    """Link or id of the file above the body."""
    body: str = ""
    footer: str | None = None
    offer: str | None = None
    buttons: tuple[ButtonPreview, ...] = ()
    cards: tuple["Preview", ...] = ()
    text: str = ""


def preview(components: Sequence[Component], values: Mapping[str, str]) -> Preview:
    """Raise MissingValues."""
    return shown(components, render(components, values))


def samples(components: Sequence[Component], *, beside: Mapping[str, str] | None = None) -> dict[str, str]:
    """Values to look at a template with: its own examples, where `beside` gives none."""
    return {
        slot.key: slot.example or _STAND_INS.get(slot.kind, "...")
        for slot in slots(components)
        if lookup(slot, beside or {}) is None
    }


_STAND_INS = {
    Kind.IMAGE: "https://files.example/picture.jpg",
    Kind.VIDEO: "https://files.example/film.mp4",
    Kind.GIF: "https://files.example/film.mp4",
    Kind.DOCUMENT: "https://files.example/document.pdf",
    Kind.LOCATION: "0",
    Kind.ONE_TIME_CODE: "123456",
    Kind.OFFER: "4102444800000",
    Kind.PRODUCTS: "{}",
}


def shown(components: Sequence[Component], filled: Sequence[Filled]) -> Preview:
    """What these very components of a send show."""
    found = {(p.card, p.component, p.index): p for p in mould(components).parts}
    sent: dict[tuple[int | None, str, int | None], Filled] = {(None, f.type, f.index): f for f in filled}
    for carousel in filled:
        for card in carousel.cards:
            sent |= {(card.card_index, f.type, f.index): f for f in card.components}
    look = _Look({key: (part, sent[key]) for key, part in found.items() if key in sent})
    cards: tuple[Preview, ...] = ()
    for component in components:
        if isinstance(component, Carousel):
            cards = tuple(look.at(card.components, i) for i, card in enumerate(component.cards))
    return look.at([c for c in components if not isinstance(c, Carousel)], None, cards)


class _Look(Struct, frozen=True):
    """Template parts beside the values that are sent for them."""

    pairs: dict[tuple[int | None, str, int | None], tuple[Part, Filled]]

    def at(
        self,
        components: Sequence[Component | CardComponent],
        card: int | None,
        cards: tuple[Preview, ...] = (),
    ) -> Preview:
        header = media = footer = offer = None
        body, buttons = "", ()
        for component in components:
            match component:
                case Header():
                    header, media = self._header(component, card)
                case Body():
                    body = self._body(component, card)
                case Footer():
                    footer = _footer(component)
                case Buttons():
                    buttons = tuple(self._button(b, i, card) for i, b in enumerate(component.buttons))
                case LimitedTimeOffer():
                    offer = component.limited_time_offer.text
                case _:
                    pass
        lines = [
            *(f"[{media}]" for _ in (1,) if media),
            *(x for x in (header, offer, body, footer) if x),
            *(f"[{b.text}]" + (f" {b.target}" if b.target else "") for b in buttons),
            *(line for c in cards for line in ("", c.text)),
        ]
        return Preview(
            header=header,
            media=media,
            body=body,
            footer=footer,
            offer=offer,
            buttons=buttons,
            cards=cards,
            text="\n".join(lines),
        )

    def _header(self, header: Header, card: int | None) -> tuple[str | None, str | None]:
        pair = self.pairs.get((card, "header", None))
        if header.format is HeaderFormat.TEXT:
            return (substituted(*pair) if pair else header.text), None
        return None, _media(pair[1]) if pair else None

    def _body(self, body: Body, card: int | None) -> str:
        pair = self.pairs.get((card, "body", None))
        if body.text:
            return substituted(*pair) if pair else body.text
        code = texts(pair[1])[0] if pair else ""
        words = f"{code} is your verification code."
        return (
            f"{words} For your security, do not share this code."
            if body.add_security_recommendation
            else words
        )

    def _button(self, button: Button, i: int, card: int | None) -> ButtonPreview:
        pair = self.pairs.get((card, "button", i))
        label = button.text or ""
        match button:
            case Url():
                return ButtonPreview(text=label, target=substituted(*pair) if pair else button.url)
            case PhoneNumber():
                return ButtonPreview(text=label, target=button.phone_number)
            case CopyCode():
                return ButtonPreview(
                    text=label or "Copy offer code", target=_coupon(pair[1]) if pair else None
                )
            case Otp():
                return ButtonPreview(text=label or "Copy code", target=texts(pair[1])[0] if pair else None)
            case _:
                return ButtonPreview(text=label)


def _footer(footer: Footer) -> str | None:
    if footer.text or footer.code_expiration_minutes is None:
        return footer.text
    return f"This code expires in {footer.code_expiration_minutes} minutes."


def _media(filled: Filled) -> str | None:
    match filled.parameters[0]:
        case (
            ImageValue(image=file)
            | VideoValue(video=file)
            | DocumentValue(document=file)
            | GifValue(gif=file)
        ):
            return _source(file)
        case LocationValue(location=place):
            return ", ".join(
                x for x in (place.name, place.address, f"{place.latitude} {place.longitude}") if x
            )
        case ProductValue(product=product):
            return product.product_retailer_id
        case _:
            return None


def _source(file: File) -> str | None:
    return file.filename or file.link or file.id


def _coupon(filled: Filled) -> str | None:
    return next((p.coupon_code for p in filled.parameters if isinstance(p, CouponValue)), None)
