"""A small HTTP/1.1 server that can do what Meta's does on a bad day: close a connection without a word,
which no server behind ASGI can. It reads what HTTP clients send, no more; it is not for the open network.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeAlias, cast
from urllib.parse import unquote

from tidings.adapters.sandbox.calls import Call, Reply

Answer: TypeAlias = Callable[[Call], Awaitable[Reply]]

MAX_HEAD = 64 * 1024
MAX_BODY = 110 * 1024 * 1024
_TOO_BIG = Reply(413, b"")
_BAD = Reply(400, b"")
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


class _BadRequest(Exception):
    """Not HTTP as we read it."""


class _Head:
    """A request's first lines."""

    __slots__ = ("chunked", "close", "fields", "length", "method", "target")

    def __init__(self, raw: bytes) -> None:
        lines = raw.split(b"\r\n")
        first = lines[0].split(b" ")
        if len(first) != 3 or not first[2].startswith(b"HTTP/1."):
            raise _BadRequest
        self.method = first[0].decode("latin-1")
        self.target = first[1].decode("latin-1")
        self.fields: dict[bytes, bytes] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon:
                raise _BadRequest
            self.fields[name.lower()] = value.strip()
        self.chunked = b"chunked" in self.fields.get(b"transfer-encoding", b"").lower()
        length = self.fields.get(b"content-length", b"0")
        if not length.isdigit():
            raise _BadRequest
        self.length = int(length)
        connection = self.fields.get(b"connection", b"").lower()
        self.close = connection == b"close" or (first[2] == b"HTTP/1.0" and connection != b"keep-alive")

    def text(self, name: bytes) -> str:
        return self.fields.get(name, b"").decode("latin-1")

    def call(self, body: bytes) -> Call:
        path, _, query = self.target.partition("?")
        return Call(
            self.method,
            unquote(path),
            query,
            self.text(b"authorization"),
            body,
            self.text(b"content-type"),
            self.text(b"host"),
            self.text(b"file_offset") or "0",
        )


class _Connection(asyncio.Protocol):
    """One client. Calls on a connection are answered in turn."""

    def __init__(self, answer: Answer, open: set["_Connection"]) -> None:
        self._answer = answer
        self._open = open
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but descent
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        self._transport = None
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._next()

    def _next(self) -> None:
        """Begin to answer the next call if all of it is here."""
        try:
            call = self._read()
        except _BadRequest:
            self._write(_BAD, last=True)
            return
        except OverflowError:
            self._write(_TOO_BIG, last=True)
            return
        if call is not None:
            self._task = asyncio.get_running_loop().create_task(self._serve(call))

    def _read(self) -> Call | None:
        """Raise _BadRequest, or OverflowError for what is too big."""
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > MAX_HEAD:
                    raise OverflowError
                return None
            self._head = _Head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if self._head.fields.get(b"expect", b"").lower() == b"100-continue" and self._transport:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        head = self._head
        if head.length > MAX_BODY or len(self._buffer) > MAX_BODY:
            raise OverflowError
        if head.chunked:
            found = _unchunked(self._buffer)
            if found is None:
                return None
            body, used = found
        else:
            used = head.length
            if len(self._buffer) < used:
                return None
            body = bytes(self._buffer[:used])
        del self._buffer[:used]
        return head.call(body)

    async def _serve(self, call: Call) -> None:
        try:
            reply = await self._answer(call)
            if reply.delay:
                await asyncio.sleep(reply.delay)
        except BaseException:
            self.close()
            raise
        head, self._head, self._task = self._head, None, None
        if reply.dropped:
            self.close()
            return
        self._write(reply, last=head is not None and head.close)
        if self._buffer:
            self._next()

    def _write(self, reply: Reply, *, last: bool) -> None:
        if self._transport is None:
            return
        more = b"connection: close\r\n" if last else b""
        for name, value in reply.headers:
            more += b"%b: %b\r\n" % (name.encode(), value.encode())
        self._transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\n%bcontent-length: %d\r\n\r\n%b"
            % (
                reply.status,
                _REASONS.get(reply.status, b""),
                reply.content_type.encode(),
                more,
                len(reply.body),
                reply.body,
            )
        )
        if last:
            self._transport.close()


def _unchunked(buffer: bytearray) -> tuple[bytes, int] | None:
    """A body that came in chunks and the bytes that it took, once all of it is here."""
    body, at = bytearray(), 0
    while True:
        end = buffer.find(b"\r\n", at)
        if end < 0:
            return None
        try:
            size = int(bytes(buffer[at:end]).partition(b";")[0], 16)
        except ValueError:
            raise _BadRequest from None
        at = end + 2 + size + 2
        if len(buffer) < at:
            return None
        if size == 0:
            return bytes(body), at
        body += buffer[end + 2 : at - 2]


class HttpServer:
    """Serves calls on a port."""

    def __init__(self, answer: Answer, host: str, port: int) -> None:
        self._answer = answer
        self._host = host
        self._port = port
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The one that was given; asked for 0, the one that was found."""
        if self._server is None:
            return self._port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Raise OSError when the port is taken."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self._answer, self._open), self._host, self._port, backlog=1024
        )

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for connection in list(self._open):
                connection.close()
            await self._server.wait_closed()
