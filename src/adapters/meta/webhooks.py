"""Meta's webhook, read without any framework: bytes and a header in, updates out.

Every item is read by itself, so that one that is broken hurts none of its neighbours; what is unknown is
kept whole (fact sheet 5).
"""

import hmac
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Raw, Struct

from tidings.adapters.meta.errors import UNREADABLE
from tidings.adapters.meta.inbound import (
    Odd,
    Place,
    Sender,
    moment,
    read_inbound,
    read_preference,
    read_status,
)
from tidings.adapters.meta.notices import Origin, read_notice
from tidings.application.ports.meta import BadItem, BadSignature, OtherUpdate, UnreadableBody, Update
from tidings.domain.kernel import PhoneNumberId, WabaId

T = TypeVar("T")

Members: TypeAlias = dict[str, Raw]
Reader: TypeAlias = Callable[[Raw, Place], Update]


class _Change(Struct, frozen=True):
    value: Raw
    field: str = ""


class _Entry(Struct, frozen=True):
    changes: Raw
    id: str | int = ""
    time: int | str | None = None


class _Metadata(Struct, frozen=True):
    phone_number_id: str | int


class _Profile(Struct, frozen=True):
    name: str | None = None


class _Contact(Struct, frozen=True):
    profile: _Profile | None = None
    wa_id: str | None = None
    user_id: str | None = None


_members = msgspec.json.Decoder(Members)
_items = msgspec.json.Decoder(list[Raw])
_entry = msgspec.json.Decoder(_Entry)
_change = msgspec.json.Decoder(_Change)
_metadata = msgspec.json.Decoder(_Metadata)
_contact = msgspec.json.Decoder(_Contact)

_READERS: dict[str, Reader] = {
    "statuses": read_status,
    "messages": read_inbound,
    "user_preferences": read_preference,
}
_ENVELOPE = frozenset({"messaging_product", "metadata", "contacts"})
_TALK = frozenset({"messages", "user_preferences"})
"""Fields whose value is made of items about one number."""


class MetaWebhookReader:
    """The WebhookReader port. During rotation of an app's secret, or with several apps, any secret counts."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self.renew(secrets)

    def renew(self, keys: Sequence[str]) -> None:
        """Believe what these secrets signed from now on. Raise ValueError when there is none."""
        if not keys or not all(keys):
            raise ValueError("webhooks cannot be checked without an app secret")
        self._secrets = tuple(secret.encode() for secret in keys)

    def verify(self, signature: str | None, body: bytes) -> None:
        """Raise BadSignature."""
        given = (signature or "").encode("utf-8", "replace")
        good = False
        for secret in self._secrets:
            right = b"sha256=" + hmac.digest(secret, body, "sha256").hex().encode()
            good |= hmac.compare_digest(given, right)
        if not good:
            raise BadSignature()

    def read(self, body: bytes) -> Sequence[Update]:
        """Raise UnreadableBody."""
        members = _body(body)
        if "entry" not in members:
            return [BadItem(where="body", reason="has no entry", raw=body)]
        updates: list[Update] = []
        for where, entry in _each(members["entry"], "entry", _entry, updates):
            for place, change in _each(entry.changes, f"{where}.changes", _change, updates):
                updates += _read_change(place, entry, change)
        return updates


def _body(body: bytes) -> Members:
    try:
        return _members.decode(body)
    except UNREADABLE:
        pass
    # Half a surrogate pair in one text spoils the whole body for msgspec, though not for Python.
    try:
        mended = json.dumps(json.loads(body.decode(errors="replace")), ensure_ascii=False)
        return _members.decode(mended.encode(errors="replace"))
    except (*UNREADABLE, ValueError) as error:
        raise UnreadableBody(f"The webhook's body is not the JSON that Meta sends: {error}") from error


def _each(
    items: Raw, where: str, decoder: msgspec.json.Decoder[T], bad: list[Update]
) -> Iterator[tuple[str, T]]:
    """The items of a list with their places; what is broken goes to `bad`."""
    try:
        found = _items.decode(items)
    except UNREADABLE as error:
        bad.append(BadItem(where=where, reason=str(error), raw=bytes(items)))
        return
    for i, item in enumerate(found):
        place = f"{where}[{i}]"
        try:
            yield place, decoder.decode(item)
        except UNREADABLE as error:
            bad.append(BadItem(where=place, reason=str(error), raw=bytes(item)))


def _read_change(where: str, entry: _Entry, change: _Change) -> Iterator[Update]:
    waba_id = WabaId(str(entry.id))
    if change.field not in _TALK:
        yield read_notice(change.value, Origin(waba_id, change.field, _time(entry.time)))
        return
    try:
        members = _members.decode(change.value)
        place = Place(
            PhoneNumberId(str(_metadata.decode(members["metadata"]).phone_number_id)),
            _senders(members.get("contacts")),
        )
    except (*UNREADABLE, KeyError) as error:
        yield BadItem(where=where, reason=_why(error), raw=bytes(change.value))
        return
    for name, raw in members.items():
        if reader := _READERS.get(name):
            yield from _read_items(reader, raw, place, f"{where}.{name}")
        elif name not in _ENVELOPE:
            yield OtherUpdate(waba_id=waba_id, field=f"{change.field}.{name}", value=raw)


def _read_items(reader: Reader, raw: Raw, place: Place, where: str) -> Iterator[Update]:
    try:
        items = _items.decode(raw)
    except UNREADABLE as error:
        yield BadItem(where=where, reason=_why(error), raw=bytes(raw))
        return
    for i, item in enumerate(items):
        try:
            yield reader(item, place)
        except (*UNREADABLE, Odd) as error:
            yield BadItem(where=f"{where}[{i}]", reason=_why(error), raw=bytes(item))


def _senders(raw: Raw | None) -> dict[str, Sender]:
    """People's names by every id they are known by. A broken one costs a name, not a message."""
    senders: dict[str, Sender] = {}
    if raw is None:
        return senders
    try:
        for item in _items.decode(raw):
            contact = _contact.decode(item)
            sender = Sender((contact.profile and contact.profile.name) or "", item)
            senders |= {id: sender for id in (contact.wa_id, contact.user_id) if id}
    except UNREADABLE:
        pass
    return senders


def _time(said: int | str | None) -> datetime | None:
    try:
        return None if said is None else moment(said)
    except Odd:
        return None


def _why(error: Exception) -> str:
    return f"has no {error.args[0]}" if isinstance(error, KeyError) else str(error)
