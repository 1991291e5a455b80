"""Connections to the broker that are opened when they are needed, and thrown away when anything goes wrong.

aio-pika can restore a connection by itself, but then nobody sees what was lost meanwhile. Here whoever
works on a link meets its failure, and begins again from the declarations.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from tidings.application.ports.bus import BusUnavailable

FAILURES = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
"""What a broker that is down, frozen or unwilling looks like."""
PATIENCE = 5.0
"""Seconds that the broker has to answer anything but a publish."""


@contextmanager
def answering() -> Generator[None]:
    """The failures of the broker as BusUnavailable.

    Also CancelledError when nobody cancelled this task: aio-pika raises it when a frozen connection ends.
    """
    try:
        yield
    except FAILURES as error:
        raise BusUnavailable(f"The message broker did not confirm: {error!r}") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise BusUnavailable("The connection to the message broker ended.") from error


@dataclass(slots=True, eq=False)
class Link:
    """One connection and its main channel, which confirms and hands back what cannot be delivered."""

    url: str
    name: str
    connection: AbstractConnection | None = None
    channel: AbstractChannel | None = None
    closing: "set[asyncio.Task[None]]" = field(default_factory=set["asyncio.Task[None]"])

    @property
    def live(self) -> AbstractConnection | None:
        """The connection, as far as is known here."""
        connection, channel = self.connection, self.channel
        if connection is None or channel is None or connection.is_closed or channel.is_closed:
            return None
        return connection

    async def open(self) -> AbstractChannel:
        """Connect. Raise one of FAILURES."""
        self.drop()
        async with asyncio.timeout(PATIENCE):
            self.connection = await aio_pika.connect(
                self.url, timeout=PATIENCE, client_properties={"connection_name": self.name}
            )
            self.channel = await self.connection.channel(publisher_confirms=True, on_return_raises=True)
        return self.channel

    async def side_channel(self) -> AbstractChannel:
        """A channel for an attempt that may end it. Raise one of FAILURES."""
        connection = self.live
        if connection is None:
            raise ConnectionError("not connected")
        async with asyncio.timeout(PATIENCE):
            return await connection.channel(publisher_confirms=True, on_return_raises=True)

    def drop(self) -> None:
        """Let go of the connection; closing it may take a while, or never end, and is not waited for."""
        connection, self.connection, self.channel = self.connection, None, None
        if connection is not None:
            task = asyncio.create_task(_closed(connection))
            self.closing.add(task)
            task.add_done_callback(self.closing.discard)

    async def close(self) -> None:
        self.drop()
        if self.closing:
            await asyncio.wait(self.closing, timeout=PATIENCE / 2)


async def _closed(connection: AbstractConnection) -> None:
    with suppress(*FAILURES, asyncio.CancelledError):
        async with asyncio.timeout(PATIENCE / 2):
            await connection.close()
