"""Answering people: who has which conversation in hand, and what is said in it."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import UNSET

from tidings.application.auditing import difference, note
from tidings.application.ports.common import NewId, Now, Signal, Sleep
from tidings.application.ports.conversations import ConversationFilter, Desks, Receipts
from tidings.application.ports.whatsapp import Begin, Work
from tidings.application.whatsapp.receiving import key_of, moved, plain, said_in_conversation
from tidings.application.whatsapp.saying import MessageView, said_before, say_now, speaker, view
from tidings.application.whatsapp.threads import (
    Answer,
    Assignment,
    ConversationView,
    ConversationWish,
    EntryView,
    HandOff,
    NewNote,
    line,
    shown,
)
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import (
    Actor,
    ConversationId,
    MessageId,
    OrganizationId,
    Page,
    Permission,
    UserId,
    person_key,
)
from tidings.domain.whatsapp.conversations import (
    Conversation,
    ConversationNotFound,
    InOtherHands,
    Reception,
    Sight,
    Stage,
)
from tidings.domain.whatsapp.desk import Note, Stretch
from tidings.domain.whatsapp.requests import asked

CANDIDATES = 20
"""Conversations looked at in one go for whoever takes the next."""
TOUCHED = 500
"""Conversations that a live view reads in one go."""
OVERLAP = timedelta(seconds=5)
"""How far back a live view looks again: what was touched before may be committed after."""

_UNTOLD = frozenset(
    {"phone_number_id", "person", "to", "recipient", "name", "last_text", "heard_at", "last_at"}
)


class NothingWaits(ConversationNotFound):
    """Nobody waits for an answer that you could give."""


class BadFilter(Invalid):
    """There is no such stage."""


@dataclass(frozen=True, slots=True)
class Conversations:
    begin: Begin
    read: Begin
    desks: Desks
    receipts: Receipts
    signal: Signal
    now: Now
    new_id: NewId
    sleep: Sleep

    async def page(
        self, actor: Actor, wish: ConversationWish, *, cursor: str | None = None, limit: int = 50
    ) -> Page[ConversationView]:
        """Those that the actor may see, the newest word first. Raise BadFilter, BadCursor."""
        organization = actor.require(Permission.CONVERSATIONS_READ)
        if wish.stage is not None and wish.stage not in list(Stage):
            message = f"must be one of {', '.join(Stage)}"
            raise BadFilter("", Fault(field="stage", rule="choice", message=message))
        wanted = ConversationFilter(
            stage=wish.stage,
            assignee_id=actor.user_id if wish.mine else None,
            unassigned=wish.unassigned,
            team_id=wish.team_id,
            person=None if wish.person is None else person_key(wish.person),
            sight=await sight_of(self.desks, actor),
        )
        async with self.read() as work:
            found = await work.conversations.page(organization, wanted, cursor=cursor, limit=limit)
        now = self.now()
        return Page(items=[shown(actor, each, now) for each in found.items], next_cursor=found.next_cursor)

    async def get(self, actor: Actor, id: ConversationId) -> ConversationView:
        """Raise ConversationNotFound."""
        actor.require(Permission.CONVERSATIONS_READ)
        sight = await sight_of(self.desks, actor)
        async with self.read() as work:
            return shown(actor, await seen(work, actor, sight, id), self.now())

    async def thread(
        self, actor: Actor, id: ConversationId, *, cursor: str | None = None, limit: int = 50
    ) -> Page[EntryView]:
        """What was said and noted, newest first. Raise ConversationNotFound, BadCursor."""
        actor.require(Permission.CONVERSATIONS_READ)
        sight = await sight_of(self.desks, actor)
        async with self.read() as work:
            conversation = await seen(work, actor, sight, id)
            found = await work.conversations.thread(conversation, cursor=cursor, limit=limit)
        return Page(items=[line(actor, entry) for entry in found.items], next_cursor=found.next_cursor)

    async def answer(
        self, actor: Actor, id: ConversationId, answer: Answer, once: str | None = None
    ) -> MessageView:
        """Say something; who answers what nobody had taken has it in hand from then on.

        With the key `once`, only the first time. Raise ConversationNotFound, InOtherHands, HandedOff,
        CannotBeSaid, WindowClosed, QuotaUsedUp, BadKey, KeyReused.
        """
        organization = actor.require(Permission.CONVERSATIONS_WRITE)
        sight = await sight_of(self.desks, actor)
        now, message_id = self.now(), MessageId(self.new_id())
        request = once if once is None else asked(once, answer, id, message_id, organization, now)
        async with self.begin() as work:
            conversation = await in_hand(work, actor, sight, id)
            if earlier := await said_before(work, request):
                return view(actor, earlier)
            message = await say_now(
                work,
                conversation,
                answer.content,
                reply_to=answer.reply_to,
                id=message_id,
                now=now,
            )
            await said_in_conversation(work, conversation, answer.content, speaker(actor), now)
        self.signal.wake()
        return view(actor, message)

    async def mark_read(self, actor: Actor, id: ConversationId, *, typing: bool = False) -> None:
        """Nothing is unread any more, and the person sees it; `typing` shows for 25 s at most (2.8).

        Raise ConversationNotFound, and what stands in the way at Meta (then it still counts as read here).
        """
        actor.require(Permission.CONVERSATIONS_WRITE)
        sight = await sight_of(self.desks, actor)
        async with self.begin() as work:
            conversation = await seen(work, actor, sight, id)
            if conversation.unread:
                await work.conversations.put([conversation.read(self.now())])
            newest = await work.conversations.newest_inbound(key_of(conversation))
            numbers = await work.numbers.find([conversation.phone_number_id])
        if newest is not None and numbers:
            await self.receipts.mark_read(
                numbers[0].waba_id, conversation.phone_number_id, newest.wamid, typing=typing
            )

    async def note(self, actor: Actor, id: ConversationId, new: NewNote) -> Note:
        """Raise ConversationNotFound."""
        organization = actor.require(Permission.CONVERSATIONS_WRITE)
        sight = await sight_of(self.desks, actor)
        async with self.begin() as work:
            conversation = await seen(work, actor, sight, id)
            note = self._note(organization, conversation, actor.user_id, new.text)
            await work.desk.add_note(note)
        return note

    async def take_next(self, actor: Actor) -> ConversationView:
        """The longest wait among those that nobody has taken; of many who ask at once each gets another.

        Raise NothingWaits.
        """
        organization = actor.require(Permission.CONVERSATIONS_WRITE)
        sight = await sight_of(self.desks, actor)
        now = self.now()
        while True:
            async with self.read() as work:
                waiting = await work.conversations.waiting(organization, sight, limit=CANDIDATES)
            if not waiting:
                raise NothingWaits()
            for candidate in waiting:
                async with self.begin() as work:
                    taken = candidate.assign(candidate.team_id, actor.user_id, now)
                    if await work.conversations.take(taken):
                        await work.outbox.put(moved("assigned", taken, actor.user_id, now))
                        await _note(work, actor, now, "taken", candidate, taken)
                        return shown(actor, taken, now)

    async def assign(self, actor: Actor, id: ConversationId, wish: Assignment) -> ConversationView:
        """Give it to a team or a person; one's own, or (with `conversations:all`) anybody's.

        Raise ConversationNotFound, InOtherHands, ConversationClosed, NotFound for team and user.
        """
        organization = actor.require(Permission.CONVERSATIONS_WRITE)
        await self.desks.require(organization, wish.team_id or None, wish.user_id or None)

        def change(conversation: Conversation, _: Reception) -> Conversation:
            team = conversation.team_id if wish.team_id is UNSET else wish.team_id
            user = conversation.assignee_id if wish.user_id is UNSET else wish.user_id
            return conversation.assign(team, user, self.now())

        return await self._change(actor, id, "assigned", change)

    async def close(self, actor: Actor, id: ConversationId) -> ConversationView:
        """Raise ConversationNotFound, InOtherHands, ConversationClosed."""
        return await self._change(actor, id, "closed", lambda c, _: c.close(actor.user_id, self.now()))

    async def reopen(self, actor: Actor, id: ConversationId) -> ConversationView:
        """Raise ConversationNotFound, InOtherHands, ConversationOpen."""
        return await self._change(actor, id, "reopened", lambda c, r: c.reopen(r, self.now()))

    async def hand_off(self, actor: Actor, id: ConversationId, wish: HandOff) -> ConversationView:
        """A bot passes it to people, and is silent until it is handed back. Raise ConversationClosed."""
        organization = actor.require(Permission.CONVERSATIONS_WRITE)
        await self.desks.require(organization, wish.team_id, None)
        return await self._change(
            actor, id, "handed_off", lambda c, r: c.hand_off(wish.team_id, r, self.now()), note=wish.note
        )

    async def hand_back(self, actor: Actor, id: ConversationId) -> ConversationView:
        """The bot answers again. Raise ConversationClosed, NotWithPeople."""
        return await self._change(actor, id, "handed_back", lambda c, _: c.hand_back(self.now()))

    async def watch(
        self, actor: Actor, *, every: float = 0.5, seconds: float = 600.0
    ) -> AsyncGenerator[ConversationView]:
        """Every conversation that the actor may see, whenever it is touched, for so many seconds."""
        organization = actor.require(Permission.CONVERSATIONS_READ)
        since = self.now()
        ends = since + timedelta(seconds=seconds)
        told: dict[ConversationId, datetime] = {}
        while True:
            sight = await sight_of(self.desks, actor)
            last: Conversation | None = None
            while True:
                async with self.read() as work:
                    found = await work.conversations.changed(
                        organization, sight, since - OVERLAP, after=last, limit=TOUCHED
                    )
                for each in found:
                    if told.get(each.id) != each.updated_at:
                        told[each.id] = each.updated_at
                        yield shown(actor, each, self.now())
                last = found[-1] if found else last
                if len(found) < TOUCHED:
                    break
            since = since if last is None else max(since, last.updated_at)
            told = {id: at for id, at in told.items() if at >= since - 2 * OVERLAP}
            if self.now() >= ends:
                return
            await self.sleep(every)

    async def _change(
        self,
        actor: Actor,
        id: ConversationId,
        what: str,
        change: Callable[[Conversation, Reception], Conversation],
        note: str = "",
    ) -> ConversationView:
        organization = actor.require(Permission.CONVERSATIONS_WRITE)
        sight = await sight_of(self.desks, actor)
        now = self.now()
        async with self.begin() as work:
            before = await in_hand(work, actor, sight, id)
            receptions = await work.desk.receptions([before.phone_number_id])
            after = change(before, receptions.get(before.phone_number_id) or plain(before))
            await work.conversations.put([after])
            if note:
                await work.desk.add_note(self._note(organization, after, actor.user_id, note))
            if after.stage is Stage.CLOSED:
                await work.desk.ended(_stretch(after, MessageId(self.new_id())))
            await work.outbox.put(moved(what, after, actor.user_id, now))
            await _note(work, actor, now, what, before, after)
        self.signal.wake()
        return shown(actor, after, now)

    def _note(
        self, organization: OrganizationId, conversation: Conversation, author: UserId, text: str
    ) -> Note:
        return Note(
            id=MessageId(self.new_id()),
            organization_id=organization,
            conversation_id=conversation.id,
            author_id=author,
            text=text,
            at=self.now(),
        )


async def _note(
    work: Work, by: Actor, at: datetime, what: str, before: Conversation, after: Conversation
) -> None:
    told = difference(before, after, untold=_UNTOLD)
    await note(work, by, at, f"conversation:{what}", after.id, told)


async def sight_of(desks: Desks, actor: Actor) -> Sight | None:
    """What the actor sees of conversations; None: all."""
    if actor.may(Permission.CONVERSATIONS_ALL):
        return None
    return await desks.sight(actor.organization_id, actor.user_id)


async def seen(work: Work, actor: Actor, sight: Sight | None, id: ConversationId) -> Conversation:
    """Raise ConversationNotFound, also for what the actor may not see."""
    conversation = await work.conversations.get(actor.organization_id, id)
    if sight is not None and not sight.covers(conversation):
        raise ConversationNotFound()
    return conversation


async def in_hand(work: Work, actor: Actor, sight: Sight | None, id: ConversationId) -> Conversation:
    """One that the actor may steer. Raise ConversationNotFound, InOtherHands."""
    conversation = await seen(work, actor, sight, id)
    leads = sight is None or conversation.team_id in sight.leads
    if not leads and conversation.assignee_id not in (None, actor.user_id):
        raise InOtherHands()
    return conversation


def _stretch(conversation: Conversation, id: MessageId) -> Stretch:
    return Stretch(
        id=id,
        organization_id=conversation.organization_id,
        conversation_id=conversation.id,
        team_id=conversation.team_id,
        opened_at=conversation.opened_at,
        first_reply_at=conversation.first_reply_at,
        first_reply_by=conversation.first_reply_by,
        closed_at=conversation.closed_at or conversation.updated_at,
        closed_by=conversation.closed_by,
        breached=conversation.breached_at is not None,
    )
