"""What people wrote to us, who answers it, and what may be said to them now."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from tidings.domain.errors import Conflict, Forbidden, NotFound
from tidings.domain.kernel import (
    ConversationId,
    MessageId,
    OrganizationId,
    PersonKey,
    Phone,
    PhoneNumberId,
    TeamId,
    UserId,
    Wamid,
)
from tidings.domain.whatsapp.content import Content, Template

SERVICE_WINDOW = timedelta(hours=24)
EXCERPT = 200
"""Characters of the last message that a list shows."""


class ConversationNotFound(NotFound):
    """There is no such conversation, or it is not yours to see."""


class WindowClosed(Conflict):
    """The person has not written for 24 hours: only a template may be sent (fact sheet 2.9)."""


class ConversationClosed(Conflict):
    """The conversation is closed: reopen it first."""


class ConversationOpen(Conflict):
    """The conversation is open already."""


class InOtherHands(Forbidden):
    """Somebody else answers this conversation."""


class HandedOff(Conflict):
    """People took this conversation over from the bot: it is silent until it is handed back."""


class PersonErased(Conflict):
    """This person was erased: nobody can be written to here until they write again."""


class NotWithPeople(Conflict):
    """Nobody took this conversation over from a bot."""


class Inbound(Struct, frozen=True, kw_only=True):
    """A message from a person."""

    id: MessageId
    organization_id: OrganizationId
    phone_number_id: PhoneNumberId
    wamid: Wamid
    person: PersonKey
    sender: Phone | None = None
    sender_user_id: str | None = None
    profile_name: str = ""
    kind: str
    text: str = ""
    payload: str = ""
    reply_to: Wamid | None = None
    raw: str
    at: datetime

    @property
    def excerpt(self) -> str:
        return (self.text or f"[{self.kind}]")[:EXCERPT]


class Stage(StrEnum):
    """Whether a conversation still asks for something."""

    OPEN = "open"
    CLOSED = "closed"


class Handler(StrEnum):
    """Who answers."""

    PEOPLE = "people"
    BOT = "bot"


class Reception(Struct, frozen=True, kw_only=True, rename="camel"):
    """What happens to those who write to a number."""

    phone_number_id: PhoneNumberId
    organization_id: OrganizationId
    team_id: TeamId | None = None
    """Who answers; None: anybody."""
    bot: bool = False
    """Whether a bot answers until people take over."""
    reply_within: int | None = None
    """Seconds in which people want to have answered; later it counts, and is told, as a breach."""


class Conversation(Struct, frozen=True, kw_only=True, rename="camel"):
    """All that passed between one of our numbers and one person.

    It closes and opens again; times of reply and of resolution are those of the present stretch.
    """

    id: ConversationId
    organization_id: OrganizationId
    phone_number_id: PhoneNumberId
    person: PersonKey
    to: Phone | None = None
    recipient: str | None = None
    """A business-scoped user id, where there is no number."""
    name: str = ""
    stage: Stage = Stage.OPEN
    handler: Handler = Handler.PEOPLE
    handed_off: bool = False
    """People took it from the bot, which stays silent until it is handed back."""
    team_id: TeamId | None = None
    assignee_id: UserId | None = None
    heard_at: datetime
    """When the person last wrote."""
    last_at: datetime
    last_text: str = ""
    last_ours: bool = False
    unread: int = 0
    waiting_since: datetime | None = None
    """Since when the person has been waiting for an answer."""
    reply_due_at: datetime | None = None
    """When the wait becomes a breach; None once it has, or when no limit is set."""
    breached_at: datetime | None = None
    opened_at: datetime
    first_reply_at: datetime | None = None
    first_reply_by: UserId | None = None
    closed_at: datetime | None = None
    closed_by: UserId | None = None
    updated_at: datetime

    @property
    def window_ends_at(self) -> datetime:
        """When the customer service window closes (fact sheet 2.9)."""
        return self.heard_at + SERVICE_WINDOW

    def window_open(self, now: datetime) -> bool:
        return now < self.window_ends_at

    @property
    def wants_assignee(self) -> bool:
        """Whether its team is to be asked whose turn it is."""
        return (
            self.stage is Stage.OPEN
            and self.handler is Handler.PEOPLE
            and self.team_id is not None
            and self.assignee_id is None
        )

    def hear(self, said: Inbound, reception: Reception, now: datetime) -> "Conversation":
        """The person wrote; also what comes late or out of order leaves the newest on top."""
        after = self
        if self.stage is Stage.CLOSED and (self.closed_at is None or said.at > self.closed_at):
            after = _fresh(self, reception, said.at)
        newest = said.at >= self.last_at
        after = replace(
            after,
            to=said.sender or self.to,
            recipient=said.sender_user_id or self.recipient,
            name=said.profile_name or self.name,
            heard_at=max(self.heard_at, said.at),
            last_at=said.at if newest else self.last_at,
            last_text=said.excerpt if newest else self.last_text,
            last_ours=False if newest else self.last_ours,
            updated_at=now,
        )
        if after.stage is Stage.CLOSED:
            return after
        after = replace(after, unread=after.unread + 1)
        # What was written before our last word, and comes late, has been answered by it.
        return after.awaited(said.at, reception) if newest or not self.last_ours else after

    def awaited(self, since: datetime, reception: Reception) -> "Conversation":
        """The person waits for people's answer from `since`, unless they wait already or a bot answers."""
        since = since if self.waiting_since is None else min(since, self.waiting_since)
        due = None
        if self.handler is Handler.PEOPLE and reception.reply_within is not None and not self.breached_at:
            due = since + timedelta(seconds=reception.reply_within)
        return replace(self, waiting_since=since, reply_due_at=due)

    def say(self, content: Content, by: UserId | None, now: datetime) -> "Conversation":
        """We wrote: `by` somebody, or (None) a program. Raise HandedOff for a bot that must be silent."""
        if by is None and self.handed_off and not isinstance(content, Template):
            raise HandedOff()
        after = replace(
            self, last_at=now, last_text=excerpt(content), last_ours=True, waiting_since=None, updated_at=now
        )
        after = replace(after, reply_due_at=None, breached_at=None)
        if by is None:
            return after
        if self.handler is Handler.BOT:
            after = replace(after, handler=Handler.PEOPLE, handed_off=True)
        return replace(
            after,
            unread=0,
            assignee_id=self.assignee_id or by,
            first_reply_at=self.first_reply_at or now,
            first_reply_by=self.first_reply_by or by,
        )

    def read(self, now: datetime) -> "Conversation":
        return replace(self, unread=0, updated_at=now)

    def assign(self, team: TeamId | None, user: UserId | None, now: datetime) -> "Conversation":
        """Give it to a team, a person, or both. Raise ConversationClosed."""
        self._require_open()
        return replace(self, team_id=team, assignee_id=user, updated_at=now)

    def close(self, by: UserId, now: datetime) -> "Conversation":
        """Nothing more is to be done. Raise ConversationClosed."""
        self._require_open()
        return replace(
            self,
            stage=Stage.CLOSED,
            closed_at=now,
            closed_by=by,
            unread=0,
            waiting_since=None,
            reply_due_at=None,
            updated_at=now,
        )

    def reopen(self, reception: Reception, now: datetime) -> "Conversation":
        """Open it by hand. Raise ConversationOpen."""
        if self.stage is Stage.OPEN:
            raise ConversationOpen()
        return replace(_fresh(self, reception, now), handler=Handler.PEOPLE, updated_at=now)

    def hand_off(self, team: TeamId | None, reception: Reception, now: datetime) -> "Conversation":
        """The bot passes it to people and falls silent. Raise ConversationClosed."""
        self._require_open()
        after = replace(self, handler=Handler.PEOPLE, handed_off=True, updated_at=now)
        after = replace(after, team_id=team or self.team_id)
        return after if self.waiting_since is None else after.awaited(self.waiting_since, reception)

    def hand_back(self, now: datetime) -> "Conversation":
        """The bot answers again. Raise ConversationClosed, NotWithPeople."""
        self._require_open()
        if not self.handed_off:
            raise NotWithPeople()
        return replace(
            self,
            handler=Handler.BOT,
            handed_off=False,
            assignee_id=None,
            reply_due_at=None,
            updated_at=now,
        )

    def breach(self, now: datetime) -> "Conversation":
        """The person has waited longer than is wanted."""
        return replace(self, breached_at=now, reply_due_at=None, updated_at=now)

    def _require_open(self) -> None:
        if self.stage is Stage.CLOSED:
            raise ConversationClosed()


