"""Any valid message, and Meta's JSON read back into our words, sharing nothing with the wire."""

import msgspec
from hypothesis import strategies as st

from tidings.domain.whatsapp import content as c
from tidings.domain.whatsapp import interactive as i
from tidings.domain.whatsapp import values as v


def texts(most, least=1):
    return st.text(st.characters(codec="utf-8"), min_size=least, max_size=most).filter(
        lambda text: bool(text.strip())
    )


def maybe(strategy):
    return st.none() | strategy


WORDS = texts(20)
IDS = st.from_regex(r"[0-9]{5,16}", fullmatch=True)
LINKS = st.from_regex(r"https://[a-z]{1,8}\.example/[a-zA-Z0-9]{0,8}(\?[a-z]=[0-9])?", fullmatch=True)
DATA = st.dictionaries(texts(5), st.integers(-9, 9) | texts(5) | st.booleans() | st.none(), max_size=3)


def filed(kind, **more):
    """A kind of media, by id or by link."""
    return st.builds(kind, id=IDS, **more) | st.builds(kind, link=LINKS, **more)


FILES = filed(v.File)
IMAGES = st.builds(v.ImageValue, image=FILES)
VIDEOS = st.builds(v.VideoValue, video=FILES)
DOCUMENTS = st.builds(v.DocumentValue, document=filed(v.File, filename=maybe(WORDS)))
LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)
PRODUCTS = st.builds(v.ProductItem, product_retailer_id=WORDS)
CARDS = st.builds(
    c.Card,
    name=st.builds(c.CardName, formatted_name=WORDS, first_name=WORDS, last_name=maybe(WORDS)),
    birthday=maybe(st.dates().map(str)),
    phones=st.lists(st.builds(c.CardPhone, phone=WORDS, wa_id=maybe(IDS)), max_size=2).map(tuple),
    emails=st.lists(st.builds(c.CardEmail, email=WORDS, type=maybe(WORDS)), max_size=2).map(tuple),
    org=maybe(st.builds(c.CardOrganization, company=maybe(WORDS))),
    urls=st.lists(st.builds(c.CardUrl, url=LINKS), max_size=2).map(tuple),
    addresses=st.lists(st.builds(c.CardAddress, city=maybe(WORDS), zip=maybe(WORDS)), max_size=2).map(tuple),
)
PLAIN = st.one_of(
    st.builds(c.Text, body=texts(4096), preview_url=st.booleans()),
    filed(c.Image, caption=maybe(texts(1024))),
    filed(c.Video, caption=maybe(texts(1024))),
    filed(c.Document, caption=maybe(texts(1024)), filename=maybe(WORDS)),
    filed(c.Audio, voice=st.booleans()),
    filed(c.Sticker),
    st.builds(c.Location, latitude=LATITUDES, longitude=LONGITUDES, name=maybe(WORDS), address=maybe(WORDS)),
    st.builds(c.Contacts, contacts=st.lists(CARDS, min_size=1, max_size=3).map(tuple)),
    st.builds(c.Reaction, message_id=WORDS, emoji=st.sampled_from(["", "👍", "🏳️‍🌈"])),
)

TEXTS = st.builds(v.Parameter, text=WORDS, name=maybe(st.sampled_from(["first_name", "shop"])))
BODY_VALUES = st.one_of(
    TEXTS,
    st.builds(
        v.CurrencyValue,
        currency=st.builds(
            v.Amount, fallback_value=WORDS, code=st.just("GBP"), amount_1000=st.integers(0, 10**9)
        ),
    ),
    st.builds(v.DateTimeValue, date_time=st.builds(v.Moment, fallback_value=WORDS)),
)
HEADER_VALUES = st.one_of(
    TEXTS,
    IMAGES,
    VIDEOS,
    DOCUMENTS,
    st.builds(v.GifValue, gif=FILES),
    st.builds(v.LocationValue, location=st.builds(v.Place, latitude=LATITUDES, longitude=LONGITUDES)),
    st.builds(
        v.ProductValue,
        product=st.builds(v.ProductRef, product_retailer_id=WORDS, catalog_id=IDS),
    ),
)
BUTTON_VALUES = st.one_of(
    st.tuples(st.just("url"), TEXTS),
    st.tuples(st.just("quick_reply"), st.builds(v.PayloadValue, payload=texts(256))),
    st.tuples(st.just("copy_code"), st.builds(v.CouponValue, coupon_code=texts(15))),
    st.tuples(
        st.just("flow"),
        st.builds(
            v.ActionValue,
            action=st.builds(v.Action, flow_token=maybe(WORDS), flow_action_data=maybe(DATA)),
        ),
    ),
)


@st.composite
def components(draw, inside=False):
    found = []
    if draw(st.booleans()):
        found.append(v.TemplateComponent(type="header", parameters=(draw(HEADER_VALUES),)))
    if draw(st.booleans()):
        values = draw(st.lists(BODY_VALUES, min_size=1, max_size=4))
        found.append(v.TemplateComponent(type="body", parameters=tuple(values)))
    for index in draw(st.sets(st.integers(0, 9), max_size=3)):
        sub_type, value = draw(BUTTON_VALUES)
        found.append(v.TemplateComponent(type="button", sub_type=sub_type, index=index, parameters=(value,)))
    if not inside and draw(st.booleans()):
        cards = draw(st.lists(components(inside=True), min_size=2, max_size=3))
        found.append(
            v.TemplateComponent(
                type="carousel",
                cards=tuple(v.TemplateCard(card_index=n, components=card) for n, card in enumerate(cards)),
            )
        )
    if not inside and draw(st.booleans()):
        offer = v.OfferValue(
            limited_time_offer=v.Expiry(expiration_time_ms=draw(st.integers(10**12, 2 * 10**12)))
        )
        found.append(v.TemplateComponent(type="limited_time_offer", parameters=(offer,)))
    return tuple(found)


