"""Meta's `business-messaging-api_v23.0.yaml` made usable as a contract (fact sheet 12).

REPAIRS mend what the file gets wrong about its own examples; NEWER adds what came after it. Both are
functions over its schemas, applied at load: the vendored file stays as Meta wrote it.
"""

import lzma
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

FILE = Path(__file__).parent / "business-messaging-api_v23.0.yaml.xz"

MESSAGES = "/{Version}/{Phone-Number-ID}/messages"
WEBHOOKS = "/whatsapp/webhooks"


@cache
def specification(*, repaired: bool = True) -> dict:
    """The document. Keys are texts, and the one member that OpenAPI does not know is gone."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = _texts(yaml.load(lzma.decompress(FILE.read_bytes()), loader))
    del document["components"]["parameterGroups"]
    if repaired:
        schemas = document["components"]["schemas"]
        for change in (*REPAIRS, *NEWER):
            change(schemas)
        receipt = {"$ref": "#/components/schemas/MarkMessageRequestPayload"}
        body = document["paths"][MESSAGES]["post"]["requestBody"]["content"]["application/json"]
        body["schema"] = {"anyOf": [body["schema"], receipt]}
    return document


def _texts(node):
    if isinstance(node, dict):
        return {str(key): _texts(value) for key, value in node.items()}
    return [_texts(item) for item in node] if isinstance(node, list) else node


def validator(schema: dict) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": specification()["components"]})


@cache
def _validator_of(path: str, method: str, status: str | None, media_type: str) -> Draft202012Validator:
    operation = specification()["paths"][path][method]
    part = operation["requestBody"] if status is None else operation["responses"][status]
    while "$ref" in part:
        part = specification()["components"]["responses"][part["$ref"].rsplit("/", 1)[1]]
    return validator(part["content"][media_type]["schema"])


def faults(path: str, method: str, said, *, status: str | None = None) -> str | None:
    """What is wrong with a request's body, or with that of an answer; None when it is as Meta says."""
    checks = _validator_of(path, method, status, "application/json")
    error = best_match(checks.iter_errors(said))
    return None if error is None else f"{error.json_path}: {error.message}"


def examples(path: str, method: str) -> Iterator[tuple[str, object]]:
    """The file's own examples of a request."""
    content = specification()["paths"][path][method]["requestBody"]["content"]["application/json"]
    for name, example in content.get("examples", {}).items():
        yield name, example["value"]


# Repairs: what the file says wrongly about what it describes.


def _open_branches(schemas: dict) -> None:
    """`additionalProperties: false` in one branch of an `allOf` forbids what the other branch asks for."""
    for schema in schemas.values():
        for branch in schema.get("allOf", ()):
            branch.pop("additionalProperties", None)


def _template_values(schemas: dict) -> None:
    """`policy` may be left out, an index is one digit (or a number), and there are more kinds of button."""
    schemas["LanguageObject"]["required"] = ["code"]
    button = schemas["ButtonComponent"]["allOf"][1]
    for component in (schemas["TemplateComponent"], button):
        properties = component["properties"]
        properties["index"] = {"anyOf": [{"type": "string", "pattern": "^[0-9]$"}, {"type": "integer"}]}
        words = ["quick_reply", "url", "catalog", "copy_code", "flow", "mpm"]
        properties["sub_type"]["enum"] = words + [word.upper() for word in words]


def _places(schemas: dict) -> None:
    """Latitude and longitude may be numbers."""
    place = schemas["LocationMessage"]["allOf"][1]["properties"]["location"]["properties"]
    place["latitude"] = place["longitude"] = {"type": ["string", "number"]}


def _envelope(schemas: dict) -> None:
    """`recipient_type` and `type` have defaults."""
    schemas["BaseMessageProperties"]["required"] = ["messaging_product", "to"]


def _interactive_kinds(schemas: dict) -> None:
    """More kinds, whose actions the list of actions does not know."""
    kinds = schemas["InteractiveObject"]["properties"]["type"]["enum"]
    kinds += ["cta_url", "location_request_message", "carousel", "order_details", "order_status"]
    named = ["cta_url", "send_location", "review_and_pay", "review_order"]
    schemas["ActionObject"]["oneOf"] += [
        {"required": ["name"], "properties": {"name": {"enum": named}}},
        {"required": ["cards"], "properties": {"cards": {"type": "array", "minItems": 2, "maxItems": 10}}},
    ]
    # A button for WhatsApp's list, and the products of a catalogue, are both "sections".
    schemas["BodyObject"]["properties"]["text"]["maxLength"] = 4096
    header = schemas["HeaderObject"]["properties"]["type"]["enum"]
    if "<HEADER_TYPE>" not in header:
        header.append("<HEADER_TYPE>")


def _receipts(schemas: dict) -> None:
    """A receipt may show that an answer is being written."""
    typing = {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["text"]}}}
    receipt = schemas["MarkMessageRequestPayload"]
    receipt["properties"] |= {"typing_indicator": typing, "status": {"enum": ["read"]}}


INBOUND = {
    "TextMessage": "TextMessage_2",
    "ReactionMessage": "ReactionMessage_1",
    "AudioMessage": "AudioMessage_1",
    "DocumentMessage": "DocumentMessage_1",
    "ImageMessage": "ImageMessage_1",
    "StickerMessage": "StickerMessage_1",
    "VideoMessage": "VideoMessage_1",
    "LocationMessage": "LocationMessage_1",
}


