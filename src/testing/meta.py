"""A Meta in memory: it accepts, refuses or loses calls as told, and remembers what it accepted."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from uuid import UUID

import msgspec

from tidings.application.ports.gateway import (
    Accepted,
    NotSent,
    Outgoing,
    Rejected,
    Unclear,
    callback_data,
)
from tidings.application.ports.meta import BadSignature, InboundUpdate, StatusUpdate
from tidings.domain.kernel import PhoneNumberId, WabaId, Wamid
from tidings.testing.clock import Clock

NUMBER = PhoneNumberId("310000000000202")


def numbers_of(count: int) -> Sequence[PhoneNumberId]:
    """So many numbers, `NUMBER` first."""
    return tuple(PhoneNumberId(str(int(NUMBER) + n)) for n in range(count))


WABA = WabaId("920000000000101")

Answer: TypeAlias = NotSent | Rejected | Unclear | Literal["lost"] | None
"""What becomes of a call: None accepts; "lost" accepts and loses the answer; else the answer itself."""


@dataclass
class FakeMeta:
    """Answers calls in the order of `answers` and accepts the rest; it owes webhooks for what it accepted."""

    clock: Clock
    new_id: Callable[[], UUID]
    answers: list[Answer] = field(default_factory=list[Answer])
    accepted: list[Outgoing] = field(default_factory=list[Outgoing])
    wamids: list[Wamid] = field(default_factory=list[Wamid])
    """Of what was accepted, in the same order."""
    calls: int = 0
    owed: list[StatusUpdate] = field(default_factory=list[StatusUpdate])
    anonymous: Callable[[], bool] = lambda: False
    """Whether the next report of delivery comes without our callback data, so that only its wamid tells."""
    hold: asyncio.Event | None = None
    """While it is set, answers wait for it; what was asked has been done."""

    async def send(self, message: Outgoing) -> Accepted | NotSent | Rejected | Unclear:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None and answer != "lost":
            return answer
        wamid = Wamid(f"wamid.{self.new_id().hex}")
        self.accepted.append(message)
        self.wamids.append(wamid)
        self.owed += [self._status(message, wamid, status) for status in ("sent", "delivered", "read")]
        if self.hold is not None:
            await self.hold.wait()
        return Unclear(reason="no answer came") if answer == "lost" else Accepted(wamid=wamid)

    def most_often(self) -> int:
        """The greatest number of messages that any one person got."""
        return max(Counter(message.to for message in self.accepted).values(), default=0)

    def _status(self, message: Outgoing, wamid: Wamid, status: str) -> StatusUpdate:
        return StatusUpdate(
            phone_number_id=message.phone_number_id,
            wamid=wamid,
            status=status,
            at=self.clock.now(),
            callback_data=None
            if status != "sent" and self.anonymous()
            else callback_data(message.attempt_id),
            raw=msgspec.Raw(b"{}"),
        )


class JsonReader:
    """Webhook bodies that are our own updates as JSON: Meta's format is the adapter's matter."""

    def verify(self, signature: str | None, body: bytes) -> None:
        """Raise BadSignature."""
        if signature != "signed":
            raise BadSignature()

    def read(self, body: bytes) -> list[StatusUpdate | InboundUpdate]:
        return msgspec.json.decode(body, type=list[StatusUpdate | InboundUpdate])
