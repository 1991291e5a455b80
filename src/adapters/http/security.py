"""Who is asking, and whether they may: bearers are asked about once in five seconds, not once a request.

Every handler declares what it needs as data in its `opt`: `permission=Permission.X`, or `permission=None`
with `signed_in=True` (any person), `known=True` (any person or API key) or `public=True` (anybody).
`undeclared` finds those that do not.
"""

import asyncio
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias, cast

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from msgspec.structs import replace

from tidings.adapters.http.errors import refusal_body
from tidings.adapters.http.rates import Rates, Standing
from tidings.adapters.whose import working_for
from tidings.domain.errors import Refused
from tidings.domain.kernel import Actor, Permission, UserId
from tidings.domain.users import BadToken, SessionNeeded

Header: TypeAlias = tuple[bytes, bytes]
Identify: TypeAlias = Callable[[str], Awaitable[tuple[Actor, datetime]]]
"""Who stands behind a token or an API key now, and until when it can be good. Raises BadToken."""
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

SECURITY_HEADERS: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
]
REFERENCE_HEADERS: list[Header] = [
    *SECURITY_HEADERS[:2],
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"cache-control", b"no-cache"),
    *SECURITY_HEADERS[4:],
]
"""Of the page that shows the API, whose scripts and styles are our own files."""
NEVER_COUNTED = frozenset({"/health", "/ready"})
KEPT = 10_000
"""Bearers that are remembered at most."""
ASKED_AGAIN_AFTER = 5.0
"""Seconds for which an answer holds: what another process revokes is refused here within them."""


class _Known(NamedTuple):
    actor: Actor
    fresh_until: float


@dataclass(slots=True)
class Bearers:
    """The near cache of who stands behind which bearer."""

    identify: Identify
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    _known: "OrderedDict[bytes, _Known]" = field(default_factory=OrderedDict[bytes, _Known])
    _asked: dict[bytes, "asyncio.Task[Actor]"] = field(default_factory=dict[bytes, "asyncio.Task[Actor]"])
    _changes: int = 0

    def fresh(self, header: bytes) -> Actor | None:
        """The hot path: what is known and still holds."""
        known = self._known.get(header)
        if known is None or self.monotonic() >= known.fresh_until:
            return None
        return known.actor

    async def actor(self, header: bytes) -> Actor:
        """Raise BadToken, or Unavailable when nobody can say: then nobody enters."""
        known = self.fresh(header)
        if known is not None:
            return known
        asked = self._asked.get(header)
        if asked is None:
            asked = self._asked[header] = asyncio.create_task(self._ask(header))
            asked.add_done_callback(lambda _: self._asked.pop(header, None))
        return await asyncio.shield(asked)

    def forget(self, user: UserId | None) -> None:
        """Rights were taken from the user, or perhaps from anybody: ask anew, also what is being asked."""
        self._changes += 1
        if user is None:
            self._known.clear()
        else:
            for header in [each for each, known in self._known.items() if known.actor.user_id == user]:
                del self._known[header]
        self._asked.clear()

    async def _ask(self, header: bytes) -> Actor:
        scheme, _, secret = header.partition(b" ")
        if scheme.lower() != b"bearer" or not secret.isascii():
            raise BadToken()
        while True:
            changes, asked_at = self._changes, self.monotonic()
            actor, ends = await self.identify(secret.decode().strip())
            if changes == self._changes:
                break
        left = (ends - self.now()).total_seconds()
        self._known[header] = _Known(actor, asked_at + min(ASKED_AGAIN_AFTER, left))
        self._known.move_to_end(header)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return actor


