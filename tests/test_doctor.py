"""`tidings doctor`: each thing that can be in the way is named, with what to do."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from types import SimpleNamespace
from uuid import uuid4

import pytest

from tests.test_observing import at_work, eventually, httpx
from tidings.adapters.sandbox.server import Sandbox
from tidings.adapters.sandbox.settings import SandboxSettings
from tidings.bootstrap.assembly import SandboxAccounts
from tidings.bootstrap.demo import free_port
from tidings.bootstrap.doctor import Health, examined, of_bad_settings
from tidings.bootstrap.settings import BadSettings, read_settings
from tidings.domain.events import OrganizationCreated

pytestmark = pytest.mark.anyio
GOOD, WEAK, BAD = Health


async def doctor(tmp_path, **environment):
    """What it found, by what was looked at."""
    try:
        found = await examined(read_settings(environment, data=tmp_path / "data"))
    except BadSettings as error:
        found = of_bad_settings(error)
    for each in found:
        assert each.said
        assert bool(each.remedy) == (each.health is not GOOD), each
    return {each.what: each for each in found}


def health(found, beginning):
    return {each.health for what, each in found.items() if what.startswith(beginning)}


async def test_a_new_folder_is_in_order_and_stays_empty(tmp_path):
    found = await doctor(tmp_path, TIDINGS_BASE_URL=f"http://127.0.0.1:{free_port()}")
    assert health(found, "tables of") == health(found, "TIDINGS_") == health(found, "folder") == {GOOD}
    assert health(found, "callback") == {WEAK}
    assert not list((tmp_path / "data").glob("*.db"))


async def test_looking_leaves_the_file_of_the_sandbox_alone(tmp_path):
    """A platform at work beside it has the newer one."""
    kept = tmp_path / "data" / "sandbox.json"
    kept.parent.mkdir()
    sandbox = Sandbox(SandboxSettings(snapshot=str(kept)))
    sandbox.open_account()
    sandbox.save()
    before = kept.stat()
    await doctor(tmp_path)
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_an_account_of_the_sandbox_is_in_its_file_before_we_hold_its_token(tmp_path):
    """A kill between the two would leave a token that the sandbox has never given."""
    kept = tmp_path / "sandbox.json"
    sandbox = Sandbox(SandboxSettings(snapshot=str(kept)))

    class Wabas:
        async def of(self, organization_id):
            return ()

        async def connect(self, actor, new):
            assert new.access_token in kept.read_text()

    container = SimpleNamespace(
        wabas=Wabas, settings=lambda: SimpleNamespace(app_secrets=["a secret of the app"])
    )
    event = OrganizationCreated(organization_id=uuid4(), owner_id=uuid4(), name="Hale Parcels")
    await SandboxAccounts(sandbox, container).organization_created(uuid4(), event)
    assert kept.exists()


async def test_a_platform_at_work_is_found_well_and_what_is_wrong_with_it_is_named(tmp_path):
    port = free_port()
    here = {"TIDINGS_BASE_URL": f"http://127.0.0.1:{port}"}
    with at_work(tmp_path, "serve", "--port", str(port), **here):
        with httpx.Client(base_url=here["TIDINGS_BASE_URL"]) as client:
            eventually(lambda: client.get("/ready").status_code == 200)
            person = {"name": "Rowan", "email": "rowan@example.org", "password": "correct horse battery"}
            token = client.post("/api/auth/register", json=person).json()["data"]["token"]
            client.headers["authorization"] = f"Bearer {token}"
            eventually(lambda: client.get("/api/numbers").json()["data"])
        found = await doctor(tmp_path, **here)
        assert [each for each in found.values() if each.health is not GOOD] == []
        assert health(found, "WhatsApp Business Account") == {GOOD}
        other = await doctor(tmp_path, TIDINGS_VERIFY_TOKEN="another", **here)
        assert "TIDINGS_VERIFY_TOKEN" in next(
            each.remedy for what, each in other.items() if what.startswith("callback")
        )
    with sqlite3.connect(tmp_path / "data" / "contacts.db") as tables:
        tables.execute("UPDATE contacts_schema SET version_num = '0000'")
    command = [sys.executable, "-m", "tidings", "doctor", "--json", "--data", str(tmp_path / "data")]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    said = {each["what"]: each["health"] for each in json.loads(done.stdout)}
    assert (done.returncode, said["tables of contacts"]) == (1, "bad")


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"TIDINGS_SIGNING_KEYS": "short"}, "TIDINGS_SIGNING_KEYS"),
        ({"DB_HOST": "127.0.0.1", "DB_PORT": "1"}, "tables of users"),
        ({"RABBITMQ_URL": "amqp://guest:guest@127.0.0.1:1/"}, "RabbitMQ"),
        ({"TIDINGS_NONSENSE": "1"}, "settings"),
        ({"TIDINGS_PROXIES": "nowhere"}, "TIDINGS_PROXIES"),
    ],
    ids=["key", "database", "broker", "variable", "network"],
)
async def test_what_is_broken_is_bad(tmp_path, environment, what):
    assert (await doctor(tmp_path, **environment))[what].health is BAD


async def test_a_cache_that_is_away_is_weak(tmp_path):
    assert (await doctor(tmp_path, REDIS_URL="redis://127.0.0.1:1/0"))["Redis"].health is WEAK


async def test_an_address_that_meta_would_not_call_is_weak(tmp_path):
    given = {"TIDINGS_GRAPH_URL": "http://127.0.0.1:1", "TIDINGS_BASE_URL": "http://tidings.example"}
    assert (await doctor(tmp_path, **given))["TIDINGS_BASE_URL"].health is WEAK
