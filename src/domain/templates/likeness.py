"""Whether two sets of components say the same, and how what Meta gives back fits what was handed in.

Meta gives examples back as links to its own copies, and authentication templates with the texts it wrote
and their button as a link (fact sheet 4.3): neither is an edit.
"""

import re
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec.structs import replace

from tidings.domain.templates.components import (
    Body,
    Button,
    Buttons,
    Card,
    Carousel,
    Category,
    Component,
    Footer,
    Header,
    Otp,
    OtpType,
    Url,
)

_OTP_LINK = re.compile(r"[?&]otp_type=")


def as_written(category: Category, components: Sequence[Component]) -> tuple[Component, ...]:
    """Meta's copy in the form in which templates are handed in: a one-time code has its own button again."""
    if category is not Category.AUTHENTICATION:
        return tuple(components)
    return tuple(
        replace(c, buttons=tuple(_otp(b) for b in c.buttons)) if isinstance(c, Buttons) else c
        for c in components
    )


def same_words(category: Category, one: Sequence[Component], other: Sequence[Component]) -> bool:
    """Whether a person would read the same, and Meta be asked for the same."""
    return _words(category, one) == _words(category, other)


def wording(category: Category, components: Sequence[Component]) -> str | None:
    """What two templates of one language must not share: Meta rejects the second (fact sheet 4.4).

    None for authentication templates, whose words are Meta's own.
    """
    if category is Category.AUTHENTICATION:
        return None
    body = next((c.text for c in components if isinstance(c, Body)), None)
    footer = next((c.text for c in components if isinstance(c, Footer)), None)
    return f"{(body or '').strip()}\n\n{(footer or '').strip()}"


def reconciled(
    category: Category, ours: Sequence[Component], theirs: Sequence[Component]
) -> tuple[Component, ...]:
    """What to keep: ours where both say the same, with the texts that Meta wrote; else Meta's."""
    copy = as_written(category, theirs)
    if not same_words(category, ours, copy):
        return copy
    if category is not Category.AUTHENTICATION:
        return tuple(ours)
    written = {type(c): c.text for c in copy if isinstance(c, Body | Footer)}
    return tuple(
        replace(c, text=written.get(type(c)) or c.text) if isinstance(c, Body | Footer) else c for c in ours
    )


def for_submission(category: Category, components: Sequence[Component]) -> tuple[Component, ...]:
    """Without the texts that Meta writes itself."""
    if category is not Category.AUTHENTICATION:
        return tuple(components)
    return tuple(
        replace(c, text=None, **({"example": None} if isinstance(c, Body) else {}))
        if isinstance(c, Body | Footer)
        else c
        for c in components
    )


def _otp(button: Button) -> Button:
    if not isinstance(button, Url) or not _OTP_LINK.search(button.url or ""):
        return button
    word = parse_qs(urlsplit(button.url or "").query).get("otp_type", [""])[0]
    kind = OtpType(word) if word in OtpType.__members__ else OtpType.COPY_CODE
    return Otp(otp_type=kind, text=button.text)


def _words(category: Category, components: Sequence[Component]) -> bytes:
    bare = [_bare(c) for c in for_submission(category, as_written(category, components))]
    if category is Category.AUTHENTICATION:
        bare = [
            replace(c, buttons=tuple(_kind(b) for b in c.buttons)) if isinstance(c, Buttons) else c
            for c in bare
        ]
    return msgspec.json.encode(sorted(bare, key=lambda c: str(c.__struct_config__.tag)))


def _kind(button: Button) -> Button:
    return Otp(otp_type=button.otp_type) if isinstance(button, Otp) else button


def _bare(component: Component) -> Component:
    """Without examples, without labels that Meta writes, and without `false` where it says nothing."""
    match component:
        case Header():
            return replace(component, example=None)
        case Body():
            recommended = component.add_security_recommendation or None
            return replace(component, example=None, add_security_recommendation=recommended)
        case Buttons():
            return replace(component, buttons=tuple(_bare_button(b) for b in component.buttons))
        case Carousel():
            return replace(component, cards=tuple(_bare_card(card) for card in component.cards))
        case _:
            return component


def _bare_card(card: Card) -> Card:
    bare = [_bare(component) for component in card.components]
    return Card(components=tuple(c for c in bare if isinstance(c, Header | Body | Buttons)))


def _bare_button(button: Button) -> Button:
    if isinstance(button, Url):
        return replace(button, example=None)
    if button.__struct_config__.tag == "COPY_CODE":
        return replace(button, text=None, example=None)
    return button
