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


async def test_a_broken_loop_is_known_by_name_until_it_works_again(monkeypatch):
    monkeypatch.setattr(loops, "FIRST_PAUSE", 0.1)
    works = asyncio.Event()

    async def loop(stop):
        if not works.is_set():
            raise ValueError("the reason")
        await stop.wait()

    running = Loops()
    running.start("x", loop)
    await asyncio.sleep(0.02)
    assert "the reason" in running.broken["x"]
    works.set()
    async with asyncio.timeout(5):
        while running.broken:
            await asyncio.sleep(0.01)
    await running.drain(1)


async def test_a_cancellation_that_nobody_asked_for_is_a_break_like_any_other(monkeypatch):
    monkeypatch.setattr(loops, "FIRST_PAUSE", 0.01)
    runs = []

    async def loop(stop):
        runs.append(1)
        if len(runs) < 3:
            raise asyncio.CancelledError
        await stop.wait()

    running = Loops()
    running.start("x", loop)
    async with asyncio.timeout(5):
        while len(runs) < 3:
            await asyncio.sleep(0.01)
    await running.drain(1)


async def test_a_loop_that_swallows_its_cancellation_does_not_hold_the_process_up(monkeypatch):
    monkeypatch.setattr(loops, "GRACE", 0.05)
    let_go = asyncio.Event()

    async def stubborn(stop):
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    running = Loops()
    running.start("x", stubborn)
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await running.drain(0.05)
    let_go.set()


async def test_a_loop_that_is_pausing_after_a_break_stops_at_once(monkeypatch):
    monkeypatch.setattr(loops, "FIRST_PAUSE", 5.0)

    async def breaks(stop):
        raise ValueError

    running = Loops()
    running.start("x", breaks)
    await asyncio.sleep(0.02)
    async with asyncio.timeout(1):
        await running.drain(3)


async def test_two_loops_of_one_name_are_a_mistake():
    async def loop(stop):
        await stop.wait()

    running = Loops()
    running.start("x", loop)
    with pytest.raises(ValueError, match="x already"):
        running.start("x", loop)
    await running.drain(1)
