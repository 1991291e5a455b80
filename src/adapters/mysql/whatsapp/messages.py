"""Messages in SQL: every method is one statement for its whole batch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, delete, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import along, insert_many, insert_missing, update_many
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.whatsapp.archive import archived, bring_back, newest
from tidings.adapters.mysql.whatsapp.conversations import c, seen
from tidings.adapters.mysql.whatsapp.tables import MUTABLE, attempts, messages, numbers, run_lanes, runs
from tidings.application.ports.whatsapp import MessageFilter
from tidings.domain.kernel import (
    AttemptId,
    CampaignId,
    MessageId,
    OrganizationId,
    Page,
    PersonKey,
    PhoneNumberId,
    Wamid,
)
from tidings.domain.whatsapp.conversations import Sight
from tidings.domain.whatsapp.messages import UNREAD, Attempt, Message, MessageNotFound, State
from tidings.domain.whatsapp.numbers import RunState

m = messages.c


@dataclass(frozen=True, slots=True)
class SqlMessages:
    connection: AsyncConnection

    async def add(self, new: Sequence[Message]) -> None:
        await insert_missing(self.connection, messages, [asdict(message) for message in new])
        # Looked for after that, not before: what was on its way there meanwhile has arrived.
        if twice := await archived(self.connection, new):
            await self.connection.execute(delete(messages).where(m.id.in_(twice)))

    async def find(self, ids: Sequence[MessageId]) -> Sequence[Message]:
        return await self._where(m.id.in_(ids)) if ids else []

    async def of_attempts(self, ids: Sequence[AttemptId]) -> Sequence[Message]:
        return await self._bare(m.attempt_id.in_(ids), "whatsapp_messages_attempt") if ids else []

    async def of_wamids(self, wamids: Sequence[Wamid]) -> Sequence[Message]:
        if not wamids:
            return []
        found = await self._bare(m.wamid.in_(wamids), "whatsapp_messages_wamid")
        missing = set(wamids).difference(each.wamid for each in found)
        if missing and await bring_back(self.connection, missing):
            return await self._bare(m.wamid.in_(wamids), "whatsapp_messages_wamid")
        return found

    async def lapse(self, at: datetime) -> int:
        waiting = (m.state == State.PENDING, m.run_id.is_(None))
        in_time = or_(m.expires_at.is_(None), m.expires_at > at)
        done = await self.connection.execute(update(messages).where(*waiting, in_time).values(expires_at=at))
        return done.rowcount

    async def still_pending(self, ids: Sequence[MessageId]) -> Collection[MessageId]:
        if not ids:
            return set()
        query = select(m.id).where(m.id.in_(ids), m.state == State.PENDING).with_for_update()
        return set((await self.connection.execute(query)).scalars())

    async def save(self, moved: Sequence[Message], before: Sequence[Message] = ()) -> None:
        change = _differing(moved, before) if before else MUTABLE
        rows = [{name: getattr(message, name) for name in ("id", *change)} for message in moved]
        if "reason" in change:
            for row in rows:
                row["reason"] = row["reason"] and row["reason"][:500]
        await update_many(self.connection, messages, rows, key="id", change=change)

    async def left_sending(self, lane: PhoneNumberId, *, before: int) -> Sequence[Message]:
        return await self._where(
            (m.phone_number_id == lane) & (m.state == State.SENDING) & (m.epoch < before)
        )

    async def pending_of(self, run: CampaignId, *, limit: int) -> Sequence[Message]:
        lanes = select(run_lanes.c.phone_number_id).where(run_lanes.c.campaign_id == run)
        numbers = (await self.connection.execute(lanes)).scalars().all()
        chosen = select(messages).where(
            m.phone_number_id.in_(numbers), m.state == State.PENDING, m.run_id == run
        )
        query = along(chosen.limit(limit), messages, "whatsapp_messages_due")
        return structs(Message, await self.connection.execute(_locked(query)))

    async def pending_to(
        self, organization: OrganizationId, people: Collection[PersonKey]
    ) -> Sequence[Message]:
        theirs = (m.organization_id == organization, m.person.in_(list(people)), m.state == State.PENDING)
        query = select(messages).where(*theirs).with_for_update()
        return structs(Message, await self.connection.execute(query))

    async def keep_attempts(self, ended: Sequence[Attempt]) -> None:
        rows = [{**asdict(attempt), "reason": attempt.reason[:500]} for attempt in ended]
        await insert_many(self.connection, attempts, rows)

    async def known_attempts(self, ids: Sequence[AttemptId]) -> Collection[AttemptId]:
        if not ids:
            return set()
        found = await self.connection.execute(select(attempts.c.id).where(attempts.c.id.in_(ids)))
        return {AttemptId(id) for id in found.scalars()}

    async def attempts(self, id: MessageId) -> Sequence[Attempt]:
        found = await self.connection.execute(
            select(attempts).where(attempts.c.message_id == id).order_by(attempts.c.no)
        )
        return structs(Attempt, found)

    async def _where(self, condition: Any) -> Sequence[Message]:
        query = select(messages).where(condition).order_by(m.id)
        return structs(Message, await self.connection.execute(_locked(query)))

    async def _bare(self, condition: Any, index: str) -> Sequence[Message]:
        """With their content unread, found by this index."""
        query = along(select(*_BARE).where(condition).order_by(m.id), messages, index)
        return structs(Message, await self.connection.execute(_locked(query)), content=UNREAD)


_BARE = [column for column in messages.c if column is not m.content]


def _differing(moved: Sequence[Message], before: Sequence[Message]) -> tuple[str, ...]:
    pairs = list(zip(moved, before, strict=True))
    return tuple(
        name for name in MUTABLE if any(getattr(one, name) != getattr(other, name) for one, other in pairs)
    )


def _locked(query: Select[Any]) -> Select[Any]:
    return query.with_for_update()


@dataclass(frozen=True, slots=True)
class SqlDue:
    """The sender's look at what waits."""

    database: Database

    async def lanes(self, now: datetime) -> Sequence[PhoneNumberId]:
        theirs = m.phone_number_id == numbers.c.phone_number_id
        due = and_(theirs, m.state == State.PENDING, m.next_attempt_at <= now)
        running = and_(
            run_lanes.c.phone_number_id == numbers.c.phone_number_id,
            run_lanes.c.campaign_id == runs.c.campaign_id,
            runs.c.state == RunState.RUNNING,
        )
        query = select(numbers.c.phone_number_id).where(
            or_(
                select(m.id).where(due, m.run_id.is_(None)).exists(),
                select(m.id).where(due, m.run_id == runs.c.campaign_id, running).exists(),
                # A lane whose owner died may have nothing due, and still somebody in limbo.
                select(m.id).where(theirs, m.state == State.SENDING).exists(),
            )
        )
        async with self.database.reading() as connection:
            found = (await connection.execute(query)).scalars().all()
        return [PhoneNumberId(lane) for lane in found]

    async def singles(
        self, wanted: Mapping[PhoneNumberId, int], now: datetime
    ) -> Mapping[PhoneNumberId, Sequence[Message]]:
        if not wanted:
            return {}
        async with self.database.reading() as connection:
            return await self._singles(connection, wanted, now)

    async def messages(
        self, wanted: Mapping[PhoneNumberId, int], now: datetime
    ) -> Mapping[PhoneNumberId, Sequence[Message]]:
        if not wanted:
            return {}
        async with self.database.reading() as connection:
            found = await self._singles(connection, wanted, now)
            room = {lane: limit - len(found.get(lane, ())) for lane, limit in wanted.items()}
            room = {lane: limit for lane, limit in room.items() if limit > 0}
            for lane, active in (await self._active(connection, room, now)).items():
                lines = [await self._due(connection, lane, run, now, room[lane]) for run in active]
                found.setdefault(lane, []).extend(_fairly(lines, room[lane]))
        return found

    async def _singles(
        self, connection: AsyncConnection, wanted: Mapping[PhoneNumberId, int], now: datetime
    ) -> dict[PhoneNumberId, list[Message]]:
        lanes = list(wanted)
        if len(lanes) > 1:
            # Most of many have none: only those with some are asked for them.
            asked = select(numbers.c.phone_number_id).where(
                numbers.c.phone_number_id.in_(lanes),
                _any_due(numbers.c.phone_number_id, m.run_id.is_(None), now),
            )
            lanes = [PhoneNumberId(lane) for lane in (await connection.execute(asked)).scalars()]
        return {lane: await self._due(connection, lane, None, now, wanted[lane]) for lane in lanes}

    async def _active(
        self, connection: AsyncConnection, lanes: Collection[PhoneNumberId], now: datetime
    ) -> Mapping[PhoneNumberId, Sequence[CampaignId]]:
        """Running campaigns with somebody due, by lane: lines of finished ones stay, and stay running."""
        if not lanes:
            return {}
        query = (
            select(run_lanes.c.phone_number_id, runs.c.campaign_id)
            .join(runs, run_lanes.c.campaign_id == runs.c.campaign_id)
            .where(
                run_lanes.c.phone_number_id.in_(list(lanes)),
                runs.c.state == RunState.RUNNING,
                _any_due(run_lanes.c.phone_number_id, m.run_id == runs.c.campaign_id, now),
            )
        )
        active: dict[PhoneNumberId, list[CampaignId]] = {}
        for lane, run in await connection.execute(query):
            active.setdefault(PhoneNumberId(lane), []).append(CampaignId(run))
        return active

    async def _due(
        self,
        connection: AsyncConnection,
        lane: PhoneNumberId,
        run: CampaignId | None,
        now: datetime,
        limit: int,
    ) -> list[Message]:
        query = _DUE_SINGLES if run is None else _DUE_OF_A_RUN
        asked = {"lane": lane, "run": run, "now": now, "most": limit}
        return structs(Message, await connection.execute(query, asked))


