"""Many at once, and what is between the processes: real ones, on MySQL and Redis."""

import random
import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.faults.test_processes import SLOWLY, end_of, some_more
from tests.shapes.test_shapes import Story, launched
from tests.shapes.topology import running
from tests.wire import wire_to
from tidings.bootstrap.demo import free_port

pytestmark = pytest.mark.mysql
PEOPLE, CROWD, CLIENTS = 250, 600, 12


def pressed(urls, headers, path, moves):
    """Every client makes these moves at the same time, by one service or the other: how often each was
    answered with what."""
    seen = Counter()

    def press(number):
        dice = random.Random(number)
        with httpx.Client(base_url=urls[number % len(urls)], headers=headers, timeout=60) as client:
            for move in moves:
                time.sleep(dice.random() / 50)
                reply = client.post(f"{path}/{move}")
                seen[move, reply.status_code] += 1

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(press, range(CLIENTS)))
    return seen


def test_a_crowd_presses_everything_at_once_and_each_press_has_one_effect(tmp_path, on_servers):
    """F14: twelve clients at two services launch, pause, resume and cancel; then the ledgers agree."""
    with running(tmp_path, apart=False, more=on_servers, sandbox=SLOWLY) as platform:
        story, port = Story(platform), free_port()
        path = launched(story, people=CROWD, numbers=1, launch=False)
        platform.tidings("second", "serve", "--port", str(port), "--no-send")
        urls = [str(platform.api.base_url), f"http://127.0.0.1:{port}"]
        story.until(lambda: httpx.get(f"{urls[1]}/ready").is_success, "the second service")
        seen = pressed(urls, story.headers, path, ["launch"])
        assert seen == {("launch", 200): 1, ("launch", 409): CLIENTS - 1}
        some_more(story, 20)
        seen = pressed(urls, story.headers, path, ["pause", "resume"] * 2)
        assert set(status for _, status in seen) <= {200, 409}
        pressed(urls, story.headers, path, ["resume"])
        some_more(story, 20)
        seen = pressed(urls, story.headers, path, ["cancel"])
        assert seen == {("cancel", 200): 1, ("cancel", 409): CLIENTS - 1}
        totals = end_of(story, path, "cancelled")
        assert totals["planned"] == CROWD
        assert totals["skipped"] > 0
        told = Counter(entry["what"] for entry in story.look("/api/audit?what=campaign:&limit=100"))
        assert (told["campaign:launched"], told["campaign:cancelled"]) == (1, 1)


def test_all_workers_are_killed_at_once(tmp_path, on_servers):
    """Nobody else is there to take over; those who start next do."""
    with running(
        tmp_path, apart=False, more=on_servers, workers=2, sandbox=(*SLOWLY, "--numbers", "2")
    ) as platform:
        story = Story(platform)
        path = launched(story, people=PEOPLE, numbers=2)
        for _ in range(2):
            some_more(story, 40)
            killed = [platform.processes.pop(f"worker-{n}") for n in range(2)]
            for worker in killed:
                worker.kill()
            for n, worker in enumerate(killed):
                worker.wait()
                platform.tidings(f"worker-{n}", "worker")
        assert end_of(story, path)["planned"] == PEOPLE


def test_a_slow_database_that_loses_connections_costs_time_only(tmp_path, on_servers):
    """Half a second for each answer, then every connection lost again and again, then silence for a while."""
    with wire_to(int(on_servers["DB_PORT"])) as wire:
        more = {**on_servers, "DB_PORT": str(wire.port)}
        with running(tmp_path, apart=False, more=more, sandbox=SLOWLY) as platform:
            story = Story(platform)
            path = launched(story, people=PEOPLE, numbers=1)
            some_more(story, 20)
            wire.slow(0.5)
            time.sleep(5)
            wire.slow(0.0)
            for _ in range(10):
                wire.snap()
                time.sleep(0.3)
            wire.hold()
            time.sleep(5)
            wire.snap()
            wire.let_go()
            story.until(lambda: platform.api.get("/ready").is_success, "the service")
            assert end_of(story, path)["planned"] == PEOPLE
            assert wire.snapped > 10


def test_meta_falls_silent_and_then_hangs_up(tmp_path, on_servers):
    """Nobody is asked for again whose answer was lost; what of them arrived, webhooks tell."""
    with wire_to(0) as wire:
        more = {**on_servers, "TIDINGS_GRAPH_URL": f"http://127.0.0.1:{wire.port}"}
        with running(tmp_path, apart=False, more=more, sandbox=SLOWLY) as platform:
            wire.lead_to(platform.graph.base_url.port)
            story = Story(platform)
            path = launched(story, people=PEOPLE, numbers=1)
            some_more(story, 20)
            wire.hold()
            time.sleep(6)
            wire.snap()
            wire.let_go()
            assert end_of(story, path)["planned"] == PEOPLE


def test_everything_that_keeps_its_rows_in_files_is_killed_again_and_again(tmp_path):
    """Service and worker on SQLite, wherever a commit or a checkpoint stands: the files are whole."""
    with running(tmp_path, apart=False, sandbox=SLOWLY) as platform:
        story = Story(platform)
        # Service and worker take long to start on a busy machine; the campaign must not end meanwhile.
        path = launched(story, people=3 * PEOPLE, numbers=1)
        port = str(platform.api.base_url.port)
        for _ in range(3):
            some_more(story, 20)
            killed = [platform.processes.pop(name) for name in ("service", "worker-0")]
            for process in killed:
                process.kill()
                process.wait()
            platform.tidings("service", "serve", "--port", port, "--no-send")
            platform.tidings("worker-0", "worker")
            story.until(lambda: platform.api.get("/ready").is_success, "the service")
        assert end_of(story, path)["planned"] == 3 * PEOPLE
    for file in (tmp_path / "data").glob("*.db"):
        with sqlite3.connect(file) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
