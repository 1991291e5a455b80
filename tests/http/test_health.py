"""Alive, ready, and the headers of every answer (S12)."""

from datetime import datetime

import pytest

from tests.http.matrix import endpoints_of

pytestmark = pytest.mark.anyio

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cache-control": "no-store",
}


async def test_health_answers_as_the_seed_does(service):
    answer = await service.ask("GET", "/health")
    said = answer.json()
    assert answer.status_code == 200
    assert (said["success"], said["message"]) == (True, "Service is running")
    assert datetime.fromisoformat(said["timestamp"])


async def test_ready_asks_every_database(service):
    answer = await service.ask("GET", "/ready")
    assert answer.status_code == 200
    assert set(answer.json()["checks"].values()) == {"ok"}
    assert len(answer.json()["checks"]) >= 6


async def test_every_answer_is_closed_to_browsers_of_other_places(service):
    evil = {"origin": "https://evil.example", "access-control-request-method": "GET"}
    paths = {(each.method, each.address()) for each in endpoints_of(service.app)}
    paths |= {
        ("GET", "/nowhere"),
        ("DELETE", "/health"),
        ("OPTIONS", "/api/contacts"),
        ("POST", "/api/auth/login"),
    }
    seen_ids = set()
    for method, path in sorted(paths):
        answer = await service.ask(method, path, headers=evil)
        missing = {
            name for name, value in HEADERS.items() if not answer.headers.get(name, "").startswith(value[:8])
        }
        assert not missing, (method, path, answer.status_code, missing)
        assert not [name for name in answer.headers if name.startswith("access-control")], path
        assert "server" not in answer.headers or "/" not in answer.headers["server"]
        seen_ids.add(answer.headers["x-request-id"])
    assert len(seen_ids) == len(paths)


async def test_an_error_names_the_id_of_its_request(service):
    answer = await service.ask("GET", "/nowhere")
    assert answer.json()["error"]["requestId"] == answer.headers["x-request-id"]
