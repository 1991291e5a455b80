"""Every example does what it says."""

import asyncio
import csv
import importlib.util
import sqlite3
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
import pytest
from sqlalchemy import func, select

from tests.shapes.topology import running as processes
from tests.test_library import PASSWORD, approved, soon
from tidings import Tidings
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.mysql import teams as ours
from tidings.adapters.sandbox.director import Inbound
from tidings.application.campaigns import NewCampaign
from tidings.application.contacts.people import NewContact
from tidings.application.users import NewApiKey, NewWaba
from tidings.application.whatsapp.threads import ConversationWish
from tidings.blocking import Tidings as Blocking
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.library import tidings_of
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import read_settings
from tidings.domain.campaigns import Fill
from tidings.testing.contracts.bus import BusContract
from tidings.testing.contracts.bus_failures import BusFailuresContract
from tidings.testing.contracts.buses import Clock
from tidings.testing.contracts.teams import TeamsContract

SCOPES = (
    "contacts:read",
    "contacts:write",
    "conversations:read",
    "conversations:write",
    "conversations:all",
    "messages:read",
    "wabas:read",
    "contacts:reveal",
    "templates:read",
    "templates:write",
    "campaigns:read",
    "campaigns:write",
    "campaigns:launch",
)
EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name):
    """The example as a module."""
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_example_is_run_here():
    here = Path(__file__).read_text()
    names = {path.stem for path in EXAMPLES.glob("*.py")} - {"make_contacts"}
    assert names == {name for name in names if f'example("{name}")' in here}


