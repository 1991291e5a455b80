"""The bare loops: the same libraries on the same machine, with nothing of ours around them.

`python -m bench.bare serve PORT FILE` is a Litestar handler on granian that reads a body, and one that
answers with the bytes of a file. `python -m bench.bare send JSON` sends messages through the HTTP client.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, MediaType, Request, Response, get, post
from msgspec import Struct

from bench.figures import own_memory, percentiles
from tidings.adapters.meta.transport import AiohttpTransport


class Job(Struct):
    """What is to be sent: the body once for each person, to one number."""

    url: str
    token: str
    body: dict[str, Any]
    people: list[str]
    in_flight: int


class Sent(Struct):
    """What came of it."""

    rate: float
    cpu: float
    memory: float
    p50: float | None
    p99: float | None


def _app(answer: bytes) -> Litestar:
    @post("/webhook", status_code=200, media_type=MediaType.TEXT)
    async def webhook(request: Request[Any, Any, Any]) -> Response[str]:
        await request.body()
        return Response("", media_type=MediaType.TEXT)

    @get("/page", media_type=MediaType.JSON)
    async def page() -> Response[bytes]:
        return Response(answer, media_type=MediaType.JSON)

    return Litestar([webhook, page], openapi_config=None)


async def _serve(port: int, answer: bytes) -> None:
    server = Server(
        _app(answer),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        log_enabled=False,
        backlog=2048,
    )
    await server.serve()


async def _send(job: Job) -> Sent:
    bodies = [msgspec.json.encode(job.body | {"to": to}) for to in job.people]
    headers = {"authorization": f"Bearer {job.token}", "content-type": "application/json"}
    transport = AiohttpTransport(max_connections=job.in_flight, keepalive=15.0)
    left, took = iter(bodies), list[float]()
    async with httpx.AsyncClient(transport=transport, timeout=30) as client:

        async def work() -> None:
            for body in left:
                began = time.perf_counter()
                answer = await client.post(job.url, content=body, headers=headers)
                answer.raise_for_status()
                answer.json()["messages"][0]["id"]
                took.append(time.perf_counter() - began)

        cpu, began = time.process_time(), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(job.in_flight)))
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
    p50, p99 = percentiles(took)
    return Sent(
        rate=len(bodies) / seconds, cpu=used / len(bodies) * 1e6, memory=own_memory(), p50=p50, p99=p99
    )


def main(told: Sequence[str]) -> None:
    match told:
        case ["serve", port, file]:
            uvloop.run(_serve(int(port), Path(file).read_bytes()))
        case ["send", file]:
            job = msgspec.json.decode(Path(file).read_bytes(), type=Job)
            print(msgspec.json.encode(uvloop.run(_send(job))).decode())
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
