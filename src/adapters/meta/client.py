"""One client of the Graph API: base URL, version, time-outs, connections, tokens and their proof.

No redirect is followed and nothing is repeated here: whether a call may be is not for a client to decide
(fact sheet 0.2, trap 4). Only GET and DELETE are tried once more when a kept connection turns out closed.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx
from aiohttp import ClientTimeout
from msgspec import Struct

from tidings.adapters.effects import happened
from tidings.adapters.meta.errors import Usage
from tidings.adapters.meta.transport import AiohttpTransport, Seconds, timeouts
from tidings.application.ports.meta import NotAtMeta

VERSIONS = frozenset(f"v{number}.0" for number in range(21, 27))
"""Graph versions in use (fact sheet 1.2)."""

_ID = re.compile(r"[A-Za-z0-9_.:=+-]+")


class GraphOptions(Struct, frozen=True, kw_only=True):
    """How Meta is reached. Times in seconds."""

    base_url: str = "https://graph.facebook.com"
    version: str = "v25.0"
    app_secret: str | None = None
    """With it every call carries an `appsecret_proof` (fact sheet 1.4)."""
    max_connections: int = 512
    keepalive: float = 15.0
    """Below Meta's idle close of 20 s, so that a request rarely meets a closing connection."""
    pool: float = 2.0
    """Waiting for a connection, new or free."""
    connect: float = 2.0
    read: float = 5.0
    """Between two pieces of an answer."""
    total: float = 6.0
    """A whole call that sends a message."""
    patience: float = 30.0
    """In place of `read` for calls that send no message."""

    def __post_init__(self) -> None:
        if self.version not in VERSIONS:
            raise ValueError(f"the Graph version must be one of {', '.join(sorted(VERSIONS))}")


class Answer(NamedTuple):
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    """Without regard to case."""
    body: bytes


class Door(NamedTuple):
    """Where all messages of a number go, and what they carry, as long as its token stays."""

    token: str
    url: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Graph:
    """Calls, each of them once."""

    options: GraphOptions
    transport: httpx.AsyncBaseTransport
    extensions: dict[str, object] = field(init=False)
    """Time-outs of a send, as httpx hands them to transports."""
    patient: dict[str, object] = field(init=False)
    """The same for every other call."""
    swift: ClientTimeout = field(init=False)
    usage: dict[str, tuple[Usage, ...]] = field(default_factory=dict[str, tuple[Usage, ...]], init=False)
    """What Meta last said of our allowances, by WABA id, and of the app under `app`."""

    def __post_init__(self) -> None:
        seconds = _seconds(self.options, self.options.read)
        self.extensions = {"timeout": seconds}
        self.patient = {"timeout": _seconds(self.options, self.options.patience)}
        self.swift = timeouts(seconds)

    def address(
        self, path: str, token: str | None = None, params: Mapping[str, str] | None = None
    ) -> httpx.URL:
        """The URL of a node or an edge, with the token's proof where it is wanted."""
        query = dict(params or {})
        if token is not None and self.options.app_secret is not None:
            query["appsecret_proof"] = appsecret_proof(self.options.app_secret, token)
        return httpx.URL(f"{self.options.base_url}/{self.options.version}/{path}", params=query or None)

    async def exchange(self, request: httpx.Request) -> Answer:
        """One request, read to its end. Raise httpx.RequestError."""
        if request.method != "GET":
            happened()
        response = await self.transport.handle_async_request(request)
        try:
            body = await response.aread()
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers, body)

    def door(self, path: str, token: str) -> Door:
        """What is the same in every message of a number. Raise ValueError for what cannot be a token."""
        return Door(token, str(self.address(path, token)), dict(headers(token)))

    async def post(self, door: Door, body: bytes) -> Answer:
        """One message, with the time-outs of a send. Raise httpx.RequestError."""
        if isinstance(self.transport, AiohttpTransport):
            return Answer(*await self.transport.post(door.url, door.headers, body, self.swift))
        return await self.exchange(
            httpx.Request("POST", door.url, headers=door.headers, content=body, extensions=self.extensions)
        )

    async def aclose(self) -> None:
        await self.transport.aclose()


def graph(options: GraphOptions | None = None, *, transport: httpx.AsyncBaseTransport | None = None) -> Graph:
    """A client of Meta, or of anything that speaks like it over any httpx transport."""
    options = options or GraphOptions()
    return Graph(
        options,
        transport or AiohttpTransport(max_connections=options.max_connections, keepalive=options.keepalive),
    )


def _seconds(options: GraphOptions, read: float) -> Seconds:
    return {"pool": options.pool, "connect": options.connect, "read": read, "write": read}


def headers(token: str) -> list[tuple[str, str]]:
    """What a call with a JSON body or none carries. Raise ValueError for what cannot be a token."""
    if not (token and token.isascii() and token.isprintable()):
        raise ValueError("the access token has characters that no token has")
    return [
        ("Authorization", f"Bearer {token}"),
        ("Accept", "application/json"),
        ("Accept-Encoding", "gzip, deflate"),
        ("User-Agent", "tidings"),
        ("Content-Type", "application/json"),
    ]


def appsecret_proof(secret: str, token: str) -> str:
    """What shows Meta that the token is used by the app it was given to (fact sheet 1.4)."""
    return hmac.digest(secret.encode(), token.encode(), "sha256").hex()


def node(id: str) -> str:
    """An id as a part of a path. Raise NotAtMeta for what no id of Meta's looks like."""
    if not _ID.fullmatch(id) or set(id) == {"."}:
        raise NotAtMeta(f"{id!r} is no id of Meta's")
    return id