def _inbound(schemas: dict) -> None:
    """What people send is described by the outgoing twins of the right schemas."""
    incoming = schemas["IncomingMessage"]
    del incoming["discriminator"]
    for branch in incoming["oneOf"]:
        name = branch["$ref"].rsplit("/", 1)[1]
        branch["$ref"] = f"#/components/schemas/{INBOUND.get(name, name)}"
    kinds = [branch["$ref"].rsplit("/", 1)[1] for branch in incoming["oneOf"]] + ["SystemMessage"]
    for name in kinds:
        base, own = schemas[name]["allOf"]
        if base["$ref"].endswith("/BaseMessageProperties"):
            base["$ref"] = "#/components/schemas/BaseMessageProperties_1"
        if name == "UnsupportedMessage":
            own["properties"]["errors"]["items"]["$ref"] = "#/components/schemas/ErrorObject_2"
        if name == "ContactSharingMessage":
            own["properties"]["contacts"]["items"]["$ref"] = "#/components/schemas/ContactObject_1"
    schemas["ErrorObject_2"]["properties"]["title"] = {"type": "string"}


def _groups(schemas: dict) -> None:
    group = schemas["Groups"]["properties"]
    group["timestamp"] = {"type": ["string", "integer"]}
    for name in ("input", "wa_id"):
        schemas["GroupParticipant"]["properties"][name] = {"type": ["string", "integer"]}
    schemas["Change"]["properties"]["field"]["enum"].append("group_participants_update")


REPAIRS = (
    _open_branches,
    _template_values,
    _places,
    _envelope,
    _interactive_kinds,
    _receipts,
    _inbound,
    _groups,
)


# Newer: true since the file was written (fact sheet 2.3, 2.10, 5.5, 5.6, 12.3).


def _newer_sends(schemas: dict) -> None:
    """Business-scoped user ids in place of phones; our own words along with a message."""
    base = schemas["BaseMessageProperties"]
    base["properties"] |= {
        "recipient": {"type": "string", "pattern": r"^[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}$"},
        "biz_opaque_callback_data": {"type": "string", "maxLength": 512},
    }
    base["required"] = ["messaging_product"]
    base["anyOf"] = [{"required": ["to"]}, {"required": ["recipient"]}]
    schemas["TemplateComponent"]["properties"]["type"]["enum"] += ["limited_time_offer", "carousel"]
    contacts = schemas["ContactsMessage"]["allOf"][1]["properties"]["contacts"]
    contacts["maxItems"] = 257
    for name in ("PhoneObject", "EmailObject", "UrlObject", "AddressObject"):
        schemas[name]["properties"]["type"] = {"type": "string"}
    schemas["OrganizationObject"]["properties"]["title"] = {"type": "string"}


def _newer_inbound(schemas: dict) -> None:
    """People without a phone, edits, messages taken back, first openings of a chat, flows."""
    schemas["BaseMessageProperties_1"]["properties"]["from_user_id"] = {"type": "string"}
    schemas["BaseMessageProperties_1"]["required"] = ["id", "timestamp"]
    contact = schemas["ContactProfile"]
    contact["required"] = [name for name in contact.get("required", []) if name not in ("wa_id", "profile")]
    contact.setdefault("properties", {})["user_id"] = {"type": "string"}
    incoming = schemas["IncomingMessage"]["oneOf"]
    quoted = {"type": "object", "required": ["original_message_id"]}
    for kind, own in (("edit", quoted), ("revoke", quoted), ("request_welcome", None)):
        incoming.append(
            {
                "allOf": [
                    {"$ref": "#/components/schemas/BaseMessageProperties_1"},
                    {
                        "required": ["type", *([kind] if own else [])],
                        "properties": {"type": {"enum": [kind]}} | ({kind: own} if own else {}),
                    },
                ]
            }
        )
    reply = schemas["InteractiveMessageReply"]["allOf"][1]["properties"]["interactive"]
    reply["properties"]["type"]["enum"] += ["nfm_reply", "call_permission_reply"]
    reaction = schemas["ReactionMessage_1"]["allOf"][1]["properties"]["reaction"]
    reaction["required"] = ["message_id"]
    place = schemas["LocationMessage_1"]["allOf"][1]["properties"]["location"]
    place["required"] = ["latitude", "longitude"]
    system = schemas["SystemMessage"]["allOf"][1]["properties"]["system"]
    system["properties"]["type"] = {"type": "string"}
    schemas["ContextObject"]["required"] = []
    schemas["ReferralObject"]["required"] = ["source_url", "source_id", "source_type"]
    schemas["IncomingMessageValueGeneral"]["required"] = ["messaging_product", "metadata", "messages"]
    # An open chat without contacts is told from a system message by its messages, not by `contacts`.
    values = schemas["Change"]["properties"]["value"]
    values["anyOf"] = values.pop("oneOf")


def _newer_statuses(schemas: dict) -> None:
    """Voice notes that were played, kinds of price, people without a phone."""
    status = schemas["Statuses"]
    status["properties"]["status"]["enum"] += ["played", "deleted"]
    status["properties"] |= {
        "recipient_user_id": {"type": "string"},
        "biz_opaque_callback_data": {"type": "string", "maxLength": 512},
    }
    status["required"] = ["id", "status", "timestamp"]
    schemas["Pricing"]["properties"]["type"] = {
        "enum": ["regular", "free_customer_service", "free_entry_point"]
    }


NEWER = (_newer_sends, _newer_inbound, _newer_statuses)
