"""Hypothesis strategies for templates: any that obeys Meta's rules (fact sheet 4), and values for its slots.

Needs the extra `tidings[testing]`.
"""

from collections.abc import Sequence

from hypothesis import strategies as st

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
    Example,
    Footer,
    Header,
    HeaderFormat,
    LimitedTimeOffer,
    NamedExample,
    Offer,
    Otp,
    OtpType,
    ParameterFormat,
    PhoneNumber,
    QuickReply,
    SupportedApp,
    Url,
)
from tidings.domain.templates.languages import LANGUAGES
from tidings.domain.templates.rules import TTL
from tidings.domain.templates.slots import Kind, Slot, slots

WORD: st.SearchStrategy[str] = st.sampled_from(
    ["parcel", "Übung", "today", "שלום", "مرحبا", "now", "café", "ready", "été", "box"]
)
NAMES = ["first_name", "order_ref", "shop", "day"]
TEXT: st.SearchStrategy[str] = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12
).filter(lambda text: text.strip() and "{" not in text and "}" not in text)


@st.composite
def bodies(draw: st.DrawFn, format: ParameterFormat, most: int = 3) -> Body:
    """A body with its examples."""
    n = draw(st.integers(0, most))
    wanted = (
        draw(st.permutations(NAMES))[:n]
        if format is ParameterFormat.NAMED
        else [str(i + 1) for i in range(n)]
    )
    pieces = draw(st.lists(WORD, min_size=2, max_size=3))
    for name in wanted:
        pieces += [f"{{{{{name}}}}}", *draw(st.lists(WORD, min_size=2, max_size=3))]
    text = draw(st.sampled_from([" ", "\n"])).join(pieces) + draw(st.sampled_from(["", ".", "!*"]))
    values = draw(st.lists(TEXT, min_size=n, max_size=n))
    if not n:
        return Body(text=text)
    if format is ParameterFormat.NAMED:
        pairs = zip(wanted, values, strict=True)
        example = Example(
            body_text_named_params=tuple(NamedExample(param_name=k, example=v) for k, v in pairs)
        )
    else:
        example = Example(body_text=(tuple(values),))
    return Body(text=text, example=example)


@st.composite
def headers(
    draw: st.DrawFn,
    format: ParameterFormat,
    formats: Sequence[HeaderFormat] = (HeaderFormat.TEXT, HeaderFormat.IMAGE, HeaderFormat.LOCATION),
) -> Header:
    """A header of one of these formats."""
    kind = draw(st.sampled_from(formats))
    if kind is HeaderFormat.LOCATION:
        return Header(format=kind)
    if kind is not HeaderFormat.TEXT:
        return Header(format=kind, example=Example(header_handle=("4::aW:DEMO",)))
    if not draw(st.booleans()):
        return Header(format=kind, text=draw(WORD))
    if format is ParameterFormat.NAMED:
        named = (NamedExample(param_name="shop", example="Hale"),)
        return Header(format=kind, text="News from {{shop}}", example=Example(header_text_named_params=named))
    return Header(format=kind, text="News from {{1}}", example=Example(header_text=("Hale",)))


URL: st.SearchStrategy[Url] = st.booleans().map(
    lambda varies: (
        Url(text="Track", url="https://p.example/t/{{1}}", example=("https://p.example/t/9",))
        if varies
        else Url(text="Site", url="https://p.example/")
    )
)


@st.composite
def button_rows(draw: st.DrawFn) -> Buttons:
    """Buttons of several kinds."""
    rows: list[Button] = [QuickReply(text=draw(WORD)) for _ in range(draw(st.integers(0, 3)))]
    rows += draw(st.lists(URL, max_size=2))
    if draw(st.booleans()):
        rows.append(PhoneNumber(text="Ring", phone_number="+442079460958"))
    if draw(st.booleans()) or not rows:
        rows.append(CopyCode(example="BOX15"))
    return Buttons(buttons=tuple(rows))


