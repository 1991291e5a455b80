"""A platform elsewhere over its public HTTP API: requests, sign-ins, refusals, streams.

What was certainly not done is asked again (no connection, an answer of 502 to 504 to a question, an
`Idempotency-Key`); of anything else that got no answer nobody can know, and the error says so.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

import httpx
import msgspec
from msgspec import Struct

from tidings.adapters.peers.contract import Refusal, raised
from tidings.application.ports.common import Sleep
from tidings.domain import errors
from tidings.domain.errors import Fault, Refused, Unavailable
from tidings.domain.kernel import Actor, OrganizationId, UserId

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
"""Seconds for an answer to begin."""
ENDLESS = httpx.Timeout(30.0, connect=5.0, read=None)
"""For streams, which say something when there is something, and for files on their way in."""
TRIES = 4
"""Times that a question is asked at most."""
PAUSE = 0.2
"""Seconds before the second time, and twice as long before each later one."""
KINDS: Mapping[int, type[Refused]] = {
    400: errors.Invalid,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.Invalid,
    415: errors.Invalid,
    429: errors.Throttled,
    503: errors.Unavailable,
}
"""What a refusal is whose code this version does not know, by its status."""


class PlatformUnavailable(Unavailable):
    """The platform does not answer; try again later."""


class AnswerLost(Unavailable):
    """The platform took the request and did not answer: nobody can know whether it was done."""


class _Told(Struct, frozen=True, rename="camel"):
    code: str
    message: str
    details: tuple[Fault, ...] = ()


class _Failure(Struct, frozen=True):
    error: _Told


class _Pair(Protocol):
    """What signing in gives."""

    @property
    def token(self) -> str: ...
    @property
    def refresh_token(self) -> str: ...


class Tokens(Struct, frozen=True, rename="camel"):
    """A sign-in as it came over the wire; what else came with it is not for here."""

    token: str
    refresh_token: str


class _Refreshed(Struct, frozen=True):
    data: Tokens


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as it goes out."""

    method: str
    path: str
    actor: Actor | None = None
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes | None = None
    """JSON."""
    once: str | None = None
    """Makes it repeatable, whatever it does."""
    files: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def repeatable(self) -> bool:
        return self.method == "GET" or self.once is not None


