"""What is said: single messages, and looking back at any message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from tidings.application.ports.common import NewId, Now, Signal
from tidings.application.ports.conversations import ConversationKey, Desks
from tidings.application.ports.whatsapp import Begin, MessageFilter, MessageReader, Work
from tidings.application.whatsapp.quotas import check_room
from tidings.application.whatsapp.receiving import said_in_conversation
from tidings.application.whatsapp.translating import number_of
from tidings.domain.errors import Fault, Invalid
from tidings.domain.events import ReplyWanted, WabaConnected
from tidings.domain.kernel import (
    Actor,
    CampaignId,
    MessageId,
    OrganizationId,
    Page,
    Permission,
    Phone,
    PhoneNumberId,
    UserId,
    Wamid,
    masked_phone,
    person_key,
    phone_of,
)
from tidings.domain.whatsapp.content import Content, Template, Text
from tidings.domain.whatsapp.conversations import (
    Conversation,
    InOtherHands,
    PersonErased,
    Sight,
    check_window,
)
from tidings.domain.whatsapp.limits import check
from tidings.domain.whatsapp.messages import Attempt, Message, State
from tidings.domain.whatsapp.numbers import (
    NoNumber,
    Number,
    NumberNotFound,
    SeveralNumbers,
)
from tidings.domain.whatsapp.requests import Asked, asked


class NotAState(Invalid):
    """There is no such message state."""


class CannotBeSaid(Invalid):
    """WhatsApp would not take this content."""


class NewMessage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A single message to one person."""

    to: Phone
    content: Content
    phone_number_id: PhoneNumberId | None = None
    reply_to: Wamid | None = None


class TimelineEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that happened to a message."""

    at: datetime
    what: str
    detail: str | None = None


class MessageView(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message as people see it."""

    id: MessageId
    phone_number_id: PhoneNumberId
    to: Phone | None
    content: Content
    state: State
    wamid: Wamid | None = None
    campaign_id: CampaignId | None = None
    attempts: int = 0
    code: int | None = None
    reason: str | None = None
    created_at: datetime
    timeline: Sequence[TimelineEntry] | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Messages:
    """Single messages, and what became of any message."""

    begin: Begin
    read: Begin
    reader: MessageReader
    desks: Desks
    signal: Signal
    now: Now
    new_id: NewId

    async def send(self, actor: Actor, new: NewMessage, once: str | None = None) -> MessageView:
        """Put a message in line; it leaves within a moment. With the key `once`, only the first time.

        Raise BadPhone, CannotBeSaid, WindowClosed, InOtherHands, HandedOff, NoNumber, SeveralNumbers,
        QuotaUsedUp, BadKey, KeyReused.
        """
        organization = actor.require(Permission.MESSAGES_SEND)
        new = replace(new, to=phone_of(new.to, "to"))
        now, id = self.now(), MessageId(self.new_id())
        request = once if once is None else asked(once, new, "send", id, organization, now)
        async with self.begin() as work:
            if earlier := await said_before(work, request):
                return view(actor, earlier)
            number = await self._number(work, organization, new.phone_number_id)
            place = ConversationKey(
                organization_id=organization,
                phone_number_id=number.phone_number_id,
                person=person_key(new.to),
            )
            conversation = next(iter(await work.conversations.of([place])), None)
            message = await say_now(
                work,
                conversation or place,
                new.content,
                to=new.to,
                reply_to=new.reply_to,
                id=id,
                now=now,
            )
            if conversation is not None:
                _check_hands(actor, conversation, new.content)
                await said_in_conversation(work, conversation, new.content, speaker(actor), now)
        self.signal.wake()
        return view(actor, message)

    async def get(self, actor: Actor, id: MessageId) -> MessageView:
        """A message with its timeline. Raise MessageNotFound."""
        organization = actor.require(Permission.MESSAGES_READ)
        message = await self.reader.get(organization, id, await self._sight(actor))
        return view(actor, message, timeline(message, await self.reader.attempts(id)))

    async def page(
        self,
        actor: Actor,
        *,
        state: str | None = None,
        to: Phone | None = None,
        campaign_id: CampaignId | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[MessageView]:
        """History, newest first. Raise NotAState, BadPhone, BadCursor."""
        organization = actor.require(Permission.MESSAGES_READ)
        if state is not None and state not in list(State):
            wanted = ", ".join(State)
            raise NotAState("", Fault(field="state", rule="choice", message=f"must be one of {wanted}"))
        wanted_filter = MessageFilter(
            state=state,
            person=None if to is None else person_key(phone_of(to, "to")),
            run_id=campaign_id,
            sight=await self._sight(actor),
        )
        found = await self.reader.page(organization, wanted_filter, cursor=cursor, limit=limit)
        return Page(
            items=[view(actor, message) for message in found.items],
            next_cursor=found.next_cursor,
            total=found.total,
        )

    async def numbers(self, actor: Actor) -> Sequence[Number]:
        """The organisation's sending numbers."""
        organization = actor.require(Permission.WABAS_READ)
        async with self.read() as work:
            return await work.numbers.of(organization)

    async def waba_connected(self, event_id: UUID, event: WabaConnected) -> None:
        """Learn the numbers of a WABA that was linked."""
        now = self.now()
        async with self.begin() as work:
            if await work.inbox.first_time("whatsapp", event_id):
                await work.numbers.put(
                    [number_of(number, event.organization_id, event.waba_id, now) for number in event.numbers]
                )

    async def reply_wanted(self, event_id: UUID, event: ReplyWanted) -> None:
        """Answer a person who has just written, once."""
        if event.to is None and event.to_user_id is None:
            return
        now = self.now()
        async with self.begin() as work:
            if not await work.inbox.first_time("whatsapp", event_id):
                return
            numbers = await work.numbers.find([event.phone_number_id])
            if not any(number.organization_id == event.organization_id for number in numbers):
                # Nobody speaks through another organisation's number, whoever wrote to the bus.
                return
            await work.messages.add(
                [
                    Message(
                        id=MessageId(self.new_id()),
                        organization_id=event.organization_id,
                        phone_number_id=event.phone_number_id,
                        person=person_key(event.to or Phone(event.to_user_id or "")),
                        to=event.to,
                        recipient=None if event.to else event.to_user_id,
                        content=Text(body=event.text),
                        created_at=now,
                        next_attempt_at=now,
                    )
                ]
            )
        self.signal.wake()

    async def _sight(self, actor: Actor) -> Sight | None:
        if actor.may(Permission.CONVERSATIONS_ALL):
            return None
        return await self.desks.sight(actor.organization_id, actor.user_id)

    async def _number(self, work: Work, organization: OrganizationId, wanted: PhoneNumberId | None) -> Number:
        return choose_number(await work.numbers.of(organization), wanted)


def speaker(actor: Actor) -> UserId | None:
    """Who speaks to the person: somebody, or (None) a program with a key."""
    return None if actor.session_id is None else actor.user_id


def _check_hands(actor: Actor, conversation: Conversation, content: Content) -> None:
    """Raise InOtherHands for free text in a conversation that somebody else answers."""
    free = isinstance(content, Template) or conversation.assignee_id in (None, actor.user_id)
    if not free and speaker(actor) is not None and not actor.may(Permission.CONVERSATIONS_ALL):
        raise InOtherHands()


async def say_now(
    work: Work,
    place: Conversation | ConversationKey,
    content: Content,
    *,
    id: MessageId,
    now: datetime,
    to: Phone | None = None,
    reply_to: Wamid | None = None,
) -> Message:
    """Put a message in line that leaves within a moment.

    Raise CannotBeSaid, WindowClosed, PersonErased, QuotaUsedUp.
    """
    if faults := check(content):
        raise CannotBeSaid("", *faults)
    known = place if isinstance(place, Conversation) else None
    check_window(content, known, now)
    phone = to or (known.to if known else None)
    if known is not None and phone is None and known.recipient is None:
        raise PersonErased()
    await check_room(work, place.organization_id, now)
    message = Message(
        id=id,
        organization_id=place.organization_id,
        phone_number_id=place.phone_number_id,
        person=place.person,
        to=phone,
        recipient=known.recipient if known and phone is None else None,
        content=content,
        reply_to=reply_to,
        created_at=now,
        next_attempt_at=now,
    )
    await work.messages.add([message])
    return message


async def said_before(work: Work, request: Asked | None) -> Message | None:
    """The message that came of the same request earlier; None, and the key is taken. Raise KeyReused."""
    if request is None:
        return None
    earlier = request.same(await work.requests.first(request))
    if earlier == request.message_id:
        return None
    return next(iter(await work.messages.find([earlier])), None)


def choose_number(numbers: Sequence[Number], wanted: PhoneNumberId | None) -> Number:
    """The number asked for, or the only one. Raise NoNumber, SeveralNumbers, NumberNotFound."""
    if not numbers:
        raise NoNumber()
    if wanted is None:
        if len(numbers) > 1:
            raise SeveralNumbers()
        return numbers[0]
    for number in numbers:
        if number.phone_number_id == wanted:
            return number
    raise NumberNotFound(
        "", Fault(field="phoneNumberId", rule="exists", message="is not a number of this organisation")
    )


def view(actor: Actor, message: Message, entries: Sequence[TimelineEntry] | UnsetType = UNSET) -> MessageView:
    """As this actor may see it: the number in part for those who may not see numbers."""
    return MessageView(
        id=message.id,
        phone_number_id=message.phone_number_id,
        to=message.to if actor.may(Permission.CONTACTS_REVEAL) else masked_phone(message.to),
        content=message.content,
        state=message.state,
        wamid=message.wamid,
        campaign_id=message.run_id,
        attempts=message.attempt_no,
        code=message.code,
        reason=message.reason,
        created_at=message.created_at,
        timeline=entries,
    )


def timeline(message: Message, attempts: Sequence[Attempt]) -> list[TimelineEntry]:
    """Everything that is known to have happened: what we did by our clock, then what Meta said by its own.

    Meta's moments are whole seconds, so that "sent" can seem to lie before the attempt.
    """
    ours = [TimelineEntry(at=message.created_at, what="in line")]
    for attempt in attempts:
        said = f"attempt {attempt.no} ended: {attempt.code} {attempt.reason}".strip()
        ours.append(TimelineEntry(at=attempt.started_at, what=f"attempt {attempt.no}"))
        ours.append(TimelineEntry(at=attempt.ended_at, what="refused for now", detail=said))
    lost = message.reason if message.state is State.UNKNOWN else None
    ours += _entries(
        (message.attempted_at if message.attempt_id else None, f"attempt {message.attempt_no}", None),
        (message.unknown_at, "outcome unknown", lost),
        (message.accepted_at, "accepted by Meta", message.wamid),
    )
    if message.state is State.SKIPPED:
        ours.append(TimelineEntry(at=message.next_attempt_at, what="skipped", detail=message.reason))
    theirs = _entries(
        (message.sent_at, "sent", None),
        (message.delivered_at, "delivered", None),
        (message.read_at, "read", None),
        (message.failed_at, "failed", f"{message.code or ''} {message.reason or ''}".strip() or None),
    )
    return sorted(ours, key=lambda entry: entry.at) + sorted(theirs, key=lambda entry: entry.at)


def _entries(*moments: tuple[datetime | None, str, str | None]) -> list[TimelineEntry]:
    return [TimelineEntry(at=at, what=what, detail=detail) for at, what, detail in moments if at]