def begun(said: Inbound, reception: Reception, id: ConversationId, now: datetime) -> Conversation:
    """The conversation that a person's first message begins."""
    return Conversation(
        id=id,
        organization_id=said.organization_id,
        phone_number_id=said.phone_number_id,
        person=said.person,
        handler=Handler.BOT if reception.bot else Handler.PEOPLE,
        team_id=reception.team_id,
        heard_at=said.at,
        last_at=said.at,
        opened_at=said.at,
        updated_at=now,
    ).hear(said, reception, now)


def _fresh(conversation: Conversation, reception: Reception, at: datetime) -> Conversation:
    """A new stretch of an old conversation: the same people answer, the clocks begin anew."""
    return replace(
        conversation,
        stage=Stage.OPEN,
        handler=Handler.BOT if reception.bot else Handler.PEOPLE,
        handed_off=False,
        team_id=conversation.team_id or reception.team_id,
        opened_at=at,
        breached_at=None,
        first_reply_at=None,
        first_reply_by=None,
        closed_at=None,
        closed_by=None,
    )


class Sight(Struct, frozen=True, kw_only=True):
    """Which conversations somebody sees: their own, what waits in their teams, all of teams they lead."""

    user: UserId
    teams: tuple[TeamId, ...] = ()
    leads: tuple[TeamId, ...] = ()

    def covers(self, conversation: Conversation) -> bool:
        team, assignee = conversation.team_id, conversation.assignee_id
        if assignee == self.user or (team is not None and team in self.leads):
            return True
        return assignee is None and (team is None or team in self.teams)


def excerpt(content: Content) -> str:
    """What a list shows of something we said."""
    match content:
        case Template():
            return f"[template {content.name}]"[:EXCERPT]
        case _:
            said = getattr(content, "body", None) or getattr(content, "caption", None)
            kind = str(type(content).__struct_config__.tag)
            return (said if isinstance(said, str) else f"[{kind}]")[:EXCERPT]


def check_window(content: Content, conversation: Conversation | None, now: datetime) -> None:
    """Raise WindowClosed for anything but a template outside the customer service window."""
    if not isinstance(content, Template) and not (conversation and conversation.window_open(now)):
        raise WindowClosed()


def in_order(heard: Sequence[Inbound]) -> list[Inbound]:
    """As they were written."""
    return sorted(heard, key=lambda message: (message.at, message.id.int))
