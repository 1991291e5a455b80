"""Every kind of message, once in our words and once in Meta's (fact sheet 2.4 to 2.6)."""

from tidings.domain.whatsapp.content import (
    Audio,
    Card,
    CardAddress,
    CardEmail,
    CardName,
    CardOrganization,
    CardPhone,
    CardUrl,
    Contacts,
    Document,
    Image,
    Location,
    Reaction,
    Sticker,
    Template,
    Text,
    Video,
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
from tidings.domain.whatsapp.values import (
    Action,
    ActionValue,
    Amount,
    CouponValue,
    CurrencyValue,
    DateTimeValue,
    DocumentValue,
    Expiry,
    File,
    ImageValue,
    LocationValue,
    Moment,
    OfferValue,
    Parameter,
    PayloadValue,
    Place,
    ProductItem,
    ProductRef,
    ProductSection,
    ProductValue,
    TemplateCard,
    TemplateComponent,
)


def _t(*texts):
    return tuple(Parameter(text=text) for text in texts)


def _texts(*texts):
    return [{"type": "text", "text": text} for text in texts]


def _button(sub_type, index, *values):
    return TemplateComponent(type="button", sub_type=sub_type, index=index, parameters=values)


def _card(i, id, amount, what):
    return TemplateCard(
        card_index=i,
        components=(
            TemplateComponent(type="header", parameters=(ImageValue(image=File(id=id)),)),
            TemplateComponent(type="body", parameters=_t(amount)),
            _button("quick_reply", 0, PayloadValue(payload=f"MORE:{what}")),
            _button("url", 1, Parameter(text=what)),
        ),
    )


def _card_json(i, id, amount, what):
    return {
        "card_index": i,
        "components": [
            {"type": "header", "parameters": [{"type": "image", "image": {"id": id}}]},
            {"type": "body", "parameters": _texts(amount)},
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": 0,
                "parameters": [{"type": "payload", "payload": f"MORE:{what}"}],
            },
            {"type": "button", "sub_type": "url", "index": 1, "parameters": _texts(what)},
        ],
    }


PLAIN = {
    "text": (
        Text(body="Your parcel: https://parcels.example/t/9F2K", preview_url=True),
        {
            "type": "text",
            "text": {"preview_url": True, "body": "Your parcel: https://parcels.example/t/9F2K"},
        },
    ),
    "image": (
        Image(id="880011223344556", caption="Front door"),
        {"type": "image", "image": {"id": "880011223344556", "caption": "Front door"}},
    ),
    "document": (
        Document(
            link="https://files.example/invoice-0042.pdf",
            filename="invoice-0042.pdf",
            caption="Invoice 0042",
        ),
        {
            "type": "document",
            "document": {
                "link": "https://files.example/invoice-0042.pdf",
                "filename": "invoice-0042.pdf",
                "caption": "Invoice 0042",
            },
        },
    ),
    "audio": (
        Audio(id="880011223344557", voice=True),
        {"type": "audio", "audio": {"id": "880011223344557", "voice": True}},
    ),
    "video": (
        Video(id="880011223344558", caption="Unboxing"),
        {"type": "video", "video": {"id": "880011223344558", "caption": "Unboxing"}},
    ),
    "sticker": (
        Sticker(id="880011223344559"),
        {"type": "sticker", "sticker": {"id": "880011223344559"}},
    ),
    "location": (
        Location(latitude=51.5072, longitude=-0.1276, name="Depot 7", address="1 Sample Yard, London"),
        {
            "type": "location",
            "location": {
                "latitude": 51.5072,
                "longitude": -0.1276,
                "name": "Depot 7",
                "address": "1 Sample Yard, London",
            },
        },
    ),
    "contacts": (
        Contacts(
            contacts=(
                Card(
                    name=CardName(formatted_name="Rowan Hale", first_name="Rowan", last_name="Hale"),
                    birthday="1990-04-12",
                    phones=(CardPhone(phone="+447700900456", type="CELL", wa_id="447700900456"),),
                    emails=(CardEmail(email="rowan@example.org", type="WORK"),),
                    org=CardOrganization(company="Hale Parcels", department="Ops", title="Lead"),
                    urls=(CardUrl(url="https://parcels.example", type="WORK"),),
                    addresses=(CardAddress(street="1 Sample Yard", city="London", country_code="GB"),),
                ),
            )
        ),
        {
            "type": "contacts",
            "contacts": [
                {
                    "name": {"formatted_name": "Rowan Hale", "first_name": "Rowan", "last_name": "Hale"},
                    "birthday": "1990-04-12",
                    "phones": [{"phone": "+447700900456", "type": "CELL", "wa_id": "447700900456"}],
                    "emails": [{"email": "rowan@example.org", "type": "WORK"}],
                    "org": {"company": "Hale Parcels", "department": "Ops", "title": "Lead"},
                    "urls": [{"url": "https://parcels.example", "type": "WORK"}],
                    "addresses": [{"street": "1 Sample Yard", "city": "London", "country_code": "GB"}],
                }
            ],
        },
    ),
    "reaction": (
        Reaction(message_id="wamid.INBOUND001", emoji="\U0001f44d"),
        {"type": "reaction", "reaction": {"message_id": "wamid.INBOUND001", "emoji": "\U0001f44d"}},
    ),
    "reaction taken back": (
        Reaction(message_id="wamid.INBOUND001"),
        {"type": "reaction", "reaction": {"message_id": "wamid.INBOUND001", "emoji": ""}},
    ),
}


