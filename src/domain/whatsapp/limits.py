"""What Meta refuses in a message (fact sheet 2.3), found before Meta sees it: every fault at once.

Where Meta's sources differ the stricter reading stands, so that what passes here passes there.
"""

from collections.abc import Iterator, Sequence

from tidings.domain.errors import Fault
from tidings.domain.whatsapp.content import (
    Audio,
    Contacts,
    Content,
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
    Interactive,
    LinkButton,
    ListMenu,
    ListSection,
    LocationRequest,
    ManyProducts,
    OfferCard,
    OneProduct,
    OtherInteractive,
    ReplyButtons,
)
from tidings.domain.whatsapp.limits_of_templates import check_sections, check_template
from tidings.domain.whatsapp.rules import (
    MAX_CAPTION,
    check_attachment,
    check_count,
    check_file,
    check_place,
    check_text,
    check_unique,
    check_url,
    fault,
)
from tidings.domain.whatsapp.values import DocumentValue, ImageValue, Parameter, VideoValue

MAX_TEXT = 4096
MAX_BODY = 1024
MAX_LIST_BODY = 4096
MAX_HEADER = 60
MAX_FOOTER = 60
MAX_LABEL = 20
"""Of a button, in all kinds."""
MAX_BUTTONS = 3
MAX_BUTTON_ID = 256
MAX_SECTIONS = 10
MAX_ROWS = 10
MAX_ROW_ID = 200
MAX_TITLE = 24
MAX_DESCRIPTION = 72
MAX_CARDS = 10
MAX_CARD_BODY = 160
MAX_CONTACTS = 257
MAX_ID = 100


def check(content: Content) -> tuple[Fault, ...]:
    """Everything that is wrong with a message, with paths inside the content."""
    return tuple(_check(content))


def _check(content: Content) -> Iterator[Fault]:
    match content:
        case Text():
            yield from check_text("body", content.body, MAX_TEXT)
        case Image() | Video() | Document():
            yield from check_file("", content.id, content.link)
            yield from check_text("caption", content.caption, MAX_CAPTION, required=False)
        case Audio() | Sticker():
            yield from check_file("", content.id, content.link)
        case Location():
            yield from check_place("", content.latitude, content.longitude)
        case Contacts():
            yield from _check_contacts(content)
        case Reaction():
            if not content.message_id:
                yield fault("message_id", "required", "must not be empty")
        case Template():
            yield from check_template(content)
        case _:
            yield from _check_interactive(content)


def _check_contacts(content: Contacts) -> Iterator[Fault]:
    yield from check_count("contacts", content.contacts, 1, MAX_CONTACTS)
    for i, card in enumerate(content.contacts):
        name, path = card.name, f"contacts[{i}].name"
        if not name.formatted_name.strip():
            yield fault(f"{path}.formatted_name", "required", "must not be empty")
        if not any((name.first_name, name.last_name, name.middle_name, name.prefix, name.suffix)):
            yield fault(path, "parts", "needs one more part of the name, such as first_name")


def _check_interactive(content: Interactive) -> Iterator[Fault]:
    yield from _check_frame(content)
    match content:
        case ReplyButtons():
            yield from _check_buttons(content)
        case ListMenu():
            yield from check_text("button", content.button, MAX_LABEL)
            yield from _check_list(content.sections)
        case LinkButton():
            yield from check_text("display_text", content.display_text, MAX_LABEL)
            yield from check_url("url", content.url)
        case FlowForm():
            yield from _check_flow(content)
        case Carousel():
            yield from check_count("cards", content.cards, 2, MAX_CARDS)
            for i, card in enumerate(content.cards):
                yield from _check_card(f"cards[{i}]", card)
        case _:
            yield from _check_names(content)


def _check_names(content: Interactive) -> Iterator[Fault]:
    match content:
        case OneProduct():
            yield from check_text("catalog_id", content.catalog_id, MAX_ID)
            yield from check_text("product_retailer_id", content.product_retailer_id, MAX_ID)
        case ManyProducts():
            yield from check_text("catalog_id", content.catalog_id, MAX_ID)
            yield from check_sections("sections", content.sections)
        case OtherInteractive():
            yield from check_text("kind", content.kind, MAX_ID)
        case _:
            pass


