"""A load generator that costs little: requests as bytes over kept connections, answers counted and timed."""

import asyncio
import time
from collections.abc import Sequence

from bench.figures import percentiles


class Refused(RuntimeError):
    """A server answered with something else than it should."""


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.closed = False
        self._buffer = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Refused("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._answer is None or self._answer.done():
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) >= end + 4 + length:
            whole, self._buffer = self._buffer, b""
            self._answer.set_result(whole)

    async def ask(self, request: bytes) -> bytes:
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answer


def request(
    method: str, path: str, port: int, body: bytes | None = None, headers: dict[str, str] | None = None
) -> bytes:
    """One HTTP/1.1 request."""
    said = {"host": f"127.0.0.1:{port}", **(headers or {})}
    if body is not None:
        said["content-length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


async def _drive(port: int, requests: Sequence[bytes], connections: int) -> tuple[float, list[float]]:
    loop, left, took = asyncio.get_running_loop(), iter(requests), list[float]()

    async def work(connection: _Connection) -> None:
        for each in left:
            began = time.perf_counter()
            answer = await connection.ask(each)
            took.append(time.perf_counter() - began)
            if not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
                raise Refused(answer[:300].decode("utf-8", "replace"))
        connection.transport.close()

    opened = [
        (await loop.create_connection(_Connection, "127.0.0.1", port))[1]
        for _ in range(min(connections, len(requests)))
    ]
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for connection in opened:
            group.create_task(work(connection))
    return time.perf_counter() - began, took


def drive(port: int, requests: Sequence[bytes], connections: int) -> tuple[float, float | None, float | None]:
    """Every request once, so many at a time: requests a second, p50 and p99 in milliseconds.

    Raise Refused (in an ExceptionGroup) when any is not answered with success.
    """
    seconds, took = asyncio.run(_drive(port, requests, connections))
    return len(requests) / seconds, *percentiles(took)
