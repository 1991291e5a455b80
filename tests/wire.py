"""A way to a server through which faults come: slow, cut, silent."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(eq=False)
class Wire:
    """Connections to a server on this machine, made and lost in the event loop that opened it."""

    target: int
    """The server's port."""
    port: int = 0
    slow: float = 0.0
    """Seconds by which each piece of an answer is late."""
    through: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, nothing is passed on, in either direction."""
    server: asyncio.Server | None = None
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    snapped: int = 0
    """Connections that were lost."""

    @classmethod
    async def to(cls, target: int) -> "Wire":
        self = cls(target)
        self.through.set()
        self.server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def snap(self) -> None:
        """Whoever is connected no longer is; who connects again is."""
        self.snapped += len(self.writers)
        for writer in list(self.writers):
            writer.transport.abort()

    def cut(self) -> None:
        """The same, and nobody connects again."""
        if self.server is not None:
            self.server.close()
        self.snap()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        self.writers |= {writer, far_writer}
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer, answers=True))
        self.writers -= {writer, far_writer}

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                await self.through.wait()
                if answers and self.slow:
                    await asyncio.sleep(self.slow)
                writer.write(data)
                await writer.drain()
        writer.close()


@dataclass
class Faults:
    """What a test in another thread does to a wire."""

    wire: Wire
    loop: asyncio.AbstractEventLoop

    @property
    def port(self) -> int:
        return self.wire.port

    @property
    def snapped(self) -> int:
        return self.wire.snapped

    def snap(self) -> None:
        self.loop.call_soon_threadsafe(self.wire.snap)

    def slow(self, seconds: float) -> None:
        self.loop.call_soon_threadsafe(setattr, self.wire, "slow", seconds)

    def hold(self) -> None:
        """It takes connections and everything that is said, and passes nothing on."""
        self.loop.call_soon_threadsafe(self.wire.through.clear)

    def lead_to(self, target: int) -> None:
        """Where those who connect from now on find themselves."""
        self.wire.target = target

    def let_go(self) -> None:
        self.loop.call_soon_threadsafe(self.wire.through.set)


@contextmanager
def wire_to(target: int) -> Iterator[Faults]:
    """A wire for tests without an event loop, as long as the block lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    wire = asyncio.run_coroutine_threadsafe(Wire.to(target), loop).result(10)
    try:
        yield Faults(wire, loop)
    finally:
        asyncio.run_coroutine_threadsafe(_ended(wire), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _ended(wire: Wire) -> None:
    wire.cut()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
