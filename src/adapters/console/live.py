"""What is live: the API's events, each told to the browser as a piece of the page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from litestar import Response
from litestar.response import Stream

from tidings.adapters.console.calls import Api

Piece = Callable[[dict[str, Any]], Awaitable[Response[str] | None]]
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def events(api: Api, path: str, piece: Piece) -> Stream:
    """A stream of `progress` events, and one `over` when the API has no more to tell.

    An event of which `piece` makes nothing is passed over.
    """

    async def told() -> AsyncIterator[bytes]:
        async for event in _read(api, path):
            shown = await piece(event)
            if shown is None:
                continue
            html = shown.content
            lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
            yield f"event: progress\n{lines}\n".encode()
        yield b"event: over\ndata: over\n\n"

    return Stream(told(), media_type="text/event-stream", headers=HEADERS)


async def _read(api: Api, path: str) -> AsyncIterator[dict[str, Any]]:
    rest = b""
    async for part in api.stream(path):
        rest = (rest + part).replace(b"\r\n", b"\n")
        *whole, rest = rest.split(b"\n\n")
        for event in whole:
            data = b"".join(line[5:] for line in event.split(b"\n") if line.startswith(b"data:"))
            if data.strip():
                yield msgspec.json.decode(data)
