"""Replies that processes share, and versions that all of them hear of."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError

from tidings.adapters.redis.link import Link, NoAnswer, connected
from tidings.application.pausing import pause
from tidings.application.ports.common import NewId
from tidings.domain.kernel import OrganizationId

PREFIX = "tidings:"
NEWS = f"{PREFIX}changed"
"""The channel on which changes are told."""
TELL = """
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return false
"""
"""A change and the news of it, at once or not at all."""
WRITING = b"w"
"""First letter of a version under which nothing may be kept: somebody is about to commit."""
WRITING_SECONDS = 15
"""After which a writer that died is forgotten."""
VERSION_SECONDS = 24 * 3600
PING, SILENCE = 0.5, 1.5
"""Seconds between two signs of life, and without one after which nothing heard before counts."""
LONGEST_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class RedisCache:
    """The FarCache port."""

    link: Link

    async def read(self, key: str) -> bytes | None:
        found: bytes | None
        try:
            [found] = await self.link.ask(lambda line: line.get(f"{PREFIX}{key}"))
        except NoAnswer:
            return None
        return found

    async def keep(self, key: str, value: bytes, *, seconds: float) -> None:
        with contextlib.suppress(NoAnswer):
            await self.link.ask(lambda line: line.set(f"{PREFIX}{key}", value, px=int(seconds * 1000)))


@dataclass(slots=True)
class RedisVersions:
    """The Versions port. What is known here is known from Redis, and dropped when Redis tells of a change.

    While this process does not hear Redis's news it knows no version, so nothing is served that somebody
    else may have changed.
    """

    link: Link
    new_id: NewId
    wide: Collection[str] = ("whatsapp",)
    """Contexts that write for many organisations at once: theirs is one version for all."""
    _owed: set[str] = field(default_factory=set[str])
    """Changes that Redis did not take: told again until it does."""
    _known: dict[str, str | None] = field(default_factory=dict[str, str | None])
    _changes: int = 0
    _hearing: bool = False

    async def of(self, context: str, organization: OrganizationId) -> str | None:
        name = self._name(context, organization)
        if not self._hearing or name in self._owed:
            return None
        if name in self._known:
            return self._known[name]
        changes = self._changes
        try:
            found = await self._ask(name)
        except NoAnswer:
            return None
        version = None if found.startswith(WRITING) else found.decode()
        if changes == self._changes and self._hearing:
            self._known[name] = version
        return version

    async def changing(self, context: str, organization: OrganizationId) -> None:
        """Something is about to be committed: until `changed`, nothing is kept."""
        await self._tell(self._name(context, organization), WRITING + self.new_id().bytes, WRITING_SECONDS)

    async def changed(self, context: str, organization: OrganizationId) -> None:
        await self._tell(self._name(context, organization), self.new_id().hex.encode(), VERSION_SECONDS)

    async def run(self, stop: asyncio.Event) -> None:
        """Listen to what others change, until `stop`."""
        while not stop.is_set():
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._listen(stop)
            self._deaf()
            await pause(stop, LONGEST_PAUSE)

    async def _listen(self, stop: asyncio.Event) -> None:
        client, clock = connected(self.link.url), self.link.clock
        try:
            async with client.pubsub() as news:
                async with asyncio.timeout(SILENCE):
                    await news.subscribe(NEWS)
                heard = pinged = clock()
                while not stop.is_set():
                    message = await news.get_message(timeout=PING / 2)
                    now = clock()
                    if message is not None:
                        heard = now
                        self._take(message)
                    for name in [*self._owed]:
                        await self._tell(name, self.new_id().hex.encode(), VERSION_SECONDS)
                    if now - heard > SILENCE:
                        return
                    if now - pinged > PING:
                        pinged = now
                        async with asyncio.timeout(SILENCE):
                            await news.ping()
        finally:
            await client.aclose()

    def _take(self, message: Mapping[str, object]) -> None:
        if message["type"] == "subscribe":
            self._hearing = True
        elif message["type"] == "message" and isinstance(data := message["data"], bytes):
            self._changes += 1
            self._known.pop(data.decode(), None)

    def _deaf(self) -> None:
        self._hearing = False
        self._known.clear()
        self._changes += 1

    def _name(self, context: str, organization: OrganizationId) -> str:
        return context if context in self.wide else f"{context}:{organization}"

    async def _ask(self, name: str) -> bytes:
        """The version in Redis; a new one where there is none, for none may ever come back."""
        key, new = f"{PREFIX}v:{name}", self.new_id().hex.encode()

        def both(line: Any) -> None:
            line.set(key, new, nx=True, ex=VERSION_SECONDS)
            line.get(key)

        found: bytes | None
        _, found = await self.link.ask(both)
        return found or new

    async def _tell(self, name: str, version: bytes, seconds: int) -> None:
        self._changes += 1
        self._known.pop(name, None)
        try:
            await self.link.ask(
                lambda line: line.eval(TELL, 1, f"{PREFIX}v:{name}", version, seconds, NEWS, name)
            )
        except NoAnswer:
            self._owed.add(name)
        else:
            self._owed.discard(name)
