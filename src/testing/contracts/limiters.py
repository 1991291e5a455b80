"""What every limiter promises: as many tries as there are, and they come back one by one."""

import asyncio
from uuid import uuid4

import pytest

from tidings.application.ports.users import Limiter
from tidings.domain.users import Budget

SLOW = Budget(name="b", tries=5, seconds=60)


@pytest.mark.anyio
class LimiterContract:
    """Subclass it beside a fixture `limiter` that gives a `Limiter` of your own, on the real clock."""

    async def test_of_many_tries_at_once_as_many_win_as_are_left(self, limiter: Limiter) -> None:
        key = uuid4().hex
        answers = await asyncio.gather(*(limiter.spend(SLOW, key) for _ in range(30)))
        assert answers.count(None) == 5
        assert all(0 < wait <= 12.001 for wait in answers if wait is not None)
        assert await limiter.spend(SLOW, uuid4().hex) is None
        other = Budget(name="other", tries=1, seconds=60)
        assert await limiter.spend(other, key) is None

    async def test_a_try_that_was_rightful_comes_back(self, limiter: Limiter) -> None:
        key = uuid4().hex
        for _ in range(5):
            assert await limiter.spend(SLOW, key) is None
        await limiter.give_back(SLOW, key)
        assert await limiter.spend(SLOW, key) is None
        assert await limiter.spend(SLOW, key) is not None
        await limiter.give_back(SLOW, uuid4().hex)

    async def test_tries_come_back_one_by_one(self, limiter: Limiter) -> None:
        quick, key = Budget(name="quick", tries=2, seconds=0.4), uuid4().hex
        assert [await limiter.spend(quick, key) for _ in range(2)] == [None, None]
        wait = await limiter.spend(quick, key)
        assert wait is not None
        await asyncio.sleep(wait + 0.05)
        assert await limiter.spend(quick, key) is None
        assert await limiter.spend(quick, key) is not None
