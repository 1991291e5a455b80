"""How many statements each operation asks of its databases: a fixed number, however much there is."""

import json
from contextvars import ContextVar
from pathlib import Path

import httpx
import pytest
from dependency_injector import providers
from sqlalchemy import Engine, event

from tests.http.checked import ACCOUNT, Checked, numbers, until
from tests.http.matrix import endpoints_of
from tests.http.test_journey import TEMPLATE
from tidings.adapters.sandbox.director import Inbound
from tidings.bootstrap.app import create_app, entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import read_settings

pytestmark = pytest.mark.anyio
FEW, MANY = 3, 18
SAMPLE = Path(__file__).parents[2] / "docs" / "prices.sample.json"
ASKED: ContextVar[list[str] | None] = ContextVar("ASKED", default=None)
ENDLESS = {
    "/api/conversations/live",
    "/api/campaigns/{id:uuid}/progress",
    "/api/contacts/imports/{id:uuid}/progress",
}
ELSEWHERE = {
    "/api/auth/oidc/{provider:str}",
    "/api/auth/oidc/{provider:str}/callback",
    "/api/messages/webhook",
    "/api/conversations/{id:uuid}/messages/{message_id:uuid}/file",
    "/r/{token:str}",
    "/health",
    "/ready",
}
"""What asks somebody else, needs no database, or is held by a test of its own."""
TRIED = {"rule": {"type": "attribute", "key": "age", "op": "more_than", "value": 5}}
SPAN = "?since=2026-01-01T00:00:00Z&until=2999-01-01T00:00:00Z"
FORESEEN = {"dry-run", "forecast"}
MORE = {"/api/conversations/figures": SPAN}

LOOKS = {
    "/api/audit": 2,
    "/api/audit/verify": 4,
    "/api/auth/organizations": 2,
    "/api/auth/profile": 3,
    "/api/auth/second-factor": 3,
    "/api/auth/sessions": 2,
    "/api/auth/whoami": 0,
    "/api/campaigns": 2,
    "/api/campaigns/approval": 2,
    "/api/campaigns/{id:uuid}": 3,
    "/api/campaigns/{id:uuid}/dry-run": 20,
    "/api/campaigns/{id:uuid}/forecast": 28,
    "/api/campaigns/{id:uuid}/recipients": 3,
    "/api/campaigns/{id:uuid}/recipients/export": 6,
    "/api/campaigns/{id:uuid}/recipients/{recipient_id:uuid}": 8,
    "/api/campaigns/{id:uuid}/report": 8,
    "/api/canned-replies": 2,
    "/api/contacts": 4,
    "/api/contacts/attributes": 2,
    "/api/contacts/export": 9,
    "/api/contacts/imports": 2,
    "/api/contacts/imports/{id:uuid}": 2,
    "/api/contacts/imports/{id:uuid}/errors.csv": 8,
    "/api/contacts/retention": 2,
    "/api/contacts/suppressions": 2,
    "/api/contacts/{id:uuid}": 2,
    "/api/contacts/{id:uuid}/consent": 4,
    "/api/contacts/{id:uuid}/merges": 3,
    "/api/contacts/{id:uuid}/personal-data": 24,
    "/api/conversations": 2,
    "/api/conversations/figures": 2,
    "/api/conversations/{id:uuid}": 2,
    "/api/conversations/{id:uuid}/messages": 5,
    "/api/groups": 3,
    "/api/groups/{id:uuid}": 2,
    "/api/groups/{id:uuid}/contacts": 6,
    "/api/keys": 2,
    "/api/messages": 2,
    "/api/messages/{id:uuid}": 4,
    "/api/numbers": 2,
    "/api/numbers/receptions": 3,
    "/api/organization": 2,
    "/api/organization/invitations": 2,
    "/api/organization/members": 2,
    "/api/organization/roles": 2,
    "/api/prices": 2,
    "/api/quota": 3,
    "/api/segments": 3,
    "/api/segments/{id:uuid}": 2,
    "/api/segments/{id:uuid}/contacts": 10,
    "/api/sending-policy": 2,
    "/api/subscriptions": 2,
    "/api/subscriptions/{id:uuid}": 2,
    "/api/subscriptions/{id:uuid}/deliveries": 3,
    "/api/teams": 2,
    "/api/teams/{id:uuid}": 2,
    "/api/teams/{id:uuid}/members": 3,
    "/api/templates": 2,
    "/api/templates/media": 2,
    "/api/templates/{id:uuid}": 2,
    "/api/templates/{id:uuid}/family": 3,
    "/api/wabas": 2,
}
"""Of each look: the person who asks, what is asked for, and what belongs to it."""

