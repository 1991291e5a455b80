"""What messages other than templates may hold, in numbers and lengths (fact sheet 2.3 to 2.5)."""

import re
from collections.abc import Callable
from typing import TypeAlias, cast

from tidings.adapters.sandbox.errors import GraphError, invalid

JsonObject: TypeAlias = dict[str, object]

MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})
_CAPTIONED = frozenset({"image", "video", "document"})
_HEADERS = frozenset({"text", "image", "video", "document", "gif"})
_LINK = re.compile(r"https?://[^\s/]+\.[^\s/]+.*|https?://localhost[:/].*")
_NO_BODY = frozenset({"product"})


def check_media(kind: str, value: JsonObject) -> None:
    """Raise GraphError."""
    if ("id" in value) == ("link" in value):
        raise GraphError(131008, f"{kind}: exactly one of id and link is required")
    link = value.get("link")
    if link is not None and not _LINK.fullmatch(str(link)):
        raise GraphError(131009, f"{kind}: link is not a valid URL")
    caption = value.get("caption")
    if caption is None:
        return
    if kind not in _CAPTIONED:
        raise invalid(f'Unexpected key "caption" on param "{kind}".')
    _at_most(str(caption), 1024, f"{kind}['caption']")


def check_location(value: JsonObject) -> None:
    """Raise GraphError. Numbers may be written as texts."""
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        said = value.get(name)
        if said is None:
            raise GraphError(131008, f"location: {name} is required")
        try:
            good = isinstance(said, int | float | str) and abs(float(said)) <= most
        except ValueError:
            good = False
        if not good:
            raise GraphError(131009, f"location: {name} must be from {-most} to {most}")


def check_contacts(cards: list[object]) -> None:
    """Raise GraphError."""
    if len(cards) > 257:
        raise GraphError(131009, "contacts: at most 257 are allowed")
    for i, card in enumerate(cards):
        name = _object(_object(card, f"contacts[{i}]").get("name"), f"contacts[{i}]['name']")
        if not name.get("formatted_name"):
            raise GraphError(131008, f"contacts[{i}]['name']['formatted_name'] is required")
        if len([part for part in name.values() if part]) < 2:
            raise GraphError(131009, f"contacts[{i}]['name'] needs a part beside formatted_name")


def check_reaction(value: JsonObject) -> None:
    """Raise GraphError. An empty emoji takes a reaction back."""
    if not value.get("message_id"):
        raise GraphError(131008, "reaction: message_id is required")
    if not isinstance(value.get("emoji"), str):
        raise GraphError(131008, "reaction: emoji is required")


def check_interactive(value: JsonObject) -> None:
    """Raise GraphError."""
    kind = str(value.get("type") or "").lower()
    if not kind:
        raise GraphError(131008, "interactive: type is required")
    if kind not in _ACTIONS:
        raise invalid(f"Param interactive['type'] must be one of {{BUTTON, LIST, ...}} - got '{kind}'.")
    if "action" not in value:
        raise GraphError(131008, "interactive: action is required")
    _check_header(kind, value.get("header"))
    body = _text(value.get("body"))
    if body is None and kind not in _NO_BODY:
        raise GraphError(131008, "interactive: body is required")
    if body is not None:
        _length(body, 4096 if kind == "list" else 1024, "Body text")
    footer = _text(value.get("footer"))
    if footer is not None:
        _length(footer, 60, "Footer text")
    _ACTIONS[kind](_object(value["action"], "interactive['action']"))


def _check_header(kind: str, value: object) -> None:
    if value is None:
        if kind == "product_list":
            raise GraphError(131008, "interactive: a product_list needs a header")
        return
    header = _object(value, "interactive['header']")
    said = str(header.get("type") or "").lower()
    if said not in _HEADERS or (kind in ("list", "product_list") and said != "text"):
        raise GraphError(131009, f"interactive: a header of type {said or 'none'} is not supported here")
    if said == "text":
        _length(str(header.get("text") or ""), 60, "Header text")
    else:
        check_media(said, _object(header.get(said), f"interactive['header']['{said}']"))


