"""Looks at people in SQL: lists, audiences, and the last look before a message."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts import search, totals
from tidings.adapters.mysql.contacts.people import by_people, contacts_of, rule_sql
from tidings.adapters.mysql.contacts.tables import (
    CONTACT,
    KNOWN,
    aliases,
    attributes,
    chunks,
    groups,
    memberships,
    merges,
    people,
    places,
    segments,
    unindexed,
)
from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import along
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.rows import structs
from tidings.adapters.together import Together
from tidings.application.ports.contacts import Addressee, ContactFilter
from tidings.domain.contacts.attributes import Kind
from tidings.domain.contacts.grams import grams_needed
from tidings.domain.contacts.groups import GroupNotFound
from tidings.domain.contacts.people import (
    Contact,
    ContactNotFound,
    ContactView,
    GroupName,
    Known,
    search_terms,
)
from tidings.domain.contacts.rules import AnyRule
from tidings.domain.contacts.segments import attributes_in
from tidings.domain.kernel import ContactId, GroupId, OrganizationId, Page, PersonKey, Phone

p = people.c
m = memberships.c
l = places.c  # noqa: E741 - places

_VIEWS = (
    select(*CONTACT, groups.c.id.label("group_id"), groups.c.name.label("group"))
    .select_from(
        people.outerjoin(memberships, m.contact_id == p.id).outerjoin(groups, groups.c.id == m.group_id)
    )
    .where(p.id.in_(bindparam("ids", expanding=True)))
    .order_by(groups.c.name)
)
"""People, each once for each of their groups: what is asked most often is put together once."""

LOOKED_UP_TOGETHER = 64
"""People in one statement."""
COUNTED_AT_ONCE = 100_000
"""Up to how many contacts a filtered list is counted without being asked twice."""


async def views_of(connection: AsyncConnection, ids: Sequence[ContactId]) -> dict[ContactId, ContactView]:
    """Those of these who exist, whosever they are: one statement."""
    named: dict[ContactId, list[GroupName]] = {}
    known: dict[ContactId, Mapping[str, Any]] = {}
    for row in (await connection.execute(_VIEWS, {"ids": ids})).all():
        theirs = named.setdefault(row.id, [])
        known[row.id] = dict(zip(Contact.__struct_fields__, row, strict=False))
        if row.group_id:
            theirs.append(GroupName(id=GroupId(row.group_id), name=row.group))
    return {id: ContactView(**known[id], groups=tuple(named[id])) for id in known}


@dataclass(slots=True)
class Lookups:
    """People of all organisations that are asked for at the same moment, looked up together."""

    database: Database
    _together: Together[tuple[OrganizationId, ContactId], ContactView] = field(init=False)

    def __post_init__(self) -> None:
        self._together = Together(self._answer, LOOKED_UP_TOGETHER)

    async def person(self, organization: OrganizationId, id: ContactId) -> ContactView:
        """Raise ContactNotFound."""
        return await self._together.ask((organization, id))

    async def _answer(
        self, asked: Sequence[tuple[OrganizationId, ContactId]]
    ) -> Sequence[ContactView | ContactNotFound]:
        async with self.database.reading() as connection:
            found = await views_of(connection, sorted({id for _, id in asked}))
        return [_theirs(organization, found.get(id)) for organization, id in asked]


def _theirs(organization: OrganizationId, view: ContactView | None) -> ContactView | ContactNotFound:
    return ContactNotFound() if view is None or view.organization_id != organization else view


@dataclass(frozen=True, slots=True)
class SqlContactReader:
    """The ContactReader port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def get(self, id: ContactId) -> ContactView:
        view = _theirs(self.organization, (await views_of(self.connection, [id])).get(id))
        if isinstance(view, ContactNotFound):
            raise view
        return view

    async def of_people(self, wanted: Collection[PersonKey]) -> dict[PersonKey, Contact]:
        return await by_people(self.connection, self.organization, wanted, locked=False)

    async def stream(
        self, wanted: ContactFilter, *, after: ContactId | None, limit: int
    ) -> Sequence[ContactView]:
        found = await self.connection.execute(await self._next(wanted, after, limit))
        return await self._views(structs(Contact, found))

    async def people_of(self, id: ContactId) -> Collection[PersonKey]:
        main = select(p.person).where(p.id == id, p.organization_id == self.organization)
        person = (await self.connection.execute(main)).scalar_one_or_none()
        if person is None:
            raise ContactNotFound()
        others = select(aliases.c.person).where(aliases.c.contact_id == id)
        return {PersonKey(person), *(await self.connection.execute(others)).scalars()}

    async def page(
        self,
        wanted: ContactFilter,
        *,
        cursor: str | None,
        limit: int,
        number: int | None = None,
        thorough: bool = True,
    ) -> Page[ContactView]:
        total = None if number is None else await self._total(wanted, thorough=thorough)
        if (number is None or (number == 1 and total is None)) and await self._by_grams(wanted, cursor):
            return await self._searched(wanted, cursor, limit)
        chosen, place = await self._chosen(wanted)
        if number is not None:
            chosen = chosen.offset((number - 1) * limit)
        if cursor is not None:
            chosen = chosen.where(place < decode_cursor(cursor))
        chosen = _in_order(chosen, place).order_by(place.desc())
        found = structs(Contact, await self.connection.execute(chosen.limit(limit + 1)))
        return Page(
            items=await self._views(found[:limit]),
            next_cursor=encode_cursor(found[limit - 1].id) if len(found) > limit else None,
            total=total,
        )

    async def _total(self, wanted: ContactFilter, *, thorough: bool) -> int | None:
        """Counted as they were written where that answers it; else counted now, unless that takes long."""
        if wanted == ContactFilter(at=wanted.at):
            return await totals.counted(self.connection, self.organization)
        if not thorough and await totals.counted(self.connection, self.organization) > COUNTED_AT_ONCE:
            return None
        return await self.size(wanted)

    async def _by_grams(self, wanted: ContactFilter, cursor: str | None) -> bool:
        """Whether the index serves: a search and nothing else, with a term of three letters or more."""
        only = wanted == ContactFilter(search=wanted.search, at=wanted.at)
        if not only or not grams_needed(search_terms(wanted.search)):
            return False
        goes_on = cursor is None or search.Cursor.read(cursor) is not None
        return goes_on and await search.is_indexed(self.connection, self.organization)

    async def _searched(self, wanted: ContactFilter, cursor: str | None, limit: int) -> Page[ContactView]:
        """Those that were written lately, one by one; then by place, the latest first."""
        chosen, _ = await self._chosen(wanted)
        from_ = search.Cursor.read(cursor) if cursor is not None else None
        from_ = from_ or search.Cursor()
        u = unindexed.c
        lately = p.id.in_(select(u.contact_id).where(u.organization_id == self.organization))
        found: list[tuple[search.Cursor, Contact]] = []
        if from_.below is None:
            late = chosen.where(lately, *(() if from_.after is None else (p.id < from_.after,)))
            late = late.order_by(p.id.desc()).limit(limit + 1)
            newest = structs(Contact, await self.connection.execute(late))
            found += [(search.Cursor(after=each.id), each) for each in newest]
        needed = grams_needed(search_terms(wanted.search))
        there = chosen.add_columns(l.place).join(places, l.contact_id == p.id)
        there = there.where(l.organization_id == self.organization, ~lately)
        candidates = search.candidates(self.connection, self.organization, needed, from_.below)
        while len(found) <= limit and (some := await anext(candidates, None)) is not None:
            told = await self.connection.execute(there.where(l.place.in_(some)).order_by(l.place.desc()))
            found += [
                (
                    search.Cursor(below=place),
                    Contact(**dict(zip(Contact.__struct_fields__, them, strict=True))),
                )
                for *them, place in told
            ]
        return Page(
            items=await self._views([contact for _, contact in found[:limit]]),
            next_cursor=found[limit - 1][0].text if len(found) > limit else None,
        )

    async def addressees(
        self, wanted: ContactFilter, *, after: ContactId | None, limit: int
    ) -> Sequence[Addressee]:
        chosen = await self._next(wanted, after, limit)
        found = await self.connection.execute(chosen.with_only_columns(*KNOWN, maintain_column_froms=True))
        return [_addressee(each) for each in structs(Known, found)]

    async def addressed(self, ids: Collection[ContactId]) -> Sequence[Addressee]:
        query = select(*KNOWN).where(p.organization_id == self.organization, p.id.in_(list(ids)))
        return [
            _addressee(each) for each in structs(Known, await self.connection.execute(query.order_by(p.id)))
        ]

    async def _next(self, wanted: ContactFilter, after: ContactId | None, limit: int) -> Select[Any]:
        chosen, place = await self._chosen(wanted)
        if after is not None:
            chosen = chosen.where(place > after)
        return _in_order(chosen, place).order_by(place).limit(limit)

    async def size(self, wanted: ContactFilter) -> int:
        chosen, _ = await self._chosen(wanted)
        if wanted == ContactFilter(at=wanted.at):
            return await totals.counted(self.connection, self.organization)
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
        query, place = contacts_of(self.organization), p.id
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
            compiler = rule_sql(self.connection, await self._kinds(named), wanted.at)
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


def _in_order(chosen: Select[Any], place: ColumnElement[Any]) -> Select[Any]:
    return along(chosen, people, "contacts_people_newest") if place is p.id else chosen


def _addressee(contact: Known) -> Addressee:
    return Addressee(
        contact_id=contact.id,
        phone=contact.phone or Phone(""),
        person=contact.person,
        name=contact.name,
        fields=contact.fields,
        blocked=contact.blocked,
    )
