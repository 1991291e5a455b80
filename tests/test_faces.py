"""Three faces, one behaviour: the same story, drawn by chance, through library, HTTP and command line.

`STORIES=20` tells twenty of them.
"""

import asyncio
import json
import os
import random
from contextlib import AsyncExitStack
from uuid import UUID

import httpx
import msgspec
import pytest
from click.testing import CliRunner

from tests.shapes import topology
from tests.shapes.test_shapes import proxied
from tests.test_cli import TEMPLATE
from tests.test_library import PASSWORD, soon
from tidings import Tidings
from tidings.application.campaigns import NewCampaign
from tidings.application.ports.contacts import ContactFilter
from tidings.application.templates import NewTemplate
from tidings.bootstrap.app import entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.cli import cli
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import read_settings
from tidings.domain.contacts.importing import ImportOptions, Policy
from tidings.domain.errors import Refused

EMAIL = "rowan@example.org"
NOBODY = "018f4e2a-7c1b-7def-8a90-1234567890ab"
TURNS = ("launch", "pause", "resume", "cancel")
COUNTS = ("rows", "created", "updated", "unchanged", "skipped", "failed")


class No(Exception):
    """What a face says of an act that was not done."""


class InALoop:
    """A face whose calls are coroutines."""

    def __init__(self, folder):
        self.folder = folder
        self.runner, self.stack = asyncio.Runner(), AsyncExitStack()

    def __enter__(self):
        self.runner.run(self.begin())
        return self

    def __exit__(self, *_):
        self.runner.run(self.stack.aclose())
        self.runner.close()


class Library(InALoop):
    """`from tidings import Tidings`."""

    def run(self, work):
        try:
            return self.runner.run(work)
        except Refused as error:
            raise No(str(error)) from error

    async def begin(self):
        self.t = await self.stack.enter_async_context(Tidings.embedded(self.folder))
        self.actor = await self.t.sign_up("Rowan", EMAIL, PASSWORD)
        await soon(lambda: self.t.messages.numbers(self.actor))

    def template(self):
        async def made():
            new = msgspec.convert(TEMPLATE, NewTemplate)
            template = await self.t.templates.create(self.actor, new)

            async def approved():
                return (await self.t.templates.get(self.actor, template.id)).status == "APPROVED"

            await soon(approved)
            return str(template.id)

        return self.run(made())

    def bring(self, file, policy):
        options = ImportOptions(policy=Policy(policy), country="+44")
        report = self.run(self.t.imports.import_file(self.actor, file, options))
        return msgspec.to_builtins(report)

    def people(self):
        page = self.run(self.t.contacts.page(self.actor, ContactFilter(), limit=100))
        return msgspec.to_builtins(page.items)

    def draft(self, plan):
        return str(self.run(self.t.campaigns.create(self.actor, msgspec.convert(plan, NewCampaign))).id)

    def turn(self, what, campaign):
        return str(self.run(getattr(self.t.campaigns, what)(self.actor, UUID(campaign))).state)

    def campaigns(self):
        page = self.run(self.t.campaigns.page(self.actor, limit=100))
        return msgspec.to_builtins(page.items)

    def finish(self, campaign):
        async def ended():
            found = await self.t.campaigns.get(self.actor, UUID(campaign))
            return found.state == "completed" and found

        self.run(soon(ended, 60))
        return msgspec.to_builtins(self.run(self.t.reports.report(self.actor, UUID(campaign))))["totals"]


