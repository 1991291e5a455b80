"""Apart or together: the same story, told to one service and to six behind a proxy, with the same ending."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aio_pika
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.shapes.topology import DEPLOY, Platform, running
from tidings.adapters.http.security import endpoints
from tidings.adapters.rabbitmq.topology import Names
from tidings.application.ports.bus import SHARDS
from tidings.bootstrap.app import create_app
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.demo import PARAMETERS, TEMPLATE, free_port, taken_of
from tidings.bootstrap.schema import grants
from tidings.bootstrap.settings import CONTEXTS, Settings

PASSWORD = "correct horse battery staple"
PEOPLE = 40
CROWD, LARGE = 900, 8_000
TOGETHER = {"planned"}
"""Of the totals, what sums others up."""
STILL = 15
"""Looks, a tenth of a second apart, at which nothing has changed."""
proxied = pytest.mark.skipif(
    shutil.which("nginx") is None and not Path("/usr/sbin/nginx").exists(), reason="nginx is not installed"
)


class Story:
    """What was asked and what came of it, without the ids and times that differ from run to run."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.lines = platform, []
        self.headers = {}

    def ask(self, method, path, **body):
        reply = self.platform.api.request(method, path, json=body or None, headers=self.headers)
        answer = reply.json()
        shown = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", path)
        code = answer["error"]["code"] if reply.is_error else None
        self.lines.append((method, shown, reply.status_code, code))
        return answer.get("data", answer)

    def look(self, path):
        """A question that is asked until the answer pleases, and so is no part of the story."""
        reply = self.platform.api.get(path, headers=self.headers)
        assert reply.is_success, reply.text
        return reply.json()["data"]

    def sign_up(self, email):
        made = self.ask("POST", "/api/auth/register", name="Rowan", email=email, password=PASSWORD)
        self.headers = {"authorization": f"Bearer {made['token']}"}
        return made

    def until(self, look, what):
        return self.platform.until(look, what)


def tell(platform: Platform) -> dict:
    """From sign-up to a finished campaign and a reply, with refusals of every kind on the way."""
    story = Story(platform)
    story.ask("GET", "/api/contacts")
    me = story.sign_up("rowan@example.org")
    token = me["token"]
    account = platform.graph.get("/_sandbox/state").json()["accounts"][0]
    story.ask("POST", "/api/templates/create", **TEMPLATE)
    story.ask("POST", "/api/wabas", wabaId=account["wabaId"], accessToken=account["accessToken"])
    story.until(lambda: story.look("/api/numbers"), "the sending number")
    group = story.ask("POST", "/api/groups", name="Customers")
    for n in range(PEOPLE):
        contact = {"firstName": f"P{n}", "phone": f"+4477009{n:05}", "groupIds": [group["id"]]}
        contact["groupId"] = contact.pop("groupIds")[0]
        person = story.ask("POST", "/api/contacts", **contact)
    story.ask("POST", "/api/contacts", phone="+447700900000", firstName="Twice")
    template = story.ask("POST", "/api/templates/create", **TEMPLATE)
    path = f"/api/templates/{template['id']}"
    story.until(lambda: story.look(path)["status"] == "APPROVED", "the approval")
    campaign = story.ask(
        "POST",
        "/api/campaigns",
        name="News",
        templateId=template["id"],
        groupId=group["id"],
        parameters=PARAMETERS,
    )
    path = f"/api/campaigns/{campaign['id']}"
    story.ask("POST", f"{path}/pause")
    foreseen = story.ask("GET", f"{path}/forecast")["reachable"]
    story.ask("POST", f"{path}/launch")
    story.ask("POST", f"{path}/launch")

    seen = []

    def over():
        """Everyone has an outcome, Meta has nothing more to tell, and nothing changes any more."""
        totals = story.look(path)["totals"]
        done = totals["read"] + totals["delivered"] + totals["failed"] + totals["skipped"]
        told = not platform.graph.get("/_sandbox/state").json()["webhooks"]["pending"]
        seen.append(totals)
        still = len(seen) > STILL and all(each == totals for each in seen[-STILL:])
        return totals["planned"] == PEOPLE and done == PEOPLE and told and still and totals

    totals = story.until(over, "the campaign's end")
    taken = platform.graph.get("/_sandbox/accepted").json()["messages"]
    assert len({message["to"] for message in taken}) == len(taken)
    told = story.look(f"{path}/recipients?limit=1")[0]
    chain = story.ask("GET", f"{path}/recipients/{told['id']}")["chain"]
    said = {"phone": person["phone"], "phoneNumberId": account["phoneNumberId"], "text": "STOP"}
    assert platform.graph.post("/_sandbox/inbound", json=said).is_success
    where = f"/api/contacts/{person['id']}"
    story.until(lambda: story.look(where)["optedOut"], "the opt-out")
    team = story.ask("POST", "/api/teams", name="Front desk")
    members = f"/api/teams/{team['id']}/members"
    story.ask("POST", members, userId=me["user"]["id"], role="admin")
    story.ask("POST", members, userId="018f4e2a-7c1b-7def-8a90-1234567890ab")
    reception = f"/api/numbers/{account['phoneNumberId']}/reception"
    story.ask("PUT", reception, teamId=team["id"])
    story.ask("PUT", reception, teamId="018f4e2a-7c1b-7def-8a90-1234567890ab")
    said = {"phone": "+447700999999", "phoneNumberId": account["phoneNumberId"], "text": "Are you open?"}
    assert platform.graph.post("/_sandbox/inbound", json=said).is_success
    mine = "/api/conversations?mine=true"
    conversation = story.until(lambda: story.look(mine), "somebody of the team to be given the letter")[0]
    thread = f"/api/conversations/{conversation['id']}/messages"
    story.ask("POST", thread, content={"type": "text", "body": "Until nine."})
    story.until(lambda: story.look(thread)[0]["said"]["state"] == "read", "the answer to be read")
    story.sign_up("eve@example.org")
    story.ask("GET", thread)
    story.ask("GET", where)
    story.ask("GET", path)
    story.ask("POST", f"{path}/pause")
    story.headers = {"authorization": f"Bearer {token}"}
    story.ask("POST", "/api/auth/logout", refreshToken=me.get("refreshToken"))
    for question in ("/api/contacts", "/api/campaigns", "/api/teams", "/api/messages", "/api/templates"):
        story.until(
            lambda question=question: platform.api.get(question, headers=story.headers).status_code == 401,
            "the end of the session",
        )
    return {
        "lines": story.lines,
        "foreseen": foreseen,
        "totals": totals,
        "chain": [step["what"] for step in chain],
    }


