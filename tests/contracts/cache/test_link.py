"""How long Redis is waited for, and when it is left alone."""

import asyncio
import time

import pytest

from tidings.adapters.redis.link import Link, NoAnswer

pytestmark = pytest.mark.anyio


async def nothing(_):
    await asyncio.Event().wait()


async def something(_):
    return b"1"


async def held_up(_):
    time.sleep(0.15)  # noqa: ASYNC251 - that the loop stands still is what happens here
    await asyncio.Event().wait()


async def asked(link, command):
    with pytest.raises(NoAnswer):
        await link.ask(command)


async def test_one_silence_is_enough_to_leave_redis_alone():
    link = Link("redis://127.0.0.1:1/0", time.monotonic, patience=0.05)
    await asked(link, nothing)
    assert not link.open


async def test_redis_is_not_blamed_for_a_loop_that_stood_still_unless_it_happens_again():
    link = Link("redis://127.0.0.1:1/0", time.monotonic, patience=0.05)
    await asked(link, held_up)
    assert link.open
    assert await link.ask(something) == b"1"
    await asked(link, held_up)
    assert link.open
    await asked(link, held_up)
    assert not link.open
