"""Requests that carried a key in SQL: the first one takes it."""

from dataclasses import dataclass

from msgspec.structs import asdict
from sqlalchemy import Column, Index, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import insert_missing
from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.types import Id, Moment, ascii_key
from tidings.adapters.mysql.whatsapp.tables import metadata
from tidings.domain.whatsapp.requests import Asked

requests = Table(
    "whatsapp_requests",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("key", ascii_key(64), primary_key=True),
    Column("request", ascii_key(64), nullable=False),
    Column("message_id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    # Forgetting what is old.
    Index("whatsapp_requests_at", "at"),
    **TABLE_OPTIONS,
)
r = requests.c


@dataclass(frozen=True, slots=True)
class SqlRequests:
    connection: AsyncConnection

    async def first(self, asked: Asked) -> Asked:
        await insert_missing(self.connection, requests, [asdict(asked)])
        query = select(requests).where(r.organization_id == asked.organization_id, r.key == asked.key)
        return Asked(**(await self.connection.execute(query)).mappings().one())
