"""A request is served where it arrives: a thread or a task for each costs more than most answers."""

import pytest

from tests.http.checked import ACCOUNT

pytestmark = pytest.mark.anyio


async def test_no_request_goes_through_a_thread_or_a_group_of_tasks_of_the_framework(service, monkeypatch):
    async def elsewhere(work, *_, **__):
        raise AssertionError(f"{work} would run in a thread")

    def group():
        raise AssertionError("what a handler is given would be given by tasks")

    monkeypatch.setattr("litestar.concurrency._run_sync_asyncio", elsewhere)
    made = await service.ask("POST", "/api/auth/register", json=ACCOUNT)
    assert made.status_code == 201, made.text
    token = made.json()["data"]["token"]
    assert (await service.ask("GET", "/api/auth/profile", token)).status_code == 200
    monkeypatch.setattr("litestar._kwargs.kwargs_model.create_task_group", group)
    for path in ("/api/contacts", "/api/campaigns", "/api/messages", "/health"):
        assert (await service.ask("GET", path, token)).status_code == 200
    added = await service.ask("POST", "/api/contacts", token, json={"phone": "+447700900001"})
    assert added.status_code == 201
    one = await service.ask("GET", f"/api/contacts/{added.json()['data']['id']}", token)
    assert one.status_code == 200