@st.composite
def carousels(draw: st.DrawFn, format: ParameterFormat) -> tuple[Component, ...]:
    """A body and some cards of one shape."""
    url = draw(URL)
    cards = tuple(
        Card(
            components=(
                Header(format=HeaderFormat.IMAGE, example=Example(header_handle=("4::aW:A",))),
                draw(bodies(format, 1)),
                Buttons(buttons=(QuickReply(text="More"), url)),
            )
        )
        for _ in range(draw(st.integers(2, 4)))
    )
    return (draw(bodies(format)), Carousel(cards=cards))


@st.composite
def offers(draw: st.DrawFn, format: ParameterFormat) -> tuple[Component, ...]:
    """An offer that may end."""
    offer = LimitedTimeOffer(limited_time_offer=Offer(text="Ends soon", has_expiration=draw(st.booleans())))
    return (draw(bodies(format)), offer, Buttons(buttons=(CopyCode(example="BOX15"), draw(URL))))


@st.composite
def codes(draw: st.DrawFn) -> tuple[Component, ...]:
    """A one-time code."""
    kind = draw(st.sampled_from(OtpType))
    button = Otp(
        otp_type=kind,
        supported_apps=()
        if kind is OtpType.COPY_CODE
        else (SupportedApp(package_name="com.example", signature_hash="K8a/AINcGX7"),),
        zero_tap_terms_accepted=True if kind is OtpType.ZERO_TAP else None,
    )
    footer = draw(st.one_of(st.none(), st.integers(1, 90)))
    return (
        Body(add_security_recommendation=draw(st.sampled_from([None, True]))),
        *([Footer(code_expiration_minutes=footer)] if footer else []),
        Buttons(buttons=(button,)),
    )


@st.composite
def plain(draw: st.DrawFn, format: ParameterFormat) -> tuple[Component, ...]:
    """Header, body, footer and buttons, most of which may be absent."""
    header, footer, buttons = (draw(st.booleans()) for _ in range(3))
    return (
        *([draw(headers(format))] if header else []),
        draw(bodies(format)),
        *([Footer(text=draw(WORD))] if footer else []),
        *([draw(button_rows())] if buttons else []),
    )


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """A template that Meta would take in for review."""
    category = draw(st.sampled_from(Category))
    format = draw(st.sampled_from(ParameterFormat))
    if category is Category.AUTHENTICATION:
        components = draw(codes())
    elif category is Category.UTILITY:
        components = draw(plain(format))
    else:
        components = draw(st.one_of(plain(format), offers(format), carousels(format)))
    ttl = TTL[category]
    return Draft(
        name=draw(st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=30)),
        language=draw(st.sampled_from(sorted(LANGUAGES))),
        category=category,
        components=components,
        parameter_format=format,
        message_send_ttl_seconds=draw(st.one_of(st.none(), st.integers(ttl.start, ttl.stop - 1))),
    )


def value_of(slot: Slot) -> st.SearchStrategy[str]:
    """A value that fits the slot."""
    match slot.kind:
        case Kind.IMAGE:
            return st.sampled_from(["880011223344560", "https://files.example/a.jpg"])
        case Kind.LOCATION:
            return st.sampled_from(["51.5", "-0.12"])
        case Kind.OFFER:
            return st.sampled_from(["1793491200000", "2026-12-24T18:00:00+01:00"])
        case Kind.ONE_TIME_CODE:
            return st.sampled_from(["481920", "A1-B2"])
        case Kind.TEXT if slot.what == "body {{1}}" and slot.example is None:
            return st.just("481920")
        case _:
            return TEXT


@st.composite
def fillable(draw: st.DrawFn) -> tuple[Draft, dict[str, str]]:
    """A template and a value for each of its slots."""
    draft = draw(drafts())
    return draft, {slot.key: draw(value_of(slot)) for slot in slots(draft.components)}
