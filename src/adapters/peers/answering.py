"""What this service answers to our other services: `POST /internal/PORT/CALL`, with a service token.

It is not part of the public API: a reverse proxy does not pass `/internal` on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import structlog
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from tidings.adapters.peers.contract import Refusal, calls_of, told
from tidings.domain.errors import Fault, Invalid, NotFound, Refused, Unauthenticated, Unavailable

log = structlog.get_logger("tidings.internal")

LARGEST = 32 * 1024 * 1024
"""Bytes of a question; a page of a thousand people with their words is one or two million."""


class NotOurs(Unauthenticated):
    """Only services of this installation may ask this."""


class NoSuchCall(NotFound):
    """This service does not answer that."""


class BadCall(Invalid):
    """The question does not fit what is asked: the two services are of different versions."""


@dataclass(frozen=True, slots=True)
class Answering:
    """An ASGI layer that answers internal calls and lets everything else through."""

    app: ASGIApp
    ports: Mapping[type, Callable[[], object]]
    """Each port that other services may use, and who fulfils it here."""
    trusts: Callable[[str], bool]
    """Whether a service token is good for this service now."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/internal/"):
            await self.app(scope, receive, send)
            return
        try:
            answer = await self._answer(cast("HTTPScope", scope), receive)
        except Unavailable as refused:
            await _reply(send, 503, msgspec.json.encode(told(refused)))
        except Refused as refused:
            status = 401 if isinstance(refused, NotOurs) else 409
            await _reply(send, status, msgspec.json.encode(told(refused)))
        except Exception as bug:
            log.error("an internal call failed", exc_info=bug, path=scope["path"])
            failure = Refusal(code="UNAVAILABLE", message="Another of our services failed at this.")
            await _reply(send, 500, msgspec.json.encode(failure))
        else:
            await _reply(send, 200, answer)

    async def _answer(self, scope: HTTPScope, receive: Receive) -> bytes:
        token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if not self.trusts(token.removeprefix(b"Bearer ").decode("latin-1")):
            raise NotOurs()
        body = await _body(receive)
        _, _, wanted, *rest = scope["path"].split("/")
        known = {port.__name__: port for port in self.ports}
        port = known.get(wanted)
        call = calls_of(port).get("/".join(rest)) if port is not None else None
        if port is None or call is None or scope["method"] != "POST":
            raise NoSuchCall()
        try:
            asked = call.read.decode(body)
        except msgspec.DecodeError as error:
            raise BadCall("", Fault(field=wanted, rule="shape", message=str(error))) from error
        method: Any = getattr(self.ports[port](), call.name)
        arguments = {name: getattr(asked, name) for name in call.parameters}
        return msgspec.json.encode(await method(**arguments))


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise Unavailable("The other service hung up.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST:
            raise BadCall("", Fault(field="", rule="size", message=f"must be at most {LARGEST} bytes"))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _reply(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    start: Any = {"type": "http.response.start", "status": status, "headers": headers}
    last: Any = {"type": "http.response.body", "body": body, "more_body": False}
    for message in cast("list[Message]", [start, last]):
        await send(message)
