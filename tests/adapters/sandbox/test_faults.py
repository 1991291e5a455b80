"""What goes wrong when it is told to, and what of it was accepted all the same."""

import asyncio
import time

import aiohttp
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server

from tests.adapters.sandbox.conftest import SETTINGS
from tidings.adapters.sandbox.server import Sandbox, SandboxServer, run_sandbox

pytestmark = pytest.mark.anyio


async def accepted(caller) -> int:
    return (await caller.control("GET", "state"))["accepted"]


@pytest.mark.parametrize(
    ("fault", "status", "code"), [("error_130429", 400, 130429), ("error_131016", 500, 131016)]
)
async def test_an_error_on_demand(caller, fault, status, code):
    await caller.control("POST", "faults", {fault: 1})
    found, body = await caller.hello()
    assert (found, body["error"]["code"]) == (status, code)
    assert await accepted(caller) == 0


@pytest.mark.parametrize(("fault", "count"), [("html_502_before", 0), ("html_502_after", 1)])
async def test_a_gateways_page_may_hide_an_acceptance(caller, fault, count):
    await caller.control("POST", "faults", {fault: 1})
    path = f"{caller.base}/v25.0/{caller.account.phone_number_id}/messages"
    headers = {"Authorization": f"Bearer {caller.account.access_token}"}
    said = {"messaging_product": "whatsapp", "to": "+447700900123", "text": {"body": "x"}}
    async with caller.session.post(path, json=said, headers=headers) as answer:
        assert answer.status == 502
        assert "html" in answer.content_type
    assert await accepted(caller) == count


@pytest.mark.parametrize(("fault", "count"), [("close_before", 0), ("close_after", 1)])
async def test_a_connection_closed_without_a_word(caller, fault, count):
    await caller.control("POST", "faults", {fault: 1})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await caller.hello()
    assert await accepted(caller) == count


@pytest.mark.parametrize("fault", ["hang_after", "slow"])
async def test_an_answer_that_comes_late(caller, fault):
    await caller.control("POST", "faults", {fault: 1, "hang_seconds": 0.2, "slow_seconds": 0.2})
    began = time.monotonic()
    assert (await caller.hello())[0] == 200
    assert time.monotonic() - began >= 0.2


async def test_an_unknown_switch_is_refused(caller):
    status, _ = await caller("POST", "/_sandbox/faults", {"gremlins": 1})
    assert status == 400


async def test_a_port_that_is_taken_is_said_to_be(caller):
    port = int(caller.base.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        await SandboxServer(Sandbox(SETTINGS), port=port).start()


async def test_the_command_says_what_one_must_know_and_ends_when_told():
    stop, lines = asyncio.Event(), []
    running = asyncio.create_task(
        run_sandbox(port=0, token="EAAmine", numbers=3, stop=stop, say=lines.append)
    )
    while len(lines) < 7:
        await asyncio.sleep(0.01)
    assert "token   EAAmine" in lines
    assert sum(line.startswith("number") for line in lines) == 3
    stop.set()
    await running


async def test_behind_granian_a_closed_connection_is_an_answer_without_end(unused_port):
    sandbox = Sandbox(SETTINGS)
    account = sandbox.open_account()
    server = Server(
        sandbox.app, address="127.0.0.1", port=unused_port, interface=Interfaces.ASGI, log_enabled=False
    )
    serving = asyncio.create_task(server.serve())
    await asyncio.sleep(0.3)
    try:
        async with aiohttp.ClientSession() as session:
            base = f"http://127.0.0.1:{unused_port}"
            async with session.post(f"{base}/_sandbox/faults", json={"close_after": 1}) as answer:
                assert answer.status == 200
            headers = {"Authorization": f"Bearer {account.access_token}"}
            path = f"{base}/v25.0/{account.phone_number_id}/messages"
            said = {"messaging_product": "whatsapp", "to": "+447700900123", "text": {"body": "x"}}
            with pytest.raises(aiohttp.ClientPayloadError):
                async with session.post(path, json=said, headers=headers) as answer:
                    await answer.read()
        assert sandbox.state.accepted == 1
    finally:
        server.stop()
        await serving
