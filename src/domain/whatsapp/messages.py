"""One message's life, from waiting to read: a table of transitions, and what each fact does to a message.

The promise that everything here serves: a person is handed to Meta at most once for each attempt that we
know failed; an attempt whose outcome we cannot know is `unknown`, never silently repeated and never
silently dropped.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from tidings.domain.errors import NotFound
from tidings.domain.events import Move
from tidings.domain.kernel import (
    AttemptId,
    CampaignId,
    ContactId,
    MessageId,
    OrganizationId,
    PersonKey,
    Phone,
    PhoneNumberId,
    Wamid,
)
from tidings.domain.whatsapp.content import Content, Text


class MessageNotFound(NotFound):
    """There is no such message."""


class State(StrEnum):
    """How far a message has come."""

    PENDING = "pending"
    """Waits for its turn, or for its next try."""
    SENDING = "sending"
    """An attempt is written down; the call to Meta may or may not have left."""
    UNKNOWN = "unknown"
    """The call may have been accepted, and nobody has told us."""
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Never handed to Meta: opted out, cancelled or expired."""


class Fact(StrEnum):
    """What can become known about a message."""

    INTENT = "intent"
    SKIP = "skip"
    ACCEPT = "accept"
    RETRY = "retry"
    REFUSE = "refuse"
    NOT_SENT = "not_sent"
    UNCLEAR = "unclear"
    OWNER_LOST = "owner_lost"
    SAYS_SENT = "sent"
    SAYS_DELIVERED = "delivered"
    SAYS_READ = "read"
    SAYS_FAILED = "failed"


_REPORTS: dict[Fact, State] = {
    Fact.SAYS_SENT: State.SENT,
    Fact.SAYS_DELIVERED: State.DELIVERED,
    Fact.SAYS_READ: State.READ,
    Fact.SAYS_FAILED: State.FAILED,
}
_OUTCOMES: dict[Fact, State] = {
    Fact.ACCEPT: State.ACCEPTED,
    Fact.RETRY: State.PENDING,
    Fact.REFUSE: State.FAILED,
    Fact.NOT_SENT: State.PENDING,
}

TRANSITIONS: dict[State, dict[Fact, State]] = {
    State.PENDING: {Fact.INTENT: State.SENDING, Fact.SKIP: State.SKIPPED},
    State.SENDING: {
        **_OUTCOMES,
        **_REPORTS,
        Fact.UNCLEAR: State.UNKNOWN,
        Fact.OWNER_LOST: State.UNKNOWN,
        Fact.SKIP: State.SKIPPED,
    },
    State.UNKNOWN: {**_OUTCOMES, **_REPORTS},
    State.ACCEPTED: _REPORTS,
    State.SENT: {f: s for f, s in _REPORTS.items() if s is not State.SENT},
    State.FAILED: {f: s for f, s in _REPORTS.items() if s in (State.DELIVERED, State.READ)},
    State.DELIVERED: {Fact.SAYS_READ: State.READ},
    State.READ: {},
    State.SKIPPED: {},
}
"""What each fact makes of each state; a fact that is missing changes nothing.

Facts of an attempt are true whoever reports them: a late answer still settles an `unknown`. Reports form a
total order (sent < failed < delivered < read), so any order and any number of them ends the same: proof of
delivery beats `failed`, and `failed` beats a late `sent`.
"""

OPEN = frozenset({State.PENDING, State.SENDING})
"""States that still have work before them; `unknown` has none of ours."""


class Attempt(Struct, frozen=True, kw_only=True):
    """One try that ended in another one, kept so that a late report of it is recognised."""

    id: AttemptId
    message_id: MessageId
    no: int
    started_at: datetime
    ended_at: datetime
    code: int | None
    reason: str


UNREAD = Text(body="")
"""Stands for the content of a message of which only the state is looked at."""


