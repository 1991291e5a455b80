"""The consent ledger in SQL: entries are added, standings are their fold."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts.tables import chunks, consents, standings
from tidings.adapters.mysql.cursors import decode_number, decode_text, encode_text
from tidings.adapters.mysql.dialect import insert_many, upsert
from tidings.domain.contacts.consent import MARKETING, ConsentEntry, Standing, fold
from tidings.domain.kernel import OrganizationId, Page, PersonKey

c = consents.c
s = standings.c
ENTRY = tuple(c[name] for name in ConsentEntry.__struct_fields__)
KEYS = ("organization_id", "person", "topic")
FOLDED = ("opted_out", "opted_out_at", "opted_in_at", "consent_source")


@dataclass(frozen=True, slots=True)
class SqlConsents:
    """The ConsentStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def hear(self, entries: Sequence[ConsentEntry]) -> None:
        known: list[Standing] = []
        for topic in {entry.topic for entry in entries}:
            known += await self.standings({e.person for e in entries if e.topic == topic}, topic)
        await insert_many(self.connection, consents, [asdict(entry) for entry in entries])
        now = fold(known, entries)
        rows = [asdict(now[key]) for key in sorted(now)]
        await upsert(self.connection, standings, rows, keys=KEYS, change=FOLDED)

    async def standings(self, people: Collection[PersonKey], topic: str = MARKETING) -> Sequence[Standing]:
        return await _standings(self.connection, self.organization, people, topic, locked=True)


@dataclass(frozen=True, slots=True)
class SqlConsentReader:
    """The ConsentReader port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def standings(self, people: Collection[PersonKey], topic: str = MARKETING) -> Sequence[Standing]:
        return await _standings(self.connection, self.organization, people, topic, locked=False)

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
        query = _of(self.organization, topic).where(s.opted_out.is_(True))
        if cursor is not None:
            query = query.where(s.person > decode_text(cursor))
        rows = (await self.connection.execute(query.order_by(s.person).limit(limit + 1))).mappings()
        found = [Standing(**row) for row in rows]
        more = len(found) > limit
        return Page(items=found[:limit], next_cursor=encode_text(found[limit - 1].person) if more else None)


def _of(organization: OrganizationId, topic: str) -> Select[Any]:
    return select(standings).where(s.organization_id == organization, s.topic == topic)


async def _standings(
    connection: AsyncConnection,
    organization: OrganizationId,
    people: Collection[PersonKey],
    topic: str,
    *,
    locked: bool,
) -> Sequence[Standing]:
    found: list[Standing] = []
    for some in chunks(sorted(people)):
        query = _of(organization, topic).where(s.person.in_(some))
        if locked:
            query = query.with_for_update()
        found += [Standing(**row) for row in (await connection.execute(query)).mappings()]
    return found
