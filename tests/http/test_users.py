"""People, organisations and sessions as HTTP clients meet them."""

import asyncio
import re

import httpx
import pytest

from tidings.adapters.http.security import Bearers, Entrance
from tidings.domain.users import TooManyTries

pytestmark = pytest.mark.anyio

PASSWORD = "a fine long sentence"


@pytest.fixture
async def ada(service, request):
    name = re.sub(r"\W", "-", request.node.name)[:40]
    answer = await service.ask(
        "POST",
        "/api/auth/register",
        json={"email": f"{name}@example.org", "password": PASSWORD, "name": "Ada"},
    )
    assert answer.status_code == 201
    return answer.json()["data"]


def email(ada):
    return ada["user"]["email"]


async def login(service, **given):
    return await service.ask("POST", "/api/auth/login", json=given)


async def test_register_login_profile_in_the_seeds_words(service, ada):
    assert set(ada) == {"token", "refreshToken", "user", "organization", "role"}
    assert ada["user"]["name"] == "Ada"
    answer = await login(service, email=email(ada), password=PASSWORD)
    assert answer.status_code == 200
    token = answer.json()["data"]["token"]
    profile = (await service.ask("GET", "/api/auth/profile", token)).json()["data"]
    assert profile["user"]["email"] == email(ada)
    assert profile["role"] == "owner"
    changed = await service.ask(
        "PUT", "/api/auth/profile", token, json={"name": "Ada L", "email": email(ada)}
    )
    assert changed.json()["data"]["user"]["name"] == "Ada L"


async def test_the_seeds_organisation_is_created_read_and_changed(service, ada):
    token = ada["token"]
    made = await service.ask(
        "POST", "/api/organization", token, json={"organizationName": "Acme", "zipCode": "5003"}
    )
    assert made.status_code == 201
    assert (made.json()["data"]["name"], made.json()["data"]["zipCode"]) == ("Acme", "5003")
    await service.ask("PUT", "/api/organization", token, json={"name": "Acme AS"})
    assert (await service.ask("GET", "/api/organization", token)).json()["data"]["name"] == "Acme AS"
    answer = await service.ask("PUT", "/api/organization", token, json={"name": "", "city": "x" * 201})
    faults = answer.json()["error"]["details"]
    assert {fault["field"] for fault in faults} == {"name", "city"}


async def test_no_answer_holds_a_secret_but_those_that_give_one(service, ada):
    token = ada["token"]
    texts = [
        (await service.ask("GET", path, token)).text
        for path in (
            "/api/auth/profile",
            "/api/auth/sessions",
            "/api/organization",
            "/api/organization/members",
            "/api/keys",
            "/api/audit",
            "/api/wabas",
        )
    ]
    assert not [
        text for text in texts if re.search(r"argon2|password_hash|passwordHash|eyJ|tdk_\w{20}", text)
    ]


@pytest.mark.parametrize("path", ["register", "login", "refresh", "forgot-password", "reset-password"])
async def test_foreign_fields_are_refused(service, path):
    answer = await service.ask("POST", f"/api/auth/{path}", json={"role": "owner", "isAdmin": True})
    assert answer.status_code == 400
    faults = {(f["field"], f["rule"]) for f in answer.json()["error"]["details"]}
    assert {("role", "unknown"), ("isAdmin", "unknown")} <= faults


async def test_an_email_that_exists_is_a_conflict(service, ada):
    again = {"email": email(ada).upper(), "password": PASSWORD, "name": "Eve"}
    answer = await service.ask("POST", "/api/auth/register", json=again)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "EMAIL_TAKEN")


async def test_unknown_and_wrong_look_alike(service, ada):
    wrong = await login(service, email=email(ada), password="not the password")
    unknown = await login(service, email="nobody@example.org", password="not the password")
    for answer in (wrong, unknown):
        assert answer.status_code == 401
    a, b = wrong.json()["error"], unknown.json()["error"]
    assert {**a, "requestId": ""} == {**b, "requestId": ""}
    answers = [
        (await service.ask("POST", "/api/auth/forgot-password", json={"email": who})).json()
        for who in (email(ada), "nobody@example.org")
    ]
    assert answers[0] == answers[1]


async def test_who_tries_too_often_is_told_when_to_come_back(service, ada):
    limited = TooManyTries
    for _ in range(6):
        answer = await login(service, email=email(ada), password="not the password")
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "TOO_MANY_TRIES"
    assert 1 <= int(answer.headers["retry-after"]) <= 900
    assert limited


