"""Real processes and a real MySQL, killed in the midst of a campaign: nobody twice, nobody forgotten."""

import json
import time

import pytest
from sqlalchemy.engine import make_url

from bench.serving import signed
from tests.servers import MysqlServer, NoServer, missing, mysql_that_may_be_killed
from tests.shapes.test_shapes import Story, launched
from tests.shapes.topology import Platform, running
from tidings.bootstrap.demo import rows_of, taken_of
from tidings.bootstrap.settings import DATABASES
from tidings.testing.ledgers import check

pytestmark = pytest.mark.mysql
PEOPLE = 400
SLOWLY = ("--throughput", "40")
"""So that the campaign lasts longer than what is done to it."""
KILLS = 3


@pytest.fixture
def mortal():
    try:
        with mysql_that_may_be_killed() as server:
            for name in DATABASES.values():
                MysqlServer(server.url).recreate(name)
            yield server
    except NoServer as error:
        missing(str(error))


def settings_of(server):
    at = make_url(server.url)
    return {"DB_HOST": at.host, "DB_PORT": str(at.port), "DB_USER": at.username, "DB_PASSWORD": ""}


def accepted(platform: Platform) -> int:
    return len(taken_of(platform.graph))


def settled(platform: Platform) -> int:
    """How many were accepted, once what was on its way has arrived."""
    before = -1
    while before != (count := accepted(platform)):
        before = count
        time.sleep(2)
    return count


def some_more(story: Story, count: int) -> None:
    """Wait until the sandbox has taken so many more."""
    before = accepted(story.platform)
    story.until(lambda: accepted(story.platform) >= before + count, "messages to leave")


def told_by_meta(platform: Platform, status: str) -> int:
    """What a webhook with a status is answered."""
    number = platform.graph.get("/_sandbox/state").json()["accounts"][0]
    said = {
        "id": "wamid.nobodys",
        "status": status,
        "timestamp": str(int(time.time())),
        "recipient_id": "447",
    }
    metadata = {"display_phone_number": "447", "phone_number_id": number["phoneNumberId"]}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [said]}
    entry = {"id": number["wabaId"], "changes": [{"field": "messages", "value": value}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    headers = signed("the-app-secret", body)
    return platform.api.post("/api/messages/webhook", content=body, headers=headers).status_code


def end_of(story: Story, path: str, state: str = "completed") -> dict[str, int]:
    """The totals at the end, when the ledgers of sandbox, rows and API agree."""
    platform = story.platform
    story.until(lambda: story.look(path)["state"] == state, "the campaign's end")
    platform.api.headers.update(story.headers)
    found = []

    def agree():
        if platform.graph.get("/_sandbox/state").json()["webhooks"]["pending"]:
            return False
        rows = rows_of(platform.api, path.rpartition("/")[2])
        totals = story.look(f"{path}/report")["totals"]
        found[:] = check(taken_of(platform.graph), rows, totals)
        return not found and totals

    try:
        return story.until(agree, "every status to be applied")
    finally:
        assert found == []


def test_mysql_is_killed_in_the_midst_of_a_campaign(tmp_path, mortal):
    """F3: nothing leaves and no webhook is acknowledged while it is away; then all goes on by itself."""
    with running(tmp_path, apart=False, more=settings_of(mortal), sandbox=SLOWLY) as platform:
        story = Story(platform)
        path = launched(story, people=PEOPLE, numbers=1)
        some_more(story, 100)
        mortal.kill()
        while_away = settled(platform)
        assert told_by_meta(platform, "delivered") == 503
        time.sleep(4)
        assert accepted(platform) == while_away
        mortal.start()
        assert end_of(story, path)["planned"] == PEOPLE
        assert told_by_meta(platform, "delivered") == 200


def test_the_service_is_killed_again_and_again_while_webhooks_come(tmp_path, mortal):
    """F2: what was acknowledged is applied; what was not, Meta tells again."""
    with running(tmp_path, apart=False, more=settings_of(mortal), sandbox=SLOWLY) as platform:
        story = Story(platform)
        path = launched(story, people=PEOPLE, numbers=1)
        port = str(platform.api.base_url.port)
        some_more(story, 40)
        for _ in range(KILLS):
            time.sleep(1)
            service = platform.processes.pop("service")
            service.kill()
            service.wait()
            platform.tidings("service", "serve", "--port", port, "--no-send")
            story.until(lambda: platform.api.get("/ready").is_success, "the service")
        assert end_of(story, path)["planned"] == PEOPLE


def test_a_worker_is_told_to_stop_under_load(tmp_path, mortal):
    """F17: it finishes what is on its way, so nobody's outcome is unknown."""
    with running(tmp_path, apart=False, more=settings_of(mortal), sandbox=SLOWLY) as platform:
        story = Story(platform)
        path = launched(story, people=PEOPLE, numbers=1)
        for _ in range(KILLS):
            some_more(story, 30)
            worker = platform.processes.pop("worker-0")
            worker.terminate()
            assert worker.wait(timeout=60) == 0
            platform.tidings("worker-0", "worker")
        totals = end_of(story, path)
        assert (totals["planned"], totals["unknown"]) == (PEOPLE, 0)
