"""Meta's limits of messages: what is at the limit passes, what is beyond it is named, all of it at once."""

import pytest

from tidings.domain.whatsapp.content import (
    Card,
    CardName,
    Contacts,
    Document,
    Image,
    Location,
    Reaction,
    Template,
    Text,
)
from tidings.domain.whatsapp.interactive import (
    Carousel,
    Catalogue,
    FlowForm,
    FlowScreen,
    LinkButton,
    ListMenu,
    ListRow,
    ListSection,
    LocationRequest,
    ManyProducts,
    OfferCard,
    OneProduct,
    OtherInteractive,
    ReplyButton,
    ReplyButtons,
)
from tidings.domain.whatsapp.limits import check
from tidings.domain.whatsapp.values import (
    CouponValue,
    Expiry,
    File,
    ImageValue,
    OfferValue,
    Parameter,
    PayloadValue,
    ProductItem,
    ProductSection,
    TemplateCard,
    TemplateComponent,
    VideoValue,
)

PHOTO = ImageValue(image=File(id="1"))
LINK = "https://files.example/a.jpg"


def wrong(content):
    return [(fault.field, fault.rule) for fault in check(content)]


def buttons(*titles, **more):
    rows = tuple(ReplyButton(id=f"id{n}", title=title) for n, title in enumerate(titles))
    return ReplyButtons(**({"body": "b", "buttons": rows} | more))


def menu(*rows, **more):
    sections = (ListSection(rows=tuple(rows)),)
    return ListMenu(**({"body": "b", "button": "See", "sections": sections} | more))


def row(n, **more):
    return ListRow(**({"id": str(n), "title": f"row {n}"} | more))


def flow(**more):
    return FlowForm(**({"body": "b", "flow_cta": "Start", "flow_id": "7"} | more))


def products(*counts, **more):
    sections = tuple(
        ProductSection(title="t", product_items=(ProductItem(product_retailer_id="1"),) * count)
        for count in counts
    )
    fields = {"body": "b", "header": Parameter(text="h"), "catalog_id": "1", "sections": sections}
    return ManyProducts(**(fields | more))


def card(**more):
    fields = {"header": PHOTO, "display_text": "Buy", "url": "https://a.example"}
    return OfferCard(**(fields | more))


def carousel(*cards, **more):
    return Carousel(**({"body": "b", "cards": cards} | more))


def template(*components, **more):
    return Template(**({"name": "promo", "language": "en_GB", "components": components} | more))


def body(*texts):
    return TemplateComponent(type="body", parameters=tuple(Parameter(text=text) for text in texts))


def button(value, **more):
    fields = {"type": "button", "sub_type": "url", "index": 0, "parameters": (value,)}
    return TemplateComponent(**(fields | more))


AT_THE_LIMIT = [
    Text(body="x" * 4096),
    Image(id="1", caption="x" * 1024),
    Document(link="https://files.example/" + "x" * 100),
    Image(link="http://münchen.example:8443/?a=b"),
    Location(latitude=-90, longitude=180),
    Contacts(contacts=(Card(name=CardName(formatted_name="R", first_name="R")),) * 257),
    Reaction(message_id="wamid.IN"),
    buttons("x" * 20, "b", "c", body="x" * 1024, footer="x" * 60, header=Parameter(text="x" * 60)),
    buttons("a", header=VideoValue(video=File(link=LINK))),
    menu(*(row(n) for n in range(10)), body="x" * 4096, button="x" * 20),
    menu(row("x" * 200, title="x" * 24, description="x" * 72)),
    LinkButton(body="b", display_text="x" * 20, url="http://a.example"),
    flow(flow_cta="x" * 20, flow_action_payload=FlowScreen(screen="S")),
    flow(flow_id=None, flow_name="n", flow_action="data_exchange", mode="draft"),
    LocationRequest(body="where"),
    OneProduct(catalog_id="1", product_retailer_id="2"),
    products(10, 10, 10),
    Catalogue(body="b"),
    carousel(*[card(body="x" * 158 + "\n\n")] * 10),
    OtherInteractive(kind="order_details", action={}),
    template(body("x" * 1024)),
    template(button(PayloadValue(payload="x" * 256), sub_type="QUICK_REPLY", index=9)),
    template(button(CouponValue(coupon_code="x" * 15), sub_type="copy_code")),
    template(button(Parameter(text="x" * 2000))),
    template(body("123456789012345"), button(Parameter(text="123456789012345")), category="AUTHENTICATION"),
]


