"""Policies, touches and reach in SQL: every method is one or two statements for its whole batch."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Column, ColumnElement, Index, Integer, Table, and_, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import insert_missing, update_many, upsert
from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.types import Choice, Id, Json, Moment, ascii_key
from tidings.adapters.mysql.whatsapp.tables import metadata
from tidings.application.ports.pressure import Someone, Touch
from tidings.domain.kernel import OrganizationId, PersonKey
from tidings.domain.whatsapp.messages import Message
from tidings.domain.whatsapp.pressure import DAY, Beyond, Cap, QuietHours, SendingPolicy

RECOUNT = timedelta(seconds=5)
"""How old a count of those reached may be; in between only additions are known."""

policies = Table(
    "whatsapp_policies",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("quiet", Json(QuietHours)),
    Column("cap", Json(Cap)),
    Column("beyond", Choice(Beyond), nullable=False),
    Column("patience", Integer, nullable=False),
    **TABLE_OPTIONS,
)

touches = Table(
    "whatsapp_touches",
    metadata,
    Column("message_id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("person", ascii_key(160), nullable=False),
    Column("at", Moment, nullable=False),
    # How often a person was written to of late.
    Index("whatsapp_touches_person", "organization_id", "person", "at"),
    # What is old enough to be forgotten.
    Index("whatsapp_touches_age", "at"),
    **TABLE_OPTIONS,
)

reached = Table(
    "whatsapp_reached",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("person", ascii_key(160), primary_key=True),
    Column("at", Moment, nullable=False),
    # Counting those of the last day; the first to stop counting.
    Index("whatsapp_reached_span", "organization_id", "at"),
    **TABLE_OPTIONS,
)

budgets = Table(
    "whatsapp_budgets",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("used", Integer, nullable=False),
    Column("counted_at", Moment, nullable=False),
    **TABLE_OPTIONS,
)


@dataclass(frozen=True, slots=True)
class SqlPressure:
    connection: AsyncConnection
    locking: bool

    async def policies(
        self, organizations: Collection[OrganizationId]
    ) -> Mapping[OrganizationId, SendingPolicy]:
        if not organizations:
            return {}
        query = select(policies).where(policies.c.organization_id.in_(sorted(organizations)))
        query = query.order_by(policies.c.organization_id)
        if self.locking:
            query = query.with_for_update()
        found = structs(SendingPolicy, await self.connection.execute(query))
        return {policy.organization_id: policy for policy in found}

    async def put_policy(self, policy: SendingPolicy) -> None:
        change = [column.name for column in policies.columns if not column.primary_key]
        await upsert(self.connection, policies, [asdict(policy)], keys=["organization_id"], change=change)

    async def remove_policy(self, organization: OrganizationId) -> None:
        await self.connection.execute(delete(policies).where(policies.c.organization_id == organization))

    async def touches(self, people: Collection[Someone], since: datetime) -> Sequence[Touch]:
        if not people:
            return []
        t = touches.c
        query = (
            select(t.organization_id, t.person, t.message_id, t.at)
            .where(_among(t, people), t.at > since)
            .order_by(t.at)
        )
        return structs(Touch, await self.connection.execute(query))

    async def touched(self, sent: Sequence[Message], at: datetime) -> None:
        rows = [
            {
                "message_id": message.id,
                "organization_id": message.organization_id,
                "person": message.person,
                "at": at,
            }
            for message in sent
        ]
        await insert_missing(self.connection, touches, rows)

    async def reached(self, people: Collection[Someone], since: datetime) -> Collection[Someone]:
        if not people:
            return set()
        r = reached.c
        query = select(r.organization_id, r.person).where(_among(r, people), r.at > since)
        found = await self.connection.execute(query)
        return {(OrganizationId(row.organization_id), PersonKey(row.person)) for row in found}

    async def used(
        self, organizations: Collection[OrganizationId], now: datetime
    ) -> Mapping[OrganizationId, int]:
        if not organizations:
            return {}
        blank = {"used": 0, "counted_at": now - 2 * RECOUNT}
        theirs = sorted(organizations)
        await insert_missing(
            self.connection, budgets, [{"organization_id": each, **blank} for each in theirs]
        )
        query = select(budgets).where(budgets.c.organization_id.in_(theirs))
        rows = await self.connection.execute(query.order_by(budgets.c.organization_id).with_for_update())
        found, old = dict[OrganizationId, int](), list[OrganizationId]()
        for row in rows:
            found[row.organization_id] = row.used
            if now - row.counted_at >= RECOUNT:
                old.append(row.organization_id)
        return {**found, **await self._recounted(old, now)}

    async def _recounted(
        self, organizations: Sequence[OrganizationId], now: datetime
    ) -> Mapping[OrganizationId, int]:
        if not organizations:
            return {}
        r = reached.c
        count = select(r.organization_id, func.count().label("used")).where(
            r.organization_id.in_(organizations), r.at > now - DAY
        )
        rows = (await self.connection.execute(count.group_by(r.organization_id))).all()
        used = dict.fromkeys(organizations, 0) | {row.organization_id: row.used for row in rows}
        news = [{"organization_id": each, "used": many, "counted_at": now} for each, many in used.items()]
        change = ("used", "counted_at")
        await update_many(self.connection, budgets, news, key="organization_id", change=change)
        return used

    async def reached_in(self, organization: OrganizationId, now: datetime) -> int:
        r = reached.c
        count = select(func.count()).where(r.organization_id == organization, r.at > now - DAY)
        return (await self.connection.execute(count)).scalar_one()

    async def reach(self, people: Collection[Someone], at: datetime) -> None:
        if not people:
            return
        rows = [{"organization_id": of, "person": person, "at": at} for of, person in sorted(people)]
        await upsert(self.connection, reached, rows, keys=["organization_id", "person"], change=["at"])
        more = Counter(organization for organization, _ in people)
        rows = [{"organization_id": of, "used": many, "counted_at": at} for of, many in sorted(more.items())]
        await upsert(self.connection, budgets, rows, keys=["organization_id"], change=(), adding=("used",))

    async def frees_at(self, organization: OrganizationId, now: datetime) -> datetime | None:
        r = reached.c
        query = select(func.min(r.at)).where(r.organization_id == organization, r.at > now - DAY)
        first = (await self.connection.execute(query)).scalar_one_or_none()
        return None if first is None else first + DAY

    async def undo(self, failed: Sequence[Message]) -> None:
        if not failed:
            return
        await self.connection.execute(
            delete(touches).where(touches.c.message_id.in_([message.id for message in failed]))
        )
        # Only what this very attempt had counted: another message may have reached the person too.
        r = reached.c
        counted = sorted((m.organization_id, m.person, m.attempted_at) for m in failed if m.attempted_at)
        if counted:
            # The first is what the primary key is looked up by; the second says the same and the moment.
            whose = tuple_(r.organization_id, r.person).in_([each[:2] for each in counted])
            when = tuple_(r.organization_id, r.person, r.at).in_(counted)
            await self.connection.execute(delete(reached).where(whose, when))


def _among(of: Any, people: Collection[Someone]) -> ColumnElement[bool]:
    """Of these columns; of one organisation, for the most part, which indexes are walked for more simply."""
    first, *others = {organization for organization, _ in people}
    if not others:
        return and_(of.organization_id == first, of.person.in_([person for _, person in people]))
    return tuple_(of.organization_id, of.person).in_(list(people))
