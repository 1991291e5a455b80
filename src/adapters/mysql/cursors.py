"""Cursors of keyset pages: an id, a text or a number, made opaque."""

import base64
import binascii
from uuid import UUID

from tidings.domain.errors import BadCursor, Fault


def encode_cursor(id: UUID) -> str:
    return base64.urlsafe_b64encode(id.bytes).decode().rstrip("=")


def decode_cursor(cursor: str) -> UUID:
    """Raise BadCursor."""
    try:
        return UUID(bytes=_bytes(cursor))
    except (ValueError, binascii.Error) as error:
        raise _bad() from error


def encode_text(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_text(cursor: str) -> str:
    """Raise BadCursor."""
    try:
        return _bytes(cursor).decode()
    except (ValueError, binascii.Error) as error:
        raise _bad() from error


def decode_number(cursor: str) -> int:
    """A number that `encode_text` made opaque as text. Raise BadCursor."""
    text = decode_text(cursor)
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise _bad()
    return int(text)


def _bytes(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def _bad() -> BadCursor:
    return BadCursor("", Fault(field="cursor", rule="cursor", message="must be a nextCursor of this list"))