def _any_due(lane: ColumnElement[str], run: ColumnElement[bool], now: datetime) -> ColumnElement[bool]:
    """Whether a row of the statement around it has somebody due.

    The first that is found, not EXISTS: of that MySQL and MariaDB make a join, and may read all who wait.
    """
    due = (m.phone_number_id == lane, m.state == State.PENDING, run, m.next_attempt_at <= now)
    found = along(select(m.id).where(*due).limit(1), messages, "whatsapp_messages_due")
    return found.correlate_except(messages).scalar_subquery().is_not(None)


def _due_of(run: ColumnElement[bool]) -> Select[Any]:
    """Written once: a sender with many lanes asks this for each of them, again and again."""
    query = (
        select(messages)
        .where(
            m.phone_number_id == bindparam("lane", type_=m.phone_number_id.type),
            m.state == State.PENDING,
            run,
            m.next_attempt_at <= bindparam("now", type_=m.next_attempt_at.type),
        )
        .order_by(m.next_attempt_at, m.id)
        .limit(bindparam("most", type_=Integer()))
    )
    return along(query, messages, "whatsapp_messages_due")


_DUE_SINGLES = _due_of(m.run_id.is_(None))
_DUE_OF_A_RUN = _due_of(m.run_id == bindparam("run", type_=m.run_id.type))