class Message(Struct, frozen=True, kw_only=True):
    """Something said to a person through one of our numbers.

    A campaign's message has the id of its recipient and the campaign as its run. `version` grows with
    every change, so that of two accounts of a message the newer is known.
    """

    id: MessageId
    organization_id: OrganizationId
    phone_number_id: PhoneNumberId
    run_id: CampaignId | None = None
    contact_id: ContactId | None = None
    person: PersonKey
    to: Phone | None = None
    recipient: str | None = None
    zone: str | None = None
    """Where the person lives, as an IANA time zone, when it is known better than by the number."""
    content: Content
    reply_to: Wamid | None = None
    state: State = State.PENDING
    version: int = 1
    created_at: datetime
    next_attempt_at: datetime
    expires_at: datetime | None = None
    attempt_no: int = 0
    attempt_id: AttemptId | None = None
    epoch: int | None = None
    attempted_at: datetime | None = None
    wamid: Wamid | None = None
    accepted_at: datetime | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None
    unknown_at: datetime | None = None
    priced: str = ""
    """Meta's word on the price (fact sheet 8.5)."""
    price_category: str = ""
    code: int | None = None
    reason: str | None = None

    def intend(self, attempt: AttemptId, epoch: int, at: datetime) -> "Message":
        """Write the attempt down. Only a pending message can be attempted."""
        if self.state is not State.PENDING:
            raise ValueError(f"a {self.state} message cannot be attempted")
        return replace(
            self,
            state=State.SENDING,
            version=self.version + 1,
            attempt_no=self.attempt_no + 1,
            attempt_id=attempt,
            epoch=epoch,
            attempted_at=at,
            code=None,
            reason=None,
        )

    def accept(self, wamid: Wamid, at: datetime) -> "Message":
        """Meta answered with a wamid. Kept even when a report of delivery was faster than the answer."""
        moved = self._move(Fact.ACCEPT)
        if moved is None:
            if self.wamid is not None and self.accepted_at is not None:
                return self
            moved = replace(self, version=self.version + 1)
        else:
            moved = replace(moved, reason=None)
        return replace(moved, wamid=self.wamid or wamid, accepted_at=_earlier(self.accepted_at, at))

    def retry(self, at: datetime, *, due: datetime, code: int | None, reason: str) -> "Message":
        """A definite refusal that may pass: back in line, to be attempted anew from `due`."""
        moved = self._move(Fact.RETRY)
        if moved is None:
            return self
        return replace(moved, attempt_id=None, next_attempt_at=due, code=code, reason=reason)

    def not_sent(self, due: datetime, reason: str) -> "Message":
        """It certainly never left: back in line from `due`, as if nothing had been tried."""
        moved = self._move(Fact.NOT_SENT)
        if moved is None:
            return self
        again = max(due, self.next_attempt_at)
        return replace(
            moved, attempt_id=None, attempt_no=self.attempt_no - 1, next_attempt_at=again, reason=reason
        )

    def wait(self, due: datetime, reason: str) -> "Message":
        """It may not leave before `due`; only a pending message can wait."""
        if self.state is not State.PENDING:
            raise ValueError(f"a {self.state} message cannot wait")
        return replace(self, next_attempt_at=due, reason=reason, version=self.version + 1)

    def refuse(self, at: datetime, *, code: int | None, reason: str) -> "Message":
        """A definite and final refusal."""
        moved = self._move(Fact.REFUSE)
        return self if moved is None else replace(moved, failed_at=at, code=code, reason=reason)

    def lose(self, at: datetime, reason: str, fact: Fact = Fact.UNCLEAR) -> "Message":
        """Nobody can say whether Meta took it."""
        moved = self._move(fact)
        return self if moved is None else replace(moved, unknown_at=at, reason=reason)

    def skip(self, reason: str) -> "Message":
        """It will not be handed to Meta: pending, or written down and certainly not called yet."""
        moved = self._move(Fact.SKIP)
        return self if moved is None else replace(moved, reason=reason)

    def hear(
        self, fact: Fact, at: datetime, *, wamid: Wamid, code: int | None = None, reason: str | None = None
    ) -> "Message":
        """A status webhook spoke of the present attempt; in any order, any number of times.

        The times of all reports are kept (the earliest of each), also of those that no longer move it.
        """
        moved = self._move(fact) or self
        if fact is Fact.SAYS_FAILED and moved.state is State.FAILED:
            if moved.code is None or (code is not None and code < moved.code):
                moved = replace(moved, code=code, reason=reason)
        elif moved.state in (State.DELIVERED, State.READ):
            moved = replace(moved, code=None, reason=None)
        elif moved.state is State.SENT:
            moved = replace(moved, reason=None)
        stamp = _STAMPS[fact]
        heard = replace(moved, wamid=moved.wamid or wamid, **{stamp: _earlier(getattr(moved, stamp), at)})
        return (
            heard
            if heard.version > self.version or heard == self
            else replace(heard, version=self.version + 1)
        )

    def price(self, kind: str, category: str | None) -> "Message":
        """Meta says what it costs: with the first status that tells."""
        said = (kind[:32], (category or "")[:32])
        if said == (self.priced, self.price_category):
            return self
        return replace(self, priced=said[0], price_category=said[1], version=self.version + 1)

    def move(self, at: datetime) -> Move:
        """This message's present state, as the other contexts hear of it."""
        return Move(
            message_id=self.id,
            version=self.version,
            state=self.state.value,
            at=at,
            wamid=self.wamid,
            attempt_no=self.attempt_no,
            priced=self.priced,
            price_category=self.price_category,
            contact_id=self.contact_id,
            code=self.code,
            reason=self.reason,
        )

    def ended_attempt(self, at: datetime, *, code: int | None, reason: str | None) -> "list[Attempt]":
        """The present attempt as history, to be kept when another follows; nothing if there is none."""
        if self.attempt_id is None or self.attempted_at is None:
            return []
        return [
            Attempt(
                id=self.attempt_id,
                message_id=self.id,
                no=self.attempt_no,
                started_at=self.attempted_at,
                ended_at=at,
                code=code,
                reason=reason or "",
            )
        ]

    def _move(self, fact: Fact) -> "Message | None":
        after = TRANSITIONS[self.state].get(fact)
        return None if after is None else replace(self, state=after, version=self.version + 1)


