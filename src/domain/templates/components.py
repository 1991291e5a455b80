"""The parts of a template in exactly Meta's words (fact sheet 4.2, 4.3): encoded, they are Meta's JSON.

Fields are lenient, so that a part that lacks something can be read and then refused with everything that
is wrong with it (`rules.py`), not only the first thing.
"""

from enum import StrEnum
from typing import Any, TypeAlias, cast

import msgspec
from msgspec import Struct, field

from tidings.domain.errors import Fault


class _Word(StrEnum):
    """A word of Meta's, read in any case."""

    @classmethod
    def _missing_(cls, value: object) -> "_Word | None":
        return next((m for m in cls if isinstance(value, str) and m.value.upper() == value.upper()), None)


class Category(_Word):
    """What a template is for. Meta may change it (fact sheet 0.2, trap 8)."""

    MARKETING = "MARKETING"
    UTILITY = "UTILITY"
    AUTHENTICATION = "AUTHENTICATION"


class ParameterFormat(_Word):
    """How placeholders are written: `{{1}}` or `{{first_name}}`."""

    POSITIONAL = "positional"
    NAMED = "named"


class HeaderFormat(_Word):
    """What stands above the body."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    DOCUMENT = "DOCUMENT"
    GIF = "GIF"
    LOCATION = "LOCATION"
    PRODUCT = "PRODUCT"


MEDIA = frozenset({HeaderFormat.IMAGE, HeaderFormat.VIDEO, HeaderFormat.DOCUMENT, HeaderFormat.GIF})


class OtpType(_Word):
    """How a one-time code gets from the message into the app."""

    COPY_CODE = "COPY_CODE"
    ONE_TAP = "ONE_TAP"
    ZERO_TAP = "ZERO_TAP"


class _Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything below: what is not said does not travel."""


class NamedExample(_Part, frozen=True, kw_only=True):
    """A sample value of a named placeholder."""

    param_name: str
    example: str


class Example(_Part, frozen=True, kw_only=True):
    """Sample values for Meta's reviewers."""

    header_handle: tuple[str, ...] = ()
    header_text: tuple[str, ...] = ()
    header_text_named_params: tuple[NamedExample, ...] = ()
    body_text: tuple[tuple[str, ...], ...] = ()
    body_text_named_params: tuple[NamedExample, ...] = ()


class Header(_Part, frozen=True, kw_only=True, tag="HEADER"):
    """Text, media, a place or a product above the body."""

    format: HeaderFormat
    text: str | None = None
    example: Example | None = None


class Body(_Part, frozen=True, kw_only=True, tag="BODY"):
    """What is said. Of an authentication template Meta writes the text itself."""

    text: str | None = None
    example: Example | None = None
    add_security_recommendation: bool | None = None


class Footer(_Part, frozen=True, kw_only=True, tag="FOOTER"):
    """A small line below; of an authentication template it tells when the code ends."""

    text: str | None = None
    code_expiration_minutes: int | None = None


class QuickReply(_Part, frozen=True, kw_only=True, tag="QUICK_REPLY"):
    """A tap that comes back as a message."""

    text: str | None = None


class Url(_Part, frozen=True, kw_only=True, tag="URL"):
    """A link, of which the very end may vary by person."""

    text: str | None = None
    url: str | None = None
    example: tuple[str, ...] | str | None = None


class PhoneNumber(_Part, frozen=True, kw_only=True, tag="PHONE_NUMBER"):
    """A number to ring."""

    text: str | None = None
    phone_number: str | None = None


class CopyCode(_Part, frozen=True, kw_only=True, tag="COPY_CODE"):
    """A coupon code to copy; Meta writes the label."""

    text: str | None = None
    example: tuple[str, ...] | str | None = None


class Flow(_Part, frozen=True, kw_only=True, tag="FLOW"):
    """A form inside WhatsApp."""

    text: str | None = None
    flow_id: str | int | None = None
    flow_name: str | None = None
    flow_json: str | None = None
    flow_action: str | None = None
    navigate_screen: str | None = None


class SupportedApp(_Part, frozen=True, kw_only=True):
    """An Android app that may take the code over."""

    package_name: str = ""
    signature_hash: str = ""


class Otp(_Part, frozen=True, kw_only=True, tag="OTP"):
    """The button of a one-time code."""

    otp_type: OtpType
    text: str | None = None
    autofill_text: str | None = None
    supported_apps: tuple[SupportedApp, ...] = ()
    zero_tap_terms_accepted: bool | None = None


class Catalog(_Part, frozen=True, kw_only=True, tag="CATALOG"):
    """Opens the catalogue."""

    text: str | None = None


