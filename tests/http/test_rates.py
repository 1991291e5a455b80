"""How often one may ask: by bearer, organisation and address, told in headers, shared by processes."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from msgspec.structs import replace

from tests.http.checked import ACCOUNT
from tidings.adapters.http.rates import WINDOW, Limits, Rates
from tidings.adapters.redis.link import Link
from tidings.adapters.redis.rates import RedisCounts
from tidings.bootstrap.app import entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import Settings
from tidings.domain.kernel import Actor, OrganizationId, Role, UserId

pytestmark = pytest.mark.anyio
SOME = Limits(bearer=5, organization=8, address=3)


class Clock:
    """Begins with a minute."""

    def __init__(self):
        self.time = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)

    def __call__(self):
        return self.time

    def pass_by(self, seconds):
        self.time += timedelta(seconds=seconds)


def somebody(organization=None, *, session=True):
    return Actor(
        user_id=UserId(uuid4()),
        organization_id=organization or OrganizationId(uuid4()),
        role=Role.MEMBER,
        session_id=uuid4() if session else None,
    )


def refused(rates, times, actor=None, bearer=b"", origin=""):
    standings = [rates.count(actor, bearer, origin) for _ in range(times)]
    return [each.refusal is not None for each in standings]


def test_a_person_is_one_whatever_the_token_and_the_next_minute_begins_anew():
    clock = Clock()
    rates, person = Rates(SOME, clock), somebody()
    clock.pass_by(20)
    first = rates.count(person, b"Bearer one", "192.0.2.1")
    assert (first.limit, first.left, first.reset) == (5, 4, 40)
    assert dict(first.headers) == {
        b"ratelimit-limit": b"5",
        b"ratelimit-remaining": b"4",
        b"ratelimit-reset": b"40",
    }
    again = replace(person, session_id=uuid4())
    assert refused(rates, 5, again, b"Bearer two", "192.0.2.2") == [False] * 4 + [True]
    assert rates.count(person, b"Bearer two", "").refusal.retry_after == 40
    clock.pass_by(40)
    assert refused(rates, 6, person) == [False] * 5 + [True]


def test_each_api_key_has_its_own_and_the_organisation_one_for_all():
    rates, home = Rates(SOME, Clock()), OrganizationId(uuid4())
    owner = somebody(home, session=False)
    assert refused(rates, 6, owner, b"Bearer key one") == [False] * 5 + [True]
    assert refused(rates, 3, owner, b"Bearer key two") == [False, False, True]
    assert refused(rates, 1, somebody()) == [False]


def test_without_a_good_bearer_the_address_counts():
    rates = Rates(SOME, Clock())
    assert refused(rates, 4, origin="192.0.2.1") == [False] * 3 + [True]
    assert refused(rates, 1, origin="192.0.2.2") == [False]
    assert refused(rates, 2, origin="2001:db8::1") == [False] * 2
    assert refused(rates, 2, origin="2001:db8::ffff:2") == [False, True]
    assert refused(rates, 1, origin="2001:db8:0:1::1") == [False]
    assert refused(rates, 1, origin="::ffff:192.0.2.1") == [True]


def test_what_has_no_limit_is_not_counted():
    rates = Rates(Limits(bearer=0, organization=0, address=0), Clock())
    assert rates.count(somebody(), b"", "") is None
    assert rates.count(None, b"", "192.0.2.1") is None
    assert Rates(SOME, Clock()).count(None, b"", "") is None


async def test_processes_that_share_a_redis_count_together(redis_server):
    links = [Link(redis_server.url, time.monotonic, patience=20.0) for _ in range(2)]
    one, two = (Rates(SOME, Clock(), RedisCounts(link)) for link in links)
    person = somebody()
    assert refused(one, 3, person) == refused(two, 1, person) + [False] * 2
    await one.tell()
    await two.tell()
    assert two.count(person, b"", "").left == 0
    assert one.count(person, b"", "").left == 1, "what it has not heard of yet"
    stop = asyncio.Event()
    telling = [asyncio.create_task(each.run(stop)) for each in (one, two)]
    await asyncio.sleep(1.2)
    assert refused(one, 1, person) == refused(two, 1, person) == [True]
    stop.set()
    await asyncio.gather(*telling, *(link.aclose() for link in links))


async def test_without_redis_each_process_counts_its_own():
    link = Link("redis://127.0.0.1:1/0", time.monotonic)
    rates, person = Rates(SOME, Clock(), RedisCounts(link)), somebody()
    assert refused(rates, 3, person) == [False] * 3
    await rates.tell()
    assert refused(rates, 3, person) == [False, False, True]
    await link.aclose()


async def test_over_http_the_answer_says_how_many_are_left_and_then_no(tmp_path):
    settings = Settings(data=tmp_path, rate_bearer=4, rate_address=3)
    async with assembled(settings) as container, running(container, (), send=False):
        container.rates().now = Clock()
        transport = httpx.ASGITransport(entrance(container), client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            made = await client.post("/api/auth/register", json=ACCOUNT)
            assert made.headers["ratelimit-remaining"] == "2"
            bearer = {"authorization": f"Bearer {made.json()['data']['token']}"}
            answers = [await client.get("/api/contacts", headers=bearer) for _ in range(5)]
            assert [each.status_code for each in answers] == [200] * 4 + [429]
            assert [each.headers["ratelimit-remaining"] for each in answers] == ["3", "2", "1", "0", "0"]
            last = answers[-1]
            assert last.headers["ratelimit-limit"] == "4"
            assert 0 < int(last.headers["retry-after"]) <= WINDOW
            assert last.headers["x-content-type-options"] == "nosniff"
            error = last.json()["error"]
            assert error["code"] == "TOO_MANY_REQUESTS"
            assert error["requestId"] == last.headers["x-request-id"]
            # A token that is no good counts against the address, as does an address that does not exist.
            bad = [
                await client.get(path, headers={"authorization": "Bearer x"}) for path in ("/api/teams", "/x")
            ]
            assert [each.status_code for each in bad] == [401, 404]
            assert (await client.get("/x")).status_code == 429
            assert {(await client.get("/health")).status_code for _ in range(5)} == {200}
