"""What can be said in a message: one tagged union, in Meta's words (fact sheet 2.4 to 2.6).

How a kind is wrapped on Meta's wire is the business of `adapters/meta`; what may not be said is in
`limits.py`.
"""

from typing import TypeAlias

from tidings.domain.kernel import Wamid
from tidings.domain.whatsapp.interactive import (
    Carousel,
    Catalogue,
    FlowForm,
    LinkButton,
    ListMenu,
    LocationRequest,
    ManyProducts,
    OneProduct,
    OtherInteractive,
    ReplyButtons,
)
from tidings.domain.whatsapp.values import Parameter as Parameter
from tidings.domain.whatsapp.values import Part, TemplateComponent


class Text(Part, frozen=True, kw_only=True, tag="text"):
    """Plain text; with `preview_url` the first link in it is shown with a picture."""

    body: str
    preview_url: bool = False


class Image(Part, frozen=True, kw_only=True, tag="image"):
    """A picture."""

    id: str | None = None
    link: str | None = None
    caption: str | None = None


class Video(Part, frozen=True, kw_only=True, tag="video"):
    """A film."""

    id: str | None = None
    link: str | None = None
    caption: str | None = None


class Audio(Part, frozen=True, kw_only=True, tag="audio"):
    """Sound; `voice` makes it a voice note, which must be OGG with Opus."""

    id: str | None = None
    link: str | None = None
    voice: bool = False


class Document(Part, frozen=True, kw_only=True, tag="document"):
    """A file to keep."""

    id: str | None = None
    link: str | None = None
    filename: str | None = None
    caption: str | None = None


class Sticker(Part, frozen=True, kw_only=True, tag="sticker"):
    """A WebP picture of 512 by 512."""

    id: str | None = None
    link: str | None = None


class Location(Part, frozen=True, kw_only=True, tag="location"):
    """A place on a map."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class CardName(Part, frozen=True, kw_only=True):
    """A person's name: as it is shown, and at least one of its parts."""

    formatted_name: str
    first_name: str | None = None
    last_name: str | None = None
    middle_name: str | None = None
    prefix: str | None = None
    suffix: str | None = None


class CardPhone(Part, frozen=True, kw_only=True):
    """With `wa_id` the card has a button that opens a chat."""

    phone: str
    type: str | None = None
    wa_id: str | None = None


class CardEmail(Part, frozen=True, kw_only=True):
    email: str
    type: str | None = None


class CardUrl(Part, frozen=True, kw_only=True):
    url: str
    type: str | None = None


class CardOrganization(Part, frozen=True, kw_only=True):
    company: str | None = None
    department: str | None = None
    title: str | None = None


class CardAddress(Part, frozen=True, kw_only=True):
    street: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    country_code: str | None = None
    type: str | None = None


class Card(Part, frozen=True, kw_only=True):
    """A visiting card."""

    name: CardName
    birthday: str | None = None
    """YYYY-MM-DD."""
    phones: tuple[CardPhone, ...] = ()
    emails: tuple[CardEmail, ...] = ()
    org: CardOrganization | None = None
    urls: tuple[CardUrl, ...] = ()
    addresses: tuple[CardAddress, ...] = ()


class Contacts(Part, frozen=True, kw_only=True, tag="contacts"):
    """Visiting cards."""

    contacts: tuple[Card, ...]


class Reaction(Part, frozen=True, kw_only=True, tag="reaction"):
    """An emoji at a message; none takes it back."""

    message_id: Wamid
    emoji: str = ""


class Template(Part, frozen=True, kw_only=True, tag="template"):
    """An approved template with its values filled in."""

    name: str
    language: str
    category: str = "MARKETING"
    """For our own rules; Meta knows it."""
    components: tuple[TemplateComponent, ...] = ()
    marketing_api: bool = False
    """By way of the Marketing Messages API (fact sheet 2.7), which takes marketing alone."""


Content: TypeAlias = (
    Text
    | Image
    | Video
    | Audio
    | Document
    | Sticker
    | Location
    | Contacts
    | Reaction
    | Template
    | ReplyButtons
    | ListMenu
    | LinkButton
    | FlowForm
    | LocationRequest
    | OneProduct
    | ManyProducts
    | Catalogue
    | Carousel
    | OtherInteractive
)
"""Anything that can be sent."""