@pytest.mark.anyio
async def test_a_fastapi_shop_tells_people_that_their_order_is_packed(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_DATA", str(tmp_path))
    shop = example("fastapi_shop")
    order = {"phone": "+447700900001", "first_name": "Ada"}
    transport = httpx.ASGITransport(shop.app)
    async with (
        shop.lifespan(shop.app),
        httpx.AsyncClient(transport=transport, base_url="http://shop") as client,
    ):

        async def accepted():
            reply = await client.post("/orders/1042/packed", json=order)
            return reply.json() if reply.status_code == 202 else None

        told = await soon(accepted)
        assert (await client.post("/orders/1042/packed", json=order)).json() == told

        async def read():
            found = (await client.get(f"/messages/{told['message']}")).json()
            return found if found["state"] in ("delivered", "read") else None

        assert (await soon(read))["timeline"]
        wrong = await client.post("/orders/1043/packed", json={"phone": "nonsense", "first_name": "Ada"})
        assert (wrong.status_code, wrong.json()["faults"][0]["field"]) == (400, "to")
        assert (await client.get("/messages/018f4e2a-7c1b-7def-8a90-1234567890ab")).status_code == 404


@dataclass(frozen=True)
class Service:
    """A platform in a process of its own, and an API key there."""

    url: str
    key: str
    graph: httpx.Client
    """Its sandbox."""


@contextmanager
def _service(folder):
    with processes(folder, apart=False) as platform:
        url = str(platform.api.base_url)
        with Blocking.remote(url) as t:
            me = t.sign_up("Rowan", "rowan@example.org", PASSWORD)
            (account,) = platform.graph.get("/_sandbox/state").json()["accounts"]
            t.wabas.connect(me, NewWaba(waba_id=account["wabaId"], access_token=account["accessToken"]))
            platform.until(lambda: t.messages.numbers(me), "the organisation's number")
            key = t.api_keys.create(me, NewApiKey(name="examples", scopes=SCOPES)).key
        yield Service(url, key, platform.graph)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with _service(tmp_path_factory.mktemp("service")) as made:
        yield made


def test_a_django_clinic_takes_people_in(service, monkeypatch):
    monkeypatch.setenv("CLINIC_TIDINGS", service.url)
    monkeypatch.setenv("CLINIC_KEY", service.key)
    clinic = example("django_clinic")
    from django.test import Client

    client = Client()
    ada = {"phone": "+447700900009", "name": "Ada"}
    assert client.post("/people", ada).status_code == 201
    assert client.post("/people", ada).json() == {"known": True}
    wrong = client.post("/people", {"phone": "nonsense"})
    assert (wrong.status_code, list(wrong.json()["faults"])) == (400, ["phone"])
    clinic.tidings.cache_clear()


def test_a_platform_at_an_address_does_what_the_model_says(tmp_path, capsys):
    # Of its own: the messages of its campaigns stay, and other examples count what was said.
    with _service(tmp_path) as service:
        example("try_the_platform").main(service.url, service.key, 2, 12)
    assert "everything as it must be" in capsys.readouterr().out


def test_a_nightly_import_says_what_happened_and_changes_nothing_twice(service, tmp_path, capsys):
    nightly = example("nightly_import")
    people = tmp_path / "people.csv"
    people.write_text("phone,firstName\n+447700900011,Ada\n+447700900012,Grace\nnonsense,Nobody\n")
    assert nightly.bring_in(people, service.url, service.key) == 1
    assert capsys.readouterr().out == "3 rows: 2 new, 0 changed, 1 refused\n"
    with (tmp_path / "people.csv.errors.csv").open() as file:
        assert [row["field"] for row in csv.DictReader(file)] == ["phone"]
    assert nightly.bring_in(people, service.url, service.key) == 1
    assert capsys.readouterr().out == "3 rows: 0 new, 0 changed, 1 refused\n"


async def _is_answered_and_passed_on(bot, t, me, write):
    """The bot at work while two people write; what came of both."""
    (number,) = await soon(lambda: t.messages.numbers(me))
    at_work = asyncio.create_task(bot.answer(t, me, seconds=60.0))
    for phone, text in (("+447700900001", "When do you open?"), ("+447700900002", "I lost my hat")):
        await write(
            {"phone": phone, "phoneNumberId": number.phone_number_id, "text": text, "name": "A person"}
        )

    async def answered():
        said = (await t.messages.page(me)).items
        return said if len(said) == 2 else None

    said = {each.to: each.content.body for each in await soon(answered, 60)}
    assert list(said.values()).count(bot.HOURS) == list(said.values()).count(bot.PASSED_ON) == 1

    async def handed():
        found = (await t.conversations.page(me, ConversationWish())).items
        return [each.last_text for each in found if each.handed_off]

    assert await soon(handed, 60) == [bot.PASSED_ON]
    at_work.cancel()


@pytest.mark.anyio
async def test_a_bot_in_the_same_process_answers_what_it_can_and_passes_the_rest_on(tmp_path):
    async with assembled(read_settings({}, data=tmp_path)) as container, running(container):
        t = tidings_of(container)
        me = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)

        async def write(said):
            container.sandbox().director.hear(msgspec.convert(said, Inbound))

        await _is_answered_and_passed_on(example("answering_bot"), t, me, write)


@pytest.mark.anyio
async def test_a_bot_elsewhere_does_so_too(service):
    async def write(said):
        reply = await asyncio.to_thread(service.graph.post, "/_sandbox/inbound", json=said)
        assert reply.is_success

    async with Tidings.remote(service.url, service.key) as t:
        await _is_answered_and_passed_on(example("answering_bot"), t, await t.operator(), write)


class TestDepartments(TeamsContract):
    """The contract, on the store of the example."""

    @pytest.fixture
    async def stores(self, tmp_path):
        database = sqlite_database(tmp_path / "teams.db")
        await database.create(ours.metadata)
        module = example("own_teams")
        await database.create(module.metadata)
        begin, read = module.departments_in(database, utcnow, uuid7)
        yield type("Stores", (), {"begin": staticmethod(begin), "read": staticmethod(read)})
        await database.close()


