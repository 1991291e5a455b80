"""Our own limiters, and what becomes of Redis's when Redis is gone."""

import asyncio
import time
from uuid import uuid4

import pytest

from tidings.adapters.embedded.limits import LocalLimiter
from tidings.adapters.redis.limits import RedisLimiter
from tidings.adapters.redis.link import Link
from tidings.testing.contracts.limiters import SLOW, LimiterContract

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["local", "redis"])
async def limiter(request):
    local = LocalLimiter(time.monotonic)
    if request.param == "local":
        yield local
        return
    link = Link(request.getfixturevalue("redis_server").url, time.monotonic, patience=20.0)
    yield RedisLimiter(link, local)
    await link.aclose()


class TestLimiter(LimiterContract):
    pass


async def test_several_processes_share_one_budget(redis_server):
    links = [Link(redis_server.url, time.monotonic, patience=20.0) for _ in range(3)]
    limiters = [RedisLimiter(link, LocalLimiter(time.monotonic)) for link in links]
    key = uuid4().hex
    answers = await asyncio.gather(*(each.spend(SLOW, key) for each in limiters for _ in range(6)))
    assert answers.count(None) == 5
    for link in links:
        await link.aclose()


async def test_without_redis_each_process_counts_for_itself_and_never_says_yes_to_all():
    link = Link("redis://127.0.0.1:1/0", time.monotonic)
    limiter = RedisLimiter(link, LocalLimiter(time.monotonic))
    key = uuid4().hex
    answers = [await limiter.spend(SLOW, key) for _ in range(20)]
    assert answers.count(None) == 5
    await limiter.give_back(SLOW, key)
    assert await limiter.spend(SLOW, key) is None
    await link.aclose()
