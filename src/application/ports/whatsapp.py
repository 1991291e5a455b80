"""What the whatsapp context needs from the outside, besides Meta (`gateway.py`, `meta.py`)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from tidings.application.ports.common import Inbox, Outbox
from tidings.application.ports.conversations import ConversationStore, DeskStore
from tidings.application.ports.pressure import PressureStore
from tidings.application.ports.quotas import QuotaStore
from tidings.domain.events import ConnectedNumber
from tidings.domain.kernel import (
    AttemptId,
    CampaignId,
    ContactId,
    MessageId,
    OrganizationId,
    Page,
    PersonKey,
    PhoneNumberId,
    WabaId,
    Wamid,
)
from tidings.domain.whatsapp.conversations import Sight
from tidings.domain.whatsapp.messages import Attempt, Message
from tidings.domain.whatsapp.numbers import Lease, Number, Run, RunState
from tidings.domain.whatsapp.requests import Asked


class MessageStore(Protocol):
    """Messages of every organisation: sender and webhooks serve them all at once, in batches."""

    async def add(self, new: Sequence[Message]) -> None:
        """Add those whose id, and whose (run, person), are new; leave the others as they are."""

    async def find(self, ids: Sequence[MessageId]) -> Sequence[Message]: ...

    async def of_attempts(self, ids: Sequence[AttemptId]) -> Sequence[Message]:
        """Messages whose present attempt is one of these; what they say is not read (`UNREAD`)."""
        ...

    async def of_wamids(self, wamids: Sequence[Wamid]) -> Sequence[Message]:
        """The same by wamid."""
        ...

    async def still_pending(self, ids: Sequence[MessageId]) -> Collection[MessageId]: ...

    async def lapse(self, at: datetime) -> int:
        """Let messages in line that are of no campaign be too late from then on; how many there were."""
        ...

    async def save(self, moved: Sequence[Message], before: Sequence[Message] = ()) -> None:
        """Write the present state of messages that were read in this transaction.

        With the same messages as they were `before`, only what differs in any of them is written.
        """

    async def left_sending(self, lane: PhoneNumberId, *, before: int) -> Sequence[Message]:
        """Messages in `sending` whose attempt was started under an epoch below `before`."""
        ...

    async def pending_of(self, run: CampaignId, *, limit: int) -> Sequence[Message]:
        """Some pending messages of a run."""
        ...

    async def pending_to(
        self, organization: OrganizationId, people: Collection[PersonKey]
    ) -> Sequence[Message]:
        """What waits to be said to these people; locked."""
        ...

    async def keep_attempts(self, ended: Sequence[Attempt]) -> None:
        """Remember attempts that will be followed by others."""

    async def known_attempts(self, ids: Sequence[AttemptId]) -> Collection[AttemptId]:
        """Which of these are remembered as ended."""
        ...

    async def attempts(self, id: MessageId) -> Sequence[Attempt]: ...


class LeaseStore(Protocol):
    """Leases by name, on the database's clock."""

    async def take(
        self, name: str, owner: str, *, seconds: float, dead: Collection[str] = ()
    ) -> Lease | None:
        """Take a lease that is free, has ended, or belongs to one of the `dead`; None if it is held."""
        ...

    async def holder(self, name: str) -> str | None:
        """Who holds it now, if it has not ended."""
        ...

    async def renew(self, lease: Lease, *, seconds: float) -> bool:
        """Prolong; False if it has passed to another epoch."""
        ...

    async def renew_all(self, held: Sequence[Lease], *, seconds: float) -> Collection[str]:
        """Prolong all that have not passed to another epoch; the names of those."""
        ...

    async def release(self, lease: Lease) -> None: ...

    async def held(self) -> Sequence[Lease]:
        """Every lease that has not ended."""
        ...

    async def forget(self, prefix: str) -> None:
        """Forget those whose name begins so and that ended a day ago or earlier."""


class RunStore(Protocol):
    """Campaigns as lines of messages behind a number."""

    async def turn(self, run: Run) -> None:
        """Add the run, or take over its state and epoch if its epoch is newer than the known one."""

    async def stand(self, id: CampaignId, lane: PhoneNumberId) -> None:
        """Its messages may leave from this number; said again, it changes nothing."""

    async def get(self, id: CampaignId) -> Run | None: ...

    async def states(self, ids: Collection[CampaignId]) -> dict[CampaignId, RunState]:
        """Locked until the transaction ends: who pauses or cancels meanwhile comes after what is written."""
        ...

    async def pause(self, id: CampaignId, reason: str) -> None:
        """Pause a run of our own accord; the campaign hears of it."""

    async def waiting(self, id: CampaignId) -> str:
        """What the run waits for, looked at without a lock."""
        ...

    async def wait(self, ids: Collection[CampaignId], waiting: str) -> None:
        """Say what these runs wait for; an empty text: nothing."""

    async def halt(self, lane: PhoneNumberId, reason: str) -> Sequence[Run]:
        """Pause every running run of a lane; which they were."""
        ...


class Parked(Struct, frozen=True, kw_only=True):
    """A status whose message is not known yet."""

    wamid: Wamid
    status: str
    at: datetime
    code: int | None = None
    reason: str | None = None
    raw: str = ""


