"""What every limiter promises, and what becomes of Redis's when Redis is gone."""

import asyncio
import time
from uuid import uuid4

import pytest

from tidings.adapters.embedded.limits import LocalLimiter
from tidings.adapters.redis.limits import RedisLimiter
from tidings.adapters.redis.link import Link
from tidings.domain.users import Budget

pytestmark = pytest.mark.anyio
SLOW = Budget(name="b", tries=5, seconds=60)


@pytest.fixture(params=["local", "redis"])
async def limiter(request):
    local = LocalLimiter(time.monotonic)
    if request.param == "local":
        yield local
        return
    link = Link(request.getfixturevalue("redis_server").url, time.monotonic, patience=20.0)
    yield RedisLimiter(link, local)
    await link.aclose()


async def test_of_many_tries_at_once_as_many_win_as_are_left(limiter):
    key = uuid4().hex
    answers = await asyncio.gather(*(limiter.spend(SLOW, key) for _ in range(30)))
    assert answers.count(None) == 5
    assert all(0 < wait <= 12.001 for wait in answers if wait is not None)
    assert await limiter.spend(SLOW, uuid4().hex) is None
    other = Budget(name="other", tries=1, seconds=60)
    assert await limiter.spend(other, key) is None


async def test_a_try_that_was_rightful_comes_back(limiter):
    key = uuid4().hex
    for _ in range(5):
        assert await limiter.spend(SLOW, key) is None
    await limiter.give_back(SLOW, key)
    assert await limiter.spend(SLOW, key) is None
    assert await limiter.spend(SLOW, key) is not None
    await limiter.give_back(SLOW, uuid4().hex)


async def test_tries_come_back_one_by_one(limiter):
    quick, key = Budget(name="quick", tries=2, seconds=0.4), uuid4().hex
    assert [await limiter.spend(quick, key) for _ in range(2)] == [None, None]
    wait = await limiter.spend(quick, key)
    assert wait is not None
    await asyncio.sleep(wait + 0.05)
    assert await limiter.spend(quick, key) is None
    assert await limiter.spend(quick, key) is not None


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