def _interactive(content, said):
    return content, {"type": "interactive", "interactive": said}


INTERACTIVE = {
    "buttons": _interactive(
        ReplyButtons(
            header=Parameter(text="Delivery"),
            body="Are you in tomorrow?",
            footer="Reply by 18:00",
            buttons=(ReplyButton(id="in_yes", title="Yes"), ReplyButton(id="in_no", title="No")),
        ),
        {
            "type": "button",
            "header": {"type": "text", "text": "Delivery"},
            "body": {"text": "Are you in tomorrow?"},
            "footer": {"text": "Reply by 18:00"},
            "action": {
                "buttons": [
                    {"type": "reply", "reply": {"id": "in_yes", "title": "Yes"}},
                    {"type": "reply", "reply": {"id": "in_no", "title": "No"}},
                ]
            },
        },
    ),
    "list": _interactive(
        ListMenu(
            header=Parameter(text="Slots"),
            body="Pick a slot",
            footer="GMT",
            button="See slots",
            sections=(
                ListSection(
                    title="Tuesday",
                    rows=(
                        ListRow(id="tue_am", title="Morning", description="08:00-12:00"),
                        ListRow(id="tue_pm", title="Afternoon"),
                    ),
                ),
            ),
        ),
        {
            "type": "list",
            "header": {"type": "text", "text": "Slots"},
            "body": {"text": "Pick a slot"},
            "footer": {"text": "GMT"},
            "action": {
                "button": "See slots",
                "sections": [
                    {
                        "title": "Tuesday",
                        "rows": [
                            {"id": "tue_am", "title": "Morning", "description": "08:00-12:00"},
                            {"id": "tue_pm", "title": "Afternoon"},
                        ],
                    }
                ],
            },
        },
    ),
    "link": _interactive(
        LinkButton(body="Track it live", display_text="Track", url="https://parcels.example/t/9F2K"),
        {
            "type": "cta_url",
            "body": {"text": "Track it live"},
            "action": {
                "name": "cta_url",
                "parameters": {"display_text": "Track", "url": "https://parcels.example/t/9F2K"},
            },
        },
    ),
    "flow": _interactive(
        FlowForm(
            body="Tell us how it went",
            flow_id="740000000000909",
            flow_cta="Start",
            flow_token="tok-77",
            flow_action_payload=FlowScreen(screen="RATE", data={"order": "9F2K"}),
        ),
        {
            "type": "flow",
            "body": {"text": "Tell us how it went"},
            "action": {
                "name": "flow",
                "parameters": {
                    "flow_message_version": "3",
                    "flow_id": "740000000000909",
                    "flow_cta": "Start",
                    "mode": "published",
                    "flow_token": "tok-77",
                    "flow_action": "navigate",
                    "flow_action_payload": {"screen": "RATE", "data": {"order": "9F2K"}},
                },
            },
        },
    ),
    "location request": _interactive(
        LocationRequest(body="Where should we leave it?"),
        {
            "type": "location_request_message",
            "body": {"text": "Where should we leave it?"},
            "action": {"name": "send_location"},
        },
    ),
    "product": _interactive(
        OneProduct(
            body="Back in stock", footer="Shop", catalog_id="550000000000111", product_retailer_id="SKU-7"
        ),
        {
            "type": "product",
            "body": {"text": "Back in stock"},
            "footer": {"text": "Shop"},
            "action": {"catalog_id": "550000000000111", "product_retailer_id": "SKU-7"},
        },
    ),
    "products": _interactive(
        ManyProducts(
            header=Parameter(text="Spring"),
            body="Our picks",
            catalog_id="550000000000111",
            sections=(
                ProductSection(
                    title="Boxes",
                    product_items=(
                        ProductItem(product_retailer_id="SKU-7"),
                        ProductItem(product_retailer_id="SKU-8"),
                    ),
                ),
            ),
        ),
        {
            "type": "product_list",
            "header": {"type": "text", "text": "Spring"},
            "body": {"text": "Our picks"},
            "action": {
                "catalog_id": "550000000000111",
                "sections": [
                    {
                        "title": "Boxes",
                        "product_items": [
                            {"product_retailer_id": "SKU-7"},
                            {"product_retailer_id": "SKU-8"},
                        ],
                    }
                ],
            },
        },
    ),
    "catalogue": _interactive(
        Catalogue(body="Browse everything", thumbnail_product_retailer_id="SKU-7"),
        {
            "type": "catalog_message",
            "body": {"text": "Browse everything"},
            "action": {
                "name": "catalog_message",
                "parameters": {"thumbnail_product_retailer_id": "SKU-7"},
            },
        },
    ),
    "carousel": _interactive(
        Carousel(
            body="Two offers",
            cards=tuple(
                OfferCard(
                    header=ImageValue(image=File(link=f"https://files.example/{x}.jpg")),
                    body=f"{size} box",
                    display_text="Buy",
                    url=f"https://parcels.example/{x}",
                )
                for x, size in (("a", "Small"), ("b", "Big"))
            ),
        ),
        {
            "type": "carousel",
            "body": {"text": "Two offers"},
            "action": {
                "cards": [
                    {
                        "card_index": i,
                        "type": "cta_url",
                        "header": {"type": "image", "image": {"link": f"https://files.example/{x}.jpg"}},
                        "body": {"text": f"{size} box"},
                        "action": {
                            "name": "cta_url",
                            "parameters": {"display_text": "Buy", "url": f"https://parcels.example/{x}"},
                        },
                    }
                    for i, (x, size) in enumerate((("a", "Small"), ("b", "Big")))
                ]
            },
        },
    ),
    "any other": _interactive(
        OtherInteractive(
            kind="call_permission_request",
            body="May we ring you?",
            action={"name": "call_permission_request"},
        ),
        {
            "type": "call_permission_request",
            "body": {"text": "May we ring you?"},
            "action": {"name": "call_permission_request"},
        },
    ),
}


