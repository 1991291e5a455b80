"""Groups in SQL. The count moves in the transaction that moves members, under the group's lock."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts.tables import chunks, groups, memberships, name_taken, people
from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import insert_many
from tidings.adapters.mysql.rows import structs
from tidings.domain.contacts.groups import Group, GroupNameTaken, GroupNotFound
from tidings.domain.errors import Fault
from tidings.domain.kernel import ContactId, GroupId, OrganizationId, Page

g = groups.c
m = memberships.c


@dataclass(frozen=True, slots=True)
class SqlGroups:
    """The GroupStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def add(self, group: Group) -> None:
        try:
            await insert_many(self.connection, groups, [asdict(group)])
        except IntegrityError as error:
            raise _taken(error) from error

    async def get(self, id: GroupId) -> Group:
        return await _one(self.connection, _mine(self.organization).where(g.id == id).with_for_update())

    async def named(self, name: str) -> Group | None:
        query = _mine(self.organization).where(g.name == name).with_for_update()
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return None if row is None else Group(**row)

    async def save(self, group: Group) -> None:
        values = {"name": group.name, "description": group.description, "updated_at": group.updated_at}
        try:
            await self.connection.execute(update(groups).where(g.id == group.id).values(values))
        except IntegrityError as error:
            raise _taken(error) from error

    async def remove(self, id: GroupId) -> None:
        await self.get(id)
        await self.connection.execute(delete(memberships).where(m.group_id == id))
        await self.connection.execute(delete(groups).where(g.id == id))

    async def put_in(self, id: GroupId, contacts: Collection[ContactId]) -> int:
        await self.get(id)
        put = 0
        for some in chunks(contacts):
            missing = await self._existing(some) - await self._members(id, some)
            rows = [{"group_id": id, "contact_id": contact} for contact in sorted(missing)]
            await insert_many(self.connection, memberships, rows)
            put += len(rows)
        await self._count(id, put)
        return put

    async def of_contact(self, contact: ContactId) -> Sequence[GroupId]:
        query = select(m.group_id).where(m.contact_id == contact).order_by(m.group_id)
        return [GroupId(id) for id in (await self.connection.execute(query)).scalars()]

    async def join(self, contact: ContactId, wanted: Collection[GroupId]) -> None:
        locked = select(g.id).where(g.organization_id == self.organization, g.id.in_(list(wanted)))
        existing = (await self.connection.execute(locked.order_by(g.id).with_for_update())).scalars().all()
        new = sorted(set(existing) - set(await self.of_contact(contact)))
        rows = [{"group_id": id, "contact_id": contact} for id in new]
        await insert_many(self.connection, memberships, rows)
        await self._count_all(new, 1)

    async def leave(self, contact: ContactId, wanted: Collection[GroupId]) -> None:
        leaving = sorted(set(wanted) & set(await self.of_contact(contact)))
        locked = select(g.id).where(g.id.in_(leaving)).order_by(g.id).with_for_update()
        await self.connection.execute(locked)
        gone = delete(memberships).where(m.contact_id == contact, m.group_id.in_(leaving))
        await self.connection.execute(gone)
        await self._count_all(leaving, -1)

    async def take_out(self, id: GroupId, contacts: Collection[ContactId]) -> int:
        await self.get(id)
        taken = 0
        for some in chunks(contacts):
            leaving = await self._members(id, some)
            if leaving:
                await self.connection.execute(
                    delete(memberships).where(m.group_id == id, m.contact_id.in_(leaving))
                )
            taken += len(leaving)
        await self._count(id, -taken)
        return taken

    async def _existing(self, contacts: Collection[ContactId]) -> set[ContactId]:
        query = select(people.c.id).where(
            people.c.organization_id == self.organization, people.c.id.in_(contacts)
        )
        return set((await self.connection.execute(query.with_for_update())).scalars())

    async def _members(self, id: GroupId, contacts: Collection[ContactId]) -> set[ContactId]:
        query = select(m.contact_id).where(m.group_id == id, m.contact_id.in_(contacts))
        return set((await self.connection.execute(query)).scalars())

    async def _count_all(self, ids: Collection[GroupId], change: int) -> None:
        if ids:
            counted = {g.contact_count: g.contact_count + change}
            await self.connection.execute(update(groups).where(g.id.in_(list(ids))).values(counted))

    async def _count(self, id: GroupId, change: int) -> None:
        if change:
            counted = {g.contact_count: g.contact_count + change}
            await self.connection.execute(update(groups).where(g.id == id).values(counted))


@dataclass(frozen=True, slots=True)
class SqlGroupReader:
    """The GroupReader port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def get(self, id: GroupId) -> Group:
        return await _one(self.connection, _mine(self.organization).where(g.id == id))

    async def existing(self, ids: Collection[GroupId]) -> Collection[GroupId]:
        query = select(g.id).where(g.organization_id == self.organization, g.id.in_(list(ids)))
        return set((await self.connection.execute(query)).scalars())

    async def page(
        self, search: str, *, cursor: str | None, limit: int, number: int | None = None
    ) -> Page[Group]:
        chosen = _mine(self.organization)
        if search.strip():
            chosen = chosen.where(func.lower(g.name).contains(search.strip().lower(), autoescape=True))
        total = None
        if number is not None:
            counted = chosen.with_only_columns(func.count(), maintain_column_froms=True)
            total = (await self.connection.execute(counted)).scalar_one()
            chosen = chosen.offset((number - 1) * limit)
        if cursor is not None:
            chosen = chosen.where(g.id < decode_cursor(cursor))
        found = structs(Group, await self.connection.execute(chosen.order_by(g.id.desc()).limit(limit + 1)))
        more = len(found) > limit
        return Page(
            items=found[:limit], next_cursor=encode_cursor(found[limit - 1].id) if more else None, total=total
        )


def _mine(organization: OrganizationId) -> Select[Any]:
    return select(groups).where(g.organization_id == organization)


async def _one(connection: AsyncConnection, query: Select[Any]) -> Group:
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise GroupNotFound()
    return Group(**row)


def _taken(error: IntegrityError) -> Exception:
    """GroupNameTaken when that is what went wrong, and otherwise the error itself."""
    if not name_taken(error):
        return error
    return GroupNameTaken("", Fault(field="name", rule="unique", message="another group has this name"))
