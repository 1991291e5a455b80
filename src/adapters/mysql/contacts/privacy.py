"""Names for people who were forgotten, and how long people are kept, in SQL."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts.tables import retention
from tidings.adapters.mysql.dialect import upsert
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.rows import structs
from tidings.domain.contacts.privacy import Retention
from tidings.domain.kernel import OrganizationId, PersonKey

MARK = "#"
"""What such a name begins with; no number and no id does."""
r = retention.c


@dataclass(slots=True)
class Pseudonyms:
    """Keyed hashes: the same number always leads to the same name, and no name leads to a number.

    `keys` are the newest first; those that were retired from use must stay to recognise older names.
    """

    keys: Sequence[str] = ("",)

    def renew(self, keys: Sequence[str]) -> None:
        """Use these from now on."""
        self.keys = keys

    def of(self, organization: OrganizationId, person: PersonKey) -> list[PersonKey]:
        """The names the person may have been given, the newest first."""
        return [self._name(key, organization, person) for key in self.keys]

    def _name(self, key: str, organization: OrganizationId, person: PersonKey) -> PersonKey:
        secret = hashlib.blake2b(key.encode()).digest()
        told = hashlib.blake2b(person.encode(), key=secret, salt=organization.bytes, digest_size=20)
        return PersonKey(MARK + told.hexdigest())


@dataclass(frozen=True, slots=True)
class SqlRetention:
    """The RetentionStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def get(self) -> Retention:
        query = select(retention).where(r.organization_id == self.organization).with_for_update()
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return Retention(organization_id=self.organization) if row is None else Retention(**row)

    async def save(self, told: Retention) -> None:
        await upsert(
            self.connection, retention, [asdict(told)], keys=["organization_id"], change=["days", "swept_at"]
        )


@dataclass(frozen=True, slots=True)
class SqlRetentionQueue:
    """The RetentionQueue port."""

    database: Database

    async def due(self, before: datetime) -> Sequence[Retention]:
        query = select(retention).where(r.days.is_not(None), or_(r.swept_at.is_(None), r.swept_at < before))
        async with self.database.reading() as connection:
            return structs(Retention, await connection.execute(query))
