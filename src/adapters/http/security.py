"""Who is asking: the bearer token, verified once and remembered until it ends."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias, cast

from litestar import Request
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from tidings.domain.errors import Refused
from tidings.domain.kernel import Actor
from tidings.domain.users import BadToken, SessionId

Header: TypeAlias = tuple[bytes, bytes]

SECURITY_HEADERS: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"cache-control", b"no-store"),
]
KEPT = 10_000
"""Verified tokens that are remembered at most."""


class ReadsTokens(Protocol):
    """The part of the Tokens port that is needed here."""

    def read(self, token: str, now: datetime) -> tuple[Actor, SessionId, datetime]: ...


@dataclass(slots=True)
class Bearers:
    """Verified tokens, decided once a token and not once a request."""

    tokens: ReadsTokens
    now: Callable[[], datetime]
    kept: "OrderedDict[bytes, tuple[Actor, float]]" = field(
        default_factory=OrderedDict[bytes, tuple[Actor, float]]
    )

    def actor(self, header: bytes) -> Actor:
        """Raise BadToken."""
        now = self.now()
        known = self.kept.get(header)
        if known is not None and now.timestamp() < known[1]:
            return known[0]
        scheme, _, token = header.partition(b" ")
        if scheme.lower() != b"bearer" or not token.isascii():
            raise BadToken()
        actor, _, ends = self.tokens.read(token.decode().strip(), now)
        self.kept[header] = (actor, ends.timestamp())
        if len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        return actor


@dataclass(frozen=True, slots=True)
class Entrance:
    """The outermost layer: a request id, security headers, and the bearer's actor if there is one."""

    app: ASGIApp
    bearers: Bearers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        for name, value in scope["headers"]:
            if name == b"authorization":
                try:
                    state["actor"] = self.bearers.actor(value)
                except Refused as refused:
                    state["bad_token"] = refused
        more = [*SECURITY_HEADERS, (b"x-request-id", request_id.encode())]
        if cast("HTTPScope", scope)["path"].startswith("/schema"):
            # The documentation's own page brings scripts and styles.
            more = more[4:]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                start = cast("dict[str, Any]", message)
                start["headers"] = [*start.get("headers", ()), *more]
            await send(message)

        await self.app(scope, receive, with_headers)


def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """Raise BadToken when nobody, or nobody any more, is signed in."""
    state = request.scope["state"]
    actor = state.get("actor")
    if actor is None:
        raise state.get("bad_token") or BadToken(
            "Sign in first: send the header Authorization: Bearer TOKEN."
        )
    return actor