@pytest.mark.parametrize("content", AT_THE_LIMIT, ids=lambda content: type(content).__name__)
def test_what_is_at_the_limit_may_be_said(content):
    assert wrong(content) == []


BEYOND = [
    (Text(body="x" * 4097), [("body", "max_length")]),
    (Text(body=" \n"), [("body", "required")]),
    (Image(), [("", "one_of")]),
    (Image(id="1", link=LINK), [("", "one_of")]),
    (Image(id=" "), [("id", "required")]),
    (Image(link="file:///etc/passwd"), [("link", "url")]),
    (Image(link="https://127.0.0.1/a.jpg"), [("link", "url")]),
    (Image(link="https://localhost/a.jpg"), [("link", "url")]),
    (Image(link="https://me@files.example/a.jpg"), [("link", "url")]),
    (Image(id="1", caption="x" * 1025), [("caption", "max_length")]),
    (Location(latitude=90.1, longitude=-180.1), [("latitude", "range"), ("longitude", "range")]),
    (Location(latitude=float("nan"), longitude=0), [("latitude", "range")]),
    (Contacts(contacts=()), [("contacts", "items")]),
    (
        Contacts(contacts=(Card(name=CardName(formatted_name=" ")),)),
        [("contacts[0].name.formatted_name", "required"), ("contacts[0].name", "parts")],
    ),
    (Reaction(message_id=""), [("message_id", "required")]),
    (buttons(), [("buttons", "items")]),
    (buttons("a", "b", "c", "d"), [("buttons", "items")]),
    (buttons("a", "a"), [("buttons", "unique")]),
    (buttons("x" * 21), [("buttons[0].title", "max_length")]),
    (
        buttons(buttons=(ReplyButton(id="x" * 257, title="a"),)),
        [("buttons[0].id", "max_length")],
    ),
    (buttons("a", body="x" * 1025), [("body", "max_length")]),
    (buttons("a", body=""), [("body", "required")]),
    (buttons("a", footer="x" * 61), [("footer", "max_length")]),
    (buttons("a", header=Parameter(text="x" * 61)), [("header.text", "max_length")]),
    (buttons("a", header=ImageValue(image=File())), [("header.image", "one_of")]),
    (menu(*(row(n) for n in range(11))), [("sections", "items")]),
    (menu(), [("sections", "items"), ("sections[0].rows", "items")]),
    (menu(row(1), row(1)), [("sections", "unique")]),
    (menu(row(1, title="x" * 25)), [("sections[0].rows[0].title", "max_length")]),
    (menu(row(1, description="x" * 73)), [("sections[0].rows[0].description", "max_length")]),
    (menu(row("x" * 201, title="t")), [("sections[0].rows[0].id", "max_length")]),
    (menu(row(1), button="x" * 21), [("button", "max_length")]),
    (menu(row(1), body="x" * 4097), [("body", "max_length")]),
    (menu(row(1), header=PHOTO), [("header", "text")]),
    (
        menu(sections=(ListSection(rows=(row(1),)), ListSection(rows=(row(2),)))),
        [("sections[0].title", "required"), ("sections[1].title", "required")],
    ),
    (
        LinkButton(body="b", display_text="x" * 21, url="ftp://a"),
        [("display_text", "max_length"), ("url", "url")],
    ),
    (LinkButton(body="b", display_text="a", url="https://10.0.0.1/"), [("url", "url")]),
    (flow(flow_cta="x" * 21), [("flow_cta", "max_length")]),
    (flow(flow_name="n"), [("flow_id", "one_of")]),
    (flow(flow_id=None), [("flow_id", "one_of")]),
    (flow(mode="live", flow_action="go"), [("mode", "choice"), ("flow_action", "choice")]),
    (
        flow(flow_action="data_exchange", flow_action_payload=FlowScreen(screen="S")),
        [("flow_action_payload", "none")],
    ),
    (LocationRequest(body="b", header=PHOTO, footer="f"), [("footer", "none"), ("header", "none")]),
    (products(31), [("sections", "items")]),
    (products(*[1] * 11), [("sections", "items")]),
    (products(1, header=None), [("header", "required")]),
    (products(1, header=PHOTO), [("header", "text")]),
    (carousel(card()), [("cards", "items")]),
    (carousel(*[card()] * 11), [("cards", "items")]),
    (carousel(card(body="x" * 161), card()), [("cards[0].body", "max_length")]),
    (carousel(card(body="a\n\n\nb"), card()), [("cards[0].body", "lines")]),
    (OtherInteractive(kind="", action={}), [("kind", "required")]),
    (template(category="UTILITY", marketing_api=True), [("marketing_api", "category")]),
    (template(name="Promo!"), [("name", "name")]),
    (template(language="en-GB"), [("language", "language")]),
    (template(body("x" * 1000, "x" * 25)), [("components[0]", "max_length")]),
    (template(body("")), [("components[0].parameters[0].text", "required")]),
    (template(body("a"), body("b")), [("components[1]", "once")]),
    (template(TemplateComponent(type="footer")), [("components[0].type", "choice")]),
    (
        template(TemplateComponent(type="header", parameters=(Parameter(text="x" * 61),))),
        [("components[0]", "max_length")],
    ),
    (
        template(button(Parameter(text="a"), sub_type="link", index=10)),
        [("components[0].sub_type", "choice"), ("components[0].index", "range")],
    ),
    (
        template(button(PayloadValue(payload="x" * 257), sub_type="quick_reply")),
        [("components[0].parameters[0].payload", "max_length")],
    ),
    (
        template(button(CouponValue(coupon_code="x" * 16), sub_type="copy_code")),
        [("components[0].parameters[0].coupon_code", "max_length")],
    ),
    (
        template(
            TemplateComponent(
                type="limited_time_offer",
                parameters=(OfferValue(limited_time_offer=Expiry(expiration_time_ms=1793491200)),),
            )
        ),
        [("components[0].parameters[0].limited_time_offer.expiration_time_ms", "milliseconds")],
    ),
    (
        template(
            TemplateComponent(
                type="carousel",
                cards=(
                    TemplateCard(card_index=0, components=(body("x" * 161),)),
                    TemplateCard(card_index=2, components=(TemplateComponent(type="carousel"),)),
                ),
            )
        ),
        [
            ("components[0].cards", "order"),
            ("components[0].cards[0].components[0]", "max_length"),
            ("components[0].cards[1].components[0].type", "choice"),
        ],
    ),
    (
        template(body("1234567890123456"), category="AUTHENTICATION"),
        [("components[0].parameters[0].text", "max_length")],
    ),
]


@pytest.mark.parametrize(("content", "faults"), BEYOND)
def test_what_is_beyond_a_limit_is_named_with_its_place(content, faults):
    assert wrong(content) == faults


def test_everything_that_is_wrong_is_told_at_once():
    content = buttons("x" * 21, "x" * 21, body="", footer="x" * 61, header=Parameter(text=""))
    assert wrong(content) == [
        ("body", "required"),
        ("footer", "max_length"),
        ("header.text", "required"),
        ("buttons[0].title", "max_length"),
        ("buttons[1].title", "max_length"),
        ("buttons", "unique"),
    ]
    assert all(fault.message for fault in check(content))
