"""Links to WhatsApp Business Accounts in SQL, their tokens sealed."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import asdict
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import upsert
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.users.tables import wabas
from tidings.domain.kernel import OrganizationId, WabaId
from tidings.domain.users import Waba, WabaNotFound, WabaTaken

_WABA = (wabas.c.waba_id, wabas.c.organization_id, wabas.c.connected_at)


@dataclass(frozen=True, slots=True)
class SqlWabas:
    connection: AsyncConnection

    async def put(self, waba: Waba, sealed_token: bytes) -> None:
        row = {**asdict(waba), "sealed_token": sealed_token}
        owner = await self._owner(waba.waba_id)
        if owner is None:
            await upsert(self.connection, wabas, [row], keys=["waba_id"], change=["waba_id"])
            owner = await self._owner(waba.waba_id)
        if owner != waba.organization_id:
            raise WabaTaken()
        await upsert(self.connection, wabas, [row], keys=["waba_id"], change=["connected_at", "sealed_token"])

    async def of(self, organization: OrganizationId) -> Sequence[Waba]:
        query = select(*_WABA).where(wabas.c.organization_id == organization).order_by(wabas.c.waba_id)
        return structs(Waba, await self.connection.execute(query))

    async def sealed(self, waba_id: WabaId) -> tuple[Waba, bytes] | None:
        query = select(*_WABA, wabas.c.sealed_token).where(wabas.c.waba_id == waba_id)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        return Waba(**{name: row[name] for name in Waba.__struct_fields__}), bytes(row["sealed_token"])

    async def all(self, after: WabaId | None, limit: int) -> Sequence[tuple[Waba, bytes]]:
        query = select(*_WABA, wabas.c.sealed_token).order_by(wabas.c.waba_id).limit(limit)
        if after is not None:
            query = query.where(wabas.c.waba_id > after)
        return [
            (Waba(**{name: row[name] for name in Waba.__struct_fields__}), bytes(row["sealed_token"]))
            for row in (await self.connection.execute(query)).mappings()
        ]

    async def remove(self, organization: OrganizationId, waba_id: WabaId) -> None:
        gone = await self.connection.execute(
            delete(wabas).where(wabas.c.waba_id == waba_id, wabas.c.organization_id == organization)
        )
        if not gone.rowcount:
            raise WabaNotFound()

    async def _owner(self, waba_id: WabaId) -> OrganizationId | None:
        query = select(wabas.c.organization_id).where(wabas.c.waba_id == waba_id).with_for_update()
        return (await self.connection.execute(query)).scalar_one_or_none()