def _buttons(action: JsonObject) -> None:
    buttons = _items(action.get("buttons"), "interactive['action']['buttons']")
    if not 1 <= len(buttons) <= 3:
        raise GraphError(131009, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
    titles: list[str] = []
    for button in buttons:
        reply = _object(_object(button, "button").get("reply"), "button['reply']")
        if not reply.get("title") or not reply.get("id"):
            raise GraphError(131008, "Button reply needs an id and a title")
        titles.append(str(reply["title"]))
        _length(titles[-1], 20, "Button title")
        _length(str(reply["id"]), 256, "Button id")
    if len(set(titles)) < len(titles):
        raise GraphError(131009, "Button titles must be unique")


def _list(action: JsonObject) -> None:
    if not action.get("button"):
        raise GraphError(131008, "List needs a button")
    _length(str(action["button"]), 20, "List button")
    sections = _sections(action, 10)
    rows = [row for section in sections for row in _items(section.get("rows"), "section['rows']")]
    if not 1 <= len(rows) <= 10:
        raise GraphError(131009, "Total row count exceed max allowed count: 10")
    seen: set[str] = set()
    for each in rows:
        row = _object(each, "row")
        if not row.get("id") or not row.get("title"):
            raise GraphError(131008, "Row needs an id and a title")
        _length(str(row["id"]), 200, "Row id")
        _length(str(row["title"]), 24, "Row title")
        _length(str(row.get("description") or ""), 72, "Row description")
        seen.add(str(row["id"]))
    if len(seen) < len(rows):
        raise GraphError(131009, "Row ids must be unique")


def _link(action: JsonObject) -> None:
    said = _object(action.get("parameters"), "interactive['action']['parameters']")
    if not said.get("display_text") or not said.get("url"):
        raise GraphError(131008, "cta_url needs display_text and url")
    _length(str(said["display_text"]), 20, "Display text")
    if not _LINK.fullmatch(str(said["url"])):
        raise GraphError(131009, "cta_url: url must be a URL with a host name")


def _flow(action: JsonObject) -> None:
    said = _object(action.get("parameters"), "interactive['action']['parameters']")
    if ("flow_id" in said) == ("flow_name" in said):
        raise GraphError(131009, "Exactly one of flow_id and flow_name is required")
    if not said.get("flow_cta"):
        raise GraphError(131008, "flow_cta is required")
    _length(str(said["flow_cta"]), 30, "flow_cta")
    if said.get("flow_action") == "data_exchange" and "flow_action_payload" in said:
        raise GraphError(131009, "flow_action_payload does not go with data_exchange")


def _product(action: JsonObject) -> None:
    for name in ("catalog_id", "product_retailer_id"):
        if not action.get(name):
            raise GraphError(131008, f"Product needs {name}")


def _products(action: JsonObject) -> None:
    if not action.get("catalog_id"):
        raise GraphError(131008, "Product list needs catalog_id")
    items = [
        item
        for section in _sections(action, 10)
        for item in _items(section.get("product_items"), "section['product_items']")
    ]
    if not 1 <= len(items) <= 30:
        raise GraphError(131009, "A product list has 1 to 30 products")


def _carousel(action: JsonObject) -> None:
    cards = _items(action.get("cards"), "interactive['action']['cards']")
    if not 2 <= len(cards) <= 10:
        raise GraphError(131009, "A carousel has 2 to 10 cards")
    for each in cards:
        body = _text(_object(each, "card").get("body"))
        if body is not None:
            _length(body, 160, "Card body text")


def _anything(action: JsonObject) -> None:
    """Kinds whose actions are not looked into."""


_ACTIONS: dict[str, Callable[[JsonObject], None]] = {
    "button": _buttons,
    "list": _list,
    "cta_url": _link,
    "flow": _flow,
    "product": _product,
    "product_list": _products,
    "carousel": _carousel,
    "location_request_message": _anything,
    "catalog_message": _anything,
    "order_details": _anything,
    "order_status": _anything,
    "call_permission_request": _anything,
    "request_contact_info": _anything,
    "address_message": _anything,
}


def _sections(action: JsonObject, most: int) -> list[JsonObject]:
    found = [_object(each, "section") for each in _items(action.get("sections"), "sections")]
    if not 1 <= len(found) <= most:
        raise GraphError(131009, f"Invalid sections count. Min allowed: 1, Max allowed: {most}")
    for section in found:
        if len(found) > 1 and not section.get("title"):
            raise GraphError(131008, "Section needs a title when there are several")
        _length(str(section.get("title") or ""), 24, "Section title")
    return found


def _object(value: object, where: str) -> JsonObject:
    if value is None:
        raise GraphError(131008, f"{where} is required")
    if not isinstance(value, dict):
        raise invalid(f"Param {where} must be a JSON object.")
    return cast(JsonObject, value)


def _items(value: object, where: str) -> list[object]:
    if value is None:
        raise GraphError(131008, f"{where} is required")
    if not isinstance(value, list):
        raise invalid(f"Param {where} must be an array.")
    return cast(list[object], value)


def _text(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    text = cast(JsonObject, value).get("text")
    return text if isinstance(text, str) and text else None


def _length(text: str, most: int, what: str) -> None:
    if len(text) > most:
        raise GraphError(131009, f"{what} exceeds {most} characters")


def _at_most(text: str, most: int, what: str) -> None:
    if len(text) > most:
        raise invalid(f"Param {what} must be at most {most} characters long.")
