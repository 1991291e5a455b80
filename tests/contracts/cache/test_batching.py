"""Commands that are asked for together go together, and whoever waits is told when there is no answer."""

import asyncio
import time
from uuid import uuid4

import pytest

from tidings.adapters.redis.batching import MOST, Batches
from tidings.adapters.redis.link import Link, NoAnswer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def batches(redis_server):
    link = Link(redis_server.url, time.monotonic, patience=20.0)
    yield Batches(link)
    await link.aclose()


async def test_everybody_gets_the_answer_to_their_own_command(batches):
    key, many = uuid4().hex, 3 * MOST
    trips = []
    ask = batches.link.ask

    async def counted(command):
        trips.append(command)
        return await ask(command)

    batches.link = type("Counted", (), {"ask": staticmethod(counted)})
    await asyncio.gather(*(batches.ask(lambda line, n=n: line.set(f"{key}{n}", n)) for n in range(many)))
    assert len(trips) == 3
    found = await asyncio.gather(*(batches.ask(lambda line, n=n: line.get(f"{key}{n}")) for n in range(many)))
    assert [int(each) for each in found] == list(range(many))


async def test_one_who_goes_away_takes_nothing_from_the_others(batches):
    key = uuid4().hex
    gone = asyncio.create_task(batches.ask(lambda line: line.set(key, "1")))
    stays = asyncio.create_task(batches.ask(lambda line: line.get(key)))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == b"1"


async def test_nobody_waits_for_ever_where_nothing_answers():
    batches = Batches(Link("redis://127.0.0.1:1/0", time.monotonic))
    asked = [batches.ask(lambda line: line.get("x")) for _ in range(2 * MOST)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(each) for each in told} == {NoAnswer}
