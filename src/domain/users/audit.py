"""The audit log: what was changed, by whom, when and from where, in a chain that shows every tampering."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidings.domain.kernel import OrganizationId, UserId


class AuditEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """One change in an organisation."""

    id: UUID
    organization_id: OrganizationId
    seq: int = 0
    """1, 2, 3, ... in each organisation."""
    at: datetime
    user_id: UserId | None = None
    """None: nobody who is known, or the system itself."""
    origin: str = ""
    what: str
    """`resource:action`, such as `member:role_changed`."""
    subject: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    digest: str = ""
    """Of this entry and of the digest before it."""


class AuditHead(Struct, frozen=True, kw_only=True):
    """Where an organisation's chain stands."""

    seq: int
    digest: str


FIRST_HEAD = AuditHead(seq=0, digest="")

_encode = msgspec.json.Encoder(order="sorted").encode


def chained(head: AuditHead, entries: Iterable[AuditEntry]) -> tuple[list[AuditEntry], AuditHead]:
    """The entries with their numbers and digests, and where the chain stands after them."""
    linked: list[AuditEntry] = []
    for entry in entries:
        numbered = replace(entry, seq=head.seq + 1, digest="")
        digest = hashlib.sha256(head.digest.encode() + _encode(numbered)).hexdigest()
        linked.append(replace(numbered, digest=digest))
        head = AuditHead(seq=numbered.seq, digest=digest)
    return linked, head


def first_broken(head: AuditHead, entries: Iterable[AuditEntry]) -> tuple[int | None, AuditHead]:
    """The number of the first entry that is not as it was written, or is missing; and where it was looked."""
    for entry in entries:
        (wanted,), following = chained(head, [entry])
        if wanted != entry:
            return head.seq + 1, head
        head = following
    return None, head
