"""A call that sends, with everything that may go wrong around it."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from tidings.adapters.sandbox.accounts import Line
from tidings.adapters.sandbox.calls import SUCCESS, Call, Reply
from tidings.adapters.sandbox.errors import GraphError, temporary
from tidings.adapters.sandbox.messages import Envelope, read_envelope
from tidings.adapters.sandbox.settings import Faults
from tidings.adapters.sandbox.world import World

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
BAD_GATEWAY = Reply(502, _PAGE, "text/html; charset=utf-8")
DROPPED = Reply(0, b"", dropped=True)


class Mishap(StrEnum):
    """What befalls one call: the switches of `Faults`."""

    ERROR_130429 = "error_130429"
    HTTP_429 = "http_429"
    ERROR_131016 = "error_131016"
    ERROR_131000 = "error_131000"
    ERROR_2 = "error_2"
    HTML_502_BEFORE = "html_502_before"
    CLOSE_BEFORE = "close_before"
    HTML_502_AFTER = "html_502_after"
    HALF_AFTER = "half_after"
    CLOSE_AFTER = "close_after"
    HANG_AFTER = "hang_after"
    SLOW = "slow"


_BEFORE = frozenset(
    {
        Mishap.ERROR_130429,
        Mishap.HTTP_429,
        Mishap.ERROR_131016,
        Mishap.ERROR_131000,
        Mishap.ERROR_2,
        Mishap.HTML_502_BEFORE,
        Mishap.CLOSE_BEFORE,
    }
)
"""Those after which nothing was accepted."""


def mishap(faults: Faults, chance: float) -> Mishap | None:
    """The one that this chance falls on."""
    for found in Mishap:
        share: float = getattr(faults, found.value)
        if chance < share:
            return found
        chance -= share
    return None


def troubled(faults: Faults) -> bool:
    """Whether anything may befall the next call."""
    return faults.calls != 0 and any(getattr(faults, found.value) for found in Mishap)


class Sending:
    """`POST /{phone-number-id}/messages`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls = 0

    def answer(self, line: Line, call: Call, *, lite: bool = False) -> Reply:
        """Raise GraphError. `lite` is the marketing API."""
        self._calls += 1
        faults = self._world.faults
        if not troubled(faults):
            return self._accept(line, call, lite=lite)
        if faults.calls is not None:
            self._world.faults = replace(faults, calls=max(0, faults.calls - 1))
        chance = self._world.dice.roll(f"fault {self._calls}")[0]
        return self._with(mishap(faults, chance), line, call, lite=lite)

    def _with(self, found: Mishap | None, line: Line, call: Call, *, lite: bool) -> Reply:
        if found is None:
            return self._accept(line, call, lite=lite)
        if found in _BEFORE:
            return _before(found)
        reply = self._accept(line, call, lite=lite)
        match found:
            case Mishap.HTML_502_AFTER:
                return BAD_GATEWAY
            case Mishap.HALF_AFTER:
                return reply._replace(body=reply.body[: len(reply.body) // 2])
            case Mishap.CLOSE_AFTER:
                return DROPPED
            case Mishap.HANG_AFTER:
                return reply._replace(delay=self._world.faults.hang_seconds)
            case _:
                return reply._replace(delay=self._world.faults.slow_seconds)

    def _accept(self, line: Line, call: Call, *, lite: bool) -> Reply:
        said = read_envelope(call.body)
        if said.status is not None:
            return self._receipt(said)
        taken = self._world.accept(line, said, lite=lite)
        person = taken.person
        dialled = said.to if said.to is not None else said.recipient
        who = f'"wa_id":"{person.phone}"' if said.to is not None else f'"user_id":"{person.user_id}"'
        word = "held_for_quality_assessment" if taken.held else "accepted"
        status = f',"message_status":"{word}"' if said.template is not None else ""
        return Reply(
            200,
            b'{"messaging_product":"whatsapp","contacts":[{"input":%b,%b}],"messages":[{"id":"%b"%b}]}'
            % (msgspec.json.encode(str(dialled)), who.encode(), taken.wamid.encode(), status.encode()),
        )

    def _receipt(self, said: Envelope) -> Reply:
        """Read receipts and typing. Ids from before a start are believed."""
        if said.status != "read":
            raise GraphError(131009, "status must be read")
        if not said.message_id:
            raise GraphError(131008, "message_id is required")
        if not said.message_id.startswith("wamid."):
            raise GraphError(131009, "message_id is not the id of a message")
        return SUCCESS


def _before(found: Mishap) -> Reply:
    """What is answered in place of an acceptance. Raise GraphError."""
    match found:
        case Mishap.HTML_502_BEFORE:
            return BAD_GATEWAY
        case Mishap.CLOSE_BEFORE:
            return DROPPED
        case Mishap.ERROR_131016:
            raise GraphError(131016, "A service is temporarily unavailable.")
        case Mishap.ERROR_131000:
            raise GraphError(131000, "The message failed to send because of an unknown error.")
        case Mishap.ERROR_2:
            raise temporary()
        case _:
            error = GraphError(130429, "There were too many messages sent in a short period of time.")
            error.status = 429 if found is Mishap.HTTP_429 else error.status
            raise error


def switched(faults: Faults, change: Mapping[str, object]) -> Faults:
    """The switches with some of them moved. Raise msgspec.ValidationError."""
    return msgspec.convert(msgspec.to_builtins(faults) | dict(change), Faults)
