"""Sending through Meta's Graph API: one call, one answer, never an exception, never a repetition.

The one question here is whether Meta may have the message (engine notes 2.1): what certainly never left
is `NotSent`, what Meta refused with a code is `Rejected`, and everything else that is no wamid is
`Unclear`, since there is no idempotency key.
"""

import asyncio
from dataclasses import dataclass, field

import httpx
import msgspec
from msgspec import Struct

from tidings.adapters.meta.calls import Calls
from tidings.adapters.meta.client import Answer, Door, Graph, node
from tidings.adapters.meta.errors import (
    MAYBE_QUEUED,
    THROTTLED,
    UNREADABLE,
    GraphError,
    read_error,
    rejected,
)
from tidings.adapters.meta.wire import encode, encode_receipt
from tidings.application.ports.gateway import (
    Accepted,
    Credentials,
    NotSent,
    Outgoing,
    Rejected,
    SendResult,
    Unclear,
    Verdict,
)
from tidings.domain.errors import Refused
from tidings.domain.kernel import PhoneNumberId, WabaId, Wamid
from tidings.domain.whatsapp.content import Template

NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""httpx's errors after which nothing can have reached Meta."""


class _Message(Struct, frozen=True):
    id: Wamid
    message_status: str | None = None


class _Person(Struct, frozen=True):
    wa_id: str | None = None
    user_id: str | None = None


class _Taken(Struct, frozen=True):
    messages: tuple[_Message, ...]
    contacts: tuple[_Person, ...] = ()


_taken = msgspec.json.Decoder(_Taken)
_NOBODY = _Person()


@dataclass(slots=True)
class MetaGateway:
    """The Gateway port, on Meta or on anything that speaks like it."""

    graph: Graph
    credentials: Credentials
    doors: dict[tuple[PhoneNumberId, bool], Door] = field(
        default_factory=dict[tuple[PhoneNumberId, bool], Door], init=False
    )

    async def send(self, message: Outgoing) -> SendResult:
        """One request. Cancellation is the only exception that comes out."""
        try:
            door = await self._door(message)
        except (Refused, ValueError) as error:
            return NotSent(reason=f"no usable token or number: {error}")
        try:
            body = encode(message)
        except UnicodeEncodeError as error:
            return Rejected(code=131009, message=f"cannot be written: {error}", verdict=Verdict.GIVE_UP)
        try:
            async with asyncio.timeout(self.graph.options.total):
                answer = await self.graph.post(door, body)
        except NEVER_LEFT as error:
            return NotSent(reason=_name(error))
        except (httpx.HTTPError, OSError) as error:
            return Unclear(reason=_name(error))
        return outcome(answer)

    async def mark_read(
        self, waba_id: WabaId, phone_number_id: PhoneNumberId, wamid: Wamid, *, typing: bool = False
    ) -> None:
        """Tell a person that the message, and all before it, was read; `typing` shows for 25 s at most.

        Raise the errors of `ports/meta.py`, TokenMissing.
        """
        token = await self.credentials.token(waba_id)
        path = f"{node(phone_number_id)}/messages"
        await Calls(self.graph).change(path, token, encode_receipt(wamid, typing=typing))

    async def _door(self, message: Outgoing) -> Door:
        token = await self.credentials.token(message.waba_id)
        content = message.content
        marketing = isinstance(content, Template) and content.marketing_api
        key = (message.phone_number_id, marketing)
        known = self.doors.get(key)
        if known is None or known.token != token:
            edge = "marketing_messages" if marketing else "messages"
            known = self.graph.door(f"{node(message.phone_number_id)}/{edge}", token)
            self.doors[key] = known
        return known


def outcome(answer: Answer) -> SendResult:
    """What an answer to a send means, whatever was written into it."""
    if answer.status < 300:
        try:
            taken = _taken.decode(answer.body)
        except UNREADABLE:
            pass
        else:
            if taken.messages and taken.messages[0].id:
                return _accepted(taken)
    return _refused(answer, read_error(answer.body))


def _accepted(taken: _Taken) -> Accepted:
    message = taken.messages[0]
    person = taken.contacts[0] if taken.contacts else _NOBODY
    return Accepted(
        wamid=message.id,
        wa_id=person.wa_id,
        user_id=person.user_id,
        held=message.message_status == "held_for_quality_assessment",
    )


def _refused(answer: Answer, error: GraphError | None) -> SendResult:
    if error is None:
        if answer.status == THROTTLED.code:
            error = GraphError(code=THROTTLED.code, message="HTTP 429")
        else:
            return Unclear(reason=f"HTTP {answer.status} without a readable answer")
    elif error.code in MAYBE_QUEUED and answer.status >= 500:
        return Unclear(reason=f"HTTP {answer.status}, code {error.code}: {error.details or error.message}")
    return rejected(error, answer.status, answer.headers)


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