@dataclass(frozen=True, slots=True)
class Entrance:
    """The outermost layer: a request id, security headers, the client's address, the bearer's actor, and
    whether there are too many requests."""

    app: ASGIApp
    bearers: Bearers
    proxies: Sequence[Network] = ()
    """Whose word on the client's address is taken; nobody's when empty."""
    rates: Rates | None = None
    """Nobody is counted when None."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        origin = state["origin"] = self._origin(cast("HTTPScope", scope))
        bearer = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                bearer = value
                try:
                    actor = self.bearers.fresh(value) or await self.bearers.actor(value)
                    state["actor"] = actor if actor.origin == origin else replace(actor, origin=origin)
                except Refused as refused:
                    state["bad_token"] = refused
        more = [*SECURITY_HEADERS, (b"x-request-id", request_id.encode())]
        working_for(state, cast("HTTPScope", scope)["path"])
        standing = self._standing(cast("HTTPScope", scope), state.get("actor"), bearer, origin)
        if standing is not None:
            more += standing.headers

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                start = cast("dict[str, Any]", message)
                given: list[Header] = list(start.get("headers", ()))
                start["headers"] = given + _missing(given, more, cast("HTTPScope", scope)["path"])
            await send(message)

        if standing is not None and (refusal := standing.refusal):
            await _refuse(cast("Any", with_headers), refusal, request_id)
        else:
            await self.app(scope, receive, with_headers)

    def _standing(self, scope: HTTPScope, actor: Actor | None, bearer: bytes, origin: str) -> Standing | None:
        if self.rates is None or scope["path"] in NEVER_COUNTED:
            return None
        return self.rates.count(actor, bearer, origin)

    def _origin(self, scope: HTTPScope) -> str:
        client = scope["client"]
        origin = client[0] if client else ""
        if not self.proxies or not self._trusted(origin):
            return origin
        told = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        for hop in reversed(b",".join(told).decode("latin-1").split(",")):
            if not _is_address(hop.strip()):
                break
            origin = hop.strip()
            if not self._trusted(origin):
                break
        return origin

    def _trusted(self, origin: str) -> bool:
        return _is_address(origin) and any(
            ipaddress.ip_address(origin) in network for network in self.proxies
        )


async def _refuse(send: Any, refusal: Refused, request_id: str) -> None:
    status, body = refusal_body(refusal, request_id)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"%d" % max(refusal.retry_after or 1, 1)),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """Raise BadToken when nobody, or nobody any more, is signed in."""
    return _actor(request.scope["state"])


def provide_origin(request: Request[Any, Any, Any]) -> str:
    """The client's address, for handlers that anybody may call."""
    return str(request.scope["state"].get("origin", ""))


async def permitted(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard for the whole application: what the handler declared holds before its body is even read.

    It waits for nothing, but Litestar sends guards that are no coroutines through a thread, at each request.
    Raise BadToken, NotPermitted, SessionNeeded.
    """
    permission = handler.opt.get("permission")
    if isinstance(permission, Permission):
        _actor(connection.scope["state"]).require(permission)
    elif handler.opt.get("known"):
        _actor(connection.scope["state"])
    elif handler.opt.get("signed_in") and _actor(connection.scope["state"]).session_id is None:
        raise SessionNeeded()


def endpoints(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Every method, path and handler that people wrote; not those that the framework adds."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and not route.path.startswith("/schema"):
                for method in sorted(handler.http_methods - {"OPTIONS"}):
                    yield str(method), route.path, handler


def undeclared(app: Litestar) -> list[str]:
    """Endpoints that do not say who may call them."""
    return [f"{method} {path}" for method, path, handler in endpoints(app) if not _declares(handler)]


def _declares(handler: HTTPRouteHandler) -> bool:
    ways = sum(bool(handler.opt.get(way)) for way in ("public", "signed_in", "known"))
    if isinstance(handler.opt.get("permission", ...), Permission):
        return not ways
    return "permission" in handler.opt and ways == 1


def _actor(state: dict[str, Any]) -> Actor:
    actor = state.get("actor")
    if actor is None:
        raise state.get("bad_token") or BadToken(
            "Sign in first: send the header Authorization: Bearer TOKEN."
        )
    return actor


def _missing(given: Sequence[Header], wanted: Sequence[Header], path: str) -> list[Header]:
    """The headers to add: all but those the handler set itself."""
    present = {name.lower() for name, _ in given}
    if path.startswith("/schema"):
        wanted = [*REFERENCE_HEADERS, *wanted[len(SECURITY_HEADERS) :]]
    return [header for header in wanted if header[0] not in present]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
