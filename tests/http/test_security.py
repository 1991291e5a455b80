"""What strangers try on the whole service; each row of docs/security.md names the test that holds it."""

import httpx
import pytest

from tests.http.checked import ACCOUNT, numbers, until
from tests.http.test_journey import TEMPLATE
from tidings.adapters.http.limits import LARGEST_BODY, LARGEST_FILE
from tidings.bootstrap.app import entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.demo import free_port
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import Settings
from tidings.domain.kernel import WabaId

pytestmark = pytest.mark.anyio

CORPUS = (
    "' OR '1'='1",
    '"; DROP TABLE contacts_people; --',
    "1) UNION SELECT password_hash FROM users_people --",
    "\\'; SELECT SLEEP(5); #",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "<script>alert(1)</script>",
    "../../../etc/passwd",
    "%",
    "_",
    "50% off_now",
    "\\",
    "\u202egnp.exe",
    'Ada\n{"level":"critical"}',
)
CLOSED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}


async def sent_campaign(ask):
    """A campaign to one person who was reached; the number that it was sent from."""
    account = (await until(lambda: numbers(ask)))[0]
    template = (await ask("POST", "/api/templates/create", 201, json=TEMPLATE))["data"]

    async def approved():
        found = (await ask("GET", f"/api/templates/{template['id']}", 200))["data"]
        return found["status"] == "APPROVED"

    await until(approved)
    group = (await ask("POST", "/api/groups", 201, json={"name": "Shoppers"}))["data"]
    person = {"phone": "+447700900123", "firstName": "Ada", "groupId": group["id"]}
    await ask("POST", "/api/contacts", 201, json=person)
    new = {
        "name": "News",
        "templateId": template["id"],
        "groupId": group["id"],
        "parameters": {"body.1": {"field": "firstName"}},
    }
    campaign = (await ask("POST", "/api/campaigns", 201, json=new))["data"]
    await ask("POST", f"/api/campaigns/{campaign['id']}/launch", 200)
    stream = await ask.client.get(f"/api/campaigns/{campaign['id']}/progress")
    assert '"completed"' in stream.text
    return account


async def test_the_token_of_an_account_lies_nowhere_but_sealed(signed_in, tmp_path, capfd):
    ask, container = signed_in
    account = await sent_campaign(ask)
    token = await container.wabas().token(WabaId(account["wabaId"]))
    assert token.startswith("EAA")
    assert token not in "".join(capfd.readouterr())
    asked = 0
    for path, operations in ask.document["paths"].items():
        # The stream would be listened to for ever; conversations are asked for by themselves.
        if "get" in operations and "{" not in path and path != "/api/conversations/live":
            assert token not in (await ask.client.get(path)).text, path
            asked += 1
    assert asked > 20
    for file in tmp_path.rglob("*"):
        if file.is_file() and "sandbox" not in file.name:
            assert token.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
async def test_a_text_is_data_wherever_it_is_written(signed_in, text):
    ask, _ = signed_in
    for number, name in enumerate((text, "Somebody else")):
        await ask("POST", "/api/contacts", 201, json={"phone": f"+44770090012{number}", "firstName": name})
    kept = (await ask("GET", "/api/contacts", 200))["data"]
    (written,) = [each["firstName"] for each in kept if each["firstName"] != "Somebody else"]
    assert written == " ".join(text.split())
    found = await ask.client.get("/api/contacts", params={"search": text})
    assert found.status_code in (200, 400), found.text
    assert "Somebody else" not in found.text
    for parameter in ("cursor", "groupId", "favorite", "page", "limit"):
        answer = await ask.client.get("/api/contacts", params={parameter: text})
        assert answer.status_code == 400, (parameter, answer.text)
    assert len((await ask("GET", "/api/contacts", 200))["data"]) == 2


async def test_no_answer_may_be_framed_kept_or_guessed(signed_in):
    ask, _ = signed_in
    large = b"x" * (4 * 1024 * 1024 + 1)
    answers = {
        200: await ask.client.get("/api/contacts"),
        400: await ask.client.post("/api/contacts", content=b"{"),
        401: await ask.client.get("/api/contacts", headers={"authorization": "Bearer x"}),
        404: await ask.client.get("/nowhere"),
        405: await ask.client.patch("/health"),
        413: await ask.client.post("/api/contacts", content=large),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in CLOSED} == CLOSED, status
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        assert "server" not in answer.headers


async def test_nobody_asks_for_more_than_a_page(signed_in):
    ask, _ = signed_in
    for query in ("limit=201", "limit=0", "limit=-1", "page=0", "page=1e9"):
        await ask("GET", f"/api/contacts?{query}", 400)
    await ask("GET", "/api/contacts?page=99999", 400)