_STAMPS = {
    Fact.SAYS_SENT: "sent_at",
    Fact.SAYS_DELIVERED: "delivered_at",
    Fact.SAYS_READ: "read_at",
    Fact.SAYS_FAILED: "failed_at",
}

REPORTED: dict[str, Fact] = {
    "sent": Fact.SAYS_SENT,
    "delivered": Fact.SAYS_DELIVERED,
    "read": Fact.SAYS_READ,
    "played": Fact.SAYS_READ,
    "failed": Fact.SAYS_FAILED,
}
"""Meta's status words (fact sheet 5.6); others are kept and move nothing."""


def backoff(wait: float, attempt_no: int, chance: float) -> timedelta:
    """Before the next try: `wait` seconds, doubled for each try before up to 15 min; half is jitter.

    Never less than `wait`: what Meta names in hours (131049: a day) may cost more if it is not kept.
    """
    seconds = min(wait * 2 ** (attempt_no - 1), max(wait, 900.0))
    return timedelta(seconds=max(wait, seconds / 2) + min(seconds, 900.0) / 2 * chance)


def pair_wait(attempt_no: int) -> timedelta:
    """Meta's advice for the pair limit (fact sheet 6.2): 4^n seconds, here at most 256."""
    return timedelta(seconds=min(4.0 ** (attempt_no - 1), 256.0))


def _earlier(known: datetime | None, new: datetime) -> datetime:
    return new if known is None else min(known, new)