class TestPostgresTeams(TeamsContract):
    """The contract, on PostgreSQL."""

    @pytest.fixture
    async def stores(self, postgres_url):
        module = example("postgres_teams")
        database = module.postgres_database(postgres_url)
        await module.prepare(database)
        begin, read = module.teams_in_postgres(database, utcnow, uuid7)
        yield type("Stores", (), {"begin": staticmethod(begin), "read": staticmethod(read)})
        await database.close()


@pytest.mark.anyio
async def test_teams_are_kept_in_postgresql(tmp_path, postgres_url):
    """Kept there, and told from there: its outbox is emptied by the relay of the platform."""
    module = example("postgres_teams")
    code = await module.main(postgres_url, tmp_path)
    database = module.postgres_database(postgres_url)

    async def all_told():
        async with database.reading() as connection:
            return not await connection.scalar(select(func.count()).select_from(ours.outbox))

    try:
        async with database.reading() as connection:
            named = await connection.scalar(select(ours.teams.c.name).where(ours.teams.c.id == UUID(code)))
        assert named == "Front desk"
        # A stop may come before the relay: what was not told waits, and is told at the next start.
        async with Tidings.embedded(tmp_path, instead=module.kept_in(postgres_url)):
            await soon(all_told)
        async with database.begin() as connection:
            first = module.PostgresInbox(connection, ours.inbox, utcnow)
            event = uuid7()
            assert [await first.first_time("g", event) for _ in range(2)] == [True, False]
    finally:
        await database.close()


class OnRedis:
    """A Redis as a place on which processes start, crash and stop."""

    def __init__(self, server):
        self.clock, self.server, self.prefix = Clock(), server, f"t{uuid7().hex}"

    async def process(self):
        return example("redis_bus").RedisBus(self.server.url, uuid7().hex, self.prefix)

    async def crash(self, bus):
        tasks = [task for each in bus.consumers for task in each.tasks]
        tasks += [bus.keeper] if bus.keeper else []
        await example("redis_bus").ended(tasks)
        bus.consumers.clear()
        bus.held.clear()
        bus.keeper = None
        bus.me = "nobody"

    async def freeze(self):
        self.server.freeze()

    async def thaw(self):
        self.server.thaw()


class UsesRedis:
    @pytest.fixture
    def place(self, redis_server):
        return OnRedis(redis_server)


class TestRedisBus(UsesRedis, BusContract):
    """The contract, on the engine of the example."""


class TestRedisBusFailures(UsesRedis, BusFailuresContract):
    pass


@pytest.mark.anyio
async def test_events_go_over_redis(tmp_path, redis_server):
    """A whole platform on it: a campaign is sent and read."""
    module = example("redis_bus")
    assert await module.main(redis_server.url, tmp_path / "team", "example")

    def bus(container):
        return module.RedisBus(redis_server.url, uuid7().hex, "campaign")

    async with Tidings.embedded(tmp_path, instead={"bus": bus}) as t:
        me = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
        template = await approved(t, me)
        for n in range(5):
            await t.contacts.add(me, NewContact(phone=f"+4477009000{n:02}", country_code="+44"))
        fill = {"body.1": Fill(field="firstName", fallback="there")}
        new = NewCampaign(name="News", template_id=template.id, parameters=fill)
        campaign = await t.campaigns.create(me, new)
        await t.campaigns.launch(me, campaign.id)

        async def told():
            totals = (await t.campaigns.get(me, campaign.id)).totals
            return totals.planned == 5 and totals.delivered + totals.read + totals.failed > 0

        await soon(told, 60)


@pytest.mark.anyio
async def test_teams_are_departments(tmp_path):
    code = await example("own_teams").main(tmp_path)
    with sqlite3.connect(tmp_path / "teams.db") as database:
        assert database.execute("SELECT code, title FROM departments").fetchall() == [(code, "Front desk")]
        assert database.execute("SELECT count(*) FROM teams").fetchone() == (0,)
