"""CPU of a send through our gateway against bare loops with the same body, to the same server, in one run.

The server is a process of its own that answers at once; CPU is this process's alone, the best of some
rounds that take turns, so that a busy machine changes the figures little.
"""

import asyncio
import multiprocessing
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport as PlainAiohttpTransport
from msgspec import Struct

from tidings.adapters.meta.client import GraphOptions, graph, headers
from tidings.adapters.meta.gateway import MetaGateway
from tidings.adapters.meta.wire import encode
from tidings.application.ports.gateway import Accepted, Outgoing
from tidings.domain.kernel import AttemptId, Phone, PhoneNumberId, WabaId
from tidings.domain.whatsapp.content import Parameter, Template, TemplateComponent

TOKEN = "EAADEMOTOKEN"
ANSWER = (
    b'{"messaging_product":"whatsapp","contacts":[{"input":"+447700900123","wa_id":"447700900123"}],'
    b'"messages":[{"id":"wamid.HBgMNDQ3NzAwOTAwMTIzFQIAERgSMEExQjJDM0Q0RTVGNjA3MTgyAA==",'
    b'"message_status":"accepted"}]}'
)
MESSAGE = Outgoing(
    attempt_id=AttemptId(UUID("0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b")),
    waba_id=WabaId("920000000000101"),
    phone_number_id=PhoneNumberId("310000000000202"),
    to=Phone("+447700900123"),
    content=Template(
        name="delivery_eta_v2",
        language="en_GB",
        components=(
            TemplateComponent(type="body", parameters=(Parameter(text="Rowan"), Parameter(text="14:30"))),
        ),
    ),
)
BODY = encode(MESSAGE)

Send = Callable[[], Awaitable[object]]


class Figure(Struct, frozen=True):
    """One way to send: CPU microseconds and messages a second."""

    name: str
    cpu: float
    rate: float


class _Answering(asyncio.Protocol):
    """Answers every whole request with the same bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head = self.waiting[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.waiting) < end + 4 + length:
                return
            self.waiting = self.waiting[end + 4 + length :]
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
                b"Content-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER
            )


def _serve(port) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0, backlog=1024)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class _Token:
    async def token(self, waba_id: WabaId) -> str:
        return TOKEN


@asynccontextmanager
async def gateway(base: str, in_flight: int) -> AsyncIterator[Send]:
    client = graph(GraphOptions(base_url=base, max_connections=in_flight))
    ours = MetaGateway(client, _Token())

    async def send() -> None:
        if not isinstance(await ours.send(MESSAGE), Accepted):
            raise RuntimeError("not accepted")

    yield send
    await client.aclose()


@asynccontextmanager
async def _with_httpx(base: str, transport: httpx.AsyncBaseTransport) -> AsyncIterator[Send]:
    url = f"{base}/v25.0/310000000000202/messages"
    said = dict(headers(TOKEN))

    async with httpx.AsyncClient(transport=transport) as client:

        async def send() -> None:
            answer = await client.post(url, content=BODY, headers=said)
            answer.json()["messages"][0]["id"]

        yield send


def httpx_over_our_transport(base: str, in_flight: int):
    client = graph(GraphOptions(base_url=base, max_connections=in_flight))
    return _with_httpx(base, client.transport)


def httpx_over_httpx_aiohttp(base: str, in_flight: int):
    limits = httpx.Limits(max_connections=in_flight, keepalive_expiry=15)
    return _with_httpx(base, PlainAiohttpTransport(limits=limits))


def plain_httpx(base: str, in_flight: int):
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    return _with_httpx(base, httpx.AsyncHTTPTransport(limits=limits))


@asynccontextmanager
async def bare_aiohttp(base: str, in_flight: int) -> AsyncIterator[Send]:
    url = f"{base}/v25.0/310000000000202/messages"
    said = dict(headers(TOKEN))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:

        async def send() -> None:
            async with session.post(url, data=BODY, headers=said) as answer:
                (await answer.json())["messages"][0]["id"]

        yield send


WAYS = {
    "our gateway": gateway,
    "httpx over our transport": httpx_over_our_transport,
    "httpx over httpx-aiohttp": httpx_over_httpx_aiohttp,
    "plain httpx": plain_httpx,
    "bare aiohttp": bare_aiohttp,
}
BARE = "httpx over our transport"
"""The bare loop: the same client library, transport and body, and nothing around them."""


async def _round(way, base: str, messages: int, in_flight: int) -> tuple[float, float]:
    async with way(base, in_flight) as send:
        await send()
        left = iter(range(messages))

        async def work() -> None:
            for _ in left:
                await send()

        cpu, began = time.process_time(), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(in_flight)))
        return time.process_time() - cpu, time.perf_counter() - began


def measure(*, messages: int = 3000, in_flight: int = 64, rounds: int = 3) -> list[Figure]:
    """Every way in turn, `rounds` times; the best of each."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        base = f"http://127.0.0.1:{ours.recv()}"
        best: dict[str, tuple[float, float]] = {}
        for _ in range(rounds):
            for name, way in WAYS.items():
                count = messages // 4 if name == "plain httpx" else messages
                cpu, wall = asyncio.run(_round(way, base, count, in_flight))
                known = best.get(name, (float("inf"), float("inf")))
                best[name] = min(known[0], cpu / count), min(known[1], wall / count)
        return [Figure(name, cpu * 1e6, 1 / wall) for name, (cpu, wall) in best.items()]
    finally:
        server.kill()
        server.join()


def main() -> None:
    figures = {figure.name: figure for figure in measure()}
    for figure in figures.values():
        ratio = figure.cpu / figures[BARE].cpu
        print(f"{figure.name:26}{figure.cpu:8.0f} us CPU a send{ratio:8.2f} x{figure.rate:10.0f} sends/s")
    ratio = figures["our gateway"].cpu / figures[BARE].cpu
    print(f"our gateway / bare httpx loop: {ratio:.2f} (aim: at most 2)")
    sys.exit(0 if ratio <= 2 else 1)


if __name__ == "__main__":
    main()
