"""The command line: one JSON object when asked for, and one line that says what to do when it cannot."""

import asyncio
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import click
import msgspec
import pytest
from click.testing import CliRunner

from tidings import Tidings
from tidings.adapters.mysql.migrations.running import versions
from tidings.application.campaigns import NewCampaign
from tidings.application.contacts.people import NewContact
from tidings.application.templates import NewTemplate
from tidings.bootstrap.cli import cli
from tidings.domain.campaigns import Fill

PASSWORD = "correct horse battery staple"
TEMPLATE = {
    "name": "opening",
    "language": "en",
    "category": "UTILITY",
    "components": [
        {"type": "BODY", "text": "Hello {{1}}, we open at nine.", "example": {"body_text": [["Ada"]]}}
    ],
}


@pytest.fixture(scope="module")
def signed_up(tmp_path_factory):
    """A data folder with one organisation that has its number."""
    data = tmp_path_factory.mktemp("signed-up") / "data"

    async def sign_up():
        async with Tidings.embedded(data) as t:
            actor = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
            async with asyncio.timeout(20):
                while not await t.messages.numbers(actor):
                    await asyncio.sleep(0.05)

    asyncio.run(sign_up())
    return data


@pytest.fixture
def folder(signed_up, tmp_path):
    """A copy of it, to do with as one likes."""
    return shutil.copytree(signed_up, tmp_path / "data")


def tidings(*words, data=None, **environment):
    command = [sys.executable, "-m", "tidings", *map(str, words)]
    if data is not None:
        command += ["--data", str(data)]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TIDINGS_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=90, env={**clean, **environment})


