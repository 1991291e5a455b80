"""The other side of a connection, played: an HTTP server on loopback that answers as it is told, or does not.

For adapters of yours that call Meta, or addresses of your customers: `heard` is what arrived, whatever the
adapter believes. Needs the extra `tidings[testing]`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, TypeAlias

import msgspec
from aiohttp import web
from msgspec import Struct


class Mishap(StrEnum):
    """What may happen in place of an answer, each after the whole request was read."""

    HANG_UP = "hang_up"
    """The connection is cut without a word."""
    SILENCE = "silence"
    """Nothing is said until the other side goes."""


class Said(Struct, frozen=True, kw_only=True):
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    cut: bool = False
    """Half of the body, and the connection is gone."""
    closing: bool = False
    """The connection is closed after it."""


class Heard(Struct, frozen=True, kw_only=True):
    """A request that arrived whole."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def said(self) -> Any:
        """The body, read as JSON."""
        return msgspec.json.decode(self.body)


Turn: TypeAlias = Said | Mishap | Callable[[Heard], Said | Mishap]


def said(value: object, status: int = 200, **headers: str) -> Said:
    """An answer in JSON."""
    told = {"content-type": "application/json", **headers}
    return Said(status=status, body=msgspec.json.encode(value), headers=told)


@dataclass
class OtherSide:
    """Hands out `turns` one by one, the last for ever: `async with OtherSide([...]) as meta: meta.url`."""

    turns: Sequence[Turn] = (Said(),)
    heard: list[Heard] = field(default_factory=list[Heard])
    url: str = ""
    _runner: web.ServerRunner | None = None
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> "OtherSide":
        self._runner = web.ServerRunner(web.Server(self._take), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Nobody listens at the address from now on."""
        self._gone.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.BaseRequest) -> web.StreamResponse:
        heard = Heard(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        turn, *further = self.turns
        if further:
            self.turns = further
        self.heard.append(heard)
        told = turn(heard) if callable(turn) else turn
        if told is Mishap.SILENCE:
            await self._gone.wait()
        if isinstance(told, Mishap):
            return _cut_off(request, web.Response())
        if not told.cut:
            answer = web.Response(status=told.status, body=told.body, headers=told.headers)
            if told.closing:
                answer.force_close()
            return answer
        part = web.StreamResponse(status=told.status, headers=told.headers)
        part.content_length = len(told.body)
        await part.prepare(request)
        await part.write(told.body[: len(told.body) // 2])
        return _cut_off(request, part)


def _cut_off(request: web.BaseRequest, answer: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return answer
