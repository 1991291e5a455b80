"""Replies from memory: the encoded bytes of a GET, written to the socket as they are.

A handler says `cached=("contacts", 300)`: from which context's tables its answer is made, and for how many
seconds it may be kept at most. The key holds the organisation, the asker's rights and the version of the
context's data, which was read before the answer was made; after any change the version is another, and
nothing has to be found and deleted. Where people with the same rights see different things, a third word
names the permission with which everybody sees all: only their replies are kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from litestar import Litestar
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from tidings.adapters.http.security import endpoints
from tidings.application.ports.cache import FarCache, Versions
from tidings.domain.kernel import Actor, Permission, Role

ID_LENGTH = 36
LARGEST = 256 * 1024
"""Bytes of a reply that is kept at most."""


class Cached(NamedTuple):
    """What a handler declared."""

    permission: Permission
    context: str
    seconds: float
    whole: Permission | None = None
    """Only for those who have this one too is a reply the same; None: for all with the same rights."""


def cached_routes(app: Litestar) -> Mapping[str, Cached]:
    """What may be kept, by path; a path that ends in `/*` stands for one more part, an id."""
    return dict(_declared(app))


def _declared(app: Litestar) -> Iterator[tuple[str, Cached]]:
    for method, path, handler in endpoints(app):
        declared = handler.opt.get("cached")
        if method != "GET" or declared is None:
            continue
        head, brace, tail = path.rstrip("/").partition("/{")
        if "/" in tail:
            raise ValueError(f"{path} cannot be kept: only lists and single things can")
        yield head + ("/*" if brace else ""), Cached(handler.opt["permission"], *declared)


@dataclass(slots=True)
class NearCache:
    """The replies used last, in the memory of this process."""

    clock: Callable[[], float]
    room: int = 64 * 1024 * 1024
    """Bytes."""
    _kept: "OrderedDict[str, tuple[bytes, float]]" = field(
        default_factory=OrderedDict[str, tuple[bytes, float]]
    )
    size: int = 0
    """Bytes in use."""
    hits: int = 0
    misses: int = 0

    def read(self, key: str) -> bytes | None:
        found = self._kept.get(key)
        if found is None or found[1] <= self.clock():
            self.misses += 1
            self._drop(key)
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return found[0]

    def keep(self, key: str, value: bytes, seconds: float) -> None:
        self._drop(key)
        self._kept[key] = (value, self.clock() + seconds)
        self.size += len(value) + len(key)
        while self.size > self.room:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.size -= len(found[0]) + len(key)


@dataclass(slots=True)
class Replies:
    """An ASGI layer inside the entrance: it knows who asks, and answers what it remembers."""

    app: ASGIApp
    routes: Mapping[str, Cached]
    versions: Versions
    near: NearCache
    far: FarCache | None = None
    _made: "dict[str, asyncio.Future[bytes | None]]" = field(
        default_factory=dict[str, "asyncio.Future[bytes | None]"]
    )
    _rights: dict[frozenset[Permission], str] = field(default_factory=dict[frozenset[Permission], str])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = await self._key(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        if key is None:
            await self.app(scope, receive, send)
            return
        name, seconds = key
        body = self.near.read(name) or await self._elsewhere(name, seconds)
        if body is not None:
            await _answer(send, body)
        else:
            await self._make(name, seconds, scope, receive, send)

    async def _key(self, scope: HTTPScope) -> tuple[str, float] | None:
        path = scope["path"].rstrip("/")
        route = self.routes.get(path) or self._of_one(path)
        state: dict[str, Any] = scope["state"]
        actor: Actor | None = state.get("actor")
        if route is None or actor is None or not actor.may(route.permission):
            return None
        if route.whole is not None and not actor.may(route.whole):
            return None
        version = await self.versions.of(route.context, actor.organization_id)
        if version is None:
            return None
        query = scope["query_string"].decode("latin-1")
        key = f"{route.context}:{actor.organization_id}:{version}:{self._seen_by(actor)}:{path}?{query}"
        return key, route.seconds

    def _of_one(self, path: str) -> Cached | None:
        head, _, id = path.rpartition("/")
        return self.routes.get(f"{head}/*") if len(id) == ID_LENGTH else None

    def _seen_by(self, actor: Actor) -> str:
        """What the asker may see, in a few letters: a role's name, or a digest of a custom one's rights."""
        if actor.permissions is None and actor.role is not Role.CUSTOM:
            return actor.role.value
        rights = actor.rights
        known = self._rights.get(rights)
        if known is None:
            words = ",".join(sorted(right.value for right in rights))
            known = self._rights[rights] = sha256(words.encode()).hexdigest()[:16]
        return known

    async def _elsewhere(self, key: str, seconds: float) -> bytes | None:
        """From somebody who is making it at this moment, or from the cache that processes share."""
        being_made = self._made.get(key)
        if being_made is not None:
            return await asyncio.shield(being_made)
        if self.far is None:
            return None
        body = await self.far.read(key)
        if body is not None:
            self.near.keep(key, body, seconds)
        return body

    async def _make(self, key: str, seconds: float, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer; what others ask meanwhile waits for the same answer."""
        made: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        first = self._made.setdefault(key, made) is made
        parts: list[bytes] = []
        statuses: list[int] = []

        async def overheard(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
            await send(message)

        body: bytes | None = None
        try:
            await self.app(scope, receive, overheard)
            body = b"".join(parts) if statuses == [200] else None
        finally:
            if first:
                del self._made[key]
            made.set_result(body)
        if body is not None and len(body) <= LARGEST:
            self.near.keep(key, body, seconds)
            if self.far is not None and first:
                await self.far.keep(key, body, seconds=seconds)


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    start: Any = {"type": "http.response.start", "status": 200, "headers": headers}
    last: Any = {"type": "http.response.body", "body": body, "more_body": False}
    await send(start)
    await send(last)