DEEDS = {
    "a person": 18,
    "a person changed": 10,
    "people of a file": 14,
    "people into a group": 6,
    "opted out": 12,
    "a campaign": 3,
    "a message": 7,
    "an answer": 6,
    "a conversation read": 4,
    "a segment tried": 10,
}
"""Of each change, with what it tells and notes down."""


@event.listens_for(Engine, "before_cursor_execute")
def _noted(connection, cursor, statement, parameters, context, executemany):
    asked = ASKED.get()
    if asked is not None:
        asked.append(statement)


async def statements(question):
    """What a request asks; the fewer of two times, since a session is looked at again now and then."""
    counts = []
    for _ in range(2):
        asked = []
        token = ASKED.set(asked)
        try:
            await question()
        finally:
            ASKED.reset(token)
        counts.append(len(asked))
    return min(counts)


@pytest.fixture(scope="module")
async def ask(tmp_path_factory):
    """A service that keeps no replies, and somebody who may do everything."""
    fast = {"rate_bearer": 0, "rate_organization": 0, "rate_address": 0, "private_endpoints": True}
    settings = read_settings({}, data=tmp_path_factory.mktemp("queries"), **fast)
    async with assembled(settings) as container:
        container.kept_by.override(providers.Object("none"))
        async with (
            running(container),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(entrance(container)), base_url="http://t"
            ) as client,
        ):
            ask = Checked(client, (await client.get("/schema/openapi.json")).json())
            made = await ask("POST", "/api/auth/register", 201, json=ACCOUNT)
            client.headers["authorization"] = f"Bearer {made['data']['token']}"
            ask.container, ask.app, ask.there = container, create_app(container), 0
            ask.me = made["data"]["user"]["id"]
            (ask.number,) = await until(lambda: numbers(ask))
            yield ask


async def grow(ask, size):
    """Bring everything that there is one of to so many."""
    for n in range(ask.there, size):
        await one_more(ask, n)
    ask.there = max(size, ask.there)

    async def settled():
        path = f"/api/campaigns/{ask.ids['campaigns']}"
        totals = (await ask("GET", path, 200))["data"]["totals"]
        return totals["planned"] and totals["pending"] + totals["sending"] == 0

    await until(settled, 60)


async def one_more(ask, n):
    async def make(path, **body):
        return (await ask("POST", path, 201, json=body))["data"]

    if n == 0:
        ask.ids = {"templates": (await make("/api/templates/create", **TEMPLATE))["id"]}
        await until(lambda: approved(ask, ask.ids["templates"]))
        ask.everybody = (await make("/api/groups", name="Everybody"))["id"]
        await make("/api/contacts/attributes", key="age", kind="number")
        await ask("PUT", "/api/prices", 200, json=json.loads(SAMPLE.read_text()))
    else:
        body = {**TEMPLATE["components"][0], "text": f"Hello {{{{1}}}}, we open at {n}."}
        await make("/api/templates/create", **{**TEMPLATE, "name": f"news_{n}", "components": [body]})
    group = await make("/api/groups", name=f"Group {n}")
    phone = f"+4477009001{n:02}"
    person = await make("/api/contacts", firstName=f"P{n}", phone=phone, groupId=ask.everybody)
    chosen = {"contactIds": [person["id"]]}
    await ask("POST", f"/api/groups/{group['id']}/contacts", 200, json=chosen)
    rule = {"type": "attribute", "key": "age", "op": "more_than", "value": n}
    segment = await make("/api/segments", name=f"Segment {n}", rule=rule)
    team = await make("/api/teams", name=f"Team {n}")
    if n == 0:
        await make(f"/api/teams/{team['id']}/members", userId=ask.me, role="admin")
    hook = await make("/api/subscriptions", url="http://127.0.0.1:9/hook", events=["message.delivered"])
    await make("/api/canned-replies", shortcut=f"hi{n}", text="Hello")
    await make("/api/keys", name=f"Key {n}", scopes=["contacts:read"])
    await make("/api/organization/invitations", email=f"p{n}@example.org", role="member")
    said = {"phone": phone, "phone_number_id": ask.number["phoneNumberId"], "name": f"P{n}"}
    ask.container.sandbox().director.hear(Inbound(**said, text=f"Hello {n}"))
    campaign = await make(
        "/api/campaigns",
        name=f"News {n}",
        templateId=ask.ids["templates"],
        groupId=ask.everybody,
        parameters={"body.1": {"field": "firstName"}},
    )
    if n in (FEW - 1, MANY - 1):
        await ask("POST", f"/api/campaigns/{campaign['id']}/launch", 200)
        ask.ids["campaigns"] = campaign["id"]
    else:
        ask.ids["drafts"] = campaign["id"]
    ask.ids |= {
        "contacts": person["id"],
        "groups": group["id"],
        "teams": team["id"],
        "subscriptions": hook["id"],
        "segments": segment["id"],
    }


