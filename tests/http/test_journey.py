"""From sign-up to a read message over HTTP, and every reply agrees with the OpenAPI document."""

import hashlib
import hmac
import json

import httpx
import pytest

from tests.http.checked import ACCOUNT, numbers, until
from tidings.bootstrap.app import create_app, entrance
from tidings.bootstrap.settings import CONTEXTS

pytestmark = pytest.mark.anyio
TEMPLATE = {
    "name": "autumn_news",
    "language": "en_GB",
    "category": "MARKETING",
    "components": [
        {"type": "BODY", "text": "Hello {{1}}, we open at nine.", "example": {"body_text": [["Ada"]]}}
    ],
}


async def test_health_speaks_as_the_seed_does(served):
    ask, _ = served
    said = await ask("GET", "/health", 200)
    assert (said["success"], said["message"]) == (True, "Service is running")
    assert (await ask("GET", "/ready", 200))["checks"].keys() == set(CONTEXTS)


async def test_sign_up_sign_in_and_profile(signed_in):
    ask, _ = signed_in
    await ask("POST", "/api/auth/register", 409, json=ACCOUNT)
    again = await ask("POST", "/api/auth/login", 200, json={k: ACCOUNT[k] for k in ("email", "password")})
    assert again["data"]["user"]["email"] == ACCOUNT["email"]
    await ask("POST", "/api/auth/login", 401, json={"email": ACCOUNT["email"], "password": "wrong wrong"})
    profile = (await ask("GET", "/api/auth/profile", 200))["data"]
    assert profile["user"]["name"] == "Rowan Hale"


async def test_nobody_gets_in_without_a_token(served):
    ask, _ = served
    for path in ("/api/contacts", "/api/groups", "/api/campaigns", "/api/messages", "/api/templates"):
        await ask("GET", path, 401)
    ask.client.headers["authorization"] = "Bearer nonsense"
    await ask("GET", "/api/contacts", 401)


async def test_every_wrong_field_is_named(signed_in):
    ask, _ = signed_in
    said = await ask("POST", "/api/auth/register", 400, json={"name": "", "email": "x", "password": "short"})
    assert {fault["field"] for fault in said["error"]["details"]} == {"name", "email", "password"}
    said = await ask("POST", "/api/campaigns", 400, json={"name": "x", "nonsense": 1})
    assert said["error"]["details"][0]["field"]
    said = await ask("GET", "/api/campaigns?limit=1000", 400)
    assert said["error"]["details"][0]["field"] == "limit"


