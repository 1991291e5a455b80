"""People in SQL: a store that writes and locks, and a reader that does neither."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts.rules import RuleSql
from tidings.adapters.mysql.contacts.tables import (
    CONTACT,
    aliases,
    attributes,
    chunks,
    deeds,
    groups,
    memberships,
    merges,
    people,
    person_taken,
    segments,
)
from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import insert_many, is_sqlite, update_many
from tidings.application.ports.contacts import Addressee, ContactFilter
from tidings.domain.contacts.attributes import Kind
from tidings.domain.contacts.groups import GroupNotFound
from tidings.domain.contacts.people import (
    Contact,
    ContactNotFound,
    ContactView,
    GroupName,
    PhoneTaken,
    search_terms,
    search_text,
)
from tidings.domain.contacts.rules import AnyRule, OfAttribute, Op
from tidings.domain.contacts.segments import attributes_in
from tidings.domain.errors import Fault
from tidings.domain.kernel import ContactId, GroupId, OrganizationId, Page, PersonKey, Phone

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

    async def get(self, id: ContactId) -> Contact:
        query = _mine(self.organization).where(p.id == id).with_for_update()
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise ContactNotFound()
        return Contact(**row)

    async def of_people(self, wanted: Collection[PersonKey]) -> dict[PersonKey, Contact]:
        return await _of_people(self.connection, self.organization, wanted, locked=True)

    async def find(self, ids: Collection[ContactId]) -> Sequence[Contact]:
        return await _found(self.connection, self.organization, p.id, ids, locked=True)

    async def having(self, attribute: str, *, after: ContactId | None, limit: int) -> Sequence[Contact]:
        rule = OfAttribute(key=attribute, op=Op.IS_SET)
        query = _mine(self.organization).where(_sql(self.connection, {}, None).condition(rule))
        if after is not None:
            query = query.where(p.id > after)
        query = query.order_by(p.id).limit(limit).with_for_update()
        return [Contact(**row) for row in (await self.connection.execute(query)).mappings()]

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


@dataclass(frozen=True, slots=True)
class SqlContactReader:
    """The ContactReader port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def get(self, id: ContactId) -> ContactView:
        row = (
            (await self.connection.execute(_mine(self.organization).where(p.id == id)))
            .mappings()
            .one_or_none()
        )
        if row is None:
            raise ContactNotFound()
        return (await self._views([Contact(**row)]))[0]

    async def of_people(self, wanted: Collection[PersonKey]) -> dict[PersonKey, Contact]:
        return await _of_people(self.connection, self.organization, wanted, locked=False)

    async def stream(
        self, wanted: ContactFilter, *, after: ContactId | None, limit: int
    ) -> Sequence[ContactView]:
        return await self._views(await self._next(wanted, after, limit))

    async def people_of(self, id: ContactId) -> Collection[PersonKey]:
        main = select(p.person).where(p.id == id, p.organization_id == self.organization)
        person = (await self.connection.execute(main)).scalar_one_or_none()
        if person is None:
            raise ContactNotFound()
        others = select(aliases.c.person).where(aliases.c.contact_id == id)
        return {PersonKey(person), *(await self.connection.execute(others)).scalars()}

    async def page(
        self, wanted: ContactFilter, *, cursor: str | None, limit: int, number: int | None = None
    ) -> Page[ContactView]:
        chosen, place = await self._chosen(wanted)
        total = None
        if number is not None:
            counted = chosen.with_only_columns(func.count(), maintain_column_froms=True)
            total = (await self.connection.execute(counted)).scalar_one()
            chosen = chosen.offset((number - 1) * limit)
        if cursor is not None:
            chosen = chosen.where(place < decode_cursor(cursor))
        rows = (await self.connection.execute(chosen.order_by(place.desc()).limit(limit + 1))).mappings()
        found = [Contact(**row) for row in rows]
        return Page(
            items=await self._views(found[:limit]),
            next_cursor=encode_cursor(found[limit - 1].id) if len(found) > limit else None,
            total=total,
        )

    async def addressees(
        self, wanted: ContactFilter, *, after: ContactId | None, limit: int
    ) -> Sequence[Addressee]:
        return [_addressee(contact) for contact in await self._next(wanted, after, limit)]

    async def _next(self, wanted: ContactFilter, after: ContactId | None, limit: int) -> list[Contact]:
        chosen, place = await self._chosen(wanted)
        if after is not None:
            chosen = chosen.where(place > after)
        rows = (await self.connection.execute(chosen.order_by(place).limit(limit))).mappings()
        return [Contact(**row) for row in rows]

    async def size(self, wanted: ContactFilter) -> int:
        chosen, _ = await self._chosen(wanted)
        counted = chosen.with_only_columns(func.count(), maintain_column_froms=True)
        return (await self.connection.execute(counted)).scalar_one()

    async def reachable(self, ids: Collection[ContactId]) -> Collection[ContactId]:
        found = await self._reachable(ids)
        missing = set(ids) - found.keys()
        if not missing:
            return {id for id, out in found.items() if not out}
        stands = await self._stands_for(missing)
        known = {**found, **await self._reachable(set(stands.values()))}
        return {id for id in ids if known.get(stands.get(id, id)) is False}

    async def _reachable(self, ids: Collection[ContactId]) -> dict[ContactId, bool]:
        """Whether each of those that exist has opted out."""
        found: dict[ContactId, bool] = {}
        for some in chunks(ids):
            query = select(p.id, p.opted_out).where(p.organization_id == self.organization, p.id.in_(some))
            found.update((ContactId(id), out) for id, out in await self.connection.execute(query))
        return found

    async def _stands_for(self, absorbed: Collection[ContactId]) -> dict[ContactId, ContactId]:
        g = merges.c
        found: dict[ContactId, ContactId] = {}
        for some in chunks(absorbed):
            query = select(g.absorbed_id, g.current_id).where(
                g.organization_id == self.organization, g.absorbed_id.in_(some), g.undone_at.is_(None)
            )
            found.update((ContactId(id), ContactId(now)) for id, now in await self.connection.execute(query))
        return found

    async def _chosen(self, wanted: ContactFilter) -> tuple[Select[Any], ColumnElement[Any]]:
        """The contacts that the filter lets through, and the column in whose order they come cheaply."""
        query, place = _mine(self.organization), p.id
        rules = [] if wanted.rule is None else [wanted.rule]
        if wanted.group_id is not None:
            rule = await self._rule_of(wanted.group_id)
            if rule is not None:
                rules.append(rule)
            else:
                # A member's place in the group's own index serves the order without a sort.
                query = query.join(memberships, m.contact_id == p.id).where(m.group_id == wanted.group_id)
                place = m.contact_id
        if rules:
            named = frozenset[str]().union(*(attributes_in(rule) for rule in rules))
            compiler = _sql(self.connection, await self._kinds(named), wanted.at)
            query = query.where(*(compiler.condition(rule) for rule in rules))
        if wanted.favorite is not None:
            query = query.where(p.is_favorite.is_(wanted.favorite))
        if wanted.opted_out is not None:
            query = query.where(p.opted_out.is_(wanted.opted_out))
        for term in search_terms(wanted.search):
            query = query.where(p.search_text.contains(term, autoescape=True))
        return query, place

    async def _rule_of(self, id: GroupId) -> AnyRule | None:
        """None for a group, the rule of a segment. Raise GroupNotFound."""
        group = select(groups.c.id).where(groups.c.id == id, groups.c.organization_id == self.organization)
        if (await self.connection.execute(group)).one_or_none() is not None:
            return None
        saved = select(segments.c.rule).where(
            segments.c.id == id, segments.c.organization_id == self.organization
        )
        rule: AnyRule | None = (await self.connection.execute(saved)).scalar_one_or_none()
        if rule is None:
            raise GroupNotFound()
        return rule

    async def _kinds(self, named: Collection[str]) -> dict[str, Kind]:
        a = attributes.c
        query = select(a.key, a.kind).where(a.organization_id == self.organization, a.key.in_(list(named)))
        return {key: kind for key, kind in await self.connection.execute(query)}

    async def _views(self, found: Sequence[Contact]) -> Sequence[ContactView]:
        """The contacts with their groups: one more statement, however many they are."""
        if not found:
            return []
        theirs = (
            select(m.contact_id, groups.c.id, groups.c.name)
            .join(groups, groups.c.id == m.group_id)
            .where(m.contact_id.in_([contact.id for contact in found]))
            .order_by(groups.c.name)
        )
        named: dict[ContactId, list[GroupName]] = {}
        for contact_id, id, name in await self.connection.execute(theirs):
            named.setdefault(ContactId(contact_id), []).append(GroupName(id=GroupId(id), name=name))
        return [ContactView(**asdict(each), groups=tuple(named.get(each.id, ()))) for each in found]


