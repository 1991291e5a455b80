"""Processes: the service, a sender alone, and the sandbox."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server
from rich.console import Console

from tidings.adapters.embedded.system import collect_rarely
from tidings.adapters.observing.logs import log_as_json
from tidings.adapters.observing.requests import Timed
from tidings.bootstrap.apart import with_answers
from tidings.bootstrap.app import entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.observing import observed
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import Settings

console = Console(highlight=False)


async def serve(settings: Settings, contexts: Sequence[str], port: int, *, send: bool) -> None:
    """Serve until SIGTERM, then drain. Raise OSError when the port cannot be had."""
    gc.disable()
    log_as_json(settings.log_level)
    _check_port(settings.host, port)
    sends = send and "whatsapp" in contexts
    async with (
        assembled(settings) as container,
        running(container, contexts, send=sends) as platform,
        observed(platform, contexts),
    ):
        app = with_answers(entrance(container, contexts), container, contexts)
        server = Server(
            Timed(app, container.metrics(), monotonic),
            address=settings.host,
            port=port,
            interface=Interfaces.ASGI,
            log_enabled=False,
            backlog=2048,
        )
        collect_rarely()
        async with _stopped_by_signals() as stop:
            serving = asyncio.create_task(server.serve())
            what = "tidings" if len(contexts) > 1 else contexts[0]
            console.print(f"{what} listens on http://{settings.host}:{port} (OpenAPI at /schema)")
            waiting = asyncio.create_task(stop.wait())
            await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            server.stop()
            await serving


async def work(settings: Settings) -> None:
    """Send what is due until SIGTERM, then drain."""
    log_as_json(settings.log_level)
    async with (
        assembled(settings) as container,
        running(container, (), send=True) as platform,
        observed(platform, ()),
        _stopped_by_signals() as stop,
    ):
        collect_rarely()
        console.print("tidings worker sends what is due")
        await stop.wait()


@asynccontextmanager
async def _stopped_by_signals() -> AsyncGenerator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets; a second signal ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told() -> None:
        if stop.is_set():
            raise SystemExit(1)
        stop.set()

    async with AsyncExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, told)
                stack.callback(loop.remove_signal_handler, number)
        yield stop


def _check_port(host: str, port: int) -> None:
    """Raise OSError (address in use) before anything is opened."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


async def play_meta(**options: Any) -> None:
    """The sandbox on a port of its own, until SIGTERM."""
    from tidings.adapters.sandbox.server import run_sandbox

    async with _stopped_by_signals() as stop:
        await run_sandbox(**options, stop=stop)
