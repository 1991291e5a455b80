"""What Meta brings to the one endpoint: rows F12, F13 and S8, on the whole service."""

import hashlib
import hmac
import json
import random
import time

import pytest

from tests.http.checked import numbers, signed_up, until
from tidings.bootstrap.settings import Settings

pytestmark = pytest.mark.anyio
HOOK = "/api/messages/webhook"
ADA = "447700900123"
OLD, NEW = "the secret that goes", "the secret that comes"
WEEK = 7 * 24 * 3600


@pytest.fixture
async def ask(tmp_path):
    """A service that signs with two secrets, as while one is changed, and Meta's side of it."""
    settings = Settings(data=tmp_path, app_secrets=(OLD, NEW))
    async with signed_up(settings) as ask:
        (number,) = await until(lambda: numbers(ask))
        ask.number = number["phoneNumberId"]
        yield ask


def signed(body: bytes, secret: str = OLD) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}


def body(number: str, **value: list) -> bytes:
    metadata = {"display_phone_number": "442079460958", "phone_number_id": number}
    talk = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    changes = [{"field": "messages", "value": talk}]
    entry = {"id": "1", "time": int(time.time()), "changes": changes}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def letter(wamid: str, text: object = "Hello", at: int | None = None, sender: str = ADA) -> dict:
    return {
        "from": sender,
        "id": wamid,
        "timestamp": str(at or int(time.time())),
        "type": "text",
        "text": {"body": text},
    }


def status(wamid: str, word: str, at: int | None = None) -> dict:
    return {"id": wamid, "status": word, "timestamp": str(at or int(time.time())), "recipient_id": ADA}


async def bring(ask, raw: bytes, **headers) -> int:
    reply = await ask.client.post(HOOK, content=raw, headers=headers or signed(raw))
    return reply.status_code


async def applied(ask) -> None:
    """Until nothing waits to be applied."""

    async def done():
        async with ask.container.whatsapp_read()() as work:
            return not await work.webhooks.waiting(1)

    await until(done)


async def aside(ask) -> list:
    async with ask.container.whatsapp_read()() as work:
        return list(await work.webhooks.kept_aside(100))


async def threads(ask) -> list[dict]:
    return (await ask("GET", "/api/conversations", 200))["data"]


async def test_ten_times_and_backwards_is_once_and_forwards(ask):
    """F12, I5."""
    for _ in range(10):
        raw = body(ask.number, messages=[letter("wamid.A")])
        assert await bring(ask, raw) == 200
    await applied(ask)
    (thread,) = await threads(ask)
    assert thread["unread"] == 1
    new = {"to": f"+{ADA}", "content": {"type": "text", "body": "Good morning."}}
    ask.container.sandbox().director.person(ADA, {"sent": WEEK})
    sent = (await ask("POST", "/api/messages/send", 201, json=new))["data"]

    async def known():
        return (await ask("GET", f"/api/messages/{sent['id']}", 200))["data"].get("wamid")

    wamid, now = await until(known), int(time.time())
    reports = [status(wamid, word, now + n) for n, word in enumerate(("sent", "delivered", "read"))]
    for each in reversed(reports * 10):
        assert await bring(ask, body(ask.number, statuses=[each])) == 200
    await applied(ask)
    message = (await ask("GET", f"/api/messages/{sent['id']}", 200))["data"]
    assert message["state"] == "read"
    said = [entry["what"] for entry in message["timeline"]]
    assert said.count("read") == said.count("delivered") == said.count("sent") == 1


async def test_a_letter_of_a_week_ago_is_kept_and_opens_no_window(ask):
    """F12: Meta tries for up to seven days (fact sheet 5.3)."""
    assert await bring(ask, body(ask.number, messages=[letter("wamid.B", at=int(time.time()) - WEEK)])) == 200
    await applied(ask)
    (thread,) = await threads(ask)
    assert not thread["windowIsOpen"]
    new = {"to": f"+{ADA}", "content": {"type": "text", "body": "Good morning."}}
    assert (await ask("POST", "/api/messages/send", 409, json=new))["error"]["code"] == "WINDOW_CLOSED"


async def test_sec_14_what_was_signed_once_has_no_effect_a_second_time(ask):
    """A STOP that is replayed after the person came back does not stop them again."""
    person = {"phone": f"+{ADA}", "firstName": "Ada"}
    contact = (await ask("POST", "/api/contacts", 201, json=person))["data"]["id"]

    async def stopped():
        return (await ask("GET", f"/api/contacts/{contact}", 200))["data"]["optedOut"]

    earlier = int(time.time()) - 60
    stop = body(ask.number, messages=[letter("wamid.stop", "STOP", earlier)])
    assert await bring(ask, stop) == 200
    await until(stopped)
    await ask("POST", f"/api/contacts/{contact}/opt-in", 200, json={"source": "asked at the till"})
    for _ in range(5):
        assert await bring(ask, stop) == 200
    after = body(ask.number, messages=[letter("wamid.after", "Hello again")])
    assert await bring(ask, after) == 200

    async def heard():
        (thread,) = await threads(ask)
        return thread if thread["lastText"] == "Hello again" else None

    assert (await until(heard))["unread"] == 2
    await applied(ask)
    assert not await stopped()


