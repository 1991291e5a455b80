"""However many watch a campaign, in however many processes, its tables are looked at once for all of them."""

import asyncio
import time
from uuid import uuid4

import pytest

from tidings.adapters.redis.cache import RedisCache
from tidings.adapters.redis.link import Link
from tidings.application.campaigns.live import FRESH, LiveProgress, Moments
from tidings.domain.campaigns import State, Totals
from tidings.domain.errors import Unavailable
from tidings.domain.kernel import CampaignId

pytestmark = pytest.mark.anyio


class Looks:
    """A campaign of which each look shows one more who was reached."""

    def __init__(self):
        self.count = 0

    async def __call__(self):
        self.count += 1
        await asyncio.sleep(0.01)
        return LiveProgress(state=State.RUNNING, reason=None, totals=Totals(planned=9, read=self.count))


async def test_a_hundred_windows_cost_one_look():
    now = 0.0
    moments, look, id = Moments(None, lambda: now), Looks(), CampaignId(uuid4())
    seen = await asyncio.gather(*(moments.of(id, look) for _ in range(100)))
    assert (look.count, len(set(map(repr, seen)))) == (1, 1)
    now = FRESH / 2
    assert (await moments.of(id, look)).totals.read == 1
    now = FRESH
    assert (await moments.of(id, look)).totals.read == 2
    await moments.of(CampaignId(uuid4()), look)
    assert look.count == 3


async def test_processes_that_share_a_redis_see_the_same(redis_server):
    here, there = (
        Moments(RedisCache(Link(redis_server.url, time.monotonic, patience=20.0)), lambda: 0.0)
        for _ in range(2)
    )
    look, id = Looks(), CampaignId(uuid4())
    first = await here.of(id, look)
    assert await there.of(id, look) == first
    assert look.count == 1
    third = Moments(RedisCache(Link(redis_server.url, time.monotonic, patience=20.0)), lambda: 0.0)
    await asyncio.sleep(FRESH + 0.05)
    assert (await third.of(id, look)).totals.read == 2


async def test_a_look_that_fails_is_told_to_all_who_wait_and_kept_for_nobody():
    moments, look, id = Moments(None, lambda: 0.0), Looks(), CampaignId(uuid4())

    async def away():
        await asyncio.sleep(0.01)
        raise Unavailable

    told = await asyncio.gather(*(moments.of(id, away) for _ in range(3)), return_exceptions=True)
    assert {type(each) for each in told} == {Unavailable}
    assert (await moments.of(id, look)).totals.read == 1


async def test_who_goes_away_takes_nothing_from_the_others():
    moments, look, id = Moments(None, lambda: 0.0), Looks(), CampaignId(uuid4())
    gone, waiting = (asyncio.create_task(moments.of(id, look)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await waiting).totals.read == 1
    assert look.count == 1
