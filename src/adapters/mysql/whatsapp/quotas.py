"""Quotas and what was sent by day in SQL: a row a day and organisation, of which a month is the sum."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Column, Date, Index, Integer, Row, Select, Table, case, delete, func, select
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

    async def of(self, organizations: Collection[OrganizationId]) -> Mapping[OrganizationId, Quota]:
        query = select(quotas).where(quotas.c.organization_id.in_(list(organizations)))
        own = _own((await self.connection.execute(query)).all())
        return {each: own.get(each, self.everybodys) for each in organizations}

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

    async def usage(
        self, organizations: Collection[OrganizationId], day: date, *, hold: bool = False
    ) -> Mapping[OrganizationId, Usage]:
        theirs = sent.c.organization_id.in_(sorted(organizations))
        if hold:
            rows = [_row(each, day, 0) for each in sorted(organizations)]
            await insert_missing(self.connection, sent, rows)
            held = select(sent.c.messages).where(theirs, sent.c.day == day)
            await self.connection.execute(held.order_by(sent.c.organization_id).with_for_update())
        query = _sums(day).where(theirs).group_by(sent.c.organization_id)
        used = _used((await self.connection.execute(query)).all())
        return {each: used.get(each, Usage()) for each in organizations}

    async def count(self, more: Mapping[tuple[OrganizationId, date], int]) -> None:
        rows = [_row(organization, day, many) for (organization, day), many in sorted(more.items()) if many]
        keys = ("organization_id", "day")
        await upsert(self.connection, sent, rows, keys=keys, change=(), adding=("messages",))

    async def metered(self, day: date) -> Sequence[Metered]:
        sums = _sums(day).group_by(sent.c.organization_id)
        used = _used((await self.connection.execute(sums)).all())
        own = _own((await self.connection.execute(select(quotas))).all())
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


def _used(rows: Sequence[Row[Any, Any, Any]]) -> Mapping[OrganizationId, Usage]:
    return {
        OrganizationId(row.organization_id): Usage(today=int(row.today), this_month=int(row.month))
        for row in rows
    }


def _own(rows: Sequence[Row[Any]]) -> Mapping[OrganizationId, Quota]:
    return {
        OrganizationId(row.organization_id): Quota(per_day=row.per_day, per_month=row.per_month)
        for row in rows
    }


def _row(organization: OrganizationId, day: date, messages: int) -> Mapping[str, object]:
    return {"organization_id": organization, "day": day, "messages": messages}