async def test_there_is_nothing_at_an_unknown_address(served):
    ask, _ = served
    reply = await ask.client.get("/nothing/here")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "ROUTE_NOT_FOUND")
    assert reply.json()["error"]["requestId"] == reply.headers["x-request-id"] != ""
    assert reply.headers["x-content-type-options"] == "nosniff"
    reply = await ask.client.patch("/health")
    assert (reply.status_code, reply.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")


async def test_a_campaign_from_sign_up_to_explained_messages(signed_in):
    ask, _ = signed_in
    group = (await ask("POST", "/api/groups", 201, json={"name": "Shoppers"}))["data"]
    for n in range(3):
        contact = {
            "firstName": f"P{n}",
            "phone": f"07700 9000{n:02}",
            "countryCode": "+44",
            "groupId": group["id"],
        }
        await ask("POST", "/api/contacts", 201, json=contact)
    assert len((await ask("GET", "/api/contacts?search=P1", 200))["data"]) == 1
    await until(lambda: numbers(ask))
    template = (await ask("POST", "/api/templates/create", 201, json=TEMPLATE))["data"]

    async def approved():
        found = await ask("GET", f"/api/templates/{template['id']}", 200)
        return found["data"]["status"] == "APPROVED"

    await until(approved)
    new = {"name": "News", "templateId": template["id"], "groupId": group["id"]}
    bare = (await ask("POST", "/api/campaigns", 201, json=new))["data"]
    said = await ask("POST", f"/api/campaigns/{bare['id']}/launch", 400)
    assert said["error"]["details"][0]["field"] == "parameters.body.1"
    change = {"parameters": {"body.1": {"field": "firstName"}}}
    await ask("PUT", f"/api/campaigns/{bare['id']}", 200, json=change)
    at = {"at": "2999-03-28T02:30:00", "zone": "Europe/Berlin"}
    nowhere = await ask("POST", f"/api/campaigns/{bare['id']}/schedule", 400, json={**at, "zone": "Mars"})
    assert [fault["field"] for fault in nowhere["error"]["details"]] == ["zone"]
    waiting = (await ask("POST", f"/api/campaigns/{bare['id']}/schedule", 200, json=at))["data"]
    assert (waiting["state"], waiting["dueAt"]) == ("scheduled", "2999-03-28T01:30:00Z")
    assert (await ask("DELETE", f"/api/campaigns/{bare['id']}/schedule", 200))["data"]["state"] == "draft"
    await ask("POST", f"/api/campaigns/{bare['id']}/retry-failed", 409)
    await ask("POST", f"/api/campaigns/{bare['id']}/launch", 200)
    await ask("POST", f"/api/campaigns/{bare['id']}/launch", 409)
    stream = await ask.client.get(f"/api/campaigns/{bare['id']}/progress")
    last = json.loads(stream.text.strip().splitlines()[-1].removeprefix("data:"))
    assert (last["state"], last["totals"]["planned"]) == ("completed", 3)

    async def settled():
        report = (await ask("GET", f"/api/campaigns/{bare['id']}/report", 200))["data"]
        totals = report["totals"]
        return report if totals["read"] + totals["delivered"] + totals["failed"] == 3 else None

    assert (await until(settled))["consistent"]
    rows = (await ask("GET", f"/api/campaigns/{bare['id']}/recipients", 200))["data"]
    told = (await ask("GET", f"/api/campaigns/{bare['id']}/recipients/{rows[0]['id']}", 200))["data"]
    assert [step["what"] for step in told["chain"]][:2] == ["campaign launched", "planned"]
    history = (await ask("GET", f"/api/messages?campaignId={bare['id']}", 200))["data"]
    assert len(history) == 3
    message = (await ask("GET", f"/api/messages/{history[0]['id']}", 200))["data"]
    assert message["timeline"][0]["what"] == "in line"


async def test_a_campaign_with_an_unknown_template_is_refused_before_anything_is_sent(signed_in):
    ask, _ = signed_in
    new = {"name": "News", "templateId": "018f4e2a-7c1b-7def-8a90-1234567890ab"}
    campaign = (await ask("POST", "/api/campaigns", 201, json=new))["data"]
    said = await ask("POST", f"/api/campaigns/{campaign['id']}/launch", 404)
    assert said["error"]["code"] == "TEMPLATE_NOT_FOUND"
    assert (await ask("GET", f"/api/campaigns/{campaign['id']}", 200))["data"]["state"] == "draft"


async def test_free_text_needs_an_open_service_window(signed_in):
    ask, _ = signed_in
    await until(lambda: numbers(ask))
    new = {"to": "+447700900001", "content": {"type": "text", "body": "hello"}}
    said = await ask("POST", "/api/messages/send", 409, json=new)
    assert said["error"]["code"] == "WINDOW_CLOSED"


async def test_the_webhook_takes_only_what_is_signed(signed_in):
    ask, container = signed_in
    settings = container.settings()
    query = f"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={settings.verify_token}"
    assert (await ask.client.get(f"/api/messages/webhook?{query}")).text == "1158201444"
    await ask("GET", "/api/messages/webhook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x", 403)
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    signature = hmac.new(settings.app_secrets[0].encode(), body, hashlib.sha256).hexdigest()
    send = ask.client.post
    assert (await send("/api/messages/webhook", content=body)).status_code == 401
    wrong = {"x-hub-signature-256": "sha256=" + "0" * 64}
    assert (await send("/api/messages/webhook", content=body, headers=wrong)).status_code == 401
    right = {"x-hub-signature-256": f"sha256={signature}"}
    assert (await send("/api/messages/webhook", content=body, headers=right)).status_code == 200


async def test_another_organisation_sees_nothing_of_ours(signed_in):
    ask, _ = signed_in
    contact = (await ask("POST", "/api/contacts", 201, json={"phone": "+447700900001"}))["data"]
    assert (await ask("GET", f"/api/contacts/{contact['id']}/merges", 200))["data"] == []
    team = (await ask("POST", "/api/teams", 201, json={"name": "Front desk"}))["data"]
    stranger = await ask("POST", "/api/auth/register", 201, json={**ACCOUNT, "email": "eve@example.org"})
    ask.client.headers["authorization"] = f"Bearer {stranger['data']['token']}"
    await ask("GET", f"/api/contacts/{contact['id']}", 404)
    await ask("DELETE", f"/api/contacts/{contact['id']}", 404)
    await ask("GET", f"/api/contacts/{contact['id']}/merges", 404)
    await ask("GET", f"/api/teams/{team['id']}", 404)
    assert (await ask("GET", "/api/contacts", 200))["data"] == []


async def test_teams_are_formed_and_dissolved(signed_in):
    ask, _ = signed_in
    me = (await ask("GET", "/api/auth/profile", 200))["data"]["user"]["id"]
    team = (await ask("POST", "/api/teams", 201, json={"name": "Front desk"}))["data"]
    await ask("POST", "/api/teams", 409, json={"name": "Front desk"})
    member = {"userId": me, "role": "admin"}
    await ask("POST", f"/api/teams/{team['id']}/members", 201, json=member)
    stranger = {"userId": "018f4e2a-7c1b-7def-8a90-1234567890ab"}
    await ask("POST", f"/api/teams/{team['id']}/members", 404, json=stranger)
    assert len((await ask("GET", f"/api/teams/{team['id']}/members", 200))["data"]) == 1
    await ask("DELETE", f"/api/teams/{team['id']}", 200)
    await ask("GET", f"/api/teams/{team['id']}", 404)


async def test_every_endpoint_says_who_may_use_it(served):
    _, container = served
    undeclared = []
    for route in create_app(container).routes:
        for handler in getattr(route, "route_handlers", []):
            if route.path.startswith("/schema") or handler.http_methods == {"OPTIONS"}:
                continue
            if "permission" not in handler.opt:
                undeclared.append(route.path)
    assert undeclared == []


async def test_a_context_can_be_served_alone(served):
    _, container = served
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(entrance(container, ["contacts"])), base_url="http://contacts"
    ) as client:
        document = (await client.get("/schema/openapi.json")).json()
        assert document["info"]["title"] == "tidings contacts"
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/api/campaigns")).status_code == 404


async def test_a_token_that_meta_refuses_is_named(signed_in):
    ask, _ = signed_in
    await until(lambda: numbers(ask))
    account = (await ask("GET", "/api/wabas", 200))["data"][0]
    wrong = {"wabaId": account["wabaId"], "accessToken": "EAAnobody"}
    said = await ask("POST", "/api/wabas", 400, json=wrong)
    assert [fault["field"] for fault in said["error"]["details"]] == ["accessToken"]