def _fairly(lines: Sequence[Sequence[Message]], limit: int) -> Sequence[Message]:
    """The same number from each, interleaved, so that no campaign starves another."""
    mixed = [message for row in zip_longest(*lines) for message in row if message is not None]
    return mixed[:limit]


@dataclass(frozen=True, slots=True)
class SqlMessageReader:
    """An organisation's history."""

    database: Database

    async def get(self, organization: OrganizationId, id: MessageId, sight: Sight | None = None) -> Message:
        def chosen(of: Any) -> ColumnElement[bool]:
            ours = (of.id == id) & (of.organization_id == organization)
            return ours if sight is None else ours & _shown_to(sight, of)

        async with self.database.reading() as connection:
            found = await newest(connection, chosen, 1)
        if not found:
            raise MessageNotFound()
        return found[0]

    async def attempts(self, id: MessageId) -> Sequence[Attempt]:
        async with self.database.reading() as connection:
            return await SqlMessages(connection).attempts(id)

    async def page(
        self, organization: OrganizationId, wanted: MessageFilter, *, cursor: str | None, limit: int
    ) -> Page[Message]:
        before = None if cursor is None else decode_cursor(cursor)

        def chosen(of: Any) -> ColumnElement[bool]:
            ours = of.organization_id == organization
            if wanted.state is not None:
                ours &= of.state == State(wanted.state)
            if wanted.person is not None:
                ours &= of.person == wanted.person
            if wanted.run_id is not None:
                ours &= of.run_id == wanted.run_id
            if wanted.sight is not None:
                ours &= _shown_to(wanted.sight, of)
            return ours if before is None else ours & (of.id < before)

        async with self.database.reading() as connection:
            found = await newest(connection, chosen, limit + 1)
        more = len(found) > limit
        return Page(items=found[:limit], next_cursor=encode_cursor(found[limit - 1].id) if more else None)


def _shown_to(sight: Sight, of: Any) -> ColumnElement[bool]:
    """Whether a message, of these columns, belongs to no conversation, or to one that the sight covers."""
    hidden = select(c.id).where(
        c.organization_id == of.organization_id,
        c.phone_number_id == of.phone_number_id,
        c.person == of.person,
        not_(seen(sight)),
    )
    return ~hidden.exists()
