"""Messages in Meta's JSON (fact sheet 2)."""

from typing import TypeAlias

import msgspec

from tidings.application.ports.gateway import Outgoing, callback_data
from tidings.domain.whatsapp.content import Content, Template, Text

JsonObject: TypeAlias = dict[str, object]

_encoder = msgspec.json.Encoder()


def encode(message: Outgoing) -> bytes:
    """The body of `POST /{phone-number-id}/messages`."""
    body: JsonObject = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    if message.to is not None:
        body["to"] = message.to
    else:
        body["recipient"] = message.recipient
    if message.reply_to is not None:
        body["context"] = {"message_id": message.reply_to}
    body["biz_opaque_callback_data"] = callback_data(message.attempt_id)
    kind, body_of_kind = spell(message.content)
    body["type"] = kind
    body[kind] = body_of_kind
    return _encoder.encode(body)


def spell(content: Content) -> tuple[str, object]:
    """A content's type, and the object that stands under it."""
    match content:
        case Text():
            said: JsonObject = {"body": content.body}
            if content.preview_url:
                said["preview_url"] = True
            return "text", said
        case Template():
            template: JsonObject = {"name": content.name, "language": {"code": content.language}}
            if content.components:
                template["components"] = content.components
            return "template", template
