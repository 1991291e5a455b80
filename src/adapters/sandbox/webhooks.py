"""Brings home what the world has to tell: signed, in batches, several at once, again and again until the
receiver answers 200 (fact sheet 5.2, 5.3).
"""

import asyncio
import hmac
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Protocol, TypeAlias

import aiohttp
from msgspec import Struct

from tidings.adapters.sandbox.payloads import Item, body_of
from tidings.adapters.sandbox.world import World

Deliver: TypeAlias = Callable[[dict[str, str], bytes], Awaitable[int]]
"""Takes a webhook's headers and body, and answers with an HTTP status."""


_AROUND = 400
"""What may stand around an item: its entry, the number, the account."""


class Post(Protocol):
    """Sends a webhook to an address."""

    async def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """The status of the answer. Raise OSError or TimeoutError where there was none."""
        ...


class _Parcel(Struct):
    """A webhook under way."""

    url: str
    secret: str
    items: list[Item]
    began: float
    tries: int = 0


class Webhooks:
    """The sender of webhooks."""

    def __init__(self, world: World, deliver: Deliver | None = None) -> None:
        self.delivered = 0
        self.failed = 0
        self._world = world
        self._deliver = deliver
        self._ready: deque[_Parcel] = deque()
        self._waiting: list[tuple[float, int, _Parcel]] = []
        self._order = count()
        self._underway = 0
        self._flying: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        """What is still to happen or not yet acknowledged."""
        return self._world.pending + self._underway

    async def run(self, stop: asyncio.Event) -> None:
        """Send what falls due until told to stop; what is under way then is dropped."""
        settings = self._world.settings
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15.0),
            timeout=aiohttp.ClientTimeout(total=settings.webhook_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:
            post = _poster(session)
            try:
                while not stop.is_set():
                    self.collect()
                    self._launch(post)
                    await asyncio.sleep(settings.batch_window)
            finally:
                for task in self._flying:
                    task.cancel()
                await asyncio.gather(*self._flying, return_exceptions=True)

    async def step(self) -> float | None:
        """For virtual time: bring home what is due by now, one after the other, to our own process.

        Returns the moment at which something is due next.
        """
        self.collect()
        while self._ready:
            await self._send(self._ready.popleft(), _nowhere)
        moments = (self._world.next_moment, self._waiting[0][0] if self._waiting else None)
        return min((moment for moment in moments if moment is not None), default=None)

    def collect(self) -> None:
        """Make parcels of what is due."""
        now = self._world.now()
        while self._waiting and self._waiting[0][0] <= now:
            self._ready.append(heappop(self._waiting)[2])
        for parcel in self._packed(self._world.due(now), now):
            self._underway += len(parcel.items)
            self._ready.append(parcel)

    def _packed(self, items: list[Item], now: float) -> Iterator[_Parcel]:
        groups: dict[tuple[str, str], list[Item]] = {}
        for item in items:
            url = item.waba.url(item.line)
            if self._deliver is not None:
                url = "" if item.waba.subscribed else None
            if url is not None:
                groups.setdefault((url, item.waba.app_secret), []).append(item)
        settings = self._world.settings
        for (url, secret), told in groups.items():
            for part in _parts(told, settings.batch_items, settings.batch_bytes):
                yield _Parcel(url, secret, part, now)

    def _launch(self, post: Post) -> None:
        while self._ready and len(self._flying) < self._world.settings.webhook_concurrency:
            task = asyncio.create_task(self._send(self._ready.popleft(), post))
            self._flying.add(task)
            task.add_done_callback(lambda done: self._landed(done, post))

    def _landed(self, task: asyncio.Task[None], post: Post) -> None:
        self._flying.discard(task)
        if not task.cancelled():
            self._launch(post)

    async def _send(self, parcel: _Parcel, post: Post) -> None:
        body = body_of(parcel.items)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": signature(parcel.secret, body),
        }
        status = 0
        try:
            if self._deliver is not None:
                status = await self._deliver(headers, body)
            else:
                status = await post(parcel.url, headers, body)
        except (OSError, TimeoutError, aiohttp.ClientError):
            pass
        finally:
            if status == 200:
                self._home(parcel)
            else:
                self._again(parcel)

    def _home(self, parcel: _Parcel) -> None:
        self._underway -= len(parcel.items)
        self.delivered += len(parcel.items)
        for item in parcel.items:
            if item.n:
                self._world.ledger.tell(item.n, item.step)

    def _again(self, parcel: _Parcel) -> None:
        settings = self._world.settings
        now = self._world.now()
        if now - parcel.began >= settings.give_up_after:
            self._underway -= len(parcel.items)
            self.failed += len(parcel.items)
            return
        wait = min(settings.retry_longest, settings.retry_first * 2 ** min(parcel.tries, 20))
        parcel.tries += 1
        heappush(self._waiting, (now + wait, next(self._order), parcel))


def _parts(items: list[Item], most: int, size: int) -> Iterator[list[Item]]:
    """As few webhooks as may hold these."""
    part: list[Item] = []
    used = 0
    for item in items:
        length = len(item.body) + len(item.contact or "") + _AROUND
        if part and (len(part) >= most or used + length > size):
            yield part
            part, used = [], 0
        part.append(item)
        used += length
    if part:
        yield part


def signature(secret: str, body: bytes) -> str:
    """What proves that a body comes from the app whose secret this is."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def _poster(session: aiohttp.ClientSession) -> Post:
    async def post(url: str, headers: dict[str, str], body: bytes) -> int:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            await answer.read()
            return answer.status

    return post


async def _nowhere(url: str, headers: dict[str, str], body: bytes) -> int:
    raise ConnectionRefusedError


async def verified(url: str, verify_token: str, challenge: str) -> bool:
    """Whether the receiver at a callback address knows the token, as Meta finds out (fact sheet 5.1)."""
    params = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0)) as session,
            session.get(url, params=params, allow_redirects=False) as answer,
        ):
            return answer.status == 200 and (await answer.text()).strip() == challenge
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
