"""Pages of other origins that may ask: those that are named, and no others (Fetch standard, CORS).

Who asks is known by the bearer alone, so no cookies are allowed and no origin is reflected.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

METHODS = b"GET, POST, PUT, PATCH, DELETE"
SENT = b"authorization, content-type, idempotency-key"
SHOWN = (
    b"ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, x-request-id, content-disposition"
)
KEPT = b"600"
"""Seconds for which a browser need not ask again."""


@dataclass(frozen=True, slots=True)
class Origins:
    """The layer that answers a browser's question whether a page may ask."""

    app: ASGIApp
    allowed: Collection[str]
    """Scheme, host and port, as browsers send them: `https://shop.example.org`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(cast("Any", scope["headers"]))
        origin = headers.get(b"origin", b"")
        allowed = origin.decode("latin-1") in self.allowed
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await _answer(send, origin if allowed else b"")
            return

        async def with_origin(message: Message) -> None:
            if message["type"] == "http.response.start":
                start = cast("dict[str, Any]", message)
                start["headers"] = [*start.get("headers", ()), *_headers(origin if allowed else b"")]
            await send(message)

        await self.app(scope, receive, with_origin)


def _headers(origin: bytes) -> list[tuple[bytes, bytes]]:
    if not origin:
        return [(b"vary", b"origin")]
    return [
        (b"vary", b"origin"),
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", SHOWN),
    ]


async def _answer(send: Send, origin: bytes) -> None:
    headers = _headers(origin)
    if origin:
        headers += [
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", SENT),
            (b"access-control-max-age", KEPT),
        ]
    start: Any = {"type": "http.response.start", "status": 204, "headers": headers}
    await send(start)
    end: Any = {"type": "http.response.body", "body": b"", "more_body": False}
    await send(end)
