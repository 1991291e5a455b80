"""A WABA's token is asked for once, and again when it may have changed."""

import asyncio

import pytest

from tidings.adapters.peers.users import TOKEN_LIFE, KeptCredentials
from tidings.domain.errors import Unavailable
from tidings.domain.kernel import WabaId

pytestmark = pytest.mark.anyio
WABA = WabaId("100200300")


class Source:
    def __init__(self):
        self.asked, self.away = 0, False

    async def token(self, waba_id):
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable()
        return f"token {self.asked}"


@pytest.fixture
def kept():
    source, now = Source(), [0.0]
    return KeptCredentials(source, lambda: now[0]), source, now


async def test_many_calls_at_once_ask_once_until_it_has_aged(kept):
    credentials, source, now = kept
    assert set(await asyncio.gather(*(credentials.token(WABA) for _ in range(50)))) == {"token 1"}
    now[0] = TOKEN_LIFE
    assert set(await asyncio.gather(*(credentials.token(WABA) for _ in range(50)))) == {"token 2"}
    assert source.asked == 2


async def test_one_that_stops_waiting_takes_the_answer_from_no_other(kept):
    credentials, _, _ = kept
    first, second = (asyncio.create_task(credentials.token(WABA)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "token 1"


async def test_what_fails_is_said_to_all_and_asked_again(kept):
    credentials, source, _ = kept
    source.away = True
    found = await asyncio.gather(*(credentials.token(WABA) for _ in range(3)), return_exceptions=True)
    assert {type(each) for each in found} == {Unavailable}
    source.away = False
    assert await credentials.token(WABA) == "token 2"