@pytest.fixture(scope="module")
def of_one(tmp_path_factory):
    """The story as one service tells it."""
    with running(tmp_path_factory.mktemp("together"), apart=False) as platform:
        return tell(platform)


def _ends_as_one_does(platform: Platform, of_one: dict) -> None:
    story = tell(platform)
    assert platform.api.post("/internal/Doorkeeper/identify").status_code == 404
    direct = platform.services["users"].post("/internal/Doorkeeper/identify")
    assert direct.status_code == 401
    assert story == of_one
    assert story["totals"]["planned"] == PEOPLE


@proxied
def test_six_services_that_share_files_tell_the_story_of_one(tmp_path, of_one):
    with running(tmp_path, apart=True) as platform:
        _ends_as_one_does(platform, of_one)


@proxied
def test_six_services_that_share_no_file_tell_the_story_of_one(tmp_path, of_one, rabbit_server):
    with running(tmp_path, apart=True, broker=rabbit_server.url) as platform:
        _ends_as_one_does(platform, of_one)


async def _said_to(url, statements):
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement.replace("%", "%%"))
    await engine.dispose()


@proxied
@pytest.mark.mysql
def test_six_services_on_mysql_redis_and_rabbitmq_tell_the_story_of_one(
    tmp_path, of_one, on_servers, mysql_server, rabbit_server
):
    """Each with a database user of its own, who may do what its service does and nothing more."""
    environment = {**os.environ, **on_servers, "RABBITMQ_URL": rabbit_server.url}
    migrate = [sys.executable, "-m", "tidings", "migrate"]
    subprocess.run(migrate, env={**environment, "TIDINGS_DATA": str(tmp_path / "owner")}, check=True)
    asyncio.run(_said_to(mysql_server.url, grants(CONTEXTS, prefix="tidings_", host="%")))
    own = {name: {"DB_USER": f"tidings_{name}", "DB_PASSWORD": ""} for name in CONTEXTS}
    settings = {**on_servers, "TIDINGS_MIGRATE": "false"}
    with running(tmp_path, apart=True, broker=rabbit_server.url, more=settings, own=own) as platform:
        _ends_as_one_does(platform, of_one)
    server = make_url(mysql_server.url)
    # Months of the archive come and go while the services run.
    months = [
        "REORGANIZE PARTITION later INTO (PARTITION m202601 VALUES LESS THAN (X'01'),"
        " PARTITION later VALUES LESS THAN (MAXVALUE))",
        "DROP PARTITION m202601",
    ]
    altered = [f"ALTER TABLE whatsapp_service.whatsapp_archive {how}" for how in months]
    asyncio.run(_said_to(server.set(username="tidings_whatsapp"), altered))
    for user, statement in (
        ("tidings_users", "UPDATE user_service.users_audit SET what = 'nothing'"),
        ("tidings_users", "DELETE FROM user_service.users_audit"),
        ("tidings_users", "SELECT * FROM contact_service.contacts_people"),
        ("tidings_contacts", "SELECT * FROM user_service.users_people"),
        ("tidings_whatsapp", "CREATE TABLE whatsapp_service.mine (id INT)"),
        ("tidings_whatsapp", "DROP TABLE whatsapp_service.whatsapp_messages"),
        ("tidings_whatsapp", "UPDATE whatsapp_service.whatsapp_schema SET version_num = '0001'"),
    ):
        with pytest.raises(DBAPIError, match="denied"):
            asyncio.run(_said_to(server.set(username=user), [statement]))


