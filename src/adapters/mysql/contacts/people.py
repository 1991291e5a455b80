"""People in SQL: a store that writes and locks, and a reader that does neither."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Select, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts import search, totals
from tidings.adapters.mysql.contacts.rules import RuleSql
from tidings.adapters.mysql.contacts.tables import (
    CONTACT,
    aliases,
    chunks,
    deeds,
    groups,
    has_any,
    memberships,
    people,
    person_taken,
)
from tidings.adapters.mysql.dialect import insert_many, is_sqlite, update_many
from tidings.adapters.mysql.rows import structs
from tidings.domain.contacts.attributes import Kind
from tidings.domain.contacts.people import (
    Contact,
    ContactNotFound,
    PhoneTaken,
    search_text,
)
from tidings.domain.contacts.rules import OfAttribute, Op
from tidings.domain.errors import Fault
from tidings.domain.kernel import ContactId, OrganizationId, PersonKey

p = people.c
m = memberships.c
MUTABLE = tuple(column.name for column in p if column.name not in ("id", "organization_id", "created_at"))


def _row(contact: Contact) -> dict[str, Any]:
    return {**asdict(contact), "search_text": search_text(contact)}


@dataclass(frozen=True, slots=True)
class SqlContacts:
    """The ContactStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def add(self, new: Sequence[Contact]) -> None:
        try:
            await insert_many(self.connection, people, [_row(contact) for contact in new])
        except IntegrityError as error:
            raise _taken(error) from error
        ids = [contact.id for contact in new]
        await totals.count(self.connection, self.organization, ids, 1)
        await search.note_written(self.connection, self.organization, ids)

    async def get(self, id: ContactId) -> Contact:
        query = contacts_of(self.organization).where(p.id == id).with_for_update()
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise ContactNotFound()
        return Contact(**row)

    async def of_people(self, wanted: Collection[PersonKey]) -> dict[PersonKey, Contact]:
        return await by_people(self.connection, self.organization, wanted, locked=True)

    async def find(self, ids: Collection[ContactId]) -> Sequence[Contact]:
        return await found_by(self.connection, self.organization, p.id, ids, locked=True)

    async def having(self, attribute: str, *, after: ContactId | None, limit: int) -> Sequence[Contact]:
        rule = OfAttribute(key=attribute, op=Op.IS_SET)
        query = contacts_of(self.organization).where(rule_sql(self.connection, {}, None).condition(rule))
        if after is not None:
            query = query.where(p.id > after)
        query = query.order_by(p.id).limit(limit).with_for_update()
        return structs(Contact, await self.connection.execute(query))

    async def idle(self, before: datetime, *, limit: int) -> Sequence[ContactId]:
        lately = select(deeds.c.contact_id).where(deeds.c.contact_id == p.id, deeds.c.at >= before)
        query = (
            select(p.id)
            .where(p.organization_id == self.organization, p.updated_at < before, ~lately.exists())
            .order_by(p.id)
            .limit(limit)
        )
        return [ContactId(id) for id in (await self.connection.execute(query)).scalars()]

    async def save(self, changed: Sequence[Contact]) -> None:
        try:
            await update_many(
                self.connection, people, [_row(contact) for contact in changed], key="id", change=MUTABLE
            )
        except IntegrityError as error:
            raise _taken(error) from error
        ids = [contact.id for contact in changed]
        await search.note_written(self.connection, self.organization, ids)

    async def remove(self, id: ContactId) -> None:
        # Groups are locked before the contact, as when members are put in: no deadlock.
        theirs = select(m.group_id).where(m.contact_id == id)
        found = (await self.connection.execute(theirs)).scalars().all()
        if found:
            locked = select(groups.c.id).where(groups.c.id.in_(found)).order_by(groups.c.id)
            await self.connection.execute(locked.with_for_update())
        await self.get(id)
        left = (await self.connection.execute(theirs.with_for_update())).scalars().all()
        if left:
            await self.connection.execute(delete(memberships).where(m.contact_id == id))
            count = groups.c.contact_count
            await self.connection.execute(
                update(groups).where(groups.c.id.in_(left)).values({count: count - 1})
            )
        await self.connection.execute(delete(deeds).where(deeds.c.contact_id == id))
        await self.connection.execute(delete(aliases).where(aliases.c.contact_id == id))
        await self.connection.execute(delete(people).where(p.id == id))
        await totals.count(self.connection, self.organization, [id], -1)
        await search.forget_place(self.connection, id)


def rule_sql(connection: AsyncConnection, kinds: dict[str, Kind], at: datetime | None) -> RuleSql:
    return RuleSql(kinds, at or datetime.fromtimestamp(0, UTC), is_sqlite(connection))


def contacts_of(organization: OrganizationId) -> Select[Any]:
    return select(*CONTACT).where(p.organization_id == organization)


async def by_people(
    connection: AsyncConnection, organization: OrganizationId, wanted: Collection[PersonKey], *, locked: bool
) -> dict[PersonKey, Contact]:
    main = await found_by(connection, organization, p.person, wanted, locked=locked)
    known = {contact.person: contact for contact in main}
    a = aliases.c
    others: dict[PersonKey, ContactId] = {}
    missing = set(wanted) - known.keys()
    if not await has_any(connection, aliases, organization, len(missing)):
        return known
    for some in chunks(sorted(missing)):
        query = select(a.person, a.contact_id).where(a.organization_id == organization, a.person.in_(some))
        others.update((PersonKey(person), ContactId(id)) for person, id in await connection.execute(query))
    if others:
        found = await found_by(connection, organization, p.id, set(others.values()), locked=locked)
        by_id = {contact.id: contact for contact in found}
        known |= {person: by_id[id] for person, id in others.items() if id in by_id}
    return known


async def found_by(
    connection: AsyncConnection,
    organization: OrganizationId,
    column: ColumnElement[Any],
    values: Collection[Any],
    *,
    locked: bool,
) -> list[Contact]:
    found: list[Contact] = []
    for some in chunks(sorted(values)):
        query = contacts_of(organization).where(column.in_(some)).order_by(column)
        if locked:
            query = query.with_for_update()
        found += structs(Contact, await connection.execute(query))
    return found


def _taken(error: IntegrityError) -> Exception:
    """PhoneTaken when that is what went wrong, and otherwise the error itself."""
    if not person_taken(error):
        return error
    return PhoneTaken("", Fault(field="phone", rule="unique", message="another contact has this number"))
