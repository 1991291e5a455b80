"""A person writes, somebody takes it and answers, over HTTP and through the sandbox."""

import asyncio
import json

import pytest

from tests.http.checked import numbers, until
from tests.http.test_users_matrix import People
from tidings.adapters.sandbox.director import Inbound
from tidings.domain.kernel import Role

pytestmark = pytest.mark.anyio
ADA = "+447700900123"


async def inbox(ask):
    return (await ask("GET", "/api/conversations?stage=open", 200))["data"]


async def test_a_person_who_writes_is_taken_answered_and_closed(signed_in):
    ask, container = signed_in
    (number,) = await until(lambda: numbers(ask))
    people = container.sandbox().director
    said = {"phone": ADA, "phone_number_id": number["phoneNumberId"], "name": "Ada"}
    people.hear(Inbound(**said, text="When do you open?"))
    (waiting,) = await until(lambda: inbox(ask))
    assert (waiting["name"], waiting["unread"], waiting["windowIsOpen"]) == ("Ada", 1, True)
    taken = (await ask("POST", "/api/conversations/take-next", 200))["data"]
    here = f"/api/conversations/{taken['id']}"
    await ask("POST", "/api/conversations/take-next", 404)
    await ask("POST", f"{here}/read?typing=true", 200)
    await ask("POST", f"{here}/notes", 201, json={"text": "A regular"})
    empty = await ask("POST", f"{here}/messages", 400, json={"content": {"type": "text", "body": ""}})
    assert empty["error"]["details"][0]["field"] == "body"
    await ask("POST", f"{here}/messages", 201, json={"content": {"type": "text", "body": "At nine."}})

    async def read():
        thread = (await ask("GET", f"{here}/messages", 200))["data"]
        return thread if thread[0]["said"]["state"] == "read" else None

    thread = await until(read)
    assert [set(entry) - {"at"} for entry in thread] == [{"said"}, {"note"}, {"heard"}]
    me = taken["assigneeId"]
    assert (await ask("POST", f"{here}/assign", 200, json={"userId": None}))["data"]["assigneeId"] is None
    assert (await ask("POST", f"{here}/assign", 200, json={"userId": me}))["data"]["assigneeId"] == me
    stranger = {"userId": "018f4e2a-7c1b-7def-8a90-1234567890ab"}
    await ask("POST", f"{here}/assign", 404, json=stranger)
    await ask("POST", f"{here}/hand-back", 409)
    assert (await ask("POST", f"{here}/close", 200))["data"]["stage"] == "closed"
    await ask("POST", f"{here}/close", 409)
    assert (await ask("POST", f"{here}/reopen", 200))["data"]["stage"] == "open"
    await ask("POST", f"{here}/hand-off", 200, json={})
    span = "since=2026-01-01T00:00:00Z&until=2999-01-01T00:00:00Z"
    (figures,) = (await ask("GET", f"/api/conversations/figures?{span}", 200))["data"]
    assert (figures["userId"], figures["conversations"]) == (me, 1)
    assert (await ask("GET", "/api/conversations?stage=nowhere", 400))["error"]["details"]