@dataclass(slots=True)
class Platform:
    """One platform, and the sign-ins made there by this client."""

    client: httpx.AsyncClient
    key: str | None
    """An API key or a token for everything that no sign-in of an actor's is known for."""
    sleep: Sleep
    _signed_in: dict[tuple[UserId, OrganizationId], _Pair] = field(
        default_factory=dict[tuple[UserId, OrganizationId], _Pair]
    )
    _refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def keep(self, user: UserId, organization: OrganizationId, pair: _Pair) -> None:
        """What the actor asks from now on goes with this token."""
        self._signed_in[user, organization] = pair

    async def ask(self, ask: Ask) -> httpx.Response:
        """The answer to a request that was not refused. Raise what the platform refuses with, typed."""
        return await self._answered(ask, lambda request, limit: self._sent(ask, request, limit))

    async def opened(self, ask: Ask) -> httpx.Response:
        """An answer whose body is still to come: whoever reads it closes it. Raise as `ask` does."""

        async def begun(request: httpx.Request, _: httpx.Timeout) -> httpx.Response:
            reply = await self._sent(ask, request, ENDLESS, stream=True)
            if reply.status_code >= HTTPStatus.BAD_REQUEST:
                await reply.aread()
            return reply

        return await self._answered(ask, begun)

    async def moments(self, ask: Ask) -> AsyncIterator[bytes]:
        """The data of server-sent events, until the platform ends them; a lost connection is made anew."""
        lost = 0
        while True:
            try:
                async with aclosing(await self.opened(ask)) as reply:
                    async for line in reply.aiter_lines():
                        if line.startswith("data:"):
                            lost = 0
                            yield line.removeprefix("data:").strip().encode()
                return
            except httpx.TransportError as error:
                lost += 1
                if lost == TRIES:
                    raise PlatformUnavailable("The platform does not answer any more.") from error
                await self.sleep(PAUSE * 2**lost)

    async def _answered(
        self, ask: Ask, send: Callable[[httpx.Request, httpx.Timeout], Awaitable[httpx.Response]]
    ) -> httpx.Response:
        pair, limit = self._pair(ask.actor), ENDLESS if ask.files else TIMEOUT
        reply = await send(self._request(ask, pair), limit)
        if reply.status_code == HTTPStatus.UNAUTHORIZED and pair is not None and ask.actor is not None:
            fresh = await self._refreshed(ask.actor, pair)
            if fresh is not None:
                reply = await send(self._request(ask, fresh), limit)
        if reply.status_code >= HTTPStatus.BAD_REQUEST:
            raise _refusal(reply)
        return reply

    def _pair(self, actor: Actor | None) -> _Pair | None:
        return None if actor is None else self._signed_in.get((actor.user_id, actor.organization_id))

    def _request(self, ask: Ask, pair: _Pair | None) -> httpx.Request:
        bearer = self.key if pair is None else pair.token
        headers = {
            **({"authorization": f"Bearer {bearer}"} if bearer else {}),
            **({"content-type": "application/json"} if ask.content is not None else {}),
            **({"idempotency-key": ask.once} if ask.once else {}),
            **ask.headers,
        }
        return self.client.build_request(
            ask.method,
            ask.path,
            params=ask.query,
            content=ask.content,
            data=ask.form,
            files=ask.files,
            headers=headers,
        )

    async def _sent(
        self, ask: Ask, request: httpx.Request, limit: httpx.Timeout, *, stream: bool = False
    ) -> httpx.Response:
        request.extensions["timeout"] = limit.as_dict()
        for tried in range(1, TRIES + 1):
            last = tried == TRIES
            try:
                reply = await self.client.send(request, stream=stream)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                if last:
                    raise PlatformUnavailable() from error
            except httpx.TransportError as error:
                if not ask.repeatable:
                    raise AnswerLost() from error
                if last:
                    raise PlatformUnavailable() from error
            else:
                if last or not ask.repeatable or not _passes(reply.status_code):
                    return reply
                await reply.aclose()
            await self.sleep(PAUSE * 2 ** (tried - 1))
        raise AssertionError("unreachable: the last try returns or raises")

    async def _refreshed(self, actor: Actor, stale: _Pair) -> _Pair | None:
        """Other tokens for a sign-in whose token has ended; None when the sign-in has ended too."""
        async with self._refreshing:
            known = self._pair(actor)
            if known is not stale:
                return known
            content = msgspec.json.encode({"refreshToken": stale.refresh_token})
            ask = Ask("POST", "/api/auth/refresh", content=content)
            reply = await self._sent(ask, self._request(ask, None), TIMEOUT)
            if reply.status_code != HTTPStatus.OK:
                self._signed_in.pop((actor.user_id, actor.organization_id), None)
                return None
            fresh = msgspec.json.decode(reply.content, type=_Refreshed).data
            self.keep(actor.user_id, actor.organization_id, fresh)
            return fresh


def _passes(status: int) -> bool:
    return HTTPStatus.BAD_GATEWAY <= status <= HTTPStatus.GATEWAY_TIMEOUT


def _refusal(reply: httpx.Response) -> Refused:
    status = reply.status_code
    try:
        told = msgspec.json.decode(reply.content, type=_Failure).error
    except msgspec.DecodeError:
        return PlatformUnavailable(f"The platform, or something before it, answered {status}.")
    wait = reply.headers.get("retry-after", "")
    refusal = Refusal(
        code=told.code,
        message=told.message,
        faults=told.details,
        retry_after=float(wait) if wait.isdecimal() else None,
    )
    return raised(refusal, KINDS.get(status, Unavailable))
