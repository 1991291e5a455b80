"""Attributes, segments and deeds in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts.rules import NIL
from tidings.adapters.mysql.contacts.tables import attributes, chunks, deeds, segment_name_taken, segments
from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import insert_many, insert_missing, upsert
from tidings.adapters.mysql.rows import structs
from tidings.domain.contacts.attributes import Attribute, AttributeNotFound
from tidings.domain.contacts.rules import Happening
from tidings.domain.contacts.segments import Segment, SegmentId, SegmentNameTaken, SegmentNotFound
from tidings.domain.errors import Fault
from tidings.domain.kernel import CampaignId, ContactId, OrganizationId, Page

a = attributes.c
s = segments.c
d = deeds.c


@dataclass(frozen=True, slots=True)
class SqlAttributes:
    """The AttributeStore port, and with `all` the AttributeReader."""

    connection: AsyncConnection
    organization: OrganizationId

    async def all(self) -> dict[str, Attribute]:
        query = select(attributes).where(a.organization_id == self.organization).order_by(a.key)
        return {each.key: each for each in structs(Attribute, await self.connection.execute(query))}

    async def define(self, new: Sequence[Attribute]) -> None:
        await insert_missing(self.connection, attributes, [asdict(each) for each in new])

    async def get(self, key: str) -> Attribute:
        query = select(attributes).where(a.organization_id == self.organization, a.key == key)
        row = (await self.connection.execute(query.with_for_update())).mappings().one_or_none()
        if row is None:
            raise AttributeNotFound()
        return Attribute(**row)

    async def save(self, attribute: Attribute) -> None:
        values = {"kind": attribute.kind, "label": attribute.label, "choices": attribute.choices}
        mine = update(attributes).where(a.organization_id == self.organization, a.key == attribute.key)
        await self.connection.execute(mine.values(values))

    async def remove(self, key: str) -> None:
        mine = delete(attributes).where(a.organization_id == self.organization, a.key == key)
        await self.connection.execute(mine)


@dataclass(frozen=True, slots=True)
class SqlSegments:
    """The SegmentStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def add(self, segment: Segment) -> None:
        try:
            await insert_many(self.connection, segments, [asdict(segment)])
        except IntegrityError as error:
            raise _taken(error) from error

    async def get(self, id: SegmentId) -> Segment:
        return await _one(self.connection, _mine(self.organization).where(s.id == id).with_for_update())

    async def all(self) -> Sequence[Segment]:
        return structs(Segment, await self.connection.execute(_mine(self.organization).order_by(s.id)))

    async def save(self, segment: Segment) -> None:
        values = asdict(segment)
        values.pop("id")
        try:
            await self.connection.execute(update(segments).where(s.id == segment.id).values(values))
        except IntegrityError as error:
            raise _taken(error) from error

    async def remove(self, id: SegmentId) -> None:
        await self.get(id)
        await self.connection.execute(delete(segments).where(s.id == id))


@dataclass(frozen=True, slots=True)
class SqlSegmentReader:
    """The SegmentReader port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def get(self, id: SegmentId) -> Segment:
        return await _one(self.connection, _mine(self.organization).where(s.id == id))

    async def page(self, *, cursor: str | None, limit: int, number: int | None = None) -> Page[Segment]:
        chosen = _mine(self.organization)
        total = None
        if number is not None:
            counted = chosen.with_only_columns(func.count(), maintain_column_froms=True)
            total = (await self.connection.execute(counted)).scalar_one()
            chosen = chosen.offset((number - 1) * limit)
        if cursor is not None:
            chosen = chosen.where(s.id < decode_cursor(cursor))
        found = structs(Segment, await self.connection.execute(chosen.order_by(s.id.desc()).limit(limit + 1)))
        more = len(found) > limit
        return Page(
            items=found[:limit], next_cursor=encode_cursor(found[limit - 1].id) if more else None, total=total
        )


@dataclass(frozen=True, slots=True)
class SqlDeeds:
    """The DeedStore port."""

    connection: AsyncConnection

    async def note(self, happened: Sequence[Happening]) -> None:
        latest: dict[tuple[Any, ...], Any] = {}
        for each in happened:
            for campaign in {NIL, each.campaign_id or NIL}:
                key = (each.contact_id, each.deed, campaign)
                latest[key] = max(latest.get(key, each.at), each.at)
        for some in chunks(sorted(latest), 500):
            rows = [{**dict(zip(KEYS, key, strict=True)), "at": latest[key]} for key in some]
            await upsert(self.connection, deeds, rows, keys=KEYS, change=[], latest=["at"])

    async def of(self, contact: ContactId) -> Sequence[Happening]:
        query = select(deeds).where(d.contact_id == contact).order_by(d.deed, d.campaign_id)
        rows = (await self.connection.execute(query)).mappings()
        return [
            Happening(
                contact_id=row["contact_id"],
                deed=row["deed"],
                at=row["at"],
                campaign_id=None if row["campaign_id"] == NIL else CampaignId(row["campaign_id"]),
            )
            for row in rows
        ]

    async def forget(self, contact: ContactId) -> None:
        await self.connection.execute(delete(deeds).where(d.contact_id == contact))


KEYS: tuple[str, ...] = ("contact_id", "deed", "campaign_id")


def _mine(organization: OrganizationId) -> Select[Any]:
    return select(segments).where(s.organization_id == organization)


async def _one(connection: AsyncConnection, query: Select[Any]) -> Segment:
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise SegmentNotFound()
    return Segment(**row)


def _taken(error: IntegrityError) -> Exception:
    """SegmentNameTaken when that is what went wrong, and otherwise the error itself."""
    if not segment_name_taken(error):
        return error
    return SegmentNameTaken("", Fault(field="name", rule="unique", message="another segment has this name"))
