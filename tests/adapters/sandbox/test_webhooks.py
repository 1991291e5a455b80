"""Webhooks: signed, in Meta's form, again and again until they are home."""

import asyncio
import hmac
import json

import pytest
from msgspec.structs import replace

from tests.adapters.sandbox.conftest import QUICK, SETTINGS, Receiver, sandbox_at
from tidings.adapters.sandbox.ids import Wamids
from tidings.adapters.sandbox.messages import read_envelope
from tidings.adapters.sandbox.server import Sandbox
from tidings.adapters.sandbox.settings import Faults

pytestmark = pytest.mark.anyio

HELLO = {
    "messaging_product": "whatsapp",
    "to": "447700900123",
    "type": "template",
    "template": {"name": "hello_world", "language": {"code": "en_US"}},
}


async def test_a_message_is_sent_then_delivered_then_read(caller, receiver):
    _, body = await caller.hello(biz_opaque_callback_data="campaign é 1")
    await caller.quiet()
    statuses = receiver.values("statuses")
    assert [status["status"] for status in statuses] == ["sent", "delivered", "read"]
    for status in statuses:
        assert status["id"] == body["messages"][0]["id"]
        assert status["biz_opaque_callback_data"] == "campaign é 1"
        assert status["recipient_id"] == "447700900123"
        assert status["timestamp"].isdecimal()
    priced = [status["status"] for status in statuses if "pricing" in status]
    assert priced == ["sent", "delivered"]
    (record,) = (await caller.control("GET", "accepted"))["messages"]
    assert record["status"] == "read"
    assert record["callbackData"] == "campaign é 1"
    assert record["to"] == "447700900123"


async def test_the_body_is_escaped_and_signed_as_it_is(caller, receiver):
    await caller.hello(biz_opaque_callback_data="café 🎉")
    await caller.quiet()
    for headers, body in receiver.got:
        assert body.isascii()
        expected = hmac.digest(caller.account.app_secret.encode(), body, "sha256").hex()
        assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
    value = json.loads(receiver.got[0][1])["entry"][0]["changes"][0]["value"]
    assert value["metadata"]["phone_number_id"] == caller.account.phone_number_id


async def test_what_is_due_together_travels_together(receiver):
    async with sandbox_at(replace(SETTINGS, batch_window=0.2), receiver.url) as caller:
        for i in range(50):
            await caller.hello(f"+4477009{i:05d}")
        await caller.quiet()
    assert len(receiver.values("statuses")) == 150
    assert len(receiver.got) < 20


async def test_only_200_counts_and_everything_else_is_tried_again(caller, receiver):
    receiver.status = 202
    await caller.hello()
    await asyncio.sleep(0.2)
    state = await caller.control("GET", "state")
    assert state["webhooks"]["pending"] > 0
    assert (await caller.control("GET", "accepted"))["messages"][0]["status"] == "accepted"
    receiver.status = 200
    await caller.quiet()
    assert {status["status"] for status in receiver.values("statuses")} == {"sent", "delivered", "read"}


async def test_a_receiver_may_be_away_for_a_while(receiver):
    await receiver.stop()
    async with sandbox_at(webhook=receiver.url) as caller:
        await caller.hello()
        await asyncio.sleep(0.2)
        again = Receiver(port=receiver.port)
        await again.start()
        await caller.quiet()
        assert {status["status"] for status in again.values("statuses")} == {"sent", "delivered", "read"}
        await again.stop()
    await receiver.start()


async def test_doubled_and_shuffled_webhooks_tell_the_same(caller, receiver):
    await caller.control("POST", "faults", {"duplicate_webhooks": 0.5, "shuffle_webhooks": 0.5})
    for i in range(30):
        await caller.hello(f"+4477009{i:05d}")
    await caller.quiet()
    statuses = receiver.values("statuses")
    assert len(statuses) > 90
    assert len({(status["id"], status["status"]) for status in statuses}) == 90
    records = (await caller.control("GET", "accepted"))["messages"]
    assert {record["status"] for record in records} == {"read"}


@pytest.mark.parametrize(
    ("fate", "code"), [("not_on_whatsapp", 131026), ("experiment", 130472), ("stopped_marketing", 131050)]
)
async def test_some_people_cannot_be_reached(caller, receiver, fate, code):
    await caller.approved(
        "plain", components=[{"type": "BODY", "text": "News of our boxes, only this week."}]
    )
    await caller.control("POST", "behaviour", {"phone": "+447700900123", "fate": fate})
    await caller.send(type="template", template={"name": "plain", "language": {"code": "en"}})
    await caller.quiet()
    (status,) = receiver.values("statuses")
    assert status["status"] == "failed"
    assert "pricing" not in status
    (error,) = status["errors"]
    assert error["code"] == code
    assert error["title"] == error["message"]


