"""Quotas and what was sent by day in SQL: a row a day and organisation, of which a month is the sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Column, Date, Index, Integer, Select, Table, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import insert_missing, upsert
from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.types import Id
from tidings.adapters.mysql.whatsapp.tables import metadata
from tidings.application.ports.quotas import Metered
from tidings.domain.kernel import OrganizationId
from tidings.domain.whatsapp.quotas import Quota, Usage

quotas = Table(
    "whatsapp_quotas",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("per_day", Integer),
    Column("per_month", Integer),
    **TABLE_OPTIONS,
)

sent = Table(
    "whatsapp_sent",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("messages", Integer, nullable=False),
    # What everybody has sent in a month.
    Index("whatsapp_sent_day", "day"),
    **TABLE_OPTIONS,
)


@dataclass(frozen=True, slots=True)
class SqlQuotas:
    connection: AsyncConnection
    everybodys: Quota

    async def of(self, organization: OrganizationId) -> Quota:
        q = quotas.c
        query = select(q.per_day, q.per_month).where(q.organization_id == organization)
        own = (await self.connection.execute(query)).one_or_none()
        return self.everybodys if own is None else Quota(per_day=own.per_day, per_month=own.per_month)

    async def put(self, organization: OrganizationId, quota: Quota | None) -> None:
        if quota is None:
            await self.connection.execute(delete(quotas).where(quotas.c.organization_id == organization))
            return
        row = {
            "organization_id": organization,
            "per_day": quota.per_day,
            "per_month": quota.per_month,
        }
        change = ["per_day", "per_month"]
        await upsert(self.connection, quotas, [row], keys=["organization_id"], change=change)

    async def usage(self, organization: OrganizationId, day: date, *, hold: bool = False) -> Usage:
        if hold:
            await insert_missing(self.connection, sent, [_row(organization, day, 0)])
            mine = (sent.c.organization_id == organization) & (sent.c.day == day)
            await self.connection.execute(select(sent.c.messages).where(mine).with_for_update())
        query = _sums(day).where(sent.c.organization_id == organization).group_by(sent.c.organization_id)
        found = (await self.connection.execute(query)).one_or_none()
        return Usage() if found is None else Usage(today=int(found.today), this_month=int(found.month))

    async def count(self, organization: OrganizationId, sent: Mapping[date, int]) -> None:
        for day, more in sorted(sent.items()):
            if more:
                await self._add(organization, day, more)

    async def _add(self, organization: OrganizationId, day: date, more: int) -> None:
        mine = (sent.c.organization_id == organization) & (sent.c.day == day)
        added = update(sent).where(mine).values(messages=sent.c.messages + more)
        if not (await self.connection.execute(added)).rowcount:
            await insert_missing(self.connection, sent, [_row(organization, day, 0)])
            await self.connection.execute(added)

    async def metered(self, day: date) -> Sequence[Metered]:
        rows = await self.connection.execute(_sums(day).group_by(sent.c.organization_id))
        used = {
            OrganizationId(row.organization_id): Usage(today=int(row.today), this_month=int(row.month))
            for row in rows
        }
        own = {
            OrganizationId(row.organization_id): Quota(per_day=row.per_day, per_month=row.per_month)
            for row in await self.connection.execute(select(quotas))
        }
        return [
            Metered(
                organization_id=each,
                quota=own.get(each, self.everybodys),
                own=each in own,
                usage=used.get(each, Usage()),
            )
            for each in sorted(used.keys() | own.keys())
        ]


def _sums(day: date) -> Select[Any, Any, Any]:
    """What was sent on the day and in its month, by organisation."""
    s = sent.c
    today = func.sum(case((s.day == day, s.messages), else_=0))
    return select(s.organization_id, today.label("today"), func.sum(s.messages).label("month")).where(
        s.day >= day.replace(day=1), s.day <= day
    )


def _row(organization: OrganizationId, day: date, messages: int) -> Mapping[str, object]:
    return {"organization_id": organization, "day": day, "messages": messages}
