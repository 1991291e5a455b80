"""Aliases and merges in SQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts.tables import aliases, chunks, has_any, merges
from tidings.adapters.mysql.dialect import insert_many, upsert
from tidings.adapters.mysql.rows import structs
from tidings.domain.contacts.identities import Alias, Merge, MergeId, MergeNotFound
from tidings.domain.kernel import ContactId, OrganizationId, PersonKey

a = aliases.c
g = merges.c


@dataclass(frozen=True, slots=True)
class SqlAliases:
    """The AliasStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def of(self, contacts: Collection[ContactId]) -> Sequence[Alias]:
        query = select(aliases).where(
            a.organization_id == self.organization, a.contact_id.in_(list(contacts))
        )
        return structs(Alias, await self.connection.execute(query.order_by(a.person).with_for_update()))

    async def among(self, people: Collection[PersonKey]) -> Sequence[Alias]:
        found: list[Alias] = []
        if not await has_any(self.connection, aliases, self.organization, len(people)):
            return found
        for some in chunks(sorted(people)):
            query = select(aliases).where(a.organization_id == self.organization, a.person.in_(some))
            found += structs(Alias, await self.connection.execute(query.with_for_update()))
        return found

    async def put(self, new: Sequence[Alias]) -> None:
        rows = [asdict(alias) for alias in new]
        change = ("contact_id", "phone", "country_code", "seen_at")
        await upsert(self.connection, aliases, rows, keys=("organization_id", "person"), change=change)

    async def remove(self, people: Collection[PersonKey]) -> None:
        for some in chunks(people):
            gone = delete(aliases).where(a.organization_id == self.organization, a.person.in_(some))
            await self.connection.execute(gone)


@dataclass(frozen=True, slots=True)
class SqlMerges:
    """The MergeStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def add(self, merge: Merge) -> None:
        await self._stand_for(merge.carried, merge.kept_id)
        await insert_many(self.connection, merges, [asdict(merge)])

    async def standing_for(self, contact: ContactId) -> Sequence[MergeId]:
        query = select(g.id).where(
            g.organization_id == self.organization, g.current_id == contact, g.undone_at.is_(None)
        )
        return [MergeId(id) for id in (await self.connection.execute(query)).scalars()]

    async def get(self, id: MergeId) -> Merge:
        query = select(merges).where(g.organization_id == self.organization, g.id == id)
        row = (await self.connection.execute(query.with_for_update())).mappings().one_or_none()
        if row is None:
            raise MergeNotFound()
        return Merge(**row)

    async def of(self, contact: ContactId) -> Sequence[Merge]:
        query = select(merges).where(
            g.organization_id == self.organization, or_(g.kept_id == contact, g.absorbed_id == contact)
        )
        return structs(Merge, await self.connection.execute(query.order_by(g.id.desc())))

    async def forget(self, contact: ContactId) -> None:
        part = or_(g.kept_id == contact, g.absorbed_id == contact, g.current_id == contact)
        await self.connection.execute(delete(merges).where(g.organization_id == self.organization, part))

    async def undo(self, merge: Merge, at: datetime) -> None:
        await self._stand_for(merge.carried, merge.absorbed_id)
        await self.connection.execute(update(merges).where(g.id == merge.id).values({g.undone_at: at}))

    async def _stand_for(self, carried: Sequence[MergeId], contact: ContactId) -> None:
        if carried:
            moved = update(merges).where(g.id.in_(list(carried)))
            await self.connection.execute(moved.values({g.current_id: contact}))