async def test_sec_25_a_file_is_no_larger_than_files_are_and_nothing_else_is_as_large(signed_in):
    ask, _ = signed_in
    people = b"phone,name\n" + b"+447700900123,Ada\n" * 300_000
    form = {"file": ("people.csv", people, "text/csv")}
    assert len(people) > LARGEST_BODY
    assert (await ask.client.post("/api/contacts", content=people)).status_code == 413
    seen = (await ask("POST", "/api/contacts/import/preview", 200, files=form))["data"]
    assert seen["rows"]
    form = {"file": ("people.csv", b"x" * LARGEST_FILE, "text/csv")}
    assert (await ask.client.post("/api/contacts/import", files=form)).status_code == 413


async def test_sec_20_a_cache_that_is_dead_opens_no_door(tmp_path):
    redis = f"redis://127.0.0.1:{free_port()}/0"
    async with (
        assembled(Settings(data=tmp_path, redis_url=redis, rate_bearer=6)) as container,
        running(container),
        httpx.AsyncClient(transport=httpx.ASGITransport(entrance(container)), base_url="http://t") as client,
    ):
        made = (await client.post("/api/auth/register", json=ACCOUNT)).json()["data"]
        mine = {"authorization": f"Bearer {made['token']}"}
        wrong = {"email": ACCOUNT["email"], "password": "not the right one"}
        tried = [(await client.post("/api/auth/login", json=wrong)).status_code for _ in range(7)]
        assert tried == [401] * 5 + [429] * 2
        unsigned = {"x-hub-signature-256": "sha256=" + "0" * 64}
        told = await client.post("/api/messages/webhook", content=b"{}", headers=unsigned)
        assert told.status_code == 401
        assert (await client.post("/api/auth/logout", headers=mine)).status_code == 200
        assert (await client.get("/api/contacts", headers=mine)).status_code == 401
        other = {**ACCOUNT, "email": "other@example.org"}
        made = (await client.post("/api/auth/register", json=other)).json()["data"]
        theirs = {"authorization": f"Bearer {made['token']}"}
        asked = [(await client.get("/api/groups", headers=theirs)).status_code for _ in range(8)]
        assert asked == [200] * 6 + [429] * 2
        assert (await client.get("/ready")).json()["degraded"]["cache"] != "ok"


async def test_a_letter_leads_to_our_own_address_whatever_host_was_asked(signed_in, tmp_path):
    ask, _ = signed_in
    for header in ("host", "x-forwarded-host"):
        answer = await ask.client.post(
            "/api/auth/forgot-password",
            json={"email": ACCOUNT["email"]},
            headers={header: "evil.example"},
        )
        assert answer.status_code == 200

    async def letter():
        return [file.read_text() for file in (tmp_path / "mail").glob("*")]

    letters = await until(letter)
    assert all("evil.example" not in each for each in letters)
    assert any("http://localhost:3000" in each for each in letters)


async def test_the_check_of_the_callback_echoes_digits_alone(served):
    ask, container = served
    token = container.settings().verify_token
    query = {"hub.mode": "subscribe", "hub.verify_token": token}
    good = await ask.client.get("/api/messages/webhook", params={**query, "hub.challenge": "12345"})
    assert (good.status_code, good.text) == (200, "12345")
    assert good.headers["content-type"].startswith("text/plain")
    for challenge in ("<script>alert(1)</script>", "12 34", "１２"):
        bad = await ask.client.get("/api/messages/webhook", params={**query, "hub.challenge": challenge})
        assert bad.status_code == 400
    other = {**query, "hub.verify_token": token[:-1], "hub.challenge": "1"}
    assert (await ask.client.get("/api/messages/webhook", params=other)).status_code == 403


async def test_what_only_operators_may_see_is_not_on_this_port(signed_in):
    ask, _ = signed_in
    for path in ("/metrics", "/internal/Doorkeeper/identify", "/debug", "/.env", "/.git/config"):
        for method in ("GET", "POST"):
            assert (await ask.client.request(method, path)).status_code == 404, path


async def test_sec_21_pages_of_other_origins_may_ask_only_when_they_are_named(tmp_path):
    shop = "https://shop.example.org"
    async with (
        assembled(Settings(data=tmp_path, allowed_origins=(shop,))) as container,
        running(container, (), send=False),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(entrance(container)), base_url="http://tidings"
        ) as client,
    ):
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        allowed = await client.options("/api/contacts", headers={"origin": shop, **asked})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, shop)
        assert "authorization" in allowed.headers["access-control-allow-headers"]
        for path in ("/health", "/api/contacts", "/nothing"):
            told = (await client.get(path, headers={"origin": shop})).headers
            assert (told["access-control-allow-origin"], told["vary"]) == (shop, "origin")
            assert "access-control-allow-credentials" not in told
        for stranger in ("https://evil.example", "null", f"{shop}.evil.example", "http://shop.example.org"):
            refused = await client.options("/api/contacts", headers={"origin": stranger, **asked})
            assert not any(name.startswith("access-control") for name in refused.headers)
            told = await client.get("/health", headers={"origin": stranger})
            assert not any(name.startswith("access-control") for name in told.headers)


async def test_sec_21_no_page_elsewhere_may_ask_when_none_is_named(served):
    ask, _ = served
    told = await ask.client.get("/health", headers={"origin": "https://shop.example.org"})
    assert not any(name.startswith("access-control") for name in told.headers)
