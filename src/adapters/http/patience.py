"""Requests that are begun anew when the database undid them for another's sake, before they did anything."""

import asyncio
from dataclasses import dataclass
from typing import cast

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from tidings.adapters.effects import Effects, watched
from tidings.application.ports.common import Chance

TRIES = 4
"""Times that a request is begun at most."""
PAUSE = 0.02
"""Seconds before the second time, at most, and twice as long before each later one."""
LARGEST = 1_048_576
"""Bytes of a body that is kept to be read again; a larger one is a file, and has one try."""
UNDONE = "undone"
"""What an error handler leaves in the request's state when that is why it failed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """An ASGI layer around the application.

    Only a request that stored nothing and asked nothing of Meta before it was undone is begun anew, so
    nothing happens twice.
    """

    app: ASGIApp
    chance: Chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_small(scope):
            await self.app(scope, receive, send)
            return
        came: list[Message] = []
        for tried in range(1, TRIES + 1):
            again = cast("Scope", {**scope, "state": dict(scope.get("state") or {})})
            with watched() as effects:
                answer = _Answer(again, send, effects, last=tried == TRIES)
                await self.app(again, _kept(came, receive), cast("Send", answer.send))
            if not answer.withheld:
                return
            await asyncio.sleep(self.chance() * PAUSE * 2 ** (tried - 1))


class _Answer:
    """Lets an answer through unless the request may be begun anew."""

    def __init__(self, scope: Scope, send: Send, effects: Effects, *, last: bool) -> None:
        self._scope, self._send, self._effects, self._last = scope, send, effects, last
        self.withheld = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            undone = self._scope["state"].get(UNDONE, False)
            self.withheld = undone and not self._effects.count and not self._last
        if not self.withheld:
            await self._send(message)


def _is_small(scope: HTTPScope) -> bool:
    headers = dict(scope["headers"])
    said = headers.get(b"content-length", b"0")
    return b"transfer-encoding" not in headers and said.isdigit() and int(said) <= LARGEST


def _kept(came: list[Message], receive: Receive) -> Receive:
    """First what was read the last time, then what comes; all of it is kept."""
    place = 0

    async def read() -> Message:
        nonlocal place
        if place == len(came):
            message = await receive()
            if message["type"] != "http.request":
                return cast("Message", message)
            came.append(cast("Message", message))
        place += 1
        return came[place - 1]

    return cast("Receive", read)