def _check_frame(content: Interactive) -> Iterator[Fault]:
    """Header, body and footer."""
    most = MAX_LIST_BODY if isinstance(content, ListMenu) else MAX_BODY
    required = not isinstance(content, OneProduct | OtherInteractive)
    if content.body or required:
        yield from check_text("body", content.body, most)
    yield from check_text("footer", content.footer, MAX_FOOTER, required=False)
    if isinstance(content, LocationRequest | Carousel) and content.footer is not None:
        yield fault("footer", "none", "does not go with this kind")
    yield from _check_header(content)


def _check_header(content: Interactive) -> Iterator[Fault]:
    if content.header is None:
        if isinstance(content, ManyProducts):
            yield fault("header", "required", "is needed above a list of products")
        return
    match content.header:
        case Parameter(text=text):
            yield from check_text("header.text", text, MAX_HEADER)
        case ImageValue(image=file):
            yield from check_attachment("header.image", file)
        case VideoValue(video=file):
            yield from check_attachment("header.video", file)
        case DocumentValue(document=file):
            yield from check_attachment("header.document", file)
    if isinstance(content, ListMenu | ManyProducts) and not isinstance(content.header, Parameter):
        yield fault("header", "text", "must be a text")
    if isinstance(content, LocationRequest | OneProduct | Catalogue | Carousel):
        yield fault("header", "none", "does not go with this kind")


def _check_buttons(content: ReplyButtons) -> Iterator[Fault]:
    yield from check_count("buttons", content.buttons, 1, MAX_BUTTONS)
    for i, button in enumerate(content.buttons):
        yield from check_text(f"buttons[{i}].title", button.title, MAX_LABEL)
        yield from check_text(f"buttons[{i}].id", button.id, MAX_BUTTON_ID)
    yield from check_unique("buttons", "title", [button.title for button in content.buttons])
    yield from check_unique("buttons", "id", [button.id for button in content.buttons])


def _check_list(sections: Sequence[ListSection]) -> Iterator[Fault]:
    yield from check_count("sections", sections, 1, MAX_SECTIONS)
    rows = [row for section in sections for row in section.rows]
    yield from check_count("sections", rows, 1, MAX_ROWS)
    yield from check_unique("sections", "row id", [row.id for row in rows])
    for i, section in enumerate(sections):
        path = f"sections[{i}]"
        yield from check_text(f"{path}.title", section.title, MAX_TITLE, required=len(sections) > 1)
        if not section.rows:
            yield fault(f"{path}.rows", "items", "must be at least 1")
        for j, row in enumerate(section.rows):
            yield from check_text(f"{path}.rows[{j}].id", row.id, MAX_ROW_ID)
            yield from check_text(f"{path}.rows[{j}].title", row.title, MAX_TITLE)
            description = f"{path}.rows[{j}].description"
            yield from check_text(description, row.description, MAX_DESCRIPTION, required=False)


def _check_flow(content: FlowForm) -> Iterator[Fault]:
    yield from check_text("flow_cta", content.flow_cta, MAX_LABEL)
    if (content.flow_id is None) == (content.flow_name is None):
        yield fault("flow_id", "one_of", "needs flow_id or flow_name, and not both")
    if content.mode not in ("published", "draft"):
        yield fault("mode", "choice", "must be published or draft")
    if content.flow_action not in ("navigate", "data_exchange"):
        yield fault("flow_action", "choice", "must be navigate or data_exchange")
    if content.flow_action == "data_exchange" and content.flow_action_payload is not None:
        yield fault("flow_action_payload", "none", "does not go with data_exchange")


def _check_card(path: str, card: OfferCard) -> Iterator[Fault]:
    file = card.header.image if isinstance(card.header, ImageValue) else card.header.video
    yield from check_attachment(f"{path}.header", file)
    yield from check_text(f"{path}.body", card.body, MAX_CARD_BODY, required=False)
    if card.body is not None and card.body.count("\n") > 2:
        yield fault(f"{path}.body", "lines", "must have at most 2 line breaks")
    yield from check_text(f"{path}.display_text", card.display_text, MAX_LABEL)
    yield from check_url(f"{path}.url", card.url)
