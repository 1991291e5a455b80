"""Conversations in SQL: what people wrote, who has it in hand, and the thread of both sides."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.cursors import decode_cursor, decode_text, encode_cursor, encode_text
from tidings.adapters.mysql.dialect import insert_many, upsert
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.whatsapp.archive import newest
from tidings.adapters.mysql.whatsapp.desk_tables import conversations, notes
from tidings.adapters.mysql.whatsapp.pressure import reached, touches
from tidings.adapters.mysql.whatsapp.tables import archive, inbound, messages
from tidings.application.ports.conversations import ConversationFilter, ConversationKey, Entry
from tidings.domain.errors import BadCursor
from tidings.domain.kernel import (
    ConversationId,
    MessageId,
    OrganizationId,
    Page,
    PersonKey,
    UserId,
    Wamid,
)
from tidings.domain.whatsapp.content import Text
from tidings.domain.whatsapp.conversations import Conversation, ConversationNotFound, Inbound, Sight, Stage
from tidings.domain.whatsapp.desk import Note
from tidings.domain.whatsapp.messages import Message

c = conversations.c
_KEEP = ("id", "organization_id", "phone_number_id", "person")
_CHANGE = [column.name for column in conversations.columns if column.name not in _KEEP]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ERASED = "[erased]"


def seen(sight: Sight) -> ColumnElement[bool]:
    """`Sight.covers` in SQL; never NULL, so that it can be negated."""
    return or_(
        and_(c.assignee_id.is_not(None), c.assignee_id == sight.user),
        and_(c.team_id.is_not(None), c.team_id.in_(sight.leads)),
        and_(c.assignee_id.is_(None), or_(c.team_id.is_(None), c.team_id.in_(sight.teams))),
    )


@dataclass(frozen=True, slots=True)
class SqlConversations:
    connection: AsyncConnection
    locking: bool

    async def hear(self, heard: Sequence[Inbound]) -> Sequence[Inbound]:
        if not heard:
            return []
        by_wamid = {message.wamid: message for message in heard}
        query = select(inbound.c.wamid).where(inbound.c.wamid.in_(list(by_wamid)))
        for wamid in (await self.connection.execute(query)).scalars():
            del by_wamid[Wamid(wamid)]
        new = list(by_wamid.values())
        await insert_many(self.connection, inbound, [asdict(message) for message in new])
        return new

    async def inbound(self, id: MessageId) -> Inbound | None:
        row = (await self.connection.execute(select(inbound).where(inbound.c.id == id))).mappings()
        found = row.one_or_none()
        return None if found is None else Inbound(**found)

    async def newest_inbound(self, key: ConversationKey) -> Inbound | None:
        query = (
            select(inbound)
            .where(
                inbound.c.organization_id == key.organization_id,
                inbound.c.person == key.person,
                inbound.c.phone_number_id == key.phone_number_id,
            )
            .order_by(inbound.c.id.desc())
            .limit(1)
        )
        found = (await self.connection.execute(query)).mappings().one_or_none()
        return None if found is None else Inbound(**found)

    async def of(self, keys: Collection[ConversationKey]) -> Sequence[Conversation]:
        if not keys:
            return []
        wanted = [(key.organization_id, key.phone_number_id, key.person) for key in keys]
        query = select(conversations).where(
            tuple_(c.organization_id, c.phone_number_id, c.person).in_(sorted(wanted))
        )
        return await self._all(query.with_for_update() if self.locking else query)

    async def get(self, organization: OrganizationId, id: ConversationId) -> Conversation:
        query = select(conversations).where(c.id == id, c.organization_id == organization)
        found = await self._all(query.with_for_update() if self.locking else query)
        if not found:
            raise ConversationNotFound()
        return found[0]

    async def put(self, moved: Sequence[Conversation]) -> None:
        await upsert(
            self.connection, conversations, [_row(each) for each in moved], keys=["id"], change=_CHANGE
        )

    async def page(
        self, organization: OrganizationId, wanted: ConversationFilter, *, cursor: str | None, limit: int
    ) -> Page[Conversation]:
        query = select(conversations).where(c.organization_id == organization)
        if wanted.stage is not None:
            query = query.where(c.stage == Stage(wanted.stage))
        if wanted.assignee_id is not None:
            query = query.where(c.assignee_id == wanted.assignee_id)
        if wanted.unassigned:
            query = query.where(c.assignee_id.is_(None))
        if wanted.team_id is not None:
            query = query.where(c.team_id == wanted.team_id)
        if wanted.person is not None:
            query = query.where(c.person == wanted.person)
        if wanted.sight is not None:
            query = query.where(seen(wanted.sight))
        if cursor is not None:
            at, id = _place(cursor)
            query = query.where(or_(c.last_at < at, and_(c.last_at == at, c.id < id)))
        found = await self._all(query.order_by(c.last_at.desc(), c.id.desc()).limit(limit + 1))
        more = len(found) > limit
        return Page(items=found[:limit], next_cursor=_cursor(found[limit - 1]) if more else None)

    async def changed(
        self,
        organization: OrganizationId,
        sight: Sight | None,
        since: datetime,
        *,
        after: Conversation | None,
        limit: int,
    ) -> Sequence[Conversation]:
        query = select(conversations).where(c.organization_id == organization, c.updated_at >= since)
        if after is not None:
            later = and_(c.updated_at == after.updated_at, c.id > after.id)
            query = query.where(or_(c.updated_at > after.updated_at, later))
        if sight is not None:
            query = query.where(seen(sight))
        return await self._all(query.order_by(c.updated_at, c.id).limit(limit))

    async def thread(self, conversation: Conversation, *, cursor: str | None, limit: int) -> Page[Entry]:
        before = None if cursor is None else decode_cursor(cursor)
        entries = [
            *(Entry(inbound=message) for message in await self._inbound(conversation, before, limit)),
            *(Entry(message=message) for message in await self._messages(conversation, before, limit)),
            *(Entry(note=Note(**row)) for row in await self._notes(conversation, before, limit)),
        ]
        entries.sort(key=lambda entry: _id(entry).int, reverse=True)
        more = len(entries) > limit
        page = entries[:limit]
        return Page(items=page, next_cursor=encode_cursor(_id(page[-1])) if more else None)

    async def waiting(
        self, organization: OrganizationId, sight: Sight | None, *, limit: int
    ) -> Sequence[Conversation]:
        query = select(conversations).where(
            c.organization_id == organization,
            c.stage == Stage.OPEN,
            c.assignee_id.is_(None),
            c.handler == "people",
            c.waiting_since.is_not(None),
        )
        if sight is not None:
            query = query.where(seen(sight))
        return await self._all(query.order_by(c.waiting_since, c.id).limit(limit))

    async def take(self, conversation: Conversation) -> bool:
        taken = await self.connection.execute(
            update(conversations)
            .where(c.id == conversation.id, c.stage == Stage.OPEN, c.assignee_id.is_(None))
            .values(assignee_id=conversation.assignee_id, updated_at=conversation.updated_at, wanting=False)
        )
        return taken.rowcount == 1

    async def loads(self, organization: OrganizationId) -> Mapping[UserId, int]:
        query = (
            select(c.assignee_id, func.count())
            .where(c.organization_id == organization, c.stage == Stage.OPEN, c.assignee_id.is_not(None))
            .group_by(c.assignee_id)
        )
        return {UserId(user): count for user, count in await self.connection.execute(query)}

    async def forget(
        self, organization: OrganizationId, marks: Mapping[PersonKey, PersonKey], now: datetime
    ) -> None:
        theirs = [c.organization_id == organization, c.person.in_(list(marks))]
        ids = select(c.id).where(*theirs)
        await self.connection.execute(delete(notes).where(notes.c.conversation_id.in_(ids)))
        nobody = {"recipient": None, "to": None}
        # What is on its way, and comes back unsent, must not be tried again.
        unsaid = {"content": Text(body=ERASED), "expires_at": now, **nobody}
        for table, blank in (
            (
                inbound,
                {
                    "text": ERASED,
                    "payload": "",
                    "profile_name": "",
                    "raw": "{}",
                    "sender": None,
                    "sender_user_id": None,
                },
            ),
            # Once more after the archive: meanwhile something may have been brought back from there.
            (messages, unsaid),
            (archive, unsaid),
            (messages, unsaid),
            (conversations, {"name": "", "last_text": ERASED, **nobody}),
            (touches, {}),
            (reached, {}),
        ):
            for person, mark in marks.items():
                whose = [table.c.organization_id == organization, table.c.person == person]
                await self.connection.execute(update(table).where(*whose).values(person=mark, **blank))

    async def _all(self, query: Select[Any]) -> list[Conversation]:
        return [conversation_of(row) for row in (await self.connection.execute(query)).mappings()]

    async def _inbound(
        self, conversation: Conversation, before: UUID | None, limit: int
    ) -> Sequence[Inbound]:
        query = select(inbound).where(_within(conversation, inbound.c, before))
        query = query.order_by(inbound.c.id.desc()).limit(limit + 1)
        return structs(Inbound, await self.connection.execute(query))

    async def _messages(
        self, conversation: Conversation, before: UUID | None, limit: int
    ) -> Sequence[Message]:
        return await newest(self.connection, lambda of: _within(conversation, of, before), limit + 1)

    async def _notes(
        self, conversation: Conversation, before: UUID | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        query = select(notes).where(notes.c.conversation_id == conversation.id)
        if before is not None:
            query = query.where(notes.c.id < before)
        query = query.order_by(notes.c.id.desc()).limit(limit + 1)
        return [dict(row) for row in (await self.connection.execute(query)).mappings()]


def _within(conversation: Conversation, of: Any, before: UUID | None) -> ColumnElement[bool]:
    """Whether what has these columns was said in it, by either side."""
    theirs = (
        (of.organization_id == conversation.organization_id)
        & (of.person == conversation.person)
        & (of.phone_number_id == conversation.phone_number_id)
    )
    return theirs if before is None else theirs & (of.id < before)


def conversation_of(row: Mapping[Any, Any]) -> Conversation:
    return Conversation(**{name: value for name, value in row.items() if name != "wanting"})


def _row(conversation: Conversation) -> dict[str, Any]:
    return {
        **asdict(conversation),
        "name": conversation.name[:200],
        "wanting": conversation.wants_assignee,
    }


def _id(entry: Entry) -> UUID:
    thing = entry.inbound or entry.message or entry.note
    if thing is None:
        raise ValueError("an entry is of one kind")
    return thing.id


def _cursor(conversation: Conversation) -> str:
    return encode_text(
        f"{(conversation.last_at - _EPOCH) // timedelta(microseconds=1)}:{conversation.id.hex}"
    )


def _place(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, id = decode_text(cursor).split(":")
        return _EPOCH + timedelta(microseconds=int(at)), UUID(hex=id)
    except (ValueError, OverflowError) as error:
        raise BadCursor() from error
