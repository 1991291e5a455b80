"""Search in an organisation that is too large to look at every contact: by grams, on any database.

Writers only note whom they wrote (`contacts_unindexed`); an indexer takes these in, in batches. Until then
they are searched one by one, so nothing that was committed is missed.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts.tables import (
    chunks,
    grams,
    indexes,
    people,
    places,
    totals,
    unindexed,
)
from tidings.adapters.mysql.cursors import decode_text, encode_text
from tidings.adapters.mysql.dialect import insert_many, insert_missing, upsert
from tidings.adapters.mysql.engine import Database
from tidings.domain.contacts.grams import BLOCK, common, grams_of, packed, places_down, unpacked
from tidings.domain.errors import BadCursor
from tidings.domain.kernel import ContactId, OrganizationId

x = indexes.c
g = grams.c
l = places.c  # noqa: E741 - places
u = unindexed.c
p = people.c
LOOK, MOST = 64, 1024
"""Candidates looked at in the first statement; in each later one four times as many, up to the second."""
FEW, MANY = 4, 8
"""Grams that are looked up at first, and at most; the others rule out nobody that a look does not."""
CROWDED = 1
"""Candidates in a block beyond which further grams cost less than looking at everybody."""
BLOCKS = 256
"""Blocks of each gram that are read in one statement at most, half a KiB to eight of them each."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a searched list goes on: after one of those written lately, or below a place."""

    after: ContactId | None = None
    below: int | None = None

    @property
    def text(self) -> str:
        return encode_text(f"written {self.after}" if self.below is None else f"place {self.below}")

    @classmethod
    def read(cls, cursor: str) -> "Cursor | None":
        """None for a cursor of another list."""
        try:
            kind, _, value = decode_text(cursor).partition(" ")
            if kind == "written":
                return cls(after=ContactId(UUID(value)))
            return cls(below=int(value)) if kind == "place" else None
        except (BadCursor, ValueError):
            return None


async def note_written(
    connection: AsyncConnection, organization: OrganizationId, ids: Collection[ContactId]
) -> None:
    """Tell the index whom to look at again; nothing where there is none."""
    known = select(x.organization_id).where(x.organization_id == organization)
    if ids and (await connection.execute(known)).first() is not None:
        rows = [{"organization_id": organization, "contact_id": id} for id in sorted(ids)]
        await insert_missing(connection, unindexed, rows)


async def forget_place(connection: AsyncConnection, id: ContactId) -> None:
    """The bits stay and lead to nobody."""
    await connection.execute(delete(places).where(l.contact_id == id))


async def is_indexed(connection: AsyncConnection, organization: OrganizationId) -> bool:
    query = select(x.ready).where(x.organization_id == organization)
    return bool((await connection.execute(query)).scalar_one_or_none())