async def test_a_picture_comes_in_and_another_goes_out(signed_in):
    ask, container = signed_in
    (number,) = await until(lambda: numbers(ask))
    picture = {"type": "image", "image": {"caption": "Broken"}}
    said = {"phone": ADA, "phone_number_id": number["phoneNumberId"], "content": picture}
    container.sandbox().director.hear(Inbound(**said), "http://sandbox")
    (conversation,) = await until(lambda: inbox(ask))
    here = f"/api/conversations/{conversation['id']}/messages"
    (entry,) = (await ask("GET", here, 200))["data"]
    file = await ask.client.get(f"{here}/{entry['heard']['id']}/file")
    assert (file.status_code, file.headers["content-type"]) == (200, "image/png")
    assert file.headers["content-security-policy"] == "sandbox"
    form = {"file": ("shop.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "image/png")}
    media = (await ask("POST", "/api/media", 201, files=form))["data"]
    await ask("POST", here, 201, json={"content": {"type": "image", "id": media["id"]}})
    nothing = await ask("GET", f"{here}/018f4e2a-7c1b-7def-8a90-1234567890ab/file", 404)
    assert nothing["error"]["code"] == "NO_FILE"


async def test_receptions_and_canned_replies_are_kept(signed_in):
    ask, _ = signed_in
    (number,) = await until(lambda: numbers(ask))
    path = f"/api/numbers/{number['phoneNumberId']}/reception"
    await ask("PUT", path, 200, json={"bot": True, "replyWithin": 120})
    await ask("PUT", path, 400, json={"replyWithin": 1})
    await ask("PUT", "/api/numbers/1/reception", 404, json={})
    (reception,) = (await ask("GET", "/api/numbers/receptions", 200))["data"]
    assert (reception["bot"], reception["replyWithin"]) == (True, 120)
    kept = (await ask("POST", "/api/canned-replies", 201, json={"shortcut": "open", "text": "At nine."}))[
        "data"
    ]
    await ask("POST", "/api/canned-replies", 409, json={"shortcut": "open", "text": "x"})
    await ask("POST", "/api/canned-replies", 400, json={"shortcut": "Not a word", "text": "x"})
    again = {"shortcut": "hours", "text": "Nine to five."}
    await ask("PUT", f"/api/canned-replies/{kept['id']}", 200, json=again)
    assert len((await ask("GET", "/api/canned-replies", 200))["data"]) == 1
    await ask("DELETE", f"/api/canned-replies/{kept['id']}", 200)
    await ask("DELETE", f"/api/canned-replies/{kept['id']}", 404)


async def test_the_live_view_is_a_stream_of_events(signed_in):
    ask, container = signed_in
    (number,) = await until(lambda: numbers(ask))
    said = Inbound(phone=ADA, phone_number_id=number["phoneNumberId"], text="Hello")
    container.sandbox().director.hear(said)
    await until(lambda: inbox(ask))
    stream = await ask.client.get("/api/conversations/live?seconds=0")
    told = [line.removeprefix("data:") for line in stream.text.splitlines() if line.startswith("data:")]
    assert [json.loads(each)["lastText"] for each in told] == ["Hello"]


async def test_the_sending_policy_is_kept_and_what_is_wrong_in_it_is_named(signed_in):
    ask, _ = signed_in
    wish = {"quiet": {"start": "21:00", "end": "08:00"}, "cap": {"most": 3, "days": 7}, "beyond": "skip"}
    assert (await ask("PUT", "/api/sending-policy", 200, json=wish))["data"]["cap"] == wish["cap"]
    assert (await ask("GET", "/api/sending-policy", 200))["data"]["quiet"] == wish["quiet"]
    said = await ask("PUT", "/api/sending-policy", 400, json={"quiet": {"start": "25:00", "end": "08:00"}})
    assert said["error"]["details"][0]["field"] == "quiet.start"
    assert (await ask("PUT", "/api/sending-policy", 200, json={}))["data"]["quiet"] is None


async def test_a_kept_reply_is_not_shown_to_whom_it_does_not_concern(signed_in):
    ask, container = signed_in
    (number,) = await until(lambda: numbers(ask))
    said = Inbound(phone=ADA, phone_number_id=number["phoneNumberId"], text="Hello")
    container.sandbox().director.hear(said)
    (conversation,) = await until(lambda: inbox(ask))
    owner, _ = await container.gate().identify(ask.client.headers["authorization"].split()[1])
    people = People(container)
    people.owner = owner
    bearers = [{"authorization": f"Bearer {await people.token_of(Role.MEMBER)}"} for _ in range(2)]
    here = f"/api/conversations/{conversation['id']}"
    hers, his = bearers
    await ask("POST", f"{here}/messages", 201, json={"content": {"type": "text", "body": "Hi"}}, headers=hers)

    async def read():
        (message,) = (await ask("GET", "/api/messages", 200, headers=hers))["data"]
        return message if message["state"] == "read" else None

    message = await until(read)
    await asyncio.sleep(0.5)
    assert len((await ask("GET", "/api/messages", 200, headers=hers))["data"]) == 1
    await ask("GET", f"/api/messages/{message['id']}", 200, headers=hers)
    assert (await ask("GET", "/api/messages", 200, headers=his))["data"] == []
    await ask("GET", f"/api/messages/{message['id']}", 404, headers=his)
    assert len((await ask("GET", "/api/messages", 200))["data"]) == 1


async def test_a_request_with_a_key_is_done_once_however_often_it_comes(signed_in):
    ask, container = signed_in
    (number,) = await until(lambda: numbers(ask))
    people = container.sandbox().director
    people.hear(Inbound(phone=ADA, phone_number_id=number["phoneNumberId"], text="Hello?"))
    (waiting,) = await until(lambda: inbox(ask))
    key = {"Idempotency-Key": "order-17"}
    new = {"to": ADA, "content": {"type": "text", "body": "Your order is packed."}}

    async def send():
        return (await ask("POST", "/api/messages/send", 201, json=new, headers=key))["data"]["id"]

    assert len({*await asyncio.gather(*(send() for _ in range(8)))}) == 1
    other = {**new, "content": {"type": "text", "body": "Something else."}}
    used = await ask("POST", "/api/messages/send", 409, json=other, headers=key)
    assert used["error"]["code"] == "KEY_REUSED"
    here = f"/api/conversations/{waiting['id']}/messages"
    await ask("POST", here, 409, json={"content": other["content"]}, headers=key)
    answer = {"content": {"type": "text", "body": "Anything else?"}}
    again = {"Idempotency-Key": "answer-1"}
    first = (await ask("POST", here, 201, json=answer, headers=again))["data"]["id"]
    assert (await ask("POST", here, 201, json=answer, headers=again))["data"]["id"] == first
    bad = await ask("POST", "/api/messages/send", 400, json=new, headers={"Idempotency-Key": "a b"})
    assert bad["error"]["details"][0]["field"] == "Idempotency-Key"
    assert len((await ask("GET", f"/api/messages?to={ADA.replace('+', '%2B')}", 200))["data"]) == 2


async def test_a_number_that_is_none_is_refused_and_one_is_the_same_however_it_is_written(signed_in):
    ask, _ = signed_in
    await until(lambda: numbers(ask))
    text = {"type": "template", "name": "opening", "language": "en"}
    for wrong in ("", "nonsense", "12", "+0044 7700 900001", "+4477009000011111", "tel:+447700900001"):
        said = await ask("POST", "/api/messages/send", 400, json={"to": wrong, "content": text})
        (fault,) = said["error"]["details"]
        assert (fault["field"], fault["rule"]) == ("to", "phone")
    for written in ("+44 7700-900001", "447700900001"):
        said = await ask("POST", "/api/messages/send", 201, json={"to": written, "content": text})
        assert said["data"]["to"] == "+447700900001"
    assert len((await ask("GET", "/api/messages?to=44 7700 900001", 200))["data"]) == 2


async def test_a_link_that_points_inside_is_refused_by_its_field(signed_in):
    ask, _ = signed_in
    await until(lambda: numbers(ask))
    inside = {"type": "image", "link": "http://metadata.google.internal/latest"}
    said = await ask("POST", "/api/messages/send", 400, json={"to": ADA, "content": inside})
    assert said["error"]["details"] == [
        {"field": "link", "rule": "url", "message": "must be a public http(s) address"}
    ]
