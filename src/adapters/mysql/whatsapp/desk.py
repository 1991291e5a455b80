"""What the people who answer keep, in SQL: notes, canned replies, receptions, figures."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import BigInteger, Integer, cast, delete, func, insert, select, type_coerce
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import is_true, upsert
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.whatsapp.conversations import c, conversation_of
from tidings.adapters.mysql.whatsapp.desk_tables import canned, conversations, notes, receptions, stretches
from tidings.application.ports.conversations import AgentFigures
from tidings.domain.kernel import MessageId, OrganizationId, PhoneNumberId, TeamId
from tidings.domain.whatsapp.conversations import Conversation, Reception
from tidings.domain.whatsapp.desk import CannedReply, Note, ShortcutTaken, Stretch

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class SqlDesk:
    connection: AsyncConnection

    async def add_note(self, note: Note) -> None:
        await self.connection.execute(insert(notes).values(asdict(note)))

    async def ended(self, stretch: Stretch) -> None:
        await self.connection.execute(insert(stretches).values(asdict(stretch)))

    async def figures(
        self, organization: OrganizationId, since: datetime, until: datetime
    ) -> Sequence[AgentFigures]:
        s = stretches.c
        opened, replied, closed = (
            type_coerce(each, BigInteger) for each in (s.opened_at, s.first_reply_at, s.closed_at)
        )
        query = (
            select(
                s.first_reply_by,
                func.count(),
                func.avg(replied - opened),
                func.avg(closed - opened),
                func.sum(cast(s.breached, Integer)),
            )
            .where(s.organization_id == organization, s.closed_at >= since, s.closed_at < until)
            .group_by(s.first_reply_by)
            .order_by(func.count().desc())
        )
        return [
            AgentFigures(
                user_id=user,
                conversations=count,
                first_reply_seconds=None if reply is None else float(reply) / _SECOND,
                resolution_seconds=float(end) / _SECOND,
                breaches=int(breaches),
            )
            for user, count, reply, end, breaches in await self.connection.execute(query)
        ]

    async def receptions(self, numbers: Collection[PhoneNumberId]) -> Mapping[PhoneNumberId, Reception]:
        if not numbers:
            return {}
        query = select(receptions).where(receptions.c.phone_number_id.in_(list(numbers)))
        found = structs(Reception, await self.connection.execute(query))
        return {reception.phone_number_id: reception for reception in found}

    async def put_reception(self, reception: Reception) -> None:
        change = [column.name for column in receptions.columns if not column.primary_key]
        await upsert(
            self.connection, receptions, [asdict(reception)], keys=["phone_number_id"], change=change
        )

    async def canned(self, organization: OrganizationId) -> Sequence[CannedReply]:
        query = select(canned).where(canned.c.organization_id == organization).order_by(canned.c.shortcut)
        return structs(CannedReply, await self.connection.execute(query))

    async def put_canned(self, reply: CannedReply) -> None:
        query = select(canned.c.id).where(
            canned.c.organization_id == reply.organization_id, canned.c.shortcut == reply.shortcut
        )
        holder = (await self.connection.execute(query)).scalar_one_or_none()
        if holder is not None and holder != reply.id:
            raise ShortcutTaken()
        try:
            await upsert(self.connection, canned, [asdict(reply)], keys=["id"], change=["shortcut", "text"])
        except IntegrityError as error:
            raise ShortcutTaken() from error

    async def remove_canned(self, organization: OrganizationId, id: MessageId) -> bool:
        removed = await self.connection.execute(
            delete(canned).where(canned.c.id == id, canned.c.organization_id == organization)
        )
        return removed.rowcount == 1

    async def unassigned(
        self, *, after: TeamId | None, limit: int
    ) -> Sequence[tuple[OrganizationId, TeamId]]:
        query = select(c.organization_id, c.team_id).where(is_true(c.wanting))
        if after is not None:
            query = query.where(c.team_id > after)
        query = query.distinct().order_by(c.team_id).limit(limit)
        return [(OrganizationId(row[0]), TeamId(row[1])) for row in await self.connection.execute(query)]

    async def first_unassigned(self, organization: OrganizationId, team: TeamId) -> Conversation | None:
        query = (
            select(conversations)
            .where(is_true(c.wanting), c.team_id == team, c.organization_id == organization)
            .order_by(c.waiting_since, c.id)
            .limit(1)
        )
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return None if row is None else conversation_of(row)

    async def overdue(self, now: datetime, *, limit: int) -> Sequence[Conversation]:
        query = (
            select(conversations)
            .where(c.reply_due_at.is_not(None), c.reply_due_at <= now)
            .order_by(c.reply_due_at)
            .limit(limit)
            .with_for_update()
        )
        return [conversation_of(row) for row in (await self.connection.execute(query)).mappings()]