async def candidates(
    connection: AsyncConnection, organization: OrganizationId, needed: Collection[str], below: int | None
) -> AsyncIterator[list[int]]:
    """Places that have the rarest of these grams, the latest first."""
    blocks = select(func.max(l.place)).where(l.organization_id == organization)
    last = (await connection.execute(blocks)).scalar_one_or_none()
    end = (-1 if last is None else int(last)) + 1
    end = end if below is None else min(below, end)
    look, waiting = LOOK, list[int]()
    async for some in _in_common(connection, organization, needed, (end - 1) // BLOCK):
        found = (place for block, bits in some for place in places_down(block, bits, end))
        while len(waiting := waiting + list(islice(found, look - len(waiting)))) == look:
            yield waiting
            look, waiting = min(look * 4, MOST), []
    if waiting:
        yield waiting


async def _in_common(
    connection: AsyncConnection, organization: OrganizationId, needed: Collection[str], last: int
) -> AsyncIterator[list[tuple[int, int]]]:
    """Blocks from the last one down, with the bits that the grams have in common there.

    Few blocks at first, since the latest contacts often fill the page, then many in one statement. Some
    grams tell who may be meant; others are read only where that leaves many.
    """
    telling = await _telling(connection, organization, needed, last)
    few, more = telling[:FEW], telling[FEW:MANY]
    many = 1
    while last >= 0:
        some = range(last, max(last - many, -1), -1)
        last, many = last - many, min(many * 4, BLOCKS)
        found = await _common(connection, organization, few, some)
        crowded = [block for block, bits in found.items() if bits.bit_count() > CROWDED]
        if more and crowded:
            for block, bits in (await _common(connection, organization, more, crowded)).items():
                found[block] &= bits
        yield list(found.items())


async def _telling(
    connection: AsyncConnection, organization: OrganizationId, needed: Collection[str], last: int
) -> list[str]:
    """The grams in the order in which they tell most: the rarest first, and first those that lie apart.

    What is rare is stored in few bytes, and rare among the latest is rare. Of two grams of which one goes on
    where the other ends, the second tells little.
    """
    size = func.sum(func.length(g.bits))
    query = select(g.gram, size).where(
        g.organization_id == organization, g.gram.in_(list(needed)), g.block.in_([last, last - 1])
    )
    rows = await connection.execute(query.group_by(g.gram))
    sizes: dict[str, int] = {gram: int(size) for gram, size in rows}
    rarest = sorted(needed, key=lambda gram: (sizes.get(gram, 0), gram))
    apart = list[str]()
    for gram in rarest:
        if not any(gram[1:] == each[:2] or each[1:] == gram[:2] for each in apart):
            apart.append(gram)
    return [*apart, *(gram for gram in rarest if gram not in apart)]


async def _common(
    connection: AsyncConnection, organization: OrganizationId, wanted: Sequence[str], blocks: Sequence[int]
) -> dict[int, int]:
    """The bits that these grams have in common, by block; 0 where one of them is nowhere."""
    query = select(g.block, g.bits).where(
        g.organization_id == organization, g.gram.in_(wanted), g.block.in_(list(blocks))
    )
    stored: dict[int, list[bytes]] = {block: [] for block in blocks}
    for block, bits in await connection.execute(query):
        stored[block].append(bits)
    return {
        block: common([unpacked(bits) for bits in theirs]) if len(theirs) == len(wanted) else 0
        for block, theirs in stored.items()
    }


@dataclass(frozen=True, slots=True)
class SqlContactSearch:
    """The ContactSearch port."""

    database: Database

    async def outgrown(self, size: int) -> Sequence[OrganizationId]:
        t = totals.c
        query = (
            select(t.organization_id)
            .where(t.organization_id.not_in(select(x.organization_id)))
            .group_by(t.organization_id)
            .having(func.sum(t.contacts) >= size)
        )
        async with self.database.reading() as connection:
            return [OrganizationId(id) for id in (await connection.execute(query)).scalars()]

    async def begin(self, organization: OrganizationId) -> None:
        row = {"organization_id": organization, "upto": None, "ready": False, "next_place": 0}
        async with self.database.begin() as connection:
            await insert_missing(connection, indexes, [row])

    async def behind(self) -> Sequence[OrganizationId]:
        making = select(x.organization_id).where(x.ready.is_(False))
        waiting = select(u.organization_id).distinct()
        async with self.database.reading() as connection:
            return [OrganizationId(id) for id in (await connection.execute(making.union(waiting))).scalars()]

    async def grow(self, organization: OrganizationId, *, limit: int) -> int:
        async with self.database.begin() as connection:
            state = select(indexes).where(x.organization_id == organization).with_for_update()
            row = (await connection.execute(state)).mappings().one_or_none()
            if row is None:
                return 0
            texts = await self._next(connection, organization, row, limit)
            last = row["next_place"] + await self._take_in(connection, organization, texts, row["next_place"])
            now: dict[str, Any] = {"next_place": last}
            if not row["ready"]:
                now |= {"upto": max(texts, default=row["upto"]), "ready": len(texts) < limit}
            mine = update(indexes).where(x.organization_id == organization)
            await connection.execute(mine.values(now))
            return len(texts)

    async def _next(
        self,
        connection: AsyncConnection,
        organization: OrganizationId,
        state: Mapping[Any, Any],
        limit: int,
    ) -> dict[ContactId, str]:
        """Whom to take in, with what search looks at; who is gone has nothing to look at."""
        mine = select(p.id, p.search_text).where(p.organization_id == organization)
        if not state["ready"]:
            if state["upto"] is not None:
                mine = mine.where(p.id > state["upto"])
            rows = await connection.execute(mine.order_by(p.id).limit(limit))
            return {ContactId(id): text for id, text in rows}
        waiting = select(u.contact_id).where(u.organization_id == organization)
        waiting = waiting.order_by(u.contact_id).limit(limit).with_for_update()
        ids = (await connection.execute(waiting)).scalars().all()
        found: dict[ContactId, str] = {}
        for some in chunks(ids):
            found.update(
                (ContactId(id), text) for id, text in await connection.execute(mine.where(p.id.in_(some)))
            )
            gone = delete(unindexed).where(u.organization_id == organization, u.contact_id.in_(some))
            await connection.execute(gone)
        return found

    async def _take_in(
        self,
        connection: AsyncConnection,
        organization: OrganizationId,
        texts: Mapping[ContactId, str],
        next_place: int,
    ) -> int:
        """Give places to those that have none, and set everybody's bits; how many places were given."""
        known: dict[ContactId, int] = {}
        for some in chunks(texts):
            query = select(l.contact_id, l.place).where(l.contact_id.in_(some))
            known.update((ContactId(id), place) for id, place in await connection.execute(query))
        new = [id for id in sorted(texts) if id not in known]
        given = {id: next_place + n for n, id in enumerate(new)}
        rows = [{"contact_id": id, "organization_id": organization, "place": n} for id, n in given.items()]
        await insert_many(connection, places, rows)
        bits: dict[tuple[str, int], int] = {}
        for id, place in {**known, **given}.items():
            for gram in grams_of(texts[id]):
                key = (gram, place // BLOCK)
                bits[key] = bits.get(key, 0) | 1 << place % BLOCK
        await self._set(connection, organization, bits)
        return len(new)

    async def _set(
        self, connection: AsyncConnection, organization: OrganizationId, bits: Mapping[tuple[str, int], int]
    ) -> None:
        for some in chunks(sorted(bits), 500):
            where = select(g.gram, g.block, g.bits).where(
                g.organization_id == organization, tuple_(g.gram, g.block).in_(some)
            )
            had = {(gram, block): unpacked(old) for gram, block, old in await connection.execute(where)}
            rows = [
                {
                    "organization_id": organization,
                    "gram": gram,
                    "block": block,
                    "bits": packed(bits[gram, block] | had.get((gram, block), 0)),
                }
                for gram, block in some
            ]
            await upsert(connection, grams, rows, keys=["organization_id", "gram", "block"], change=["bits"])
