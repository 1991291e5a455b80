"""The desk: whose turn it is, who has waited too long, and what those who answer keep at hand."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from tidings.application.auditing import difference, note
from tidings.application.pausing import pause
from tidings.application.ports.common import NewId, Now, Signal
from tidings.application.ports.conversations import AgentFigures, Desks, MediaFiles
from tidings.application.ports.whatsapp import Begin
from tidings.application.whatsapp.conversations import seen, sight_of
from tidings.application.whatsapp.receiving import moved
from tidings.application.whatsapp.saying import choose_number
from tidings.application.whatsapp.telling import moved_events
from tidings.domain.errors import NotFound, Unavailable
from tidings.domain.events import ContactErased
from tidings.domain.kernel import (
    Actor,
    ConversationId,
    MessageId,
    OrganizationId,
    Permission,
    PersonKey,
    PhoneNumberId,
    TeamId,
)
from tidings.domain.whatsapp.conversations import Reception
from tidings.domain.whatsapp.desk import CannedReply

TEAMS = 100
"""Teams looked at in one go."""
OVERDUE = 200
"""Conversations dealt with in one transaction."""


class NoSuchReply(NotFound):
    """There is no such canned reply."""


class NoFile(NotFound):
    """The message has no file."""


class NewCannedReply(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A text to be said again and again, and the word that calls it."""

    shortcut: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,40}$")]
    text: Annotated[str, Meta(min_length=1, max_length=4096)]


class ReceptionWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What is to happen to those who write to a number."""

    team_id: TeamId | None = None
    bot: bool = False
    reply_within: Annotated[int, Meta(ge=30, le=30 * 86_400)] | None = None


class InboundFile(Struct, frozen=True, kw_only=True):
    """A file in a person's message, as Meta's webhook describes it (fact sheet 5.7)."""

    id: str
    mime_type: str = "application/octet-stream"
    filename: str | None = None


class NewMedia(Struct, frozen=True, kw_only=True, rename="camel"):
    """A file that lies at Meta and can be sent from one number for 30 days."""

    id: str
    phone_number_id: PhoneNumberId


@dataclass(frozen=True, slots=True)
class Desk:
    begin: Begin
    read: Begin
    desks: Desks
    media: MediaFiles
    signal: Signal
    now: Now
    new_id: NewId
    pause: float = 0.5
    """Seconds between two looks when nothing was to be done."""

    async def run(self, stop: asyncio.Event) -> None:
        """Assign, and note who waits too long, until `stop`. Safe to run in any number of processes."""
        while not stop.is_set():
            with contextlib.suppress(Unavailable):
                await self.step()
            await pause(stop, self.pause)

    async def step(self) -> int:
        """One look; how many conversations were moved."""
        return await self._assign() + await self._breaches()

    async def _assign(self) -> int:
        done, after = 0, None
        while True:
            async with self.read() as work:
                teams = await work.desk.unassigned(after=after, limit=TEAMS)
            for organization, team in teams:
                while await self._assign_one(organization, team):
                    done += 1
            if len(teams) < TEAMS:
                return done
            after = teams[-1][1]

    async def _assign_one(self, organization: OrganizationId, team: TeamId) -> bool:
        """Give the longest wait of a team to whose turn it is; False when there is nobody, or nothing."""
        async with self.read() as work:
            waiting = await work.desk.first_unassigned(organization, team)
            loads = await work.conversations.loads(organization)
        if waiting is None:
            return False
        try:
            user = await self.desks.turn(organization, team, loads)
        except NotFound:
            user = None
        if user is None:
            return False
        now = self.now()
        async with self.begin() as work:
            taken = waiting.assign(team, user, now)
            if await work.conversations.take(taken):
                await work.outbox.put(moved("assigned", taken, None, now))
        return True

    async def _breaches(self) -> int:
        now = self.now()
        async with self.read() as work:
            if not await work.desk.overdue(now, limit=1):
                return 0
        async with self.begin() as work:
            late = [each.breach(now) for each in await work.desk.overdue(now, limit=OVERDUE)]
            await work.conversations.put(late)
            await work.outbox.put(*(moved("breached", each, None, now) for each in late))
        return len(late)

    async def receptions(self, actor: Actor) -> Sequence[Reception]:
        """How each of the organisation's numbers receives."""
        organization = actor.require(Permission.CONVERSATIONS_READ)
        async with self.read() as work:
            numbers = [number.phone_number_id for number in await work.numbers.of(organization)]
            known = await work.desk.receptions(numbers)
        return [
            known.get(number) or Reception(phone_number_id=number, organization_id=organization)
            for number in numbers
        ]

    async def receive(self, actor: Actor, number: PhoneNumberId, wish: ReceptionWish) -> Reception:
        """Set how a number receives, from the next message on. Raise NumberNotFound, NotFound of the team."""
        organization = actor.require(Permission.CONVERSATIONS_ALL)
        await self.desks.require(organization, wish.team_id, None)
        reception = Reception(
            phone_number_id=number,
            organization_id=organization,
            team_id=wish.team_id,
            bot=wish.bot,
            reply_within=wish.reply_within,
        )
        async with self.begin() as work:
            choose_number(await work.numbers.of(organization), number)
            before = (await work.desk.receptions([number])).get(number)
            await work.desk.put_reception(reception)
            await note(work, actor, self.now(), "reception:set", number, difference(before, reception))
        return reception

    async def canned(self, actor: Actor) -> Sequence[CannedReply]:
        """In order of their shortcuts."""
        organization = actor.require(Permission.CONVERSATIONS_READ)
        async with self.read() as work:
            return await work.desk.canned(organization)

    async def put_canned(self, actor: Actor, new: NewCannedReply, id: MessageId | None = None) -> CannedReply:
        """Add a canned reply, or change one. Raise NoSuchReply, ShortcutTaken."""
        organization = actor.require(Permission.CONVERSATIONS_WRITE)
        async with self.begin() as work:
            known = {each.id: each for each in await work.desk.canned(organization)}
            if id is not None and id not in known:
                raise NoSuchReply()
            reply = CannedReply(
                id=id or MessageId(self.new_id()),
                organization_id=organization,
                shortcut=new.shortcut,
                text=new.text,
                created_at=self.now() if id is None else known[id].created_at,
            )
            await work.desk.put_canned(reply)
            told = difference(known.get(reply.id), reply)
            await note(work, actor, self.now(), "canned_reply:put", reply.id, told)
        return reply

    async def remove_canned(self, actor: Actor, id: MessageId) -> None:
        """Raise NoSuchReply."""
        organization = actor.require(Permission.CONVERSATIONS_WRITE)
        async with self.begin() as work:
            if not await work.desk.remove_canned(organization, id):
                raise NoSuchReply()
            await note(work, actor, self.now(), "canned_reply:removed", id)

    async def figures(self, actor: Actor, since: datetime, until: datetime) -> Sequence[AgentFigures]:
        """How everybody answered in conversations that were closed in this span."""
        organization = actor.require(Permission.CONVERSATIONS_ALL)
        async with self.read() as work:
            return await work.desk.figures(organization, since, until)

    async def file(
        self, actor: Actor, id: ConversationId, message: MessageId
    ) -> tuple[InboundFile, AsyncGenerator[bytes]]:
        """A person's file, in pieces. Raise ConversationNotFound, NoFile, or what Meta says."""
        actor.require(Permission.CONVERSATIONS_READ)
        sight = await sight_of(self.desks, actor)
        async with self.read() as work:
            conversation = await seen(work, actor, sight, id)
            heard = await work.conversations.inbound(message)
            numbers = await work.numbers.find([conversation.phone_number_id])
        theirs = heard is not None and (heard.person, heard.phone_number_id) == (
            conversation.person,
            conversation.phone_number_id,
        )
        file = file_of(heard.kind, heard.raw) if heard is not None and theirs else None
        if file is None or not numbers:
            raise NoFile()
        return file, self.media.download(numbers[0].waba_id, file.id)

    async def send_up(
        self, actor: Actor, *, name: str, mime_type: str, content: bytes, number: PhoneNumberId | None
    ) -> NewMedia:
        """Bring a file to Meta, to be sent by its id. Raise what `choose_number` and Meta raise."""
        organization = actor.require(Permission.MESSAGES_SEND)
        async with self.read() as work:
            chosen = choose_number(await work.numbers.of(organization), number)
        id = await self.media.send_up(
            chosen.waba_id, chosen.phone_number_id, name=name, mime_type=mime_type, content=content
        )
        return NewMedia(id=id, phone_number_id=chosen.phone_number_id)

    async def contact_erased(self, event_id: UUID, event: ContactErased) -> None:
        """A person is forgotten: what they said and were told, their name and number."""
        async with self.begin() as work:
            if not await work.inbox.first_time("whatsapp", event_id):
                return
            waiting = await work.messages.pending_to(event.organization_id, event.people)
            skipped = [message.skip("erased") for message in waiting]
            await work.messages.save(skipped)
            await work.outbox.put(*moved_events(skipped, self.now()))
            marks = {person: PersonKey(f"erased:{self.new_id().hex}") for person in event.people}
            await work.conversations.forget(event.organization_id, marks, self.now())


def file_of(kind: str, raw: str) -> InboundFile | None:
    """What Meta's message says of its file; None when it has none."""
    try:
        said = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        return msgspec.json.decode(said[kind], type=InboundFile) if kind in said else None
    except msgspec.MsgspecError:
        return None
