"""The consent ledger in SQL: entries are added, standings are their fold."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import asdict, replace
from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts.privacy import MARK, Pseudonyms
from tidings.adapters.mysql.contacts.tables import chunks, consents, has_any, standings
from tidings.adapters.mysql.cursors import decode_number, decode_text, encode_text
from tidings.adapters.mysql.dialect import insert_many, upsert
from tidings.adapters.mysql.rows import structs
from tidings.domain.contacts.consent import MARKETING, ConsentEntry, Standing, fold, together
from tidings.domain.kernel import OrganizationId, Page, PersonKey

c = consents.c
s = standings.c
ENTRY = tuple(c[name] for name in ConsentEntry.__struct_fields__)
KEYS = ("organization_id", "person", "topic")
AFTER_MARK = chr(ord(MARK) + 1)
FOLDED = ("opted_out", "opted_out_at", "opted_in_at", "consent_source")


@dataclass(frozen=True, slots=True)
class SqlConsents:
    """The ConsentStore port."""

    connection: AsyncConnection
    organization: OrganizationId
    pseudonyms: Pseudonyms

    async def hear(self, entries: Sequence[ConsentEntry]) -> None:
        known: list[Standing] = []
        for topic in {entry.topic for entry in entries}:
            known += await self.standings({e.person for e in entries if e.topic == topic}, topic)
        await insert_many(self.connection, consents, [asdict(entry) for entry in entries])
        now = fold(known, entries)
        rows = [asdict(now[key]) for key in sorted(now)]
        await upsert(self.connection, standings, rows, keys=KEYS, change=FOLDED)

    async def standings(self, people: Collection[PersonKey], topic: str = MARKETING) -> Sequence[Standing]:
        look = _Look(self.connection, self.organization, self.pseudonyms, locked=True)
        return await look.standings(people, topic)

    async def forget(self, people: Collection[PersonKey]) -> None:
        look = _Look(self.connection, self.organization, self.pseudonyms, locked=True)
        for person in sorted(people):
            name, *older = self.pseudonyms.of(self.organization, person)
            mine = select(s.topic).distinct().where(s.organization_id == self.organization)
            topics = (await self.connection.execute(mine.where(s.person == person))).scalars().all()
            now = [each for topic in topics for each in await look.standings([person], topic)]
            rows = [{**asdict(each), "person": name} for each in now]
            await upsert(self.connection, standings, rows, keys=KEYS, change=FOLDED)
            gone = delete(standings).where(s.organization_id == self.organization)
            await self.connection.execute(gone.where(s.person.in_([person, *older])))
            blank = update(consents).where(c.organization_id == self.organization, c.person == person)
            told = {c.person: name, c.contact_id: None, c.proof: ""}
            await self.connection.execute(blank.values(told))


@dataclass(frozen=True, slots=True)
class SqlConsentReader:
    """The ConsentReader port."""

    connection: AsyncConnection
    organization: OrganizationId
    pseudonyms: Pseudonyms

    async def standings(self, people: Collection[PersonKey], topic: str = MARKETING) -> Sequence[Standing]:
        look = _Look(self.connection, self.organization, self.pseudonyms, locked=False)
        return await look.standings(people, topic)

    async def ledger(
        self, people: Collection[PersonKey], *, cursor: str | None, limit: int
    ) -> Page[ConsentEntry]:
        query = select(c.position, *ENTRY).where(
            c.organization_id == self.organization, c.person.in_(list(people))
        )
        if cursor is not None:
            query = query.where(c.position < decode_number(cursor))
        query = query.order_by(c.position.desc()).limit(limit + 1)
        rows = [dict(row) for row in (await self.connection.execute(query)).mappings()]
        places = [row.pop("position") for row in rows]
        return Page(
            items=[ConsentEntry(**row) for row in rows[:limit]],
            next_cursor=encode_text(str(places[limit - 1])) if len(rows) > limit else None,
        )

    async def stopped(self, topic: str, *, cursor: str | None, limit: int) -> Page[Standing]:
        query = _of(self.organization, topic).where(s.opted_out.is_(True), s.person >= AFTER_MARK)
        if cursor is not None:
            query = query.where(s.person > decode_text(cursor))
        found = structs(Standing, await self.connection.execute(query.order_by(s.person).limit(limit + 1)))
        more = len(found) > limit
        return Page(items=found[:limit], next_cursor=encode_text(found[limit - 1].person) if more else None)


def _of(organization: OrganizationId, topic: str) -> Select[Any]:
    return select(standings).where(s.organization_id == organization, s.topic == topic)


@dataclass(frozen=True, slots=True)
class _Look:
    """Finds standings, also those that people had before they were forgotten."""

    connection: AsyncConnection
    organization: OrganizationId
    pseudonyms: Pseudonyms
    locked: bool

    async def standings(self, people: Collection[PersonKey], topic: str) -> Sequence[Standing]:
        found = {each.person: each for each in await self._named(people, topic)}
        if people and await self._anybody_forgotten():
            names = {name: who for who in people for name in self.pseudonyms.of(self.organization, who)}
            for each in await self._named(names, topic):
                person = names[each.person]
                found[person] = together(found.get(person), replace(each, person=person))
        return list(found.values())

    async def _named(self, people: Collection[PersonKey], topic: str) -> Sequence[Standing]:
        found: list[Standing] = []
        if not await has_any(self.connection, standings, self.organization, len(people)):
            return found
        for some in chunks(sorted(people)):
            query = _of(self.organization, topic).where(s.person.in_(some))
            if self.locked:
                query = query.with_for_update()
            found += structs(Standing, await self.connection.execute(query))
        return found

    async def _anybody_forgotten(self) -> bool:
        """A look at one range of the primary key, which is empty nearly everywhere."""
        query = select(s.person).where(
            s.organization_id == self.organization, s.person >= MARK, s.person < AFTER_MARK
        )
        return (await self.connection.execute(query.limit(1))).first() is not None