class SetAside(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something that Meta told us and that could not be read, or belongs to nobody."""

    id: int
    where: str
    """`body` for a whole one, else the list in it from which the item comes."""
    reason: str
    raw: bytes
    at: datetime


class WebhookStore(Protocol):
    """Bodies that were answered with 200 and wait to be applied, and what could not be."""

    async def append(self, bodies: Sequence[bytes], at: datetime) -> None: ...

    async def waiting(self, limit: int) -> Sequence[tuple[int, bytes]]:
        """Bodies of the oldest `limit` rows, or of fewer when they are large.

        Bodies that were stored together have one id.
        """
        ...

    async def split(self, id: int) -> None:
        """Store bodies that stand together each by itself, behind all others."""

    async def applied(self, ids: Sequence[int]) -> None: ...

    async def park(self, statuses: Sequence[Parked]) -> None: ...

    async def parked(self, wamids: Sequence[Wamid]) -> Sequence[Parked]:
        """Take out what was parked for these."""
        ...

    async def set_aside(self, where: str, reason: str, raw: bytes, at: datetime) -> None:
        """Keep an item that could not be read or belongs to nobody, for people to look at."""

    async def kept_aside(self, limit: int) -> Sequence[SetAside]:
        """The newest of what was set aside."""
        ...

    async def again(self, ids: Sequence[int], at: datetime) -> int:
        """Put whole bodies that were set aside back among those that wait; how many there were."""
        ...

    async def count_stray(self, what: str) -> None:
        """Count a report that contradicts the ledger (a late report of an attempt thought failed)."""


class NumbersAtMeta(Protocol):
    """Sending numbers as Meta describes them now."""

    async def of(self, waba_id: WabaId) -> Sequence[ConnectedNumber]:
        """Raise what stands in the way, as a Refused or Unavailable."""
        ...


class RequestStore(Protocol):
    """Requests that carried a key, for two days."""

    async def first(self, asked: Asked) -> Asked:
        """What the key was used for first; `asked` itself when it never was."""
        ...


class NumberStore(Protocol):
    async def put(self, found: Sequence[Number]) -> None: ...

    async def find(self, ids: Collection[PhoneNumberId]) -> Sequence[Number]: ...

    async def heard(self, ids: Collection[PhoneNumberId], at: datetime) -> None:
        """Note that Meta spoke of these; `put` leaves it alone."""

    async def of(self, organization: OrganizationId) -> Sequence[Number]: ...

    async def all(self) -> Sequence[Number]:
        """Of every organisation, in order of their accounts."""
        ...

    async def of_wabas(self, wabas: Collection[WabaId]) -> Sequence[Number]:
        """All numbers of these WABAs."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction over the context's tables. Leaving the block commits it; an exception undoes it."""

    messages: MessageStore
    leases: LeaseStore
    runs: RunStore
    webhooks: WebhookStore
    numbers: NumberStore
    conversations: ConversationStore
    desk: DeskStore
    pressure: PressureStore
    requests: RequestStore
    quotas: QuotaStore
    outbox: Outbox
    inbox: Inbox


Begin: TypeAlias = Callable[[], AbstractAsyncContextManager[Work]]
"""Opens a writing transaction; the `read` of a use case opens one that only looks."""


class Due(Protocol):
    """The sender's look at what waits; outside any writing transaction."""

    async def lanes(self, now: datetime) -> Sequence[PhoneNumberId]:
        """Numbers behind which something is due, or was left in `sending`."""
        ...

    async def singles(
        self, wanted: Mapping[PhoneNumberId, int], now: datetime
    ) -> Mapping[PhoneNumberId, Sequence[Message]]:
        """Due messages that belong to no campaign, at most so many of each lane; none for a lane without."""
        ...

    async def messages(
        self, wanted: Mapping[PhoneNumberId, int], now: datetime
    ) -> Mapping[PhoneNumberId, Sequence[Message]]:
        """All that is due, at most so many of each lane: single messages first, then fairly from each
        running run, in the order in which they came."""
        ...


class MessageFilter(Struct, frozen=True, kw_only=True):
    """What a history is narrowed to."""

    state: str | None = None
    person: PersonKey | None = None
    run_id: CampaignId | None = None
    sight: Sight | None = None
    """Without messages of conversations that this one does not cover; None: all."""


class MessageReader(Protocol):
    """An organisation's own messages."""

    async def get(self, organization: OrganizationId, id: MessageId, sight: Sight | None = None) -> Message:
        """Raise MessageNotFound, also for what the sight does not cover."""
        ...

    async def attempts(self, id: MessageId) -> Sequence[Attempt]:
        """Earlier attempts of a message, in order."""
        ...

    async def page(
        self, organization: OrganizationId, wanted: MessageFilter, *, cursor: str | None, limit: int
    ) -> Page[Message]:
        """Newest first. Raise BadCursor."""
        ...


class Consent(Protocol):
    """What contacts know of people's wishes, asked at the last moment before a call to Meta."""

    async def blocked(
        self, organization: OrganizationId, contacts: Collection[ContactId]
    ) -> Collection[ContactId]:
        """Those who want no marketing."""
        ...
