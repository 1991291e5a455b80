"""Commands of the same moment go to Redis together; how long it is waited for, and when it is left alone."""

import asyncio
import time
from uuid import uuid4

import pytest

from tidings.adapters.redis.link import MEETING, MOST, REST, Link, NoAnswer, within

pytestmark = pytest.mark.anyio
NOWHERE = "redis://127.0.0.1:1/0"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
async def link(redis_server):
    link = Link(redis_server.url, Clock(), patience=20.0)
    yield link
    await link.aclose()


class Slow:
    """A client that has nothing to say before so many seconds are over."""

    def __init__(self, seconds):
        self.seconds = seconds

    def pipeline(self, *, transaction):
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    def __len__(self):
        return 1

    def get(self, name):
        pass

    async def execute(self, *, raise_on_error):
        await asyncio.sleep(self.seconds)
        return [b"1"]

    async def ping(self):
        pass

    async def aclose(self):
        pass


def something(line):
    line.get("something")


async def refused(link):
    with pytest.raises(NoAnswer):
        await link.ask(something)


async def test_everybody_gets_the_answer_to_their_own_commands(link):
    key, many = uuid4().hex, 3 * MOST
    trips, pipeline = [], link.client.pipeline

    def counted(**kwargs):
        trips.append(kwargs)
        return pipeline(**kwargs)

    link.client.pipeline = counted

    def both(line, n):
        line.set(f"{key}{n}", n)
        line.get(f"{key}{n}")

    said = await asyncio.gather(*(link.ask(lambda line, n=n: both(line, n)) for n in range(many)))
    assert [[stored, int(found)] for stored, found in said] == [[True, n] for n in range(many)]
    assert len(trips) == 3


async def test_one_who_goes_away_takes_nothing_from_the_others(link):
    key = uuid4().hex
    gone = asyncio.create_task(link.ask(lambda line: line.set(key, "1")))
    stays = asyncio.create_task(link.ask(lambda line: line.get(key)))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == [b"1"]


async def test_a_refusal_meets_only_who_asked(link):
    key = uuid4().hex
    await link.ask(lambda line: line.set(key, "no number"))
    wrong, right = await asyncio.gather(
        link.ask(lambda line: line.incr(key)), link.ask(lambda line: line.get(key)), return_exceptions=True
    )
    assert isinstance(wrong, NoAnswer)
    assert right == [b"no number"]
    assert link.open


async def test_nobody_waits_for_ever_where_nothing_answers():
    link = Link(NOWHERE, Clock())
    told = await asyncio.gather(*(link.ask(something) for _ in range(2 * MOST)), return_exceptions=True)
    assert {type(each) for each in told} == {NoAnswer}
    await link.aclose()


async def test_whoever_waits_when_the_process_ends_is_told():
    link = Link(NOWHERE, Clock())
    link.client = Slow(seconds=3600)
    waiting = asyncio.create_task(refused(link))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await link.aclose()
    await waiting


async def test_the_first_command_has_time_to_connect_and_the_next_has_not():
    link = Link(NOWHERE, Clock())
    link.client = Slow(seconds=MEETING / 4)
    assert await link.ask(something) == [b"1"]
    await refused(link)
    assert not link.open


async def test_one_silence_is_enough_and_nobody_waits_to_find_out_whether_redis_is_back():
    link = Link(NOWHERE, Clock())
    await refused(link)
    link.client = Slow(seconds=0)
    await refused(link)
    link.clock.now += REST
    assert not link.open
    await refused(link)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert link.open
    assert await link.ask(something) == [b"1"]
    await link.aclose()


async def test_a_redis_that_is_still_away_is_left_alone_again():
    link = Link(NOWHERE, Clock())
    await refused(link)
    for _ in range(3):
        link.clock.now += REST
        await refused(link)
        assert await asyncio.gather(link._looking) == [None]
        assert not link.open
    await link.aclose()


async def test_time_in_which_the_loop_stood_still_is_not_counted():
    async with within(0.05):
        for _ in range(3):
            time.sleep(0.06)  # noqa: ASYNC251 - that the loop stands still is what happens here
            await asyncio.sleep(0)


async def test_silence_is_counted_although_the_loop_stood_still():
    async def silence():
        async with within(0.05):
            time.sleep(0.06)  # noqa: ASYNC251 - the same
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await silence()
