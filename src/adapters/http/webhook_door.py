"""Meta's deliveries without the framework: there are thousands a second, and all of them are alike.

Only what goes well is answered here. Everything else, a bad signature, a body that is too large, a database
that is away, is left to the handler behind it, which says so as it says everything.
"""

from dataclasses import dataclass
from typing import cast

from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send

from tidings.adapters.http.security import SECURITY_HEADERS
from tidings.application.whatsapp.hearing import Webhooks
from tidings.domain.errors import Refused

PATH = "/api/messages/webhook"
_HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"0"), *SECURITY_HEADERS]
_START = cast("Message", {"type": "http.response.start", "status": 200, "headers": _HEADERS})
_END = cast("Message", {"type": "http.response.body", "body": b"", "more_body": False})


@dataclass(frozen=True, slots=True)
class WebhookDoor:
    """The outermost ASGI layer: it takes in what is signed, and answers once it is durable."""

    app: ASGIApp
    webhooks: Webhooks
    largest: int
    """Bytes of a body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != PATH:
            await self.app(scope, receive, send)
            return
        signature = next((value for name, value in scope["headers"] if name == _SIGNATURE), None)
        if signature is None or _length(scope) > self.largest:
            await self.app(scope, receive, send)
            return
        came, size = list[Message](), 0
        while size <= self.largest:
            message = cast("HTTPReceiveMessage", await receive())
            came.append(cast("Message", message))
            if message["type"] != "http.request":
                break
            size += len(message["body"])
            if not message["more_body"]:
                break
        if size <= self.largest and came[-1]["type"] == "http.request":
            body = b"".join(cast("bytes", each["body"]) for each in came if each["type"] == "http.request")
            try:
                await self.webhooks.receive(signature.decode("latin-1"), body)
            except Refused:
                pass
            else:
                await send({**_START, "headers": list(_HEADERS)})
                await send(_END)
                return
        await self.app(scope, _replayed(came, receive), send)


_SIGNATURE = b"x-hub-signature-256"


def _length(scope: HTTPScope) -> int:
    said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(said) if said.isdigit() else 0


def _replayed(came: list[Message], receive: Receive) -> Receive:
    left = iter(came)

    async def again() -> Message:
        for message in left:
            return message
        return cast("Message", await receive())

    return cast("Receive", again)