def _sql(connection: AsyncConnection, kinds: dict[str, Kind], at: datetime | None) -> RuleSql:
    return RuleSql(kinds, at or datetime.fromtimestamp(0, UTC), is_sqlite(connection))


def _mine(organization: OrganizationId) -> Select[Any]:
    return select(*CONTACT).where(p.organization_id == organization)


async def _of_people(
    connection: AsyncConnection, organization: OrganizationId, wanted: Collection[PersonKey], *, locked: bool
) -> dict[PersonKey, Contact]:
    main = await _found(connection, organization, p.person, wanted, locked=locked)
    known = {contact.person: contact for contact in main}
    a = aliases.c
    others: dict[PersonKey, ContactId] = {}
    for some in chunks(sorted(set(wanted) - known.keys())):
        query = select(a.person, a.contact_id).where(a.organization_id == organization, a.person.in_(some))
        others.update((PersonKey(person), ContactId(id)) for person, id in await connection.execute(query))
    if others:
        found = await _found(connection, organization, p.id, set(others.values()), locked=locked)
        by_id = {contact.id: contact for contact in found}
        known |= {person: by_id[id] for person, id in others.items() if id in by_id}
    return known


async def _found(
    connection: AsyncConnection,
    organization: OrganizationId,
    column: ColumnElement[Any],
    values: Collection[Any],
    *,
    locked: bool,
) -> list[Contact]:
    found: list[Contact] = []
    for some in chunks(sorted(values)):
        query = _mine(organization).where(column.in_(some)).order_by(column)
        if locked:
            query = query.with_for_update()
        rows: Sequence[Mapping[Any, Any]] = (await connection.execute(query)).mappings().all()
        found += [Contact(**row) for row in rows]
    return found


def _addressee(contact: Contact) -> Addressee:
    return Addressee(
        contact_id=contact.id,
        phone=contact.phone or Phone(""),
        person=contact.person,
        name=contact.name,
        fields=contact.fields,
        blocked=contact.blocked,
    )


def _taken(error: IntegrityError) -> Exception:
    """PhoneTaken when that is what went wrong, and otherwise the error itself."""
    if not person_taken(error):
        return error
    return PhoneTaken("", Fault(field="phone", rule="unique", message="another contact has this number"))