def launched(
    story: Story,
    *,
    people: int,
    numbers: int,
    launch: bool = True,
    then: Callable[[], object] = lambda: None,
) -> str:
    """Where a campaign is found that was launched to so many people from so many numbers, or may be."""
    story.sign_up("rowan@example.org")
    account = story.platform.graph.get("/_sandbox/state").json()["accounts"][0]
    story.ask("POST", "/api/wabas", wabaId=account["wabaId"], accessToken=account["accessToken"])
    known = story.until(lambda: len(n := story.look("/api/numbers")) == numbers and n, "the numbers")
    rows = "phone,firstName\n" + "".join(f"+4477009{n:05},P{n}\n" for n in range(people))
    form = {"file": ("people.csv", rows, "text/csv")}
    brought = story.platform.api.post("/api/contacts/import", files=form, headers=story.headers)
    assert brought.json()["data"]["created"] == people
    template = story.ask("POST", "/api/templates/create", **TEMPLATE)
    path = f"/api/templates/{template['id']}"
    story.until(lambda: story.look(path)["status"] == "APPROVED", "the approval")
    campaign = story.ask(
        "POST",
        "/api/campaigns",
        name="News",
        templateId=template["id"],
        phoneNumberIds=[number["phoneNumberId"] for number in known],
        parameters=PARAMETERS,
    )
    path = f"/api/campaigns/{campaign['id']}"
    if launch:
        story.ask("POST", f"{path}/launch")
    then()
    return path


def first_moment(story: Story, path: str) -> str:
    """What who begins to watch a campaign is told at once."""
    with story.platform.api.stream("GET", f"{path}/progress", headers=story.headers) as reply:
        return next((line for line in reply.iter_lines() if line.startswith("data:")), "")


def everybody_once(story: Story, path: str, people: int) -> None:
    """The campaign ends, everybody has an outcome, and nobody was written to twice."""

    def over():
        seen = story.look(path)
        return seen["state"] == "completed" and seen["totals"]

    totals = story.until(over, "the campaign's end")
    taken = taken_of(story.platform.graph)
    assert len({each.to for each in taken}) == len(taken)
    assert totals["planned"] == people == sum(totals[each] for each in totals if each not in TOGETHER)


LEASES = """
    SELECT name, owner FROM whatsapp_service.whatsapp_leases
    WHERE until > :now AND name REGEXP '^[0-9]+$'
"""


def holders(server):
    """Which process holds each sending number's lane."""

    async def asked():
        engine = create_async_engine(server, poolclass=NullPool)
        async with engine.connect() as connection:
            now = int(time.time() * 1_000_000)
            found = (await connection.execute(text(LEASES), {"now": now})).all()
        await engine.dispose()
        return {name: int(owner.split(":")[1]) for name, owner in found}

    return asyncio.run(asked())


@pytest.mark.mysql
def test_four_workers_share_eight_numbers_and_replace_one_that_is_killed(
    tmp_path, on_servers, mysql_server, rabbit_server
):
    """Four workers and eight numbers on MySQL, Redis and RabbitMQ; kill -9 of one of them half way.

    How soon it must be replaced is held in virtual time by tests/application/test_crew.py.
    """
    sandbox = ("--numbers", "8", "--throughput", "4")
    with running(
        tmp_path, apart=False, broker=rabbit_server.url, more=on_servers, workers=4, sandbox=sandbox
    ) as platform:
        story = Story(platform)
        path = launched(story, people=CROWD, numbers=8)
        workers = {platform.processes[f"worker-{n}"].pid for n in range(4)}

        def shared():
            held = Counter(holders(mysql_server.url).values())
            return held.keys() == workers and set(held.values()) == {2}

        story.until(shared, "two numbers for each worker")
        victim = platform.processes.pop("worker-0")
        theirs = [lane for lane, pid in holders(mysql_server.url).items() if pid == victim.pid]
        victim.kill()
        victim.wait()
        began = time.monotonic()

        def replaced():
            held = holders(mysql_server.url)
            return all(held.get(lane) in workers - {victim.pid} for lane in theirs)

        story.until(replaced, "others in the place of the one that was killed")
        print(f"replaced within {time.monotonic() - began:.1f} s")

        everybody_once(story, path, CROWD)


