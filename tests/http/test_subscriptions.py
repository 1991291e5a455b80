"""An organisation's own endpoint, on a real socket, is told of everything: signed, in order, and again."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from tests.http.checked import ACCOUNT, numbers, signed_up, until
from tidings.adapters.sandbox.director import Inbound
from tidings.bootstrap.settings import Settings

pytestmark = pytest.mark.anyio
ADA = "+447700900123"


class Receiver:
    """Somebody's endpoint: it keeps what it took, and refuses as it is told."""

    def __init__(self) -> None:
        self.took: list[tuple[dict, bytes]] = []
        self.refusals = 0

    async def hear(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=503, text="not now")
        self.took.append((dict(request.headers), body))
        return web.Response(status=204)

    async def away(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"location": "http://169.254.169.254/latest"})

    def heard(self, start: str = "") -> list[dict]:
        told = [json.loads(body) for _, body in self.took]
        return [each for each in told if each["type"].startswith(start)]


@pytest.fixture
async def receiver():
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.hear)
    app.router.add_post("/away", found.away)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.base = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    yield found
    await runner.cleanup()


@pytest.fixture
async def ask(tmp_path):
    settings = Settings(data=tmp_path, private_endpoints=True)
    async with signed_up(settings) as ask:
        ask.people = ask.container.sandbox().director
        yield ask


def verified(secret: str, headers: dict, body: bytes) -> bool:
    """As the Standard Webhooks say: one signature of several must be of our secret."""
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return wanted in headers["webhook-signature"].split(" ")


async def test_everything_is_told_signed_and_again_when_asked(ask, receiver):
    (number,) = await until(lambda: numbers(ask))
    new = {"url": f"{receiver.base}/hook", "events": ["message.*", "conversation.*", "contact.created"]}
    made = (await ask("POST", "/api/subscriptions", 201, json=new))["data"]
    here, secret = f"/api/subscriptions/{made['id']}", made["secret"]
    assert "secret" not in (await ask("GET", here, 200))["data"]
    await ask("POST", f"{here}/test", 201)
    await until(lambda: _found(receiver.heard("subscription.test")))
    ask.people.hear(Inbound(phone=ADA, phone_number_id=number["phoneNumberId"], text="Hello?"))
    await until(lambda: _found(receiver.heard("conversation.opened")))
    answer = {"to": ADA, "content": {"type": "text", "body": "Good morning."}}
    sent = (await ask("POST", "/api/messages/send", 201, json=answer))["data"]
    await until(lambda: _found(receiver.heard("message.read")))
    await ask("POST", "/api/contacts", 201, json={"phone": "+447700900124", "firstName": "Ines"})
    (created,) = await until(lambda: _found(receiver.heard("contact.created")))
    assert "Ines" not in json.dumps(created)
    (letter,) = receiver.heard("message.received")
    assert (letter["data"]["text"], letter["data"]["from"]) == ("Hello?", ADA)
    mine = [each["data"]["state"] for each in receiver.heard("message.") if each["data"].get("state")]
    assert mine == sorted(mine, key=["accepted", "sent", "delivered", "read"].index)
    assert {each["data"]["messageId"] for each in receiver.heard("message.read")} == {sent["id"]}
    assert all(verified(secret, *each) for each in receiver.took)
    ids = [headers["webhook-id"] for headers, _ in receiver.took]
    assert len(ids) == len(set(ids))

    async def all_delivered():
        waiting = await ask("GET", f"{here}/deliveries?status=pending", 200)
        return not waiting["data"]

    await until(all_delivered)
    now = datetime.now(UTC)
    span = {"since": (now - timedelta(hours=1)).isoformat(), "until": (now + timedelta(hours=1)).isoformat()}
    again = (await ask("POST", f"{here}/replay", 200, json=span))["data"]["deliveries"]
    assert again == len(ids)
    await until(lambda: _found(len(receiver.took) == 2 * again))
    assert sorted(headers["webhook-id"] for headers, _ in receiver.took) == sorted(ids * 2)


async def test_who_does_not_take_it_is_told_later_and_keys_rotate(ask, receiver):
    receiver.refusals = 1
    made = (
        await ask("POST", "/api/subscriptions", 201, json={"url": f"{receiver.base}/hook", "events": ["*"]})
    )["data"]
    here = f"/api/subscriptions/{made['id']}"
    await ask("POST", f"{here}/test", 201)
    await until(lambda: _found(not receiver.refusals))
    rotated = (await ask("POST", f"{here}/rotate-secret", 200))["data"]["secret"]
    await ask("POST", f"{here}/test", 201)
    tests = await until(lambda: _found([e for e in receiver.took if b"subscription.test" in e[1]]))
    assert verified(made["secret"], *tests[0])
    assert verified(rotated, *tests[0])
    await ask("PUT", here, 200, json={"active": False})
    await ask("POST", f"{here}/test", 201)
    (waits,) = (await ask("GET", f"{here}/deliveries?status=pending", 200))["data"][:1]
    assert waits["attempts"] == 0
    assert (await ask("PUT", here, 200, json={"active": True}))["data"]["state"] == "active"
    await until(lambda: _found(len([e for e in receiver.took if b"subscription.test" in e[1]]) == 3))
    await ask("DELETE", here, 200)
    await ask("GET", here, 404)


async def test_a_redirect_is_an_answer_and_never_followed(ask, receiver):
    made = (
        await ask("POST", "/api/subscriptions", 201, json={"url": f"{receiver.base}/away", "events": ["*"]})
    )["data"]
    here = f"/api/subscriptions/{made['id']}"
    await ask("POST", f"{here}/test", 201)

    async def refused():
        found = (await ask("GET", f"{here}/deliveries", 200))["data"]
        return [each for each in found if each["attempts"]]

    (first, *_) = await until(refused)
    assert (first["status"], first["state"]) == (302, "pending")


async def test_what_cannot_be_is_named_at_once(served, tmp_path):
    ask, _ = served
    made = await ask("POST", "/api/auth/register", 201, json=ACCOUNT)
    ask.client.headers["authorization"] = f"Bearer {made['data']['token']}"
    for url in (
        "http://shop.example.com/hook",
        "https://127.0.0.1/hook",
        "https://printer.local/x",
        "ftp://x.org",
    ):
        wrong = await ask("POST", "/api/subscriptions", 400, json={"url": url, "events": ["message.eaten"]})
        assert [each["field"] for each in wrong["error"]["details"]] == ["url", "events[0]"]


async def _found(thing):
    return thing