def _template(name, language, components, said, **more):
    return (
        Template(name=name, language=language, components=components, **more),
        {
            "type": "template",
            "template": {"name": name, "language": {"code": language}, "components": said},
        },
    )


TEMPLATES = {
    "no values": (
        Template(name="hello_world", language="en_US"),
        {"type": "template", "template": {"name": "hello_world", "language": {"code": "en_US"}}},
    ),
    "document, body, buttons": _template(
        "delivery_eta_v2",
        "en_GB",
        (
            TemplateComponent(
                type="header",
                parameters=(DocumentValue(document=File(id="880011223344560", filename="docket.pdf")),),
            ),
            TemplateComponent(type="body", parameters=_t("Rowan", "14:30")),
            _button("quick_reply", 0, PayloadValue(payload="RESCHEDULE:9F2K")),
            _button("url", 1, Parameter(text="9F2K")),
        ),
        [
            {
                "type": "header",
                "parameters": [
                    {
                        "type": "document",
                        "document": {"id": "880011223344560", "filename": "docket.pdf"},
                    }
                ],
            },
            {"type": "body", "parameters": _texts("Rowan", "14:30")},
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": 0,
                "parameters": [{"type": "payload", "payload": "RESCHEDULE:9F2K"}],
            },
            {"type": "button", "sub_type": "url", "index": 1, "parameters": _texts("9F2K")},
        ],
    ),
    "named": _template(
        "welcome_named",
        "en",
        (
            TemplateComponent(type="header", parameters=(Parameter(name="shop", text="Hale Parcels"),)),
            TemplateComponent(
                type="body",
                parameters=(
                    Parameter(name="first_name", text="Rowan"),
                    Parameter(name="order_ref", text="9F2K"),
                ),
            ),
        ),
        [
            {
                "type": "header",
                "parameters": [{"type": "text", "parameter_name": "shop", "text": "Hale Parcels"}],
            },
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "parameter_name": "first_name", "text": "Rowan"},
                    {"type": "text", "parameter_name": "order_ref", "text": "9F2K"},
                ],
            },
        ],
    ),
    "limited-time offer": _template(
        "spring_lto",
        "en_GB",
        (
            TemplateComponent(type="header", parameters=(ImageValue(image=File(id="880011223344561")),)),
            TemplateComponent(type="body", parameters=_t("Rowan")),
            TemplateComponent(
                type="limited_time_offer",
                parameters=(OfferValue(limited_time_offer=Expiry(expiration_time_ms=1793491200000)),),
            ),
            _button("copy_code", 0, CouponValue(coupon_code="BOX15")),
            _button("url", 1, Parameter(text="spring?c=BOX15")),
        ),
        [
            {"type": "header", "parameters": [{"type": "image", "image": {"id": "880011223344561"}}]},
            {"type": "body", "parameters": _texts("Rowan")},
            {
                "type": "limited_time_offer",
                "parameters": [
                    {
                        "type": "limited_time_offer",
                        "limited_time_offer": {"expiration_time_ms": 1793491200000},
                    }
                ],
            },
            {
                "type": "button",
                "sub_type": "copy_code",
                "index": 0,
                "parameters": [{"type": "coupon_code", "coupon_code": "BOX15"}],
            },
            {"type": "button", "sub_type": "url", "index": 1, "parameters": _texts("spring?c=BOX15")},
        ],
    ),
    "carousel": _template(
        "boxes_carousel",
        "en_GB",
        (
            TemplateComponent(type="body", parameters=_t("Rowan")),
            TemplateComponent(
                type="carousel",
                cards=(
                    _card(0, "880011223344562", "10", "small"),
                    _card(1, "880011223344563", "15", "big"),
                ),
            ),
        ),
        [
            {"type": "body", "parameters": _texts("Rowan")},
            {
                "type": "carousel",
                "cards": [
                    _card_json(0, "880011223344562", "10", "small"),
                    _card_json(1, "880011223344563", "15", "big"),
                ],
            },
        ],
    ),
    "one-time code": _template(
        "login_code",
        "en_GB",
        (
            TemplateComponent(type="body", parameters=_t("481920")),
            _button("url", 0, Parameter(text="481920")),
        ),
        [
            {"type": "body", "parameters": _texts("481920")},
            {"type": "button", "sub_type": "url", "index": 0, "parameters": _texts("481920")},
        ],
        category="AUTHENTICATION",
    ),
    "place and typed values": _template(
        "depot",
        "en_GB",
        (
            TemplateComponent(
                type="header",
                parameters=(LocationValue(location=Place(latitude=51.5, longitude=-0.125, name="Depot")),),
            ),
            TemplateComponent(
                type="body",
                parameters=(
                    CurrencyValue(currency=Amount(fallback_value="£12.50", code="GBP", amount_1000=12500)),
                    DateTimeValue(date_time=Moment(fallback_value="3 June 2026")),
                ),
            ),
        ),
        [
            {
                "type": "header",
                "parameters": [
                    {
                        "type": "location",
                        "location": {"latitude": 51.5, "longitude": -0.125, "name": "Depot"},
                    }
                ],
            },
            {
                "type": "body",
                "parameters": [
                    {
                        "type": "currency",
                        "currency": {"fallback_value": "£12.50", "code": "GBP", "amount_1000": 12500},
                    },
                    {"type": "date_time", "date_time": {"fallback_value": "3 June 2026"}},
                ],
            },
        ],
    ),
    "goods and a flow": _template(
        "goods",
        "en_GB",
        (
            TemplateComponent(
                type="header",
                parameters=(
                    ProductValue(
                        product=ProductRef(product_retailer_id="SKU-7", catalog_id="550000000000111")
                    ),
                ),
            ),
            _button("flow", 0, ActionValue(action=Action(flow_token="t", flow_action_data={"a": 1}))),
            _button(
                "mpm",
                1,
                ActionValue(
                    action=Action(
                        thumbnail_product_retailer_id="SKU-7",
                        sections=(
                            ProductSection(
                                title="Boxes", product_items=(ProductItem(product_retailer_id="SKU-7"),)
                            ),
                        ),
                    )
                ),
            ),
        ),
        [
            {
                "type": "header",
                "parameters": [
                    {
                        "type": "product",
                        "product": {"product_retailer_id": "SKU-7", "catalog_id": "550000000000111"},
                    }
                ],
            },
            {
                "type": "button",
                "sub_type": "flow",
                "index": 0,
                "parameters": [
                    {"type": "action", "action": {"flow_token": "t", "flow_action_data": {"a": 1}}}
                ],
            },
            {
                "type": "button",
                "sub_type": "mpm",
                "index": 1,
                "parameters": [
                    {
                        "type": "action",
                        "action": {
                            "thumbnail_product_retailer_id": "SKU-7",
                            "sections": [
                                {
                                    "title": "Boxes",
                                    "product_items": [{"product_retailer_id": "SKU-7"}],
                                }
                            ],
                        },
                    }
                ],
            },
        ],
    ),
}

SAMPLES = (
    PLAIN
    | {f"interactive: {name}": sample for name, sample in INTERACTIVE.items()}
    | {f"template: {name}": sample for name, sample in TEMPLATES.items()}
)
