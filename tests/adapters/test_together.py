"""Whoever asks while others are being answered goes with the next trip."""

import asyncio

import pytest

from tidings.adapters.together import Abandoned, Together

pytestmark = pytest.mark.anyio


class Oracle:
    def __init__(self):
        self.trips, self.speaks = [], asyncio.Event()
        self.speaks.set()

    async def __call__(self, questions):
        self.trips.append(list(questions))
        await self.speaks.wait()
        if "all" in questions:
            raise OSError("gone")
        return [KeyError(each) if each == "one" else each.upper() for each in questions]


@pytest.fixture
def oracle():
    return Oracle()


async def test_who_asks_at_the_same_moment_goes_together_and_the_rest_next(oracle):
    together = Together(oracle, most=3)
    oracle.speaks.clear()
    asked = [asyncio.create_task(together.ask(each)) for each in "abcdefgh"]
    await asyncio.sleep(0.01)
    oracle.speaks.set()
    assert await asyncio.gather(*asked) == list("ABCDEFGH")
    assert oracle.trips == [["a", "b", "c"], ["d", "e", "f"], ["g", "h"]]


async def test_a_failure_of_one_is_theirs_alone_and_one_of_all_is_everybodys(oracle):
    together = Together(oracle, most=10)
    told = await asyncio.gather(together.ask("one"), together.ask("two"), return_exceptions=True)
    assert [repr(each) for each in told] == ["KeyError('one')", "'TWO'"]
    told = await asyncio.gather(together.ask("all"), together.ask("two"), return_exceptions=True)
    assert [type(each) for each in told] == [OSError, OSError]
    assert await together.ask("two") == "TWO"


async def test_who_goes_away_takes_nothing_from_the_others(oracle):
    together = Together(oracle, most=10)
    gone, stays = (asyncio.create_task(together.ask(each)) for each in ("gone", "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == "STAYS"


async def test_whoever_waits_at_the_end_is_told(oracle):
    together = Together(oracle, most=1)
    oracle.speaks.clear()
    asked = [asyncio.create_task(together.ask(each)) for each in "abc"]
    await asyncio.sleep(0.01)
    await together.aclose()
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(each) for each in told} == {Abandoned}
