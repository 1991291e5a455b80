"""The API as the console uses it: the same application, called in this process without a socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

import msgspec
from litestar.types import ASGIApp, Message, Scope

LARGEST_EVENT = 1 << 20


class ApiRefused(Exception):
    """The API said no; `details` names every field that was wrong."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message", "")))
        self.status = status
        self.code = str(error.get("code", ""))
        self.details: Sequence[Mapping[str, str]] = error.get("details") or []

    def by_field(self) -> dict[str, str]:
        """What to say beside each field."""
        told: dict[str, str] = {}
        for each in self.details:
            told.setdefault(each.get("field", ""), each.get("message", ""))
        return told


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply that was no refusal."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def whole(self) -> dict[str, Any]:
        return cast("dict[str, Any]", msgspec.json.decode(self.body))

    @property
    def data(self) -> Any:
        return self.whole.get("data")


@dataclass(frozen=True, slots=True)
class Api:
    """The API on behalf of one person."""

    app: ASGIApp
    token: str = ""
    client: tuple[str, int] | None = None
    """Where the person's request came from, which limits and the audit log go by."""
    forwarded: bytes = b""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
        **query: object,
    ) -> Answer:
        """Raise ApiRefused."""
        sent = raw if raw is not None else b"" if body is None else msgspec.json.encode(body)
        call = _Call(self._scope(method, path, query, sent, content_type), sent)
        await self.app(call.scope, call.receive, call.send)
        answer = Answer(call.status, call.headers, b"".join(call.parts))
        if answer.status >= 400:
            said: Any = answer.whole.get("error") or {}
            raise ApiRefused(answer.status, {"message": said} if isinstance(said, str) else said)
        return answer

    async def get(self, path: str, **query: Any) -> Any:
        """`data` of a GET. Raise ApiRefused."""
        return (await self.ask("GET", path, **query)).data

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        """The parts of a reply as they come; the call ends when the reader does."""
        call = _Call(self._scope("GET", path, {}, b"", ""), b"")
        running = asyncio.create_task(self._run(call))
        try:
            while (part := await call.heard.get()) is not None:
                yield part
        finally:
            call.gone.set()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _run(self, call: "_Call") -> None:
        try:
            await self.app(call.scope, call.receive, call.send)
        finally:
            call.heard.put_nowait(None)

    def _scope(
        self, method: str, path: str, query: Mapping[str, object], body: bytes, content_type: str
    ) -> Scope:
        headers = [(b"host", b"console"), (b"accept", b"application/json")]
        if self.token:
            headers.append((b"authorization", f"Bearer {self.token}".encode()))
        if self.forwarded:
            headers.append((b"x-forwarded-for", self.forwarded))
        if body:
            headers += [
                (b"content-type", content_type.encode()),
                (b"content-length", str(len(body)).encode()),
            ]
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return cast(
            "Scope",
            {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.3"},
                "http_version": "1.1",
                "method": method,
                "scheme": "http",
                "path": path,
                "raw_path": path.encode(),
                "root_path": "",
                "query_string": urlencode(given).encode(),
                "headers": headers,
                "client": self.client,
                "server": ("console", 80),
                "state": {},
            },
        )


@dataclass(slots=True)
class _Call:
    scope: Scope
    body: bytes
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    parts: list[bytes] = field(default_factory=list[bytes])
    heard: "asyncio.Queue[bytes | None]" = field(default_factory=lambda: asyncio.Queue())
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    asked: bool = False

    async def receive(self) -> Any:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            self.parts.append(message["body"])
            self.heard.put_nowait(message["body"])
            if not message["more_body"]:
                # Said by this, not by the application's return: it may still listen for our going away.
                self.heard.put_nowait(None)
