"""What operators see of real processes; every name in alerts, dashboard and docs is one that is told."""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tidings.adapters.observing.metrics import Metrics
from tidings.bootstrap.cli import cli
from tidings.bootstrap.demo import PARAMETERS, TEMPLATE, free_port

ROOT = Path(__file__).parents[1]
ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((ROOT / "deploy/grafana/tidings.json").read_text())
PAGE = (ROOT / "docs/observability.md").read_text()


def known():
    """Every series that a process of ours may tell, with its labels."""
    found = {}
    for family in Metrics().registry.collect():
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum", ""]}.get(family.type, [""])
        found |= {family.name + end: family for end in ends}
    return found


def names_in(text):
    return set(re.findall(r"\btidings_[a-z_]+\b", text))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_is_told_and_says_what_to_do(alert):
    assert names_in(alert["expr"]) <= known().keys()
    assert names_in(alert["expr"]) or alert["expr"].startswith("up{")
    assert f"| `{alert['alert']}` |" in PAGE
    assert alert["labels"]["severity"] in ("page", "look")


def test_the_dashboard_asks_for_what_is_told():
    asked = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    assert names_in(asked) <= known().keys()
    ours = {family.name for name, family in known().items() if name.startswith("tidings_")}
    assert {family.name for name, family in known().items() if name in names_in(asked)} == ours


def test_every_figure_is_described_and_none_that_is_not_told():
    assert names_in(PAGE) <= known().keys()
    ours = {family.name for name, family in known().items() if name.startswith("tidings_")}
    assert {family.name for name, family in known().items() if name in names_in(PAGE)} == ours


@contextmanager
def at_work(tmp_path, *command, **environment):
    log = (tmp_path / "log").open("ab")
    environment = {**os.environ, "TIDINGS_DATA": str(tmp_path / "data"), **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "tidings", *command], env=environment, stdout=log, stderr=log
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)
        log.close()


def figures(port):
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def one_message(client):
    """A campaign to one person, ready to be launched; its id."""
    client.post("/api/contacts", json={"phone": "+447700900123", "firstName": "Rowan"})
    template = client.post("/api/templates/create", json=TEMPLATE).json()["data"]["id"]
    eventually(lambda: client.get(f"/api/templates/{template}").json()["data"]["status"] == "APPROVED")
    wanted = {"name": "one", "templateId": template, "parameters": PARAMETERS}
    return client.post("/api/campaigns", json=wanted).json()["data"]["id"]


def number_in(told):
    """The sending number of whose messages figures are told. Raise KeyError as long as there is none."""
    numbers = [key[1] for key in told if key[0] == "tidings_messages_unknown"]
    if not numbers:
        raise KeyError("tidings_messages_unknown")
    return numbers[0]


def eventually(ask, seconds=30):
    end = time.monotonic() + seconds
    while True:
        try:
            if found := ask():
                return found
        except (httpx.HTTPError, KeyError):
            pass
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_process_tells_what_it_does_and_what_waits(tmp_path):
    port, metrics = free_port(), free_port()
    with at_work(tmp_path, "serve", "--port", str(port), TIDINGS_METRICS_PORT=str(metrics)):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            eventually(lambda: client.get("/ready").status_code == 200)
            ready = client.get("/ready").json()
            assert ready["degraded"] == {"bus": "ok"}
            person = {"name": "Rowan", "email": "rowan@example.org", "password": "correct horse battery"}
            token = client.post("/api/auth/register", json=person).json()["data"]["token"]
            client.headers["authorization"] = f"Bearer {token}"
            eventually(lambda: client.get("/api/numbers").json()["data"])
            campaign = one_message(client)
            client.post(f"/api/campaigns/{campaign}/launch")
            assert client.get("/api/nowhere").status_code == 404
        told = eventually(
            lambda: (f := figures(metrics)) and f["tidings_messages_unknown", number_in(f)] == 0 and f
        )
        number = number_in(told)
        assert told["tidings_request_seconds_count", "2xx", "POST", "auth"] == 1
        assert told["tidings_request_seconds_count", "4xx", "GET", "other"] == 1
        assert {key[1] for key in told if key[0] == "tidings_outbox_waiting"} == {
            "users",
            "contacts",
            "templates",
            "campaigns",
            "teams",
            "whatsapp",
        }
        assert told["tidings_webhooks_waiting",] >= 0
        assert told["tidings_loops_broken",] == 0
        eventually(lambda: figures(metrics)["tidings_sends_total", number, "accepted"] == 1)
        with at_work(
            tmp_path, "serve", "--port", str(free_port()), TIDINGS_METRICS_PORT=str(metrics)
        ) as other:
            assert other.wait(60) == 1
    assert "port is in use" in (tmp_path / "log").read_text()


def test_every_command_that_operators_are_told_to_run_exists():
    told = PAGE + (ROOT / "deploy/prometheus/alerts.yml").read_text()
    for words in set(re.findall(r"`tidings ((?:[a-z]+ ?)+)`", told)):
        group, *rest = words.split()
        found = cli.commands[group]
        assert all(word in getattr(found, "commands", {}) for word in rest), words