class Http(InALoop):
    """A request at a time."""

    async def begin(self):
        container = await self.stack.enter_async_context(assembled(read_settings({}, data=self.folder)))
        await self.stack.enter_async_context(running(container))
        transport = httpx.ASGITransport(entrance(container))
        self.client = await self.stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://t")
        )
        await self.signed_up()
        await soon(lambda: self.asked("GET", "/api/numbers"))

    async def signed_up(self):
        account = {"name": "Rowan", "email": EMAIL, "password": PASSWORD}
        made = await self.asked("POST", "/api/auth/register", json=account)
        self.client.headers["authorization"] = f"Bearer {made['token']}"

    async def asked(self, method, path, **how):
        reply = await self.client.request(method, path, **how)
        if reply.is_error:
            raise No(reply.json()["error"]["message"])
        return reply.json()["data"]

    def ask(self, method, path, **how):
        return self.runner.run(self.asked(method, path, **how))

    def template(self):
        made = self.ask("POST", "/api/templates/create", json=TEMPLATE)

        async def approved():
            return (await self.asked("GET", f"/api/templates/{made['id']}"))["status"] == "APPROVED"

        self.runner.run(soon(approved))
        return made["id"]

    def bring(self, file, policy):
        form = {"file": (file.name, file.read_bytes(), "text/csv")}
        return self.ask("POST", f"/api/contacts/import?policy={policy}&country=%2B44", files=form)

    def people(self):
        return self.ask("GET", "/api/contacts?limit=100")

    def draft(self, plan):
        return self.ask("POST", "/api/campaigns", json=plan)["id"]

    def turn(self, what, campaign):
        return self.ask("POST", f"/api/campaigns/{campaign}/{what}")["state"]

    def campaigns(self):
        return self.ask("GET", "/api/campaigns?limit=100")

    def finish(self, campaign):
        async def ended():
            return (await self.asked("GET", f"/api/campaigns/{campaign}"))["state"] == "completed"

        self.runner.run(soon(ended, 60))
        return self.ask("GET", f"/api/campaigns/{campaign}/report")["totals"]


class Apart(Http):
    """A request at a time, to six services behind a proxy, with events over RabbitMQ."""

    def __init__(self, folder, broker):
        super().__init__(folder)
        self.broker = broker

    async def begin(self):
        six = topology.running(self.folder, apart=True, broker=self.broker, sandbox=("--seed", "0"))
        platform = self.stack.enter_context(six)
        self.client = await self.stack.enter_async_context(
            httpx.AsyncClient(base_url=platform.api.base_url, timeout=30)
        )
        await self.signed_up()
        account = platform.graph.get("/_sandbox/state").json()["accounts"][0]
        shown = {"wabaId": account["wabaId"], "accessToken": account["accessToken"]}
        await self.asked("POST", "/api/wabas", json=shown)
        await soon(lambda: self.asked("GET", "/api/numbers"))