class ManyProducts(_Part, frozen=True, kw_only=True, tag="MPM"):
    """Opens a choice of products, named when sending."""

    text: str | None = None


class OneProduct(_Part, frozen=True, kw_only=True, tag="SPM"):
    """Opens one product."""

    text: str | None = None


class VoiceCall(_Part, frozen=True, kw_only=True, tag="VOICE_CALL"):
    """Rings the business over WhatsApp."""

    text: str | None = None


class RequestContact(_Part, frozen=True, kw_only=True, tag="REQUEST_CONTACT_INFO"):
    """Asks a person known by username for the phone number."""

    text: str | None = None


Button: TypeAlias = (
    QuickReply
    | Url
    | PhoneNumber
    | CopyCode
    | Flow
    | Otp
    | Catalog
    | ManyProducts
    | OneProduct
    | VoiceCall
    | RequestContact
)


class Buttons(_Part, frozen=True, kw_only=True, tag="BUTTONS"):
    """Up to ten buttons."""

    buttons: tuple[Button, ...] = ()


CardComponent: TypeAlias = Header | Body | Buttons


class Card(_Part, frozen=True, kw_only=True):
    """One card of a carousel."""

    components: tuple[CardComponent, ...] = ()


class Carousel(_Part, frozen=True, kw_only=True, tag="CAROUSEL"):
    """Cards to swipe through."""

    cards: tuple[Card, ...] = ()


class Offer(_Part, frozen=True, kw_only=True):
    """What a limited-time offer says of itself."""

    text: str = ""
    has_expiration: bool = False


class LimitedTimeOffer(_Part, frozen=True, kw_only=True, tag="LIMITED_TIME_OFFER"):
    """An offer with a clock that may run down."""

    limited_time_offer: Offer = field(default_factory=Offer)


Component: TypeAlias = Header | Body | Footer | Buttons | Carousel | LimitedTimeOffer


class Draft(_Part, frozen=True, kw_only=True):
    """A template as it is handed in for review (fact sheet 4.2): the body of Meta's create request."""

    name: str
    language: str
    category: Category
    components: tuple[Component, ...] = ()
    parameter_format: ParameterFormat = ParameterFormat.POSITIONAL
    message_send_ttl_seconds: int | None = None


def read_components(raw: object) -> tuple[tuple[Component, ...], tuple[Fault, ...]]:
    """Components out of decoded JSON, with words in any case, and what could not be read and where."""
    try:
        items = msgspec.convert(raw, list[object])
    except msgspec.ValidationError:
        return (), (Fault(field="components", rule="type", message="must be a list"),)
    found: list[Component] = []
    faults: list[Fault] = []
    for i, item in enumerate(items):
        try:
            found.append(_read(item))
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at `$")
            path = f"components[{i}]{where.removesuffix('`')}"
            faults.append(Fault(field=path, rule="type", message=message))
    return tuple(found), tuple(faults)


def read_draft(raw: object) -> tuple[Draft | None, tuple[Fault, ...]]:
    """A create request of Meta's out of decoded JSON: the draft, or what could not be read and where."""
    try:
        fields = msgspec.convert(raw, dict[str, object])
    except msgspec.ValidationError:
        return None, (Fault(field="", rule="type", message="must be an object"),)
    components, unread = read_components(fields.get("components"))
    faults = list(unread)
    values: dict[str, Any] = {"components": components}
    for spec in msgspec.structs.fields(Draft):
        if spec.name in values:
            continue
        if spec.name not in fields:
            if spec.required:
                faults.append(Fault(field=spec.name, rule="required", message="is missing"))
            continue
        try:
            values[spec.name] = msgspec.convert(fields[spec.name], spec.type)
        except msgspec.ValidationError as error:
            faults.append(Fault(field=spec.name, rule="type", message=str(error)))
    return (None if faults else Draft(**values)), tuple(faults)


def example_of(button: Url | CopyCode) -> tuple[str, ...]:
    """Meta writes and reads a button's example as a text or as a list of one."""
    if button.example is None:
        return ()
    return (button.example,) if isinstance(button.example, str) else button.example


def _read(item: object) -> Component:
    """Raise msgspec.ValidationError."""
    return msgspec.convert(_upper(item), Component)


def _upper(item: object) -> object:
    """The same with every `type` in capitals, which tell the kinds apart."""
    if isinstance(item, list):
        return [_upper(part) for part in cast(list[object], item)]
    if not isinstance(item, dict):
        return item
    return {
        key: value.upper() if key == "type" and isinstance(value, str) else _upper(value)
        for key, value in cast(dict[object, object], item).items()
    }