async def test_what_is_nobodys_is_set_aside_and_listed(ask):
    """F12: of an unknown number, and of a message that we never sent."""
    assert await bring(ask, body("999999999999999", messages=[letter("wamid.C")])) == 200
    assert await bring(ask, body(ask.number, statuses=[status("wamid.never", "read")])) == 200
    await applied(ask)
    (kept,) = await aside(ask)
    assert (kept.where, kept.reason) == ("messages", "no organisation has 999999999999999")
    assert await threads(ask) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"x-nothing": ""},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": "sha256=" + "0" * 64},
        {"x-hub-signature-256": "sha1=" + "0" * 40},
        signed(b"something else"),
    ],
)
async def test_what_is_not_signed_by_metas_app_is_refused_and_not_kept(ask, headers):
    """F13, S8: the signature of other bytes, of none, and none at all."""
    assert await bring(ask, body(ask.number, messages=[letter("wamid.D")]), **headers) == 401
    await applied(ask)
    assert (await threads(ask), await aside(ask)) == ([], [])


async def test_while_the_secret_is_changed_both_count(ask):
    """S8, F23."""
    for n, secret in enumerate((OLD, NEW)):
        raw = body(ask.number, messages=[letter(f"wamid.E{n}")])
        assert await bring(ask, raw, **signed(raw, secret)) == 200
    raw = body(ask.number, messages=[letter("wamid.E3")])
    assert await bring(ask, raw, **signed(raw, "no secret of ours")) == 401
    await applied(ask)
    assert (await threads(ask))[0]["unread"] == 2


async def test_a_thousand_updates_in_three_megabytes_are_one_delivery(ask):
    """F13: Meta's largest body (fact sheet 5.3)."""
    people = [f"44770090{n:04}" for n in range(1000)]
    letters = [letter(f"wamid.F{n}", "x" * 2900, sender=who) for n, who in enumerate(people)]
    raw = body(ask.number, messages=letters)
    assert 3_000_000 < len(raw) < 4 * 1024 * 1024
    assert await bring(ask, raw) == 200
    await applied(ask)
    seen, cursor = 0, ""
    while True:
        page = await ask("GET", f"/api/conversations?limit=100{cursor}", 200)
        seen += len(page["data"])
        if not page["pagination"].get("nextCursor"):
            break
        cursor = f"&cursor={page['pagination']['nextCursor']}"
    assert seen == 1000


async def test_more_than_meta_sends_is_not_even_read(ask):
    """F13: a hundred megabytes are refused by their length, before they are taken in."""
    raw = b"[" + b"0," * (2 * 1024 * 1024 + 1) + b"0]"
    assert await bring(ask, raw) == 413
    sparse = signed(b"") | {"content-length": str(100 * 1024 * 1024)}
    assert (await ask.client.post(HOOK, content=b"", headers=sparse)).status_code == 413


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[" * 100_000,
        b'{"entry":' * 50_000,
        b'{"object":"whatsapp_business_account","entry":[\xff\xfe]}',
        b"{}",
        b'{"entry": 7}',
    ],
)
async def test_what_is_signed_and_still_no_webhook_is_kept_for_people_to_look_at(ask, raw):
    """F13: a depth bomb, bytes that are no text, no JSON; refusing it would make Meta send it for a week."""
    assert await bring(ask, raw) == 200
    good = body(ask.number, messages=[letter("wamid.G")])
    assert await bring(ask, good) == 200
    await applied(ask)
    assert len(await aside(ask)) == 1
    assert (await threads(ask))[0]["unread"] == 1


async def test_one_bad_item_of_a_thousand_is_set_aside_alone(ask):
    """F13, MW-06."""
    letters = [letter(f"wamid.H{n}") for n in range(1000)]
    place = random.Random(7).randrange(1000)
    letters[place] = {"from": ["nobody"], "id": 7, "timestamp": {}}
    assert await bring(ask, body(ask.number, messages=letters)) == 200
    await applied(ask)
    (kept,) = await aside(ask)
    assert f"messages[{place}]" in kept.where
    assert (await threads(ask))[0]["unread"] == 999


async def test_bodies_that_broke_us_are_applied_once_more_when_asked(ask):
    """A body set aside whole is no loss: it can go again when what was wrong is mended."""
    raw = body(ask.number, messages=[letter("wamid.J")])
    now = ask.container.now()()
    async with ask.container.whatsapp_begin()() as work:
        await work.webhooks.set_aside("body", "could not be applied: a bug of ours", raw, now)
    (kept,) = await aside(ask)
    async with ask.container.whatsapp_begin()() as work:
        assert await work.webhooks.again([kept.id], now) == 1
    await applied(ask)
    assert (await threads(ask))[0]["unread"] == 1
    assert await aside(ask) == []