class CommandLine:
    """A command at a time, each opening the folder anew."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        with Library(self.folder):
            pass
        return self

    def __exit__(self, *_):
        pass

    def said(self, *words):
        told = [*map(str, words), "--data", str(self.folder), "--json"]
        done = CliRunner().invoke(cli, told, env={"COLUMNS": "400"})
        if done.exit_code:
            # How it is said on the terminal is held by tests/test_cli.py.
            assert isinstance(done.exception, Refused), done.output
            raise No(str(done.exception))
        return json.loads(done.stdout.splitlines()[-1])

    def file(self, name, what):
        path = self.folder.parent / name
        path.write_text(json.dumps(what))
        return path

    def template(self):
        made = self.said("templates", "create", self.file("template.json", TEMPLATE))

        async def reviewed():
            async with Tidings.embedded(self.folder, send=False) as t:
                actor = await t.operator()

                async def approved():
                    return (await t.templates.get(actor, UUID(made["id"]))).status == "APPROVED"

                await soon(approved)

        asyncio.run(reviewed())
        return made["id"]

    def bring(self, file, policy):
        return self.said("contacts", "import", file, "--policy", policy, "--country", "+44")

    def people(self):
        return self.said("contacts", "list", "--limit", 100)["items"]

    def draft(self, plan):
        return self.said("campaigns", "create", self.file("plan.json", plan))["id"]

    def turn(self, what, campaign):
        return self.said("campaigns", what, campaign)["state"]

    def campaigns(self):
        return self.said("campaigns", "list", "--limit", 100)["items"]

    def finish(self, campaign):
        self.said("campaigns", "watch", campaign)
        return self.said("campaigns", "report", campaign)["totals"]


def rows(chance):
    """A contact file of some good numbers, some twice, and some that are none."""
    lines = ["phone,firstName"]
    for _ in range(chance.randint(1, 8)):
        number = (
            f"07700 9000{chance.randint(0, 14):02}"
            if chance.random() < 0.8
            else chance.choice(["12", "", "x"])
        )
        lines.append(f"{number},{chance.choice(['Ada', 'Ben', '', 'Zoë'])}")
    return "\n".join(lines) + "\n"


def ended(totals):
    """How a campaign ended for everybody. Whether they have read it yet is a matter of the moment."""
    taken = sum(totals[each] for each in ("accepted", "sent", "delivered", "read"))
    return {"taken": taken, **{each: totals[each] for each in ("planned", "failed", "skipped")}}


class Story:
    """Acts drawn by a seed, and what each face said of them."""

    def __init__(self, face, seed, folder):
        self.face, self.chance, self.folder = face, random.Random(seed), folder
        self.lines, self.drafts = [], [NOBODY]

    def act(self, name, what):
        try:
            self.lines.append((name, what()))
        except No as refusal:
            self.lines.append((name, f"refused: {self.without_ids(str(refusal))}"))

    def without_ids(self, said):
        for n, id in enumerate(self.drafts):
            said = said.replace(id, f"<{n}>")
        return said

    def plan(self, template, n):
        fills = {"body.1": {"field": "firstName", "fallback": "there"}}
        known = template if self.chance.random() < 0.7 else NOBODY
        return {"name": f"News {n}", "templateId": known, "parameters": fills}

    def tell(self):
        template = self.face.template()
        for n in range(8):
            if self.chance.random() < 0.4:
                plan = self.plan(template, n)
                self.act("draft", lambda plan=plan: bool(self.drafts.append(self.face.draft(plan))))
            else:
                what, campaign = self.chance.choice(TURNS), self.chance.choice(self.drafts)
                self.act(what, lambda what=what, campaign=campaign: self.face.turn(what, campaign))
        for n in range(3):
            file = self.folder / f"people-{n}.csv"
            file.write_text(rows(self.chance))
            policy = self.chance.choice(["skip", "update", "merge"])
            self.act(f"bring, {policy}", lambda file=file, policy=policy: self.brought(file, policy))
        file = self.folder / "people.csv"
        file.write_text("phone,firstName\n07700 900010,Ada\n07700 900011,Grace\n07700 900012,\n")
        self.act("bring", lambda: self.brought(file, "update"))
        people = self.face.people()
        self.lines.append(("people", sorted((each["phone"], each.get("firstName", "")) for each in people)))
        plan = {**self.plan(template, 99), "templateId": template, "missing": "skip"}
        last = self.face.draft(plan)
        self.face.turn("launch", last)
        self.lines.append(("totals", ended(self.face.finish(last))))
        self.act("launch again", lambda: self.face.turn("launch", last))
        states = sorted((each["name"], each["state"]) for each in self.face.campaigns())
        self.lines.append(("campaigns", states))
        return self.lines

    def brought(self, file, policy):
        report = self.face.bring(file, policy)
        wrong = sorted((error["row"], error["field"], error["rule"]) for error in report["errors"])
        return {name: report[name] for name in COUNTS}, wrong


def told_through(face, seed, folder):
    with face:
        return Story(face, seed, folder).tell()


@pytest.mark.parametrize("seed", range(int(os.environ.get("STORIES", "1"))))
def test_every_face_tells_the_same_story(tmp_path, seed):
    told = {}
    for kind in (Library, Http, CommandLine):
        folder = tmp_path / kind.__name__
        folder.mkdir()
        told[kind.__name__] = told_through(kind(folder / "data"), seed, folder)
    assert told["Library"] == told["Http"]
    assert told["Library"] == told["CommandLine"]


@proxied
def test_six_services_tell_the_story_of_the_library(tmp_path, rabbit_server):
    six, one = tmp_path / "six", tmp_path / "one"
    six.mkdir()
    one.mkdir()
    told = told_through(Apart(six, rabbit_server.url), 5, six)
    assert told == told_through(Library(one / "data"), 5, one)