async def test_free_text_needs_an_open_window(caller, receiver):
    await caller.send(text={"body": "Hello"})
    await caller.quiet()
    assert receiver.values("statuses")[0]["errors"][0]["code"] == 131047
    await caller.control("POST", "inbound", {"phone": "+447700900123", "text": "Grüezi"})
    await caller.send(text={"body": "Hello again"})
    await caller.quiet()
    assert receiver.values("statuses")[-1]["status"] == "read"
    (inbound,) = receiver.values("messages")
    assert inbound["text"] == {"body": "Grüezi"}
    assert inbound["from"] == "447700900123"


async def test_who_says_stop_says_it_once(caller, receiver):
    await caller.control("POST", "behaviour", {"phone": "+447700900123", "fate": "says_stop"})
    await caller.hello()
    await caller.hello()
    await caller.quiet()
    assert [message["text"]["body"] for message in receiver.values("messages")] == ["STOP"]


async def test_a_word_on_marketing_is_told_and_kept(caller, receiver):
    await caller.control("POST", "inbound", {"phone": "+447700900123", "preference": "stop"})
    await caller.quiet()
    (preference,) = receiver.values("user_preferences")
    assert preference["value"] == "stop"
    assert isinstance(preference["timestamp"], int)


async def test_webhooks_may_go_to_our_own_process_instead(receiver):
    got: list[bytes] = []

    async def deliver(headers: dict[str, str], body: bytes) -> int:
        got.append(body)
        return 200 if len(got) > 1 else 503

    sandbox = Sandbox(SETTINGS, deliver=deliver)
    line = sandbox.world.lines[sandbox.open_account().phone_number_id]
    stop = asyncio.Event()
    running = asyncio.create_task(sandbox.run(stop))
    sandbox.world.accept(line, read_envelope(json.dumps(HELLO).encode()))
    while sandbox.state.webhooks.delivered < 3:
        await asyncio.sleep(0.01)
    stop.set()
    await running
    assert got[0] in got[1:]


def trace(seed: int) -> list[str]:
    """What a world tells in virtual time."""
    clock = [1_790_000_000.0]
    settings = replace(SETTINGS, seed=seed, behaviour=replace(QUICK, not_on_whatsapp=0.3, answers=0.3))
    settings = replace(settings, faults=Faults(duplicate_webhooks=0.2, shuffle_webhooks=0.2))
    sandbox = Sandbox(settings, now=lambda: clock[0])
    line = sandbox.world.lines[sandbox.open_account().phone_number_id]
    hello = {"name": "hello_world", "language": {"code": "en_US"}}
    for i in range(40):
        whole = {
            "messaging_product": "whatsapp",
            "to": f"4477009{i:05d}",
            "type": "template",
            "template": hello,
        }
        sandbox.world.accept(line, read_envelope(json.dumps(whole).encode()))
    told: list[str] = []
    for _ in range(200):
        clock[0] += 0.05
        told += [item.body for item in sandbox.world.due(clock[0])]
    assert sandbox.world.pending == 0
    return told


def test_the_same_seed_tells_the_same_story_and_another_another():
    assert trace(7) == trace(7)
    assert trace(7) != trace(8)


async def test_a_callback_address_is_asked_before_it_is_used(caller, receiver):
    path = f"{caller.account.waba_id}/subscribed_apps"
    wrong = {"override_callback_uri": receiver.url, "verify_token": "wrong word"}
    assert (await caller.graph("POST", path, wrong))[0] == 400
    right = {"override_callback_uri": receiver.url, "verify_token": "secret word"}
    assert await caller.graph("POST", path, right) == (200, {"success": True})
    _, body = await caller.graph("GET", path)
    assert body["data"][0]["override_callback_uri"] == receiver.url
    assert await caller.graph("DELETE", path) == (200, {"success": True})
    assert await caller.graph("GET", path) == (200, {"data": []})


def test_a_sandbox_that_starts_again_repeats_no_message_id():
    ids = set()
    for start in (1_790_000_000.0, 1_790_000_000.5, 1_790_086_400.0):
        wamids = Wamids(1, start)
        made = [wamids.outbound("447700900123", n) for n in range(1, 200)]
        assert [wamids.number(wamid) for wamid in made] == list(range(1, 200))
        ids |= set(made)
    assert len(ids) == 3 * 199


async def test_a_month_passes_in_no_time():
    clock, got = [1_790_000_000.0], []

    async def deliver(headers: dict[str, str], body: bytes) -> int:
        got.append((clock[0], body))
        return 200 if len(got) % 2 else 500

    slow = replace(QUICK, sent=(60.0, 60.0), delivered=(3600.0, 3600.0), read=(30 * 86400.0, 30 * 86400.0))
    sandbox = Sandbox(replace(SETTINGS, behaviour=slow), now=lambda: clock[0], deliver=deliver)
    line = sandbox.world.lines[sandbox.open_account().phone_number_id]
    sandbox.world.accept(line, read_envelope(json.dumps(HELLO).encode()))
    while (moment := await sandbox.step()) is not None:
        clock[0] = max(clock[0], moment)
    assert sandbox.state.webhooks.delivered == 3
    assert clock[0] - 1_790_000_000.0 > 30 * 86400.0
