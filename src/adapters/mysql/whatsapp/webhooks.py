"""Webhook bodies, parked statuses and numbers in SQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

import msgspec
from msgspec.structs import asdict
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import insert_many, insert_missing, upsert
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.whatsapp.tables import (
    numbers,
    parked,
    set_aside,
    strays,
    webhooks,
)
from tidings.application.ports.whatsapp import Parked, SetAside
from tidings.domain.kernel import OrganizationId, PhoneNumberId, WabaId, Wamid
from tidings.domain.whatsapp.numbers import Number

PORTION = 4 * 1024 * 1024
"""Bytes of bodies applied in one go: one body of Meta's largest kind, or thousands of usual ones."""


TOGETHER = 262_144
"""Bytes of bodies that are stored as one row: what costs is the row, not the bytes in it."""
_SEVERAL = b"\x00"
"""How a row of several bodies begins; no JSON does."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode


def _together(bodies: Sequence[bytes]) -> list[bytes]:
    """Rows for bodies that came together; a large one has its own."""
    rows: list[bytes] = []
    some: list[bytes] = []
    size = 0
    for body in bodies:
        if some and size + len(body) > TOGETHER:
            rows.append(_row(some))
            some, size = [], 0
        some.append(body)
        size += len(body)
    if some:
        rows.append(_row(some))
    return rows


def _row(bodies: list[bytes]) -> bytes:
    return bodies[0] if len(bodies) == 1 else _SEVERAL + _encode(bodies)


def _apart(row: bytes) -> list[bytes]:
    return _decode(memoryview(row)[1:]) if row.startswith(_SEVERAL) else [row]


@dataclass(frozen=True, slots=True)
class SqlWebhooks:
    connection: AsyncConnection

    async def append(self, bodies: Sequence[bytes], at: datetime) -> None:
        rows = [{"received_at": at, "body": together} for together in _together(bodies)]
        await insert_many(self.connection, webhooks, rows)

    async def waiting(self, limit: int) -> Sequence[tuple[int, bytes]]:
        sized = select(webhooks.c.id, func.length(webhooks.c.body).label("size"))
        found = (await self.connection.execute(sized.order_by(webhooks.c.id).limit(limit))).all()
        reach = accumulate(row.size for row in found)
        ids = [row.id for row, total in zip(found, reach, strict=True) if total <= PORTION]
        ids = ids or [row.id for row in found[:1]]
        if not ids:
            return []
        query = select(webhooks.c.id, webhooks.c.body).where(webhooks.c.id.in_(ids)).order_by(webhooks.c.id)
        rows = await self.connection.execute(query)
        return [(row.id, body) for row in rows for body in _apart(row.body)]

    async def split(self, id: int) -> None:
        query = select(webhooks).where(webhooks.c.id == id).with_for_update()
        row = (await self.connection.execute(query)).one_or_none()
        if row is not None:
            rows = [{"received_at": row.received_at, "body": body} for body in _apart(row.body)]
            await insert_many(self.connection, webhooks, rows)
            await self.applied([id])

    async def applied(self, ids: Sequence[int]) -> None:
        if ids:
            await self.connection.execute(delete(webhooks).where(webhooks.c.id.in_(ids)))

    async def park(self, statuses: Sequence[Parked]) -> None:
        await insert_many(self.connection, parked, [asdict(status) for status in statuses])

    async def parked(self, wamids: Sequence[Wamid]) -> Sequence[Parked]:
        if not wamids:
            return []
        theirs = parked.c.wamid.in_(wamids)
        rows = (
            (await self.connection.execute(select(parked).where(theirs).order_by(parked.c.id)))
            .mappings()
            .all()
        )
        if rows:
            await self.connection.execute(delete(parked).where(theirs))
        return [Parked(**{name: value for name, value in row.items() if name != "id"}) for row in rows]

    async def set_aside(self, where: str, reason: str, raw: bytes, at: datetime) -> None:
        row = {"where": where[:200], "reason": reason[:500], "raw": raw, "at": at}
        await insert_many(self.connection, set_aside, [row])

    async def kept_aside(self, limit: int) -> Sequence[SetAside]:
        query = select(set_aside).order_by(set_aside.c.id.desc()).limit(limit)
        return structs(SetAside, await self.connection.execute(query))

    async def again(self, ids: Sequence[int], at: datetime) -> int:
        these = (set_aside.c.id.in_(list(ids)), set_aside.c.where == "body")
        query = select(set_aside.c.raw).where(*these).order_by(set_aside.c.id).with_for_update()
        bodies = (await self.connection.execute(query)).scalars().all()
        await self.append(bodies, at)
        await self.connection.execute(delete(set_aside).where(*these))
        return len(bodies)

    async def count_stray(self, what: str) -> None:
        await insert_missing(self.connection, strays, [{"what": what, "count": 0}])
        await self.connection.execute(
            update(strays).where(strays.c.what == what).values(count=strays.c.count + 1)
        )


@dataclass(frozen=True, slots=True)
class SqlNumbers:
    connection: AsyncConnection

    async def put(self, found: Sequence[Number]) -> None:
        rows = [asdict(number) for number in found]
        change = [
            column.name
            for column in numbers.columns
            if column.name not in ("phone_number_id", "connected_at", "heard_at")
        ]
        await upsert(self.connection, numbers, rows, keys=["phone_number_id"], change=change)

    async def find(self, ids: Collection[PhoneNumberId]) -> Sequence[Number]:
        if not ids:
            return []
        found = await self.connection.execute(select(numbers).where(numbers.c.phone_number_id.in_(list(ids))))
        return structs(Number, found)

    async def heard(self, ids: Collection[PhoneNumberId], at: datetime) -> None:
        if ids:
            n = numbers.c
            lately = at - timedelta(seconds=1)
            stale = or_(n.heard_at.is_(None), n.heard_at < lately)
            await self.connection.execute(
                update(numbers).where(n.phone_number_id.in_(sorted(ids)), stale).values(heard_at=at)
            )

    async def of(self, organization: OrganizationId) -> Sequence[Number]:
        query = (
            select(numbers)
            .where(numbers.c.organization_id == organization)
            .order_by(numbers.c.phone_number_id)
        )
        return structs(Number, await self.connection.execute(query))

    async def all(self) -> Sequence[Number]:
        query = select(numbers).order_by(numbers.c.waba_id, numbers.c.phone_number_id)
        return structs(Number, await self.connection.execute(query))

    async def of_wabas(self, wabas: Collection[WabaId]) -> Sequence[Number]:
        if not wabas:
            return []
        found = await self.connection.execute(select(numbers).where(numbers.c.waba_id.in_(list(wabas))))
        return structs(Number, found)
