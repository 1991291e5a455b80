"""Secrets at rest in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.users.subscription_tables import subscriptions
from tidings.adapters.mysql.users.tables import factors, wabas
from tidings.application.ports.users import SealedKind, SealedRecord

_WHERE: Mapping[SealedKind, tuple[Table, Column[Any], Column[Any]]] = {
    SealedKind.ACCESS_TOKEN: (wabas, wabas.c.waba_id, wabas.c.sealed_token),
    SealedKind.SECOND_FACTOR: (factors, factors.c.user_id, factors.c.sealed_secret),
    SealedKind.ENDPOINT: (subscriptions, subscriptions.c.id, subscriptions.c.current),
    SealedKind.ENDPOINT_BEFORE: (subscriptions, subscriptions.c.id, subscriptions.c.previous),
}


@dataclass(frozen=True, slots=True)
class SqlSealed:
    connection: AsyncConnection

    async def page(self, kind: SealedKind, after: SealedRecord | None, limit: int) -> Sequence[SealedRecord]:
        table, id, sealed = _WHERE[kind]
        owner = table.c.organization_id if table is wabas else null()
        query = select(id, sealed, owner).where(sealed.is_not(None)).order_by(id).limit(limit)
        if after is not None:
            query = query.where(id > after.id)
        return [
            SealedRecord(id=row[0], sealed=bytes(row[1]), organization_id=row[2])
            for row in await self.connection.execute(query)
        ]

    async def replace(self, kind: SealedKind, record: SealedRecord, sealed: bytes) -> int:
        table, id, column = _WHERE[kind]
        done = await self.connection.execute(
            update(table).where(id == record.id, column == record.sealed).values({column: sealed})
        )
        return done.rowcount