async def test_refresh_logout_and_switch(service, ada):
    renewed = await service.ask("POST", "/api/auth/refresh", json={"refreshToken": ada["refreshToken"]})
    token = renewed.json()["data"]["token"]
    await service.ask("POST", "/api/organization", token, json={"name": "First"})
    second = await service.ask("POST", "/api/organization", token, json={"name": "Second"})
    id = second.json()["data"]["id"]
    switched = await service.ask("POST", "/api/auth/switch-organization", token, json={"organizationId": id})
    there = switched.json()["data"]["token"]
    assert (await service.ask("GET", "/api/organization", there)).json()["data"]["name"] == "Second"
    assert (await service.ask("GET", "/api/organization", token)).status_code == 401
    assert (await service.ask("POST", "/api/auth/logout", there)).status_code == 200
    assert (await service.ask("GET", "/api/organization", there)).status_code == 401


async def test_an_api_key_enters_where_its_scopes_lead(service, ada):
    shown = await service.ask(
        "POST", "/api/keys", ada["token"], json={"name": "k", "scopes": ["contacts:read"]}
    )
    key = shown.json()["data"]["key"]
    assert (await service.ask("GET", "/api/contacts", key)).status_code == 200
    for method, path in (("GET", "/api/teams"), ("POST", "/api/contacts"), ("GET", "/api/auth/profile")):
        assert (await service.ask(method, path, key, json={})).status_code == 403
    unknown = await service.ask(
        "POST", "/api/keys", ada["token"], json={"name": "k", "scopes": ["contacts:everything"]}
    )
    assert unknown.status_code == 400
    assert unknown.json()["error"]["details"][0]["field"].startswith("scopes")


async def test_deleting_the_account_needs_the_password(service, ada):
    token = ada["token"]
    wrong = await service.ask("DELETE", "/api/auth/profile", token, json={"password": "wrong"})
    assert wrong.status_code == 401
    assert wrong.json()["error"]["details"][0]["field"] == "password"
    gone = await service.ask("DELETE", "/api/auth/profile", token, json={"password": PASSWORD})
    assert gone.status_code == 200
    assert (await service.ask("GET", "/api/auth/profile", token)).status_code == 401


async def test_a_sign_in_elsewhere_is_bound_to_one_browser_and_unknown_providers_are_not_found(service):
    answer = await service.ask("GET", "/api/auth/oidc/nowhere")
    assert answer.status_code == 404
    answer = await service.ask("GET", "/api/auth/oidc/nowhere/callback?code=x&state=y")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "SPENT_PROOF")


# Where a request comes from.


async def origin_of(service, headers, proxies=()):
    import ipaddress

    seen = []

    async def app(scope, receive, send):
        seen.append(scope["state"]["origin"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    trusted = [ipaddress.ip_network(each) for each in proxies]
    entrance = Entrance(app, service.container.bearers(), trusted)
    transport = httpx.ASGITransport(entrance, client=("192.0.2.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        await client.get("/", headers=headers)
    return seen[0]


@pytest.mark.parametrize(
    ("forwarded", "proxies", "origin"),
    [
        ("198.51.100.1", (), "192.0.2.9"),
        ("198.51.100.1", ("192.0.2.0/24",), "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", ("192.0.2.0/24",), "198.51.100.1"),
        ("198.51.100.1, 192.0.2.8", ("192.0.2.0/24",), "198.51.100.1"),
        ("nonsense", ("192.0.2.0/24",), "192.0.2.9"),
        ("", ("192.0.2.0/24",), "192.0.2.9"),
    ],
)
async def test_a_forwarded_address_is_taken_from_trusted_proxies_alone(service, forwarded, proxies, origin):
    assert await origin_of(service, {"x-forwarded-for": forwarded}, proxies) == origin


async def test_many_requests_with_one_token_ask_the_tables_once(service, ada):
    asked = []

    async def identify(secret):
        asked.append(secret)
        await asyncio.sleep(0.01)
        return await service.container.gate().identify(secret)

    bearers = Bearers(identify, service.container.now())
    header = f"Bearer {ada['token']}".encode()
    actors = await asyncio.gather(*(bearers.actor(header) for _ in range(50)))
    assert len(asked) == 1
    assert len(set(map(str, actors))) == 1
