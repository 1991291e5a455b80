"""Messages in Meta's JSON (fact sheet 2)."""

from typing import TypeAlias

import msgspec
from msgspec.structs import asdict

from tidings.application.ports.gateway import Outgoing, callback_data
from tidings.domain.kernel import Wamid
from tidings.domain.whatsapp.content import Contacts, Content, Reaction, Template, Text
from tidings.domain.whatsapp.interactive import (
    Carousel,
    Catalogue,
    FlowForm,
    Interactive,
    LinkButton,
    ListMenu,
    LocationRequest,
    ManyProducts,
    OfferCard,
    OneProduct,
    OtherInteractive,
    ReplyButtons,
)

JsonObject: TypeAlias = dict[str, object]

_encoder = msgspec.json.Encoder()


def encode(message: Outgoing) -> bytes:
    """The body of `POST /{phone-number-id}/messages`. Raise UnicodeEncodeError for half a character."""
    kind, said = spell(message.content)
    body: JsonObject = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    if message.to is not None:
        body["to"] = message.to
    else:
        body["recipient"] = message.recipient
    body["type"] = kind
    body[kind] = said
    if message.reply_to is not None:
        body["context"] = {"message_id": message.reply_to}
    body["biz_opaque_callback_data"] = callback_data(message.attempt_id)
    return _encoder.encode(body)


def encode_receipt(wamid: Wamid, *, typing: bool = False) -> JsonObject:
    """The body that marks a person's message as read, and may show that an answer is being written."""
    body: JsonObject = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    if typing:
        body["typing_indicator"] = {"type": "text"}
    return body


def spell(content: Content) -> tuple[str, object]:
    """A content's type, and what stands under it."""
    match content:
        case Template():
            return "template", _template(content)
        case Text() if not content.preview_url:
            return "text", {"body": content.body}
        case Contacts():
            return "contacts", content.contacts
        case Reaction():
            # No emoji is said as an empty one, and takes the reaction back.
            return "reaction", {"message_id": content.message_id, "emoji": content.emoji}
        case (
            ReplyButtons()
            | ListMenu()
            | LinkButton()
            | FlowForm()
            | LocationRequest()
            | OneProduct()
            | ManyProducts()
            | Catalogue()
            | Carousel()
            | OtherInteractive()
        ):
            return "interactive", _interactive(content)
        case _:
            return str(content.__struct_config__.tag), _said(asdict(content))


def _template(content: Template) -> JsonObject:
    said: JsonObject = {"name": content.name, "language": {"code": content.language}}
    if content.components:
        said["components"] = content.components
    return said


def _said(values: JsonObject) -> JsonObject:
    """What has a value; `false` is what Meta assumes."""
    return {name: value for name, value in values.items() if value is not None and value is not False}


def _interactive(content: Interactive) -> JsonObject:
    said: JsonObject = {
        "type": content.kind if isinstance(content, OtherInteractive) else str(content.__struct_config__.tag)
    }
    if content.header is not None:
        said["header"] = content.header
    if content.body:
        said["body"] = {"text": content.body}
    if content.footer is not None:
        said["footer"] = {"text": content.footer}
    said["action"] = _action(content)
    return said


def _action(content: Interactive) -> JsonObject:
    match content:
        case ReplyButtons():
            return {"buttons": [{"type": "reply", "reply": button} for button in content.buttons]}
        case ListMenu():
            return {"button": content.button, "sections": content.sections}
        case LinkButton():
            return _link(content)
        case FlowForm():
            return {"name": "flow", "parameters": _flow(content)}
        case LocationRequest():
            return {"name": "send_location"}
        case Carousel():
            return {"cards": [_card(i, card) for i, card in enumerate(content.cards)]}
        case OtherInteractive():
            return content.action
        case _:
            return _goods(content)


def _goods(content: OneProduct | ManyProducts | Catalogue) -> JsonObject:
    match content:
        case OneProduct():
            return {"catalog_id": content.catalog_id, "product_retailer_id": content.product_retailer_id}
        case ManyProducts():
            return {"catalog_id": content.catalog_id, "sections": content.sections}
        case Catalogue():
            said: JsonObject = {"name": "catalog_message"}
            if content.thumbnail_product_retailer_id is not None:
                thumbnail = content.thumbnail_product_retailer_id
                said["parameters"] = {"thumbnail_product_retailer_id": thumbnail}
            return said


def _link(content: LinkButton | OfferCard) -> JsonObject:
    return {"name": "cta_url", "parameters": {"display_text": content.display_text, "url": content.url}}


def _flow(content: FlowForm) -> JsonObject:
    return _said(
        {
            "flow_message_version": content.flow_message_version,
            "flow_id": content.flow_id,
            "flow_name": content.flow_name,
            "flow_cta": content.flow_cta,
            "mode": content.mode,
            "flow_token": content.flow_token,
            "flow_action": content.flow_action,
            "flow_action_payload": content.flow_action_payload,
        }
    )


def _card(index: int, card: OfferCard) -> JsonObject:
    said: JsonObject = {"card_index": index, "type": "cta_url", "header": card.header}
    if card.body is not None:
        said["body"] = {"text": card.body}
    said["action"] = _link(card)
    return said
