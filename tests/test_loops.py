"""Background loops: a broken one starts again, and all of them drain."""

import asyncio

import pytest

from tidings.bootstrap import loops
from tidings.bootstrap.loops import Loops

pytestmark = pytest.mark.anyio


async def test_a_loop_that_breaks_is_started_again(monkeypatch):
    monkeypatch.setattr(loops, "FIRST_PAUSE", 0.01)
    runs = []

    async def breaks_once(stop):
        runs.append(1)
        if len(runs) == 1:
            raise ValueError("once")
        await stop.wait()

    running = Loops()
    running.start("x", breaks_once)
    async with asyncio.timeout(5):
        while len(runs) < 2:
            await asyncio.sleep(0.01)
    await running.drain(1)


async def test_draining_waits_for_what_is_in_hand():
    done = []

    async def finishes(stop):
        await stop.wait()
        await asyncio.sleep(0.05)
        done.append(True)

    running = Loops()
    running.start("x", finishes)
    await asyncio.sleep(0)
    await running.drain(2)
    assert done == [True]


async def test_a_loop_that_does_not_end_is_cancelled():
    async def stuck(stop):
        await asyncio.sleep(60)

    running = Loops()
    running.start("x", stuck)
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await running.drain(0.05)
