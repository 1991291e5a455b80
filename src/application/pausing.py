"""Pauses that end early when they are asked to."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


async def pause(until: asyncio.Event, seconds: float | None) -> bool:
    """Wait until it is set, at most so long (None: however long); whether it is set.

    `asyncio.wait_for` would not do: on Python 3.11 it loses a cancellation that comes while the event is set.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await until.wait()
    return until.is_set()


@asynccontextmanager
async def listening(wait: Coroutine[Any, Any, None]) -> AsyncGenerator[Awaitable[None]]:
    """Listen before looking: what is given ends when this wait for a wake-up does, which begins now.

    Who waits only when they have seen that there is nothing to do sleeps through what came as they looked.
    """
    woken = asyncio.create_task(wait)
    try:
        await asyncio.sleep(0)
        yield woken
    finally:
        woken.cancel()
