"""Cursors of keyset pages: an id, made opaque."""

import base64
import binascii
from uuid import UUID

from tidings.domain.errors import Fault, Invalid


class BadCursor(Invalid):
    """The cursor is not one that this list gave out."""


def encode_cursor(id: UUID) -> str:
    return base64.urlsafe_b64encode(id.bytes).decode().rstrip("=")


def decode_cursor(cursor: str) -> UUID:
    """Raise BadCursor."""
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise BadCursor(
            "", Fault(field="cursor", rule="cursor", message="must be a nextCursor of this list")
        ) from error
