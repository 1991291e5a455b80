"""Values of templates (fact sheet 2.6): encoded, they are exactly Meta's JSON."""

from typing import TypeAlias

from msgspec import Struct, field


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what is said: what is not said does not travel."""


class File(Part, frozen=True, kw_only=True):
    """An uploaded file by its id, or a public one by its link: one of the two."""

    id: str | None = None
    link: str | None = None
    filename: str | None = None
    """Of documents."""


class Parameter(Part, frozen=True, kw_only=True, tag="text"):
    """A text for one placeholder; `name` only where the template's parameters are named."""

    text: str
    name: str | None = field(name="parameter_name", default=None)


class ImageValue(Part, frozen=True, kw_only=True, tag="image"):
    image: File


class VideoValue(Part, frozen=True, kw_only=True, tag="video"):
    video: File


class DocumentValue(Part, frozen=True, kw_only=True, tag="document"):
    document: File


class GifValue(Part, frozen=True, kw_only=True, tag="gif"):
    gif: File


class Place(Part, frozen=True, kw_only=True):
    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class LocationValue(Part, frozen=True, kw_only=True, tag="location"):
    location: Place


class ProductRef(Part, frozen=True, kw_only=True):
    product_retailer_id: str
    catalog_id: str


class ProductValue(Part, frozen=True, kw_only=True, tag="product"):
    product: ProductRef


class Amount(Part, frozen=True, kw_only=True):
    """Meta shows the fallback."""

    fallback_value: str
    code: str
    amount_1000: int


class CurrencyValue(Part, frozen=True, kw_only=True, tag="currency"):
    currency: Amount


class Moment(Part, frozen=True, kw_only=True):
    fallback_value: str


class DateTimeValue(Part, frozen=True, kw_only=True, tag="date_time"):
    date_time: Moment


class PayloadValue(Part, frozen=True, kw_only=True, tag="payload"):
    """What a tap on a quick reply brings back."""

    payload: str


class CouponValue(Part, frozen=True, kw_only=True, tag="coupon_code"):
    """What the button copies."""

    coupon_code: str


class ProductItem(Part, frozen=True, kw_only=True):
    product_retailer_id: str


class ProductSection(Part, frozen=True, kw_only=True):
    title: str | None = None
    product_items: tuple[ProductItem, ...]


class Action(Part, frozen=True, kw_only=True):
    """How a flow, a catalogue or a choice of products opens."""

    flow_token: str | None = None
    flow_action_data: dict[str, object] | None = None
    thumbnail_product_retailer_id: str | None = None
    sections: tuple[ProductSection, ...] = ()


class ActionValue(Part, frozen=True, kw_only=True, tag="action"):
    action: Action


class Expiry(Part, frozen=True, kw_only=True):
    expiration_time_ms: int
    """Unix time in milliseconds."""


class OfferValue(Part, frozen=True, kw_only=True, tag="limited_time_offer"):
    limited_time_offer: Expiry


Value: TypeAlias = (
    Parameter
    | ImageValue
    | VideoValue
    | DocumentValue
    | GifValue
    | LocationValue
    | ProductValue
    | CurrencyValue
    | DateTimeValue
    | PayloadValue
    | CouponValue
    | ActionValue
    | OfferValue
)


class TemplateComponent(Part, frozen=True, kw_only=True):
    """The values of a `header`, the `body`, a `button` (with sub-type and its place among all buttons), a
    `limited_time_offer` or a `carousel`."""

    type: str
    sub_type: str | None = None
    index: int | None = None
    parameters: tuple[Value, ...] = ()
    cards: tuple["TemplateCard", ...] = ()


class TemplateCard(Part, frozen=True, kw_only=True):
    """The values of one card of a carousel."""

    card_index: int
    components: tuple[TemplateComponent, ...] = ()
