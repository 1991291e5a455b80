"""Pauses that end early when they are asked to."""

import asyncio
from contextlib import suppress


async def pause(until: asyncio.Event, seconds: float | None) -> bool:
    """Wait until it is set, at most so long (None: however long); whether it is set.

    `asyncio.wait_for` would not do: on Python 3.11 it loses a cancellation that comes while the event is set.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await until.wait()
    return until.is_set()
