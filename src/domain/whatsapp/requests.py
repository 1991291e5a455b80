"""Requests that may be repeated: the same key is the same message (the Idempotency-Key header of HTTP)."""

import hashlib
import re
from datetime import datetime

import msgspec
from msgspec import Struct

from tidings.domain.errors import Conflict, Fault, Invalid
from tidings.domain.kernel import MessageId, OrganizationId

KEY = "Idempotency-Key"
_SHAPE = re.compile(r"[\x21-\x7e]{1,255}")


class BadKey(Invalid):
    """The key is none."""


class KeyReused(Conflict):
    """This Idempotency-Key was used for another request."""


class Asked(Struct, frozen=True, kw_only=True):
    """A request that carried a key, and the message that came of it."""

    organization_id: OrganizationId
    key: str
    """Of the organisation's own choice, as a digest."""
    request: str
    """Digest of what was asked."""
    message_id: MessageId
    at: datetime

    def same(self, other: "Asked") -> MessageId:
        """The message of the first of two requests with one key. Raise KeyReused."""
        if other.request != self.request:
            raise KeyReused()
        return other.message_id


def asked(key: str, request: Struct, where: object, id: MessageId, of: OrganizationId, at: datetime) -> Asked:
    """Raise BadKey."""
    if not _SHAPE.fullmatch(key):
        message = "must be 1 to 255 visible ASCII characters"
        raise BadKey("", Fault(field=KEY, rule="pattern", message=message))
    return Asked(
        organization_id=of,
        key=_digest(key.encode()),
        request=_digest(msgspec.json.encode([str(where), request], order="deterministic")),
        message_id=id,
        at=at,
    )


def _digest(said: bytes) -> str:
    return hashlib.sha256(said).hexdigest()
