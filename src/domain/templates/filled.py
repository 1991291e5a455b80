"""A template's values at the moment of sending, in exactly Meta's words (fact sheet 2.6)."""

from typing import TypeAlias

from msgspec import Struct


class _Value(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything below: what is not said does not travel."""


class TextValue(_Value, frozen=True, kw_only=True, tag="text"):
    """A word for a placeholder, a link's end or a one-time code."""

    text: str
    parameter_name: str | None = None


class File(_Value, frozen=True, kw_only=True):
    """An uploaded file by id, or a public one by link."""

    id: str | None = None
    link: str | None = None
    filename: str | None = None


class ImageValue(_Value, frozen=True, kw_only=True, tag="image"):
    """A picture above the body."""

    image: File


class VideoValue(_Value, frozen=True, kw_only=True, tag="video"):
    """A film above the body."""

    video: File


class DocumentValue(_Value, frozen=True, kw_only=True, tag="document"):
    """A document above the body."""

    document: File


class GifValue(_Value, frozen=True, kw_only=True, tag="gif"):
    """A short moving picture above the body."""

    gif: File


class Place(_Value, frozen=True, kw_only=True):
    """Where on Earth."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class LocationValue(_Value, frozen=True, kw_only=True, tag="location"):
    """A map above the body."""

    location: Place


class ProductRef(_Value, frozen=True, kw_only=True):
    """A product of a catalogue."""

    product_retailer_id: str
    catalog_id: str


class ProductValue(_Value, frozen=True, kw_only=True, tag="product"):
    """A product above the body."""

    product: ProductRef


class PayloadValue(_Value, frozen=True, kw_only=True, tag="payload"):
    """What a quick reply brings back."""

    payload: str


class CouponValue(_Value, frozen=True, kw_only=True, tag="coupon_code"):
    """The code that a button copies."""

    coupon_code: str


class ProductItem(_Value, frozen=True, kw_only=True):
    """A product of the catalogue in use."""

    product_retailer_id: str


class ProductSection(_Value, frozen=True, kw_only=True):
    """Products under one title."""

    title: str
    product_items: tuple[ProductItem, ...]


class Action(_Value, frozen=True, kw_only=True):
    """How a form, a catalogue or a choice of products opens."""

    flow_token: str | None = None
    thumbnail_product_retailer_id: str | None = None
    sections: tuple[ProductSection, ...] = ()


class ActionValue(_Value, frozen=True, kw_only=True, tag="action"):
    """What a button opens with."""

    action: Action


class Expiry(_Value, frozen=True, kw_only=True):
    """Unix time in milliseconds."""

    expiration_time_ms: int


class OfferValue(_Value, frozen=True, kw_only=True, tag="limited_time_offer"):
    """When a limited-time offer ends."""

    limited_time_offer: Expiry


Value: TypeAlias = (
    TextValue
    | ImageValue
    | VideoValue
    | DocumentValue
    | GifValue
    | LocationValue
    | ProductValue
    | PayloadValue
    | CouponValue
    | ActionValue
    | OfferValue
)


class Filled(_Value, frozen=True, kw_only=True):
    """The values of a header, a body, a button (by its place among all buttons) or a carousel."""

    type: str
    sub_type: str | None = None
    index: int | None = None
    parameters: tuple[Value, ...] = ()
    cards: tuple["FilledCard", ...] = ()


class FilledCard(_Value, frozen=True, kw_only=True):
    """The values of one card."""

    card_index: int
    components: tuple[Filled, ...] = ()