def purge(url):
    """Empty every queue in which events wait; how many there were."""

    async def purged():
        connection = await aio_pika.connect(url)
        try:
            channel, count = await connection.channel(), 0
            for group in CONTEXTS:
                for shard in range(SHARDS):
                    queue = await channel.get_queue(Names("tidings").shard(group, shard), ensure=False)
                    count += (await queue.purge()).message_count or 0
            return count
        finally:
            await connection.close()

    return asyncio.run(purged())


@proxied
def test_a_broker_emptied_by_hand_loses_no_outcome(tmp_path, rabbit_server):
    """Campaigns are away while everybody's outcome becomes known, and its queues are emptied meanwhile."""
    with running(tmp_path, apart=True, broker=rabbit_server.url) as platform:
        story = Story(platform)
        path = launched(story, people=CROWD, numbers=1)
        story.until(lambda: len(taken_of(platform.graph)) > CROWD / 5, "the first of them to be written to")
        campaigns = platform.processes.pop("campaigns")
        campaigns.kill()
        campaigns.wait()

        def told():
            state = platform.graph.get("/_sandbox/state").json()
            return len(taken_of(platform.graph)) > CROWD * 0.9 and not state["webhooks"]["pending"]

        story.until(told, "Meta to have told everything")
        assert purge(rabbit_server.url)
        port = platform.services["campaigns"].base_url.port
        platform.tidings(
            "campaigns", "serve", "campaigns", "--port", str(port), "--no-send", data="campaigns"
        )
        story.until(lambda: platform.services["campaigns"].get("/ready").is_success, "campaigns")
        everybody_once(story, path, CROWD)


@proxied
def test_contacts_are_away_while_a_campaign_is_planned(tmp_path, rabbit_server):
    """F21: planning waits, says for whom, and goes on; nobody is left out."""
    sandbox = ("--throughput", "1000")
    with running(tmp_path, apart=True, broker=rabbit_server.url, sandbox=sandbox) as platform:
        story = Story(platform)
        contacts = platform.processes["contacts"]

        def at_launch():
            contacts.kill()
            contacts.wait()
            del platform.processes["contacts"]

        path = launched(story, people=LARGE, numbers=1, then=at_launch)

        def waits():
            moment = first_moment(story, path)
            return "the contacts service does not answer" in moment.lower() and moment

        moment = story.until(waits, "planning to say what it waits for")
        assert '"planning"' in moment
        assert story.look(path)["totals"]["planned"] < LARGE
        port = platform.services["contacts"].base_url.port
        platform.tidings("contacts", "serve", "contacts", "--port", str(port), "--no-send", data="contacts")
        everybody_once(story, path, LARGE)


@pytest.mark.mysql
def test_one_service_on_mysql_alone_tells_the_same_story(tmp_path, of_one, on_servers):
    del on_servers["REDIS_URL"]
    with running(tmp_path, apart=False, more=on_servers) as platform:
        assert tell(platform) == of_one


@pytest.mark.mysql
@pytest.mark.parametrize(
    ("change", "said"), [({"DB_PORT": "1"}, "does not answer"), ({"DB_USER": "nobody"}, "let this user in")]
)
def test_a_database_server_that_cannot_be_used_is_said_in_a_line(tmp_path, on_servers, change, said):
    command = [sys.executable, "-m", "tidings", "serve", "--port", str(free_port()), "--data", str(tmp_path)]
    environment = {**os.environ, **on_servers, **change}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_broker_that_is_not_there_is_said_in_a_line(tmp_path):
    command = [sys.executable, "-m", "tidings", "serve", "--port", str(free_port()), "--data", str(tmp_path)]
    environment = {**os.environ, "RABBITMQ_URL": f"amqp://guest:guest@127.0.0.1:{free_port()}/"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "broker" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.anyio
async def test_the_proxy_sends_every_endpoint_to_its_context(tmp_path):
    text = (DEPLOY / "nginx.conf").read_text()
    table = re.search(r"map \$uri \$context \{(.*?)\}", text, re.DOTALL)
    assert table is not None
    rules = re.findall(r"~(\S+) (\w+);", table[1])
    async with assembled(Settings(data=tmp_path)) as container:
        for context in CONTEXTS:
            for _, path, _ in endpoints(create_app(container, [context])):
                if path.startswith("/api/"):
                    found = next((to for rule, to in rules if re.search(rule, path)), "users")
                    assert found == context, path
