"""Replies from memory: the same bytes, never stale, never somebody else's."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.adapters.embedded.versions import FileVersions
from tidings.adapters.http.replies import Cached, NearCache, Replies, cached_routes
from tidings.bootstrap.app import create_app, entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import read_settings
from tidings.domain.kernel import Actor, OrganizationId, Permission, Role, UserId

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery staple"


async def _signed_up(client, email):
    account = {"name": "Rowan", "email": email, "password": PASSWORD}
    made = (await client.post("/api/auth/register", json=account)).json()["data"]
    return {"authorization": f"Bearer {made['token']}"}


@pytest.fixture(scope="module", params=["files", "redis"])
async def settings(request, tmp_path_factory):
    """Kept by the files' own versions, and by Redis's."""
    folder = tmp_path_factory.mktemp("replies")
    redis = request.getfixturevalue("redis_server").url if request.param == "redis" else ""
    return read_settings({"TIDINGS_REDIS_URL": redis} if redis else {}, data=folder)


@asynccontextmanager
async def _process(settings):
    """One process of the platform, and a client of it."""
    async with (
        assembled(settings) as container,
        running(container, (), send=False),
        httpx.AsyncClient(transport=httpx.ASGITransport(entrance(container)), base_url="http://t") as client,
    ):
        async with asyncio.timeout(10):
            while await container.versions().of("contacts", OrganizationId(uuid4())) is None:
                await asyncio.sleep(0.02)
        yield container, client


@pytest.fixture(scope="module")
async def process(settings):
    async with _process(settings) as process:
        yield process


@pytest.fixture
def client(process):
    return process[1]


@pytest.fixture
def container(process):
    return process[0]


async def test_the_second_answer_is_the_first_without_asking_again(client, container):
    rowan = await _signed_up(client, f"{uuid4()}@example.org")
    await client.post("/api/contacts", headers=rowan, json={"phone": "+447700900001"})
    first = await client.get("/api/contacts", headers=rowan)
    kept = len(container.near_cache()._kept)
    second = await client.get("/api/contacts", headers=rowan)
    assert (second.content, len(container.near_cache()._kept)) == (first.content, kept)
    different = {name for name in first.headers if first.headers[name] != second.headers.get(name)}
    assert different - {"ratelimit-remaining", "ratelimit-reset"} == {"x-request-id"}


async def test_a_change_is_seen_at_once(client):
    rowan = await _signed_up(client, f"{uuid4()}@example.org")
    for n in range(3):
        made = await client.post("/api/contacts", headers=rowan, json={"phone": f"+44770090001{n}"})
        one = f"/api/contacts/{made.json()['data']['id']}"
        assert len((await client.get("/api/contacts", headers=rowan)).json()["data"]) == n + 1
        assert not (await client.get(one, headers=rowan)).json()["data"]["isFavorite"]
        await client.put(f"{one}/favorite", headers=rowan)
        assert (await client.get(one, headers=rowan)).json()["data"]["isFavorite"]
    await client.delete(one, headers=rowan)
    assert (await client.get(one, headers=rowan)).status_code == 404


async def test_what_another_process_commits_is_seen(client, settings):
    rowan = await _signed_up(client, f"{uuid4()}@example.org")
    assert (await client.get("/api/contacts", headers=rowan)).json()["data"] == []
    async with _process(settings) as (_, their):
        phone = {"phone": "+447700900021"}
        assert (await their.post("/api/contacts", headers=rowan, json=phone)).is_success
    async with asyncio.timeout(5):
        # Files tell at once; news from Redis takes a moment.
        while not (await client.get("/api/contacts", headers=rowan)).json()["data"]:
            await asyncio.sleep(0.01)


async def test_nobody_is_given_what_was_kept_for_another_organisation(client):
    rowan = await _signed_up(client, f"{uuid4()}@example.org")
    eve = await _signed_up(client, f"{uuid4()}@example.org")
    made = await client.post("/api/contacts", headers=rowan, json={"phone": "+447700900031"})
    one = f"/api/contacts/{made.json()['data']['id']}"
    assert (await client.get(one, headers=rowan)).status_code == 200
    assert (await client.get(one, headers=eve)).status_code == 404
    assert (await client.get("/api/contacts", headers=eve)).json()["data"] == []
    assert (await client.get(one)).status_code == 401


async def test_a_role_sees_what_its_rights_allow_whatever_was_kept_for_another(client):
    rowan = await _signed_up(client, f"{uuid4()}@example.org")
    await client.post("/api/contacts", headers=rowan, json={"phone": "+447700900041"})
    whole = (await client.get("/api/contacts", headers=rowan)).json()["data"]
    key = {"name": "reader", "scopes": ["contacts:read"]}
    made = (await client.post("/api/keys", headers=rowan, json=key)).json()["data"]
    reader = {"authorization": f"Bearer {made['key']}"}
    masked = (await client.get("/api/contacts", headers=reader)).json()["data"]
    assert whole[0]["phone"] == "+447700900041"
    assert masked[0]["phone"] != whole[0]["phone"]
    assert (await client.get("/api/campaigns", headers=reader)).status_code == 403


async def test_only_lists_and_single_things_are_kept(container):
    routes = cached_routes(create_app(container))
    assert {"/api/contacts", "/api/contacts/*", "/api/campaigns", "/api/messages/*"} <= set(routes)
    assert routes["/api/contacts"] == Cached(Permission.CONTACTS_READ, "contacts", 300)


class Counted:
    """An application that answers slowly, and counts."""

    def __init__(self, status=200):
        self.asked, self.status, self.open = 0, status, asyncio.Event()

    async def __call__(self, scope, receive, send):
        self.asked += 1
        await self.open.wait()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"{%d}" % self.asked})


class Still:
    """Versions that never change, unless told to."""

    def __init__(self):
        self.version = "1"

    async def of(self, context, organization):
        return self.version

    async def changed(self, context, organization):
        self.version = None


def _replies(app, versions):
    clock = asyncio.get_running_loop().time
    return Replies(
        app, {"/things": Cached(Permission.CONTACTS_READ, "contacts", 60)}, versions, NearCache(clock)
    )


async def _ask(replies, actor):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/things",
        "query_string": b"",
        "state": {"actor": actor},
    }
    await replies(scope, None, send)
    return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:])


ACTOR = Actor(user_id=UserId(uuid4()), organization_id=OrganizationId(uuid4()), role=Role.OWNER)


async def test_many_who_ask_at_once_cost_one_answer():
    app = Counted()
    replies = _replies(app, Still())
    asking = [asyncio.create_task(_ask(replies, ACTOR)) for _ in range(50)]
    await asyncio.sleep(0)
    app.open.set()
    assert set(await asyncio.gather(*asking)) == {(200, b"{1}")}
    assert app.asked == 1


async def test_a_refusal_is_not_kept():
    app = Counted(status=503)
    app.open.set()
    replies = _replies(app, Still())
    assert [(await _ask(replies, ACTOR))[0] for _ in range(3)] == [503] * 3
    assert app.asked == 3


async def test_when_nobody_knows_the_version_nothing_is_remembered():
    app, versions = Counted(), Still()
    app.open.set()
    replies = _replies(app, versions)
    await _ask(replies, ACTOR)
    versions.version = None
    assert (await _ask(replies, ACTOR))[1] == b"{2}"


async def test_a_context_without_a_file_has_no_version(tmp_path):
    versions = FileVersions({"contacts": tmp_path / "none.db"})
    assert await versions.of("contacts", ACTOR.organization_id) is None
    assert await versions.of("teams", ACTOR.organization_id) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=40), st.integers(1, 5)), max_size=60))
def test_the_near_cache_keeps_to_its_room_and_its_times(steps):
    now = [0.0]
    near, model = NearCache(lambda: now[0], room=200), {}
    for key, value, seconds in steps:
        near.keep(str(key), value, seconds)
        model[str(key)] = (value, now[0] + seconds)
        now[0] += 1
        assert near.size == sum(len(each) + len(name) for name, (each, _) in near._kept.items()) <= 200
        for name, (kept, until) in model.items():
            found = near.read(name)
            assert found is None or (found == kept and until > now[0])
