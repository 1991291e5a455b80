"""The sandbox as an ASGI application, for embedding in another server or in a test."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from tidings.adapters.sandbox.calls import Call, Reply

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Answer: TypeAlias = Callable[[Call], Awaitable[Reply]]


class Dropped(ConnectionResetError):
    """The connection is to be closed. ASGI cannot do that before an answer begins; see `http.py`."""


class App:
    """ASGI over anything that answers calls."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        reply = await self._answer(await _call(scope, receive))
        if reply.delay:
            await asyncio.sleep(reply.delay)
        length = 100 if reply.dropped else len(reply.body)
        headers = [(b"content-type", reply.content_type.encode()), (b"content-length", b"%d" % length)]
        headers += [(name.encode(), value.encode()) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status or 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body, "more_body": reply.dropped})
        if reply.dropped:
            # A body that ends early is as near to silence as a server behind ASGI comes.
            raise Dropped


async def _call(scope: Scope, receive: Receive) -> Call:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return Call(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode(),
        authorization=headers.get(b"authorization", b"").decode("latin-1"),
        body=body,
        content_type=headers.get(b"content-type", b"").decode("latin-1"),
        host=headers.get(b"host", b"").decode("latin-1"),
        file_offset=headers.get(b"file_offset", b"0").decode("latin-1"),
    )
