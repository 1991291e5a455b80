"""The figures of a process, as Prometheus reads them."""

import urllib.request
from types import SimpleNamespace
from uuid import UUID

import pytest

from tidings.adapters.observing.metrics import MOST_NUMBERS, Exposition, MeasuredGateway, Metrics, area_of
from tidings.adapters.observing.requests import Timed
from tidings.application.ports.gateway import Accepted, NotSent, Rejected, Unclear, Verdict
from tidings.bootstrap.demo import free_port
from tidings.domain.kernel import PhoneNumberId, Wamid

pytestmark = pytest.mark.anyio
ACCEPTED = Accepted(wamid=Wamid("wamid.x"))


class Clock:
    def __init__(self, step):
        self.at, self.step = 0.0, step

    def __call__(self):
        self.at += self.step
        return self.at


class Answers:
    def __init__(self, *results):
        self.left = list(results)

    async def send(self, message):
        return self.left.pop(0)


def of(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"tidings_{name}", labels)


async def test_every_call_to_meta_is_counted_by_what_came_of_it():
    metrics = Metrics()
    refused = Rejected(code=131049, verdict=Verdict.GIVE_UP)
    results = [ACCEPTED, ACCEPTED, refused, NotSent(reason="no token"), Unclear(reason="cut")]
    gateway = MeasuredGateway(Answers(*results), metrics, Clock(0.2))
    for result in results:
        assert await gateway.send(SimpleNamespace(phone_number_id="1")) == result
    outcomes = ("accepted", "refused_give_up", "not_sent", "unclear")
    assert [of(metrics, "sends_total", number="1", outcome=each) for each in outcomes] == [2, 1, 1, 1]
    assert of(metrics, "refusals_total", code="131049") == 1
    assert of(metrics, "send_seconds_count", number="1") == 5
    assert of(metrics, "send_seconds_sum", number="1") == pytest.approx(1.0)


async def test_the_series_of_numbers_do_not_grow_without_end():
    metrics = Metrics()
    for number in range(MOST_NUMBERS + 30):
        metrics.sent(PhoneNumberId(str(number)), ACCEPTED, 0.1)
    assert of(metrics, "sends_total", number="other", outcome="accepted") == 30
    metrics.sent(PhoneNumberId("7"), ACCEPTED, 0.1)
    assert of(metrics, "sends_total", number="7", outcome="accepted") == 2


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("/api/contacts", "contacts"),
        (f"/api/contacts/{UUID(int=7)}/history", "contacts"),
        ("/api/messages/webhook", "webhook"),
        ("/api/messages", "messages"),
        ("/api/nothing-of-ours/x", "other"),
        ("/contacts", "pages"),
        ("/", "pages"),
        ("/ready", "health"),
        ("", "pages"),
    ],
)
def test_paths_are_told_apart_by_what_they_are_about(path, area):
    assert area_of(path) == area


async def test_requests_are_timed_by_area_method_and_kind_of_answer():
    metrics = Metrics()

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sent = []

    async def send(message):
        sent.append(message["type"])

    timed = Timed(app, metrics, Clock(0.03))
    for method in ("GET", "BREW"):
        await timed({"type": "http", "path": "/api/teams/1", "method": method}, None, send)
    assert len(sent) == 4
    for method in ("GET", "other"):
        labels = {"area": "teams", "method": method, "status": "4xx"}
        assert of(metrics, "request_seconds_count", **labels) == 1
        assert of(metrics, "request_seconds_bucket", le="0.05", **labels) == 1
        assert of(metrics, "request_seconds_bucket", le="0.025", **labels) == 0


def test_they_are_told_on_a_port_of_their_own_which_must_be_free():
    metrics, port = Metrics(), free_port()
    metrics.sent(PhoneNumberId("1"), ACCEPTED, 0.1)
    exposition = Exposition(metrics, "127.0.0.1", port)
    exposition.open()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            told = answer.read().decode()
        with pytest.raises(OSError, match="in use"):
            Exposition(Metrics(), "127.0.0.1", port).open()
    finally:
        exposition.close()
    assert 'tidings_sends_total{number="1",outcome="accepted"} 1.0' in told
    assert "process_resident_memory_bytes" in told
