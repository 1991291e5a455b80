"""Pauses end when they are asked to, and are never deaf to a cancellation."""

import asyncio

import pytest

from tidings.application.pausing import pause

pytestmark = pytest.mark.anyio


async def test_a_pause_ends_by_itself_or_when_it_is_told_to():
    told = asyncio.Event()
    assert not await pause(told, 0.01)
    asyncio.get_running_loop().call_later(0.01, told.set)
    assert await pause(told, None)
    assert await pause(told, 0)


@pytest.mark.parametrize("steps", range(6))
async def test_a_cancellation_at_the_very_moment_of_the_end_is_not_lost(steps):
    told, after = asyncio.Event(), []

    async def loop():
        await pause(told, 10)
        after.append("went on")
        await asyncio.Event().wait()

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    told.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=2)
    assert task in done, "the cancellation was lost"
    assert task.cancelled()
