"""Items of a `messages` or `user_preferences` change: statuses, people's messages, people's wishes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct, field

from tidings.adapters.meta.errors import UNREADABLE, JsonObject, graph_error, row
from tidings.application.ports.meta import InboundUpdate, PreferenceUpdate, StatusError, StatusUpdate
from tidings.domain.kernel import PhoneNumberId, Wamid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = 100_000_000_000
"""From here on a time cannot be meant in seconds (it would be the year 5138)."""


class Odd(ValueError):
    """An item is JSON, and says something that cannot be."""


class Sender(NamedTuple):
    """One of `contacts[]`."""

    name: str
    raw: Raw


class Place(NamedTuple):
    """What the items of one change share."""

    phone_number_id: PhoneNumberId
    senders: Mapping[str, Sender]
    """By `wa_id` and by business-scoped user id."""


def moment(said: int | float | str) -> datetime:
    """Unix time, as a number or as a text. Raise Odd."""
    try:
        seconds = float(said)
        return _EPOCH + timedelta(seconds=seconds / 1000 if seconds > _MILLISECONDS else seconds)
    except (ValueError, OverflowError) as error:
        raise Odd(f"{said!r} is no time") from error


class _BareStatus(Struct, frozen=True):
    id: Wamid
    status: str
    timestamp: int | str
    biz_opaque_callback_data: str | None = None


class _Pricing(Struct, frozen=True):
    billable: bool | None = None
    type: str | None = None
    category: str | None = None


class _Status(_BareStatus, frozen=True):
    recipient_id: str | None = None
    recipient_user_id: str | None = None
    pricing: _Pricing | None = None
    errors: list[JsonObject] | None = None


_status = msgspec.json.Decoder(_Status)
_bare_status = msgspec.json.Decoder(_BareStatus)
_NO_PRICING = _Pricing()


def read_status(raw: Raw, place: Place) -> StatusUpdate:
    """One of `statuses[]`. Oddities beside the status do not cost us the status. Raise Odd or UNREADABLE."""
    try:
        said = _status.decode(raw)
    except UNREADABLE:
        bare = _bare_status.decode(raw)
        said = _Status(bare.id, bare.status, bare.timestamp, bare.biz_opaque_callback_data)
    pricing = said.pricing or _NO_PRICING
    return StatusUpdate(
        phone_number_id=place.phone_number_id,
        wamid=said.id,
        status=said.status,
        at=moment(said.timestamp),
        callback_data=said.biz_opaque_callback_data,
        recipient_id=said.recipient_id,
        recipient_user_id=said.recipient_user_id,
        error=_error(said.errors) if said.errors else None,
        pricing_category=pricing.category,
        pricing_type=pricing.type,
        billable=pricing.billable,
        raw=raw,
    )


def _error(errors: list[JsonObject]) -> StatusError | None:
    said = graph_error(errors[0])
    if said is None:
        return None
    found = row(said.code)
    return StatusError(
        code=said.code,
        title=said.message,
        details=said.details,
        verdict=found.verdict,
        wait=found.wait,
        max_attempts=found.max_attempts,
    )


class _Text(Struct, frozen=True):
    body: str = ""


class _Media(Struct, frozen=True):
    caption: str | None = None


class _Button(Struct, frozen=True):
    text: str = ""
    payload: str | None = None


class _Reply(Struct, frozen=True):
    id: str = ""
    title: str = ""


class _FlowReply(Struct, frozen=True):
    body: str = ""
    response_json: str = ""


class _Interactive(Struct, frozen=True):
    button_reply: _Reply | None = None
    list_reply: _Reply | None = None
    nfm_reply: _FlowReply | None = None


class _Reaction(Struct, frozen=True):
    message_id: Wamid | None = None
    emoji: str | None = None


class _Location(Struct, frozen=True):
    name: str | None = None
    address: str | None = None


class _CardName(Struct, frozen=True):
    formatted_name: str = ""


class _Card(Struct, frozen=True):
    name: _CardName | None = None


class _Order(Struct, frozen=True):
    text: str | None = None


class _System(Struct, frozen=True):
    body: str | None = None
    wa_id: str | None = None
    new_wa_id: str | None = None


class _Edited(Struct, frozen=True):
    type: str = ""
    text: _Text | None = None
    image: _Media | None = None
    video: _Media | None = None
    document: _Media | None = None


class _Edit(Struct, frozen=True):
    original_message_id: Wamid | None = None
    message: _Edited | None = None


class _Revoke(Struct, frozen=True):
    original_message_id: Wamid | None = None


class _Context(Struct, frozen=True):
    id: Wamid | None = None


class _BareMessage(Struct, frozen=True, kw_only=True):
    id: Wamid
    timestamp: int | str
    type: str = "unknown"
    sender: str | None = field(name="from", default=None)
    from_user_id: str | None = None


class _Message(_BareMessage, frozen=True, kw_only=True):
    context: _Context | None = None
    text: _Text | None = None
    image: _Media | None = None
    video: _Media | None = None
    document: _Media | None = None
    button: _Button | None = None
    interactive: _Interactive | None = None
    reaction: _Reaction | None = None
    location: _Location | None = None
    contacts: list[_Card] | None = None
    order: _Order | None = None
    system: _System | None = None
    edit: _Edit | None = None
    revoke: _Revoke | None = None


_message = msgspec.json.Decoder(_Message)
_bare_message = msgspec.json.Decoder(_BareMessage)


def read_inbound(raw: Raw, place: Place) -> InboundUpdate:
    """One of `messages[]`, of any type. Raise Odd or UNREADABLE."""
    try:
        said = _message.decode(raw)
    except UNREADABLE:
        bare = _bare_message.decode(raw)
        said = _Message(
            id=bare.id,
            timestamp=bare.timestamp,
            type=bare.type,
            sender=bare.sender,
            from_user_id=bare.from_user_id,
        )
    text, payload = _words(said)
    known = place.senders.get(said.sender or "") or place.senders.get(said.from_user_id or "")
    return InboundUpdate(
        phone_number_id=place.phone_number_id,
        wamid=said.id,
        at=moment(said.timestamp),
        kind=said.type,
        sender=said.sender.removeprefix("+") if said.sender else None,
        sender_user_id=said.from_user_id,
        profile_name=known.name if known else "",
        text=text,
        payload=payload,
        reply_to=_about(said),
        raw=raw,
        contact=known.raw if known else Raw(),
    )


def _words(said: _Message) -> tuple[str, str]:
    """What a person would read of a message, and what a tap brought along."""
    match said:
        case _Message(text=_Text(body=body)):
            return body, ""
        case _Message(button=_Button(text=text, payload=payload)):
            return text, payload or text
        case _Message(interactive=_Interactive() as reply):
            return _reply(reply)
        case _Message(image=_Media(caption=str(caption))):
            return caption, ""
        case _Message(video=_Media(caption=str(caption))):
            return caption, ""
        case _Message(document=_Media(caption=str(caption))):
            return caption, ""
        case _Message(edit=_Edit(message=_Edited() as edited)):
            return _edited(edited), ""
        case _:
            return _other_words(said)


def _other_words(said: _Message) -> tuple[str, str]:
    match said:
        case _Message(reaction=_Reaction(emoji=emoji)):
            return emoji or "", ""
        case _Message(location=_Location(name=name, address=address)):
            return ", ".join(part for part in (name, address) if part), ""
        case _Message(contacts=list() as cards):
            return ", ".join(card.name.formatted_name for card in cards if card.name), ""
        case _Message(order=_Order(text=text)):
            return text or "", ""
        case _Message(system=_System() as system):
            return system.body or "", system.wa_id or system.new_wa_id or ""
        case _:
            return "", ""


def _reply(reply: _Interactive) -> tuple[str, str]:
    chosen = reply.button_reply or reply.list_reply
    if chosen is not None:
        return chosen.title, chosen.id
    if reply.nfm_reply is not None:
        return reply.nfm_reply.body, reply.nfm_reply.response_json
    return "", ""


def _edited(edited: _Edited) -> str:
    if edited.text is not None:
        return edited.text.body
    media = edited.image or edited.video or edited.document
    return media.caption or "" if media else ""


def _about(said: _Message) -> Wamid | None:
    """Which message this one answers, reacts to, changes or takes back."""
    if said.reaction is not None:
        return said.reaction.message_id
    if said.edit is not None:
        return said.edit.original_message_id
    if said.revoke is not None:
        return said.revoke.original_message_id
    return said.context.id if said.context else None


class _Preference(Struct, frozen=True):
    category: str
    value: str
    timestamp: int | str
    wa_id: str | None = None
    user_id: str | None = None


_preference = msgspec.json.Decoder(_Preference)


def read_preference(raw: Raw, place: Place) -> PreferenceUpdate:
    """One of `user_preferences[]` (fact sheet 9.2). Raise Odd or UNREADABLE."""
    said = _preference.decode(raw)
    return PreferenceUpdate(
        phone_number_id=place.phone_number_id,
        wa_id=said.wa_id,
        user_id=said.user_id,
        category=said.category,
        value=said.value,
        at=moment(said.timestamp),
        raw=raw,
    )