def answer(*words, data):
    done = tidings(*words, "--json", data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(*words, data=None, **environment):
    done = tidings(*words, data=data, **environment)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.anyio
async def test_from_a_file_of_people_to_a_finished_campaign(folder, tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("firstName,phone,countryCode\nAda,07700 900001,+44\nBen,07700 900002,+44\nBad,12,+44\n")
    report = answer("contacts", "import", people, data=folder)
    assert (report["created"], report["updated"], report["skipped"]) == (2, 0, 0)
    assert [(error["row"], error["field"]) for error in report["errors"]] == [(4, "phone")]
    again = answer("contacts", "import", people, data=folder)
    assert (again["created"], again["updated"]) == (0, 0)
    draft = tmp_path / "template.json"
    draft.write_text(json.dumps(TEMPLATE))
    template = answer("templates", "create", draft, data=folder)
    assert template["status"] == "PENDING"
    plan = tmp_path / "campaign.json"
    fills = {"body.1": {"field": "firstName"}}
    plan.write_text(json.dumps({"name": "News", "templateId": template["id"], "parameters": fills}))
    campaign = answer("campaigns", "create", plan, data=folder)
    assert "PENDING" in refusal("campaigns", "launch", campaign["id"], data=folder)
    await reviewed(folder, template["id"])
    assert answer("campaigns", "launch", campaign["id"], data=folder)["state"] == "planning"
    assert answer("campaigns", "pause", campaign["id"], data=folder)["state"] == "paused"
    assert answer("campaigns", "resume", campaign["id"], data=folder)["state"] == "planning"
    watched = tidings("campaigns", "watch", campaign["id"], data=folder)
    assert watched.returncode == 0, watched.stderr
    assert answer("campaigns", "report", campaign["id"], data=folder)["totals"]["planned"] == 2


async def reviewed(folder, template_id):
    """Keep the platform running until Meta's word on the template has come."""
    async with Tidings.embedded(folder, send=False) as t:
        actor = await t.operator()
        async with asyncio.timeout(30):
            while (await t.templates.get(actor, UUID(template_id))).status != "APPROVED":
                await asyncio.sleep(0.1)


def test_a_file_that_cannot_be_used_is_refused_in_a_line(folder, tmp_path):
    missing = tmp_path / "missing.csv"
    assert "issing.csv cannot be read" in refusal("contacts", "import", missing, data=folder)
    no_phone = tmp_path / "no_phone.csv"
    no_phone.write_text("name,city\nAda,London\n")
    assert "phone" in refusal("contacts", "import", no_phone, data=folder)
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert str(broken) in refusal("templates", "create", broken, data=folder)


def test_an_unknown_campaign_is_refused_in_a_line(folder):
    said = refusal("campaigns", "launch", "018f4e2a-7c1b-7def-8a90-1234567890ab", data=folder)
    assert "no such campaign" in said
    assert "'[bold]nonsense' is no id" in refusal("campaigns", "launch", "[bold]nonsense", data=folder)


def test_a_folder_without_an_organisation_says_so(tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("phone\n+447700900001\n")
    said = refusal("contacts", "import", people, data=tmp_path / "empty")
    assert "register" in said


def test_a_port_in_use_is_said_in_a_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refusal("serve", "--port", port, data=tmp_path / "data")
        assert "--port" in said
        assert "--port" in refusal("sandbox", "--port", port)


def test_a_locked_database_is_said_in_a_line(folder, tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("phone\n+447700900009\n")
    holder = sqlite3.connect(folder / "contacts.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        assert "locked" in refusal("contacts", "import", people, data=folder)
    finally:
        holder.execute("ROLLBACK")
        holder.close()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounting needs root")
def test_a_full_disk_is_said_in_a_line(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        said = refusal("contacts", "import", tmp_path / "x.csv", data=small)
        assert "full" in said
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_wrong_settings_stop_the_start(tmp_path):
    said = refusal("worker", data=tmp_path, TIDINGS_LEESE="4")
    assert "leese" in said
    assert tidings("worker", data=tmp_path, TIDINGS_LEESE="4").returncode == 78


def test_help_and_version_are_there():
    assert "campaigns" in tidings("--help").stdout
    assert "0.1.0" in tidings("--version").stdout


def test_every_endpoint_is_listed_with_what_it_needs():
    found = json.loads(tidings("endpoints", "--json").stdout)
    needs = {(each["method"], each["path"]): each["who"] for each in found}
    assert needs["POST", "/api/contacts"] == "contacts:write"
    assert needs["POST", "/api/auth/login"] == "anybody"
    assert needs["GET", "/api/auth/profile"] == "anybody who is signed in"


def test_what_could_not_be_dealt_with_is_listed_and_delivered_once_more(folder):
    assert answer("letters", "list", "contacts", data=folder) == []
    assert answer("letters", "redrive", "contacts", data=folder) == {"redriven": 0}

    async def fail():
        """An event of a type that nobody knows."""
        from tidings.application.ports.bus import Envelope, Subscription
        from tidings.application.relay import listener
        from tidings.bootstrap.assembly import assembled
        from tidings.bootstrap.platform import Platform
        from tidings.bootstrap.settings import read_settings

        async with assembled(read_settings({}, data=folder)) as container:
            platform = Platform(container)
            await platform.open()
            bus, now = container.bus(), container.now()()
            subscription = Subscription(group="contacts", types=("strange.v1",))
            await bus.subscribe(subscription, listener({}, lambda error: None))
            id = container.new_id()()
            strange = Envelope(
                id=id,
                type="strange.v1",
                key="k",
                organization_id=id,
                occurred_at=now,
                body=b'{"type":"strange.v1"}',
            )
            await bus.publish([strange])
            async with asyncio.timeout(20):
                while not await bus.dead_letters("contacts"):
                    await asyncio.sleep(0.05)
            await platform.close()
            return str(id)

    id = asyncio.run(fail())
    (letter,) = answer("letters", "list", "contacts", data=folder)
    assert (letter["id"], letter["type"], letter["event"]) == (id, "strange.v1", {"type": "strange.v1"})
    assert tidings("letters", "redrive", "contacts", "nonsense", data=folder).returncode == 1
    assert answer("letters", "redrive", "contacts", id, data=folder) == {"redriven": 1}
    assert answer("letters", "list", "contacts", data=folder) == []


def test_webhooks_that_were_set_aside_are_listed_and_applied_once_more(folder):
    assert answer("webhooks", "list", data=folder) == []

    async def set_aside():
        from tidings.bootstrap.assembly import assembled
        from tidings.bootstrap.settings import read_settings

        async with assembled(read_settings({}, data=folder)) as container:
            async with container.whatsapp_begin()() as work:
                await work.webhooks.set_aside("body", "a bug of ours", b"{}", container.now()())
                await work.webhooks.set_aside("messages", "no organisation has 9", b"{}", container.now()())
            await container.whatsapp_database().close()

    asyncio.run(set_aside())
    stray, body = answer("webhooks", "list", data=folder)
    assert (stray["reason"], body["where"], body["raw"]) == ("no organisation has 9", "body", "{}")
    assert answer("webhooks", "again", stray["id"], body["id"], data=folder) == {"again": 1}
    assert [each["id"] for each in answer("webhooks", "list", data=folder)] == [stray["id"]]


def test_migrate_brings_tables_up_says_where_they_stand_and_a_start_may_leave_it_to_that(tmp_path):
    all_of_them = versions("teams")
    newest = all_of_them[-1]
    behind = tidings("migrate", "--check", data=tmp_path)
    assert behind.returncode == 1
    assert f"teams: none of {newest}" in behind.stdout
    said = refusal("serve", "--port", "1", data=tmp_path, TIDINGS_MIGRATE="false")
    assert "run `tidings migrate users`" in said.replace("\n", " ")
    assert tidings("migrate", "teams", data=tmp_path).stdout == f"teams: {', '.join(all_of_them)}\n"
    (teams,) = answer("migrate", "teams", "--check", data=tmp_path)
    assert (teams["current"], teams["newest"]) == (newest, newest)
    assert "teams: nothing to do" in tidings("migrate", data=tmp_path).stdout
    assert tidings("migrate", "--drift").returncode == 0


def in_this_process(*words, data):
    """What a command prints, without the seconds that a process needs to begin."""
    done = CliRunner().invoke(cli, [*map(str, words), "--data", str(data)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.stdout


def commands(group, *path):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


def test_everything_that_answers_answers_in_json_when_asked():
    """But for what runs until it is told to stop, and what prints one document by itself."""
    without = {
        " ".join(path) for path, each in commands(cli) if "as_json" not in {p.name for p in each.params}
    }
    assert without == {"serve", "worker", "sandbox", "completion", "events"}


def test_a_token_is_renewed_and_a_campaign_watched_by_machines(folder):
    async def begun():
        async with Tidings.embedded(folder) as t:
            actor = await t.operator()
            (account,) = await t.wabas.all(actor)
            token = await t.wabas.token(account.waba_id)
            template = await t.templates.create(actor, msgspec.convert(TEMPLATE, NewTemplate))
            async with asyncio.timeout(30):
                while (await t.templates.get(actor, template.id)).status != "APPROVED":
                    await asyncio.sleep(0.05)
            await t.contacts.add(actor, NewContact(phone="7700900001", country_code="+44", first_name="Ada"))
            parameters = {"body.1": Fill(field="firstName")}
            new = NewCampaign(name="News", template_id=template.id, parameters=parameters)
            campaign = await t.campaigns.create(actor, new)
            await t.campaigns.launch(actor, campaign.id)
            return account.waba_id, token, campaign.id

    waba, token, campaign = asyncio.run(begun())
    assert waba in in_this_process("wabas", "list", data=folder)
    command = ["wabas", "connect", waba, "--token", "-", "--json", "--data", str(folder)]
    renewed = CliRunner().invoke(cli, command, input=f"{token}\n")
    assert renewed.exit_code == 0, renewed.output
    lines = in_this_process("campaigns", "watch", campaign, "--json", data=folder).splitlines()
    *moments, report = map(json.loads, lines)
    assert moments[-1]["state"] == report["campaign"]["state"] == "completed"
    assert report["totals"]["planned"] == 1


def test_operators_set_and_see_quotas(folder):
    def listed():
        return json.loads(in_this_process("quotas", "list", "--json", data=folder))

    async def id_of():
        async with Tidings.embedded(folder, work=False) as t:
            return (await t.operator()).organization_id

    organization, nobody = str(asyncio.run(id_of())), "018f4e2a-7c1b-7def-8a90-1234567890ab"
    assert in_this_process("quotas", "list", data=folder).strip() == "There is nothing yet."
    shown = in_this_process("quotas", "set", organization, "--per-day", 10, "--per-month", 200, data=folder)
    assert [word for word in shown.split() if word.isdigit()] == ["0", "10", "0", "200"]
    (own,) = listed()
    assert (own["organizationId"], own["own"], own["quota"]) == (
        organization,
        True,
        {"perDay": 10, "perMonth": 200},
    )
    in_this_process("quotas", "set", organization, "--as-everybody", data=folder)
    assert listed() == []
    refused = CliRunner().invoke(cli, ["quotas", "set", nobody, "--per-day", "1", "--data", str(folder)])
    assert refused.exit_code != 0
    assert listed() == []


def test_lists_and_reports_are_tables_for_people_and_json_for_machines(folder):
    async def filled():
        async with Tidings.embedded(folder) as t:
            actor = await t.operator()
            for n in range(3):
                new = NewContact(phone=f"+4477009000{n:02}", country_code="+44", first_name=f"[b]P{n}")
                await t.contacts.add(actor, new)
            template = await t.templates.create(actor, msgspec.convert(TEMPLATE, NewTemplate))
            fill = {"body.1": Fill(field="firstName")}
            new = NewCampaign(name="[red]News", template_id=template.id, parameters=fill)
            await t.campaigns.create(actor, new)

    asyncio.run(filled())
    page = json.loads(in_this_process("contacts", "list", "--limit", "2", "--json", data=folder))
    assert [each["firstName"] for each in page["items"]] == ["[b]P2", "[b]P1"]
    shown = in_this_process("contacts", "list", "--limit", "2", data=folder)
    assert all(text in shown for text in ("phone", "+447700900002", "[b]P1"))
    assert shown.rstrip().splitlines()[-1] == f"There is more: --cursor {page['nextCursor']}"
    more = in_this_process("contacts", "list", "--cursor", page["nextCursor"], "--json", data=folder)
    assert [each["firstName"] for each in json.loads(more)["items"]] == ["[b]P0"]
    nobody = in_this_process("contacts", "list", "--search", "nobody", data=folder)
    assert nobody == "There is nothing yet.\n"
    assert "opening" in in_this_process("templates", "list", data=folder)
    (campaign,) = json.loads(in_this_process("campaigns", "list", "--json", data=folder))["items"]
    assert "draft" in in_this_process("campaigns", "list", data=folder)
    shown = in_this_process("campaigns", "report", campaign["id"], data=folder)
    assert shown.startswith("[red]News is draft.")


def test_a_shell_completes_commands():
    for shell in ("bash", "zsh", "fish"):
        script = tidings("completion", shell).stdout
        assert "_TIDINGS_COMPLETE" in script
    asked = {"_TIDINGS_COMPLETE": "bash_complete", "COMP_WORDS": "tidings ca", "COMP_CWORD": "1"}
    done = subprocess.run(
        [shutil.which("tidings", path=str(Path(sys.executable).parent))],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "campaigns" in done.stdout