TEMPLATES = st.builds(
    c.Template,
    name=st.from_regex(r"[a-z0-9_]{1,20}", fullmatch=True),
    language=st.sampled_from(["en", "en_GB", "pt_BR", "fil"]),
    components=components(),
)

FRAME = {"body": texts(1024), "footer": maybe(texts(60))}
ANY_HEADER = maybe(st.builds(v.Parameter, text=texts(60)) | IMAGES | VIDEOS | DOCUMENTS)
TEXT_HEADER = st.builds(v.Parameter, text=texts(60))
UNIQUE_WORDS = st.lists(WORDS, unique=True, min_size=1, max_size=3)


@st.composite
def menus(draw):
    many = draw(st.booleans())
    ids = draw(st.lists(texts(200), unique=True, min_size=2, max_size=10))
    rows = [i.ListRow(id=id, title=draw(texts(24)), description=draw(maybe(texts(72)))) for id in ids]
    if not many:
        return (i.ListSection(title=draw(maybe(texts(24))), rows=tuple(rows)),)
    return (
        i.ListSection(title=draw(texts(24)), rows=tuple(rows[:1])),
        i.ListSection(title=draw(texts(24)), rows=tuple(rows[1:])),
    )


INTERACTIVE = st.one_of(
    st.builds(
        i.ReplyButtons,
        header=ANY_HEADER,
        buttons=st.tuples(UNIQUE_WORDS, UNIQUE_WORDS).map(
            lambda words: tuple(i.ReplyButton(id=id, title=title) for id, title in zip(*words, strict=False))
        ),
        **FRAME,
    ),
    st.builds(
        i.ListMenu,
        header=maybe(TEXT_HEADER),
        body=texts(4096),
        footer=maybe(texts(60)),
        button=WORDS,
        sections=menus(),
    ),
    st.builds(i.LinkButton, header=ANY_HEADER, display_text=WORDS, url=LINKS, **FRAME),
    st.builds(
        i.FlowForm,
        header=ANY_HEADER,
        flow_cta=WORDS,
        flow_id=IDS,
        flow_token=maybe(WORDS),
        mode=st.sampled_from(["published", "draft"]),
        flow_action_payload=maybe(st.builds(i.FlowScreen, screen=WORDS, data=maybe(DATA))),
        **FRAME,
    ),
    st.builds(i.LocationRequest, body=texts(1024)),
    st.builds(
        i.OneProduct,
        body=st.just("") | texts(1024),
        footer=maybe(texts(60)),
        catalog_id=IDS,
        product_retailer_id=WORDS,
    ),
    st.builds(
        i.ManyProducts,
        header=TEXT_HEADER,
        catalog_id=IDS,
        sections=st.lists(
            st.builds(
                v.ProductSection,
                title=texts(24),
                product_items=st.lists(PRODUCTS, min_size=1, max_size=3).map(tuple),
            ),
            min_size=1,
            max_size=3,
        ).map(tuple),
        **FRAME,
    ),
    st.builds(i.Catalogue, thumbnail_product_retailer_id=maybe(WORDS), **FRAME),
    st.builds(
        i.Carousel,
        body=texts(1024),
        cards=st.lists(
            st.builds(
                i.OfferCard,
                header=IMAGES | VIDEOS,
                body=maybe(texts(160).filter(lambda text: text.count("\n") <= 2)),
                display_text=WORDS,
                url=LINKS,
            ),
            min_size=2,
            max_size=4,
        ).map(tuple),
    ),
    st.builds(
        i.OtherInteractive,
        kind=st.sampled_from(["order_details", "call_permission_request"]),
        body=st.just("") | texts(1024),
        action=DATA,
    ),
)

CONTENTS = PLAIN | TEMPLATES | INTERACTIVE


def heard(said: dict) -> c.Content:
    """What Meta would understand of a message's JSON."""
    kind = said["type"]
    inner = said[kind]
    if kind == "template":
        return c.Template(
            name=inner["name"],
            language=inner["language"]["code"],
            components=msgspec.convert(inner.get("components", []), tuple[v.TemplateComponent, ...]),
        )
    if kind == "contacts":
        return msgspec.convert({"type": kind, "contacts": inner}, c.Content)
    if kind == "interactive":
        return _interactive(inner)
    return msgspec.convert({"type": kind, **inner}, c.Content)


def _interactive(said: dict) -> c.Content:
    kind, action = said["type"], said["action"]
    frame = {
        name: said[name]["text"] if name != "header" else said[name]
        for name in ("header", "body", "footer")
        if name in said
    }
    if kind in ("order_details", "call_permission_request"):
        return msgspec.convert({"type": "interactive", "kind": kind, "action": action, **frame}, c.Content)
    inside = dict(action) | action.get("parameters", {})
    inside = {name: inside[name] for name in inside if name not in ("name", "parameters")}
    if kind == "button":
        inside["buttons"] = [button["reply"] for button in action["buttons"]]
    if kind == "carousel":
        assert [card["card_index"] for card in action["cards"]] == list(range(len(action["cards"])))
        inside["cards"] = [
            {"header": card["header"], **card["action"]["parameters"]}
            | ({"body": card["body"]["text"]} if "body" in card else {})
            for card in action["cards"]
        ]
    return msgspec.convert({"type": kind, **frame, **inside}, c.Content)
