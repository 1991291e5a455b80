"""What conversations need: their tables within the whatsapp context, teams, and Meta's smaller calls."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tidings.domain.kernel import (
    ConversationId,
    MessageId,
    OrganizationId,
    Page,
    PersonKey,
    PhoneNumberId,
    TeamId,
    UserId,
    WabaId,
    Wamid,
)
from tidings.domain.whatsapp.conversations import Conversation, Inbound, Reception, Sight
from tidings.domain.whatsapp.desk import CannedReply, Note, Stretch
from tidings.domain.whatsapp.messages import Message


class ConversationKey(Struct, frozen=True, kw_only=True):
    """One of our numbers and one person."""

    organization_id: OrganizationId
    phone_number_id: PhoneNumberId
    person: PersonKey


class ConversationFilter(Struct, frozen=True, kw_only=True):
    """What a list is narrowed to."""

    stage: str | None = None
    assignee_id: UserId | None = None
    unassigned: bool = False
    team_id: TeamId | None = None
    person: PersonKey | None = None
    sight: Sight | None = None
    """Only what this one covers; None: all."""


class Entry(Struct, frozen=True, kw_only=True):
    """One line of a thread: exactly one of the three."""

    inbound: Inbound | None = None
    message: Message | None = None
    note: Note | None = None

    @property
    def at(self) -> datetime:
        if self.inbound is not None:
            return self.inbound.at
        if self.message is not None:
            return self.message.created_at
        if self.note is not None:
            return self.note.at
        raise ValueError("an entry is of one kind")


class ConversationStore(Protocol):
    """Conversations of every organisation, within one transaction."""

    async def hear(self, heard: Sequence[Inbound]) -> Sequence[Inbound]:
        """Keep inbound messages; those that were new."""
        ...

    async def inbound(self, id: MessageId) -> Inbound | None: ...

    async def newest_inbound(self, key: ConversationKey) -> Inbound | None:
        """What the person wrote last."""
        ...

    async def of(self, keys: Collection[ConversationKey]) -> Sequence[Conversation]:
        """Those of these that exist; locked in a writing transaction."""
        ...

    async def get(self, organization: OrganizationId, id: ConversationId) -> Conversation:
        """Locked in a writing transaction. Raise ConversationNotFound."""
        ...

    async def put(self, moved: Sequence[Conversation]) -> None:
        """Add them, or write their present state."""

    async def page(
        self, organization: OrganizationId, wanted: ConversationFilter, *, cursor: str | None, limit: int
    ) -> Page[Conversation]:
        """Those with the newest word first. Raise BadCursor."""
        ...

    async def changed(
        self,
        organization: OrganizationId,
        sight: Sight | None,
        since: datetime,
        *,
        after: Conversation | None,
        limit: int,
    ) -> Sequence[Conversation]:
        """Those that were touched at `since` or later, the oldest touch first, from behind `after`."""
        ...

    async def thread(self, conversation: Conversation, *, cursor: str | None, limit: int) -> Page[Entry]:
        """What was said and noted, newest first. Raise BadCursor."""
        ...

    async def waiting(
        self, organization: OrganizationId, sight: Sight | None, *, limit: int
    ) -> Sequence[Conversation]:
        """Open ones with people that nobody has taken, the longest wait first."""
        ...

    async def take(self, conversation: Conversation) -> bool:
        """Write it with its assignee if it is open and still has none; False when somebody was faster."""
        ...

    async def loads(self, organization: OrganizationId) -> Mapping[UserId, int]:
        """How many open conversations each has in hand."""
        ...

    async def forget(
        self, organization: OrganizationId, marks: Mapping[PersonKey, PersonKey], now: datetime
    ) -> None:
        """Blank what people said and were told: texts, names, numbers, notes. Counts stay.

        From now on each is known by their mark, which says nothing of them.
        """


class DeskStore(Protocol):
    """What the people who answer keep: notes, canned replies, receptions, figures."""

    async def add_note(self, note: Note) -> None: ...

    async def ended(self, stretch: Stretch) -> None: ...

    async def figures(
        self, organization: OrganizationId, since: datetime, until: datetime
    ) -> Sequence["AgentFigures"]:
        """By who replied first: closed between these moments."""
        ...

    async def receptions(self, numbers: Collection[PhoneNumberId]) -> Mapping[PhoneNumberId, Reception]: ...

    async def put_reception(self, reception: Reception) -> None: ...

    async def canned(self, organization: OrganizationId) -> Sequence[CannedReply]:
        """In order of their shortcuts."""
        ...

    async def put_canned(self, reply: CannedReply) -> None:
        """Add it, or change the one of this id. Raise ShortcutTaken."""

    async def remove_canned(self, organization: OrganizationId, id: MessageId) -> bool: ...

    async def unassigned(
        self, *, after: TeamId | None, limit: int
    ) -> Sequence[tuple[OrganizationId, TeamId]]:
        """Teams, of any organisation, in which a conversation waits for an assignee, in order of their id."""
        ...

    async def first_unassigned(self, organization: OrganizationId, team: TeamId) -> Conversation | None:
        """The one of a team that waits the longest."""
        ...

    async def overdue(self, now: datetime, *, limit: int) -> Sequence[Conversation]:
        """Conversations, of any organisation, whose person has waited too long; locked."""
        ...


class AgentFigures(Struct, frozen=True, kw_only=True, rename="camel"):
    """How somebody answered: times are means, in seconds."""

    user_id: UserId | None
    conversations: int
    first_reply_seconds: float | None
    resolution_seconds: float
    breaches: int


class Desks(Protocol):
    """Who answers together; answered by teams."""

    async def sight(self, organization: OrganizationId, user: UserId) -> Sight:
        """What the user sees of conversations."""
        ...

    async def require(self, organization: OrganizationId, team: TeamId | None, user: UserId | None) -> None:
        """Raise NotFound when there is no such team, or the user is no member of it (or of any)."""
        ...

    async def turn(
        self, organization: OrganizationId, team: TeamId, loads: Mapping[UserId, int]
    ) -> UserId | None:
        """Whose turn it is, and note that they had it; None: nobody can take it, or people choose."""
        ...


class Receipts(Protocol):
    """What Meta is told of beside messages."""

    async def mark_read(
        self, waba_id: WabaId, phone_number_id: PhoneNumberId, wamid: Wamid, *, typing: bool = False
    ) -> None:
        """Raise what stands in the way, as a Refused or Unavailable."""
        ...


class MediaFiles(Protocol):
    """Files at Meta. Every method raises what stands in the way, as a Refused or Unavailable."""

    def download(self, waba_id: WabaId, id: str) -> AsyncGenerator[bytes]:
        """The file in pieces; whole and true only once the iteration has ended by itself."""
        ...

    async def send_up(
        self, waba_id: WabaId, phone_number_id: PhoneNumberId, *, name: str, mime_type: str, content: bytes
    ) -> str:
        """A media id to send with from this number, good for 30 days (fact sheet 3.2)."""
        ...
