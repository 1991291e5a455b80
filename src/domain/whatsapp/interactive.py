"""Interactive messages (fact sheet 2.5): each kind of Meta's is a kind of content of its own."""

from typing import TypeAlias

from tidings.domain.whatsapp.values import (
    DocumentValue,
    ImageValue,
    Parameter,
    Part,
    ProductSection,
    VideoValue,
)

Header: TypeAlias = Parameter | ImageValue | VideoValue | DocumentValue


class _Interactive(Part, frozen=True, kw_only=True):
    body: str
    header: Header | None = None
    footer: str | None = None


class ReplyButton(Part, frozen=True, kw_only=True):
    id: str
    title: str


class ReplyButtons(_Interactive, frozen=True, kw_only=True, tag="button"):
    """Up to three answers to tap."""

    buttons: tuple[ReplyButton, ...]


class ListRow(Part, frozen=True, kw_only=True):
    id: str
    title: str
    description: str | None = None


class ListSection(Part, frozen=True, kw_only=True):
    title: str | None = None
    rows: tuple[ListRow, ...]


class ListMenu(_Interactive, frozen=True, kw_only=True, tag="list"):
    """Up to ten answers in a menu that `button` opens."""

    button: str
    sections: tuple[ListSection, ...]


class LinkButton(_Interactive, frozen=True, kw_only=True, tag="cta_url"):
    """A link behind a button."""

    display_text: str
    url: str


class FlowScreen(Part, frozen=True, kw_only=True):
    """The screen a flow opens with, and its data."""

    screen: str
    data: dict[str, object] | None = None


class FlowForm(_Interactive, frozen=True, kw_only=True, tag="flow"):
    """A form inside WhatsApp, by its id or its name."""

    flow_cta: str
    flow_id: str | None = None
    flow_name: str | None = None
    flow_token: str | None = None
    flow_message_version: str = "3"
    mode: str = "published"
    flow_action: str = "navigate"
    flow_action_payload: FlowScreen | None = None


class LocationRequest(_Interactive, frozen=True, kw_only=True, tag="location_request_message"):
    """Asks for a place."""


class OneProduct(_Interactive, frozen=True, kw_only=True, tag="product"):
    """A product of a catalogue."""

    body: str = ""
    catalog_id: str
    product_retailer_id: str


class ManyProducts(_Interactive, frozen=True, kw_only=True, tag="product_list"):
    """Products of a catalogue, in sections."""

    catalog_id: str
    sections: tuple[ProductSection, ...]


class Catalogue(_Interactive, frozen=True, kw_only=True, tag="catalog_message"):
    """The whole catalogue, with one product's picture."""

    thumbnail_product_retailer_id: str | None = None


class OfferCard(Part, frozen=True, kw_only=True):
    """A picture or film with a link behind a button."""

    header: ImageValue | VideoValue
    body: str | None = None
    display_text: str
    url: str


class Carousel(_Interactive, frozen=True, kw_only=True, tag="carousel"):
    """Cards to swipe through."""

    cards: tuple[OfferCard, ...]


class OtherInteractive(_Interactive, frozen=True, kw_only=True, tag="interactive"):
    """Any other kind of Meta's (`order_details`, ...), its action in Meta's JSON."""

    kind: str
    body: str = ""
    action: dict[str, object]


Interactive: TypeAlias = (
    ReplyButtons
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
