"""Ids and moments of what comes from the platform before ours: the same each time it is read."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from tidings.adapters.mysql.seed import Row
from tidings.domain.kernel import OrganizationId

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def moment_of(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def sent_at(row: Row) -> datetime:
    """When a message was sent or, if that is not known, written down."""
    return moment_of(row["sent_at"]) or moment_of(row["created_at"]) or LONG_AGO


def steady_id(subject: str, at: datetime = LONG_AGO) -> UUID:
    """The same each time, and in order of the moment, as ids of ours are (RFC 9562, version 7)."""
    digest = int.from_bytes(hashlib.blake2b(subject.encode(), digest_size=10).digest())
    stamp = int(at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    return UUID(int=stamp << 80 | digest & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def id_of_row(organization: OrganizationId, table: str, row: Row) -> UUID:
    """Of what a row of messages becomes here."""
    return steady_id(f"{organization}/{table}/{row['id']}", sent_at(row))
