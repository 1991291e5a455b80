"""The outermost layer around every request: it is timed, and what is slow or fails is in the log."""

from dataclasses import dataclass

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tidings.adapters.observing.metrics import Metrics
from tidings.application.ports.common import Monotonic

SLOW = 2.0
"""Seconds from which a request is worth a line."""

log = structlog.get_logger("tidings.http")


@dataclass(frozen=True, slots=True)
class Timed:
    """An ASGI layer. Streams are timed to their first byte."""

    app: ASGIApp
    metrics: Metrics
    clock: Monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, path, method = self.clock(), scope["path"], scope["method"]

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds, status = self.clock() - began, message["status"]
                self.metrics.answered(path, method, status, seconds)
                if status >= 500 or seconds > SLOW:
                    told = log.error if status >= 500 else log.warning
                    told("request", method=method, path=path, status=status, seconds=round(seconds, 3))
            await send(message)

        await self.app(scope, receive, timed)