async def approved(ask, id):
    return (await ask("GET", f"/api/templates/{id}", 200))["data"]["status"] == "APPROVED"


async def the_rest(ask):
    """Ids of what was made along the way: a reply, a conversation, somebody of the campaign, an import."""

    async def conversation():
        return (await ask("GET", "/api/conversations", 200))["data"]

    ask.ids["conversations"] = (await until(conversation))[0]["id"]
    ask.ids["messages"] = (await ask("GET", "/api/messages", 200))["data"][0]["id"]
    recipients = await ask("GET", f"/api/campaigns/{ask.ids['campaigns']}/recipients", 200)
    ask.ids["recipients"] = recipients["data"][0]["id"]
    rows = "phone,firstName\n+447700900123,Ada\nnonsense,Nobody\n"
    started = await ask(
        "POST", "/api/contacts/imports", 202, files={"file": ("people.csv", rows.encode(), "text/csv")}
    )
    ask.ids["imports"] = started["data"]["id"]

    async def done():
        return (await ask("GET", f"/api/contacts/imports/{ask.ids['imports']}", 200))["data"][
            "state"
        ] == "done"

    await until(done)


def addresses(ask):
    """Every look of the service, with ids of what there is."""
    found = {}
    for each in endpoints_of(ask.app):
        if each.method != "GET" or each.path in ENDLESS | ELSEWHERE or not each.path.startswith("/api/"):
            continue
        parts = each.path.split("/")
        whose = "imports" if "imports" in parts else "drafts" if parts[-1] in FORESEEN else parts[2]
        known = {"id": ask.ids.get(whose), "recipient_id": ask.ids.get("recipients")}
        found[each.path] = each.address(known) + MORE.get(each.path, "")
    return found


async def looks(ask):
    counts = {}
    for path, address in addresses(ask).items():

        async def question(address=address):
            reply = await ask.client.get(address)
            assert reply.status_code == 200, (address, reply.text)

        counts[path] = await statements(question)
    return counts


async def deeds(ask, size):
    """What each change asks, done twice to things that differ."""
    number = ask.number["phoneNumberId"]
    contacts = (await ask("GET", f"/api/contacts?limit={size}", 200))["data"]
    group = ask.ids["groups"]
    all_of_them = {"contactIds": [each["id"] for each in contacts]}
    person, thread = f"/api/contacts/{ask.ids['contacts']}", f"/api/conversations/{ask.ids['conversations']}"
    reply = {"content": {"type": "text", "body": "Until nine."}}
    somebody = iter(contacts)
    count = iter(range(size * 100, 10_000))

    def fresh():
        return f"+447700{next(count):06}"

    def people(rows):
        text = "phone,firstName\n" + "".join(f"{fresh()},New\n" for _ in range(rows))
        return {"file": ("people.csv", text.encode(), "text/csv")}

    message = {"to": f"+4477009001{ask.there - 1:02}", "phoneNumberId": number, **reply}
    draft = {
        "templateId": ask.ids["templates"],
        "groupId": ask.everybody,
        "parameters": {"body.1": {"field": "firstName"}},
    }
    done = {
        "a person": lambda: ask("POST", "/api/contacts", 201, json={"phone": fresh(), "groupId": group}),
        "a person changed": lambda: ask("PUT", person, 200, json={"firstName": f"Ada {next(count)}"}),
        "people of a file": lambda: ask("POST", "/api/contacts/import", 200, files=people(size)),
        "people into a group": lambda: ask("POST", f"/api/groups/{group}/contacts", 200, json=all_of_them),
        "opted out": lambda: ask("POST", f"/api/contacts/{next(somebody)['id']}/opt-out", 200, json={}),
        "a campaign": lambda: ask("POST", "/api/campaigns", 201, json={**draft, "name": f"C{next(count)}"}),
        "a message": lambda: ask("POST", "/api/messages/send", 201, json=message),
        "an answer": lambda: ask("POST", f"{thread}/messages", 201, json=reply),
        "a conversation read": lambda: ask("POST", f"{thread}/read", 200),
        "a segment tried": lambda: ask("POST", "/api/segments/try", 200, json=TRIED),
    }
    return {name: await statements(deed) for name, deed in done.items()}


async def test_operations_ask_as_much_of_few_as_of_many(ask):
    await grow(ask, FEW)
    await the_rest(ask)
    few, done_to_few = await looks(ask), await deeds(ask, FEW)
    await grow(ask, MANY)
    await the_rest(ask)
    many, done_to_many = await looks(ask), await deeds(ask, MANY)
    assert few == many
    assert done_to_few == done_to_many
    assert many == LOOKS
    assert done_to_many == DEEDS
