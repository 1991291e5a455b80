"""Real sockets: what is known to have left, and what is not."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import httpx
import pytest

from tests.adapters.meta.conftest import outgoing
from tidings.adapters.meta.client import GraphOptions, graph
from tidings.adapters.meta.gateway import MetaGateway
from tidings.application.ports.gateway import Accepted, NotSent, Unclear

pytestmark = pytest.mark.anyio

TAKEN = b'{"messages":[{"id":"wamid.1"}]}'


def http(body: bytes, status: str = "200 OK", length: int | None = None, extra: str = "") -> bytes:
    length = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{extra}\r\n".encode() + body


@dataclass
class Server:
    """Reads whole requests and answers each with the next of `script`: bytes, or a way to misbehave."""

    script: list = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                )
                self.requests.append(head + await reader.readexactly(length))
                self.asked.set()
                answer = self.script.pop(0) if self.script else http(TAKEN)
                if answer == "reset":
                    writer.transport.abort()
                    return
                if answer == "hang":
                    await asyncio.sleep(30)
                writer.write(answer.removesuffix(b"CLOSE"))
                await writer.drain()
                if answer.endswith(b"CLOSE"):
                    break
        writer.close()


@pytest.fixture
async def server():
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    listening.close()


@pytest.fixture
async def gateway(server, tokens):
    client = graph(GraphOptions(base_url=f"http://127.0.0.1:{server.port}", read=0.3, total=2.0))
    yield MetaGateway(client, tokens)
    await client.aclose()


async def test_a_connection_is_used_again(server, gateway):
    for _ in range(5):
        assert isinstance(await gateway.send(outgoing()), Accepted)
    assert (server.connections, len(server.requests)) == (1, 5)


async def test_the_request_on_the_wire_says_no_more_than_it_must(server, gateway):
    await gateway.send(outgoing())
    head = server.requests[0].split(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    assert head[0] == "post /v25.0/310000000000202/messages http/1.1"
    assert sorted(line.split(":")[0] for line in head[1:]) == [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ]


@pytest.mark.parametrize(
    "misbehaviour",
    [
        "reset",
        "hang",
        b"CLOSE",
        http(TAKEN, length=500) + b"CLOSE",
        http(TAKEN[:10]) + b"CLOSE",
        b"garbage\r\n\r\nCLOSE",
        http(b"<html>502</html>", "502 Bad Gateway"),
        http(b"not gzip", extra="Content-Encoding: gzip\r\n"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{" + b"CLOSE",
        b"HTTP/1.1 200 OK\r\nContent-Le" + b"CLOSE",
    ],
)
async def test_whatever_happens_after_the_request_was_written_is_unclear_and_not_repeated(
    server, gateway, misbehaviour
):
    server.script = [misbehaviour]
    said = await gateway.send(outgoing())
    assert isinstance(said, Unclear), said
    assert len(server.requests) == 1


@pytest.mark.parametrize("misbehaviour", ["reset", b"CLOSE"])
async def test_the_same_holds_on_a_connection_that_was_in_use_before(server, gateway, misbehaviour):
    server.script = [http(TAKEN), misbehaviour]
    assert isinstance(await gateway.send(outgoing()), Accepted)
    assert isinstance(await gateway.send(outgoing()), Unclear)
    assert (server.connections, len(server.requests)) == (1, 2)


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used(server, gateway):
    server.script = [http(TAKEN) + b"CLOSE"]
    await gateway.send(outgoing())
    await asyncio.sleep(0.05)
    assert isinstance(await gateway.send(outgoing()), Accepted)
    assert server.connections == 2


async def test_a_closed_port_means_that_nothing_was_sent(tokens):
    listening = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()
    client = graph(GraphOptions(base_url=f"http://127.0.0.1:{port}"))
    assert isinstance(await MetaGateway(client, tokens).send(outgoing()), NotSent)
    await client.aclose()


async def test_a_name_that_does_not_resolve_means_that_nothing_was_sent(tokens):
    client = graph(GraphOptions(base_url="http://meta.invalid"))
    assert isinstance(await MetaGateway(client, tokens).send(outgoing()), NotSent)
    await client.aclose()


async def test_a_server_that_does_not_speak_tls_means_that_nothing_was_sent(server, tokens):
    client = graph(GraphOptions(base_url=f"https://127.0.0.1:{server.port}", connect=0.3, pool=0.3))
    assert isinstance(await MetaGateway(client, tokens).send(outgoing()), NotSent)
    assert server.requests == []
    await client.aclose()


async def test_waiting_for_a_free_connection_in_vain_sends_nothing(server, tokens):
    client = graph(
        GraphOptions(base_url=f"http://127.0.0.1:{server.port}", max_connections=1, pool=0.05, read=0.3)
    )
    gateway = MetaGateway(client, tokens)
    server.script = ["hang"]
    first, second = await asyncio.gather(gateway.send(outgoing()), gateway.send(outgoing()))
    assert isinstance(first, Unclear)
    assert isinstance(second, NotSent)
    assert len(server.requests) == 1
    await client.aclose()


async def test_a_closed_client_sends_nothing(server, gateway):
    await gateway.send(outgoing())
    await gateway.graph.aclose()
    assert isinstance(await gateway.send(outgoing()), NotSent)


async def test_a_compressed_answer_is_read(server, gateway):
    import gzip

    server.script = [http(gzip.compress(TAKEN), extra="Content-Encoding: gzip\r\n")]
    assert isinstance(await gateway.send(outgoing()), Accepted)


async def test_a_cancelled_call_leaves_no_connection_behind_that_would_mix_up_answers(server, gateway):
    server.script = ["hang"]
    task = asyncio.create_task(gateway.send(outgoing()))
    await server.asked.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert isinstance(await gateway.send(outgoing()), Accepted)
    assert server.connections == 2


async def test_a_large_answer_streams(server):
    client = graph(GraphOptions(base_url=f"http://127.0.0.1:{server.port}"))
    server.script = [http(b"x" * 1_000_000)]
    request = httpx.Request(
        "POST", f"http://127.0.0.1:{server.port}/", content=b"{}", extensions=client.patient
    )
    response = await client.transport.handle_async_request(request)
    sizes = [len(chunk) async for chunk in response.aiter_bytes()]
    await response.aclose()
    assert sum(sizes) == 1_000_000
    assert len(sizes) > 1
    await client.aclose()
