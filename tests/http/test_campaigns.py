"""Campaigns before and after their start, over HTTP."""

import json
from pathlib import Path

import pytest

from tests.http.checked import numbers, until
from tests.http.test_journey import TEMPLATE
from tidings.adapters.sandbox.director import Inbound, NumberChange

pytestmark = pytest.mark.anyio
SAMPLE = Path(__file__).parents[2] / "docs" / "prices.sample.json"


async def ready(ask, people=3):
    """Some contacts in a group and an approved template; a draft of a campaign for them."""
    group = (await ask("POST", "/api/groups", 201, json={"name": "Shoppers"}))["data"]
    contacts = []
    for n in range(people):
        contact = {"firstName": f"P{n}", "phone": f"+4477009000{n:02}", "groupId": group["id"]}
        contacts.append((await ask("POST", "/api/contacts", 201, json=contact))["data"])
    await until(lambda: numbers(ask))
    template = (await ask("POST", "/api/templates/create", 201, json=TEMPLATE))["data"]

    async def approved():
        found = await ask("GET", f"/api/templates/{template['id']}", 200)
        return found["data"]["status"] == "APPROVED"

    await until(approved)
    new = {
        "name": "News",
        "templateId": template["id"],
        "groupId": group["id"],
        "parameters": {"body.1": {"field": "firstName"}},
    }
    return (await ask("POST", "/api/campaigns", 201, json=new))["data"], contacts


async def test_a_campaign_is_foreseen_tried_approved_and_accounted_for(signed_in):
    ask, _ = signed_in
    campaign, contacts = await ready(ask)
    here = f"/api/campaigns/{campaign['id']}"
    assert (await ask("GET", "/api/prices", 200))["data"] is None
    await ask("PUT", "/api/prices", 200, json=json.loads(SAMPLE.read_text()))
    wrong = await ask("PUT", "/api/prices", 400, json={"currency": "euro", "rates": []})
    assert wrong["error"]["details"][0]["field"] == "currency"
    forecast = (await ask("GET", f"{here}/forecast", 200))["data"]
    assert (forecast["people"], forecast["reachable"], forecast["cost"]["amount"]) == (3, 3, "0.15")
    dry = await ask("GET", f"{here}/dry-run?limit=2", 200)
    assert [each["verdict"] for each in dry["data"]] == ["send", "send"]
    assert dry["data"][0]["payload"]["name"] == "autumn_news"
    rest = await ask("GET", f"{here}/dry-run?limit=2&cursor={dry['pagination']['nextCursor']}", 200)
    assert len(rest["data"]) == 1
    await ask("POST", f"{here}/test", 200, json={"contactIds": [contacts[0]["id"]]})
    await ask("POST", f"{here}/test", 400, json={"contactIds": []})
    guard = {"rollout": {"steps": [0.5], "watch": 0}, "guard": {"failed": 0.5}}
    await ask("PUT", here, 200, json=guard)
    crooked = await ask("PUT", here, 400, json={"rollout": {"steps": [0.5, 0.1]}})
    assert crooked["error"]["details"][0]["field"] == "rollout.steps"
    assert (await ask("PUT", "/api/campaigns/approval", 200, json={"needed": True}))["data"]["needed"]
    assert (await ask("POST", f"{here}/launch", 409))["error"]["code"] == "NOT_APPROVED"
    assert (await ask("POST", f"{here}/approve", 409))["error"]["code"] == "OWN_APPROVAL"
    await ask("PUT", "/api/campaigns/approval", 200, json={"needed": False})
    assert not (await ask("GET", "/api/campaigns/approval", 200))["data"]["needed"]
    await ask("POST", f"{here}/launch", 200)
    await ask("GET", f"{here}/forecast", 409)

    async def settled():
        report = (await ask("GET", f"{here}/report", 200))["data"]
        totals = report["totals"]
        return report if totals["read"] + totals["delivered"] + totals["failed"] == 3 else None

    report = await until(settled, 30)
    assert {each["country"] for each in report["countries"]} == {"GB"}
    assert report["cost"]["currency"] == "USD"
    assert sum(each["count"] for each in report["hours"]) == 3
    file = await ask.client.get(f"{here}/recipients/export")
    lines = file.content.decode("utf-8-sig").splitlines()
    assert (len(lines), lines[0].split(",")[:2]) == (4, ["phone", "name"])
    new = {"phone": "+447700900001", "name": "order 17"}
    await ask("POST", "/api/campaigns/conversions", 201, json=new)
    await ask("POST", "/api/campaigns/conversions", 404, json={**new, "phone": "+15550100000"})
    assert (await ask("GET", f"{here}/report", 200))["data"]["responses"] == {"converted": 1}


async def test_a_numbers_rating_is_asked_for_and_stops_a_campaign_under_guard(signed_in):
    ask, container = signed_in
    campaign, _ = await ready(ask)
    here = f"/api/campaigns/{campaign['id']}"
    (number,) = await numbers(ask)
    container.sandbox().director.number(number["phoneNumberId"], NumberChange(quality="RED"))
    async with container.whatsapp_begin()() as work:
        await work.leases.release(await work.leases.take("numbers", "test", seconds=1, dead=[me(container)]))
    assert await container.number_keeper().tick() == 1
    assert (await numbers(ask))[0]["qualityRating"] == "RED"
    await ask("PUT", here, 200, json={"guard": {"quality": "YELLOW"}})
    await ask("POST", f"{here}/launch", 200)

    async def stopped():
        found = (await ask("GET", here, 200))["data"]
        return found if found["state"] == "paused" else None

    assert (await until(stopped))["reason"] == "guard: the quality of the number is RED"


def me(container):
    return container.owners().me()


async def test_a_reply_is_credited_to_the_campaign(signed_in):
    ask, container = signed_in
    campaign, _ = await ready(ask)
    here = f"/api/campaigns/{campaign['id']}"
    await ask("POST", f"{here}/launch", 200)

    async def reached():
        rows = (await ask("GET", f"{here}/recipients", 200))["data"]
        return [row for row in rows if row.get("state") in ("delivered", "read")]

    row, *_ = await until(reached, 30)
    number = (await numbers(ask))[0]["phoneNumberId"]
    said = Inbound(phone=row["phone"], phone_number_id=number, text="Lovely")
    container.sandbox().director.hear(said)

    async def credited():
        return (await ask("GET", f"{here}/report", 200))["data"]["responses"].get("replied")

    await until(credited)
    chain = (await ask("GET", f"{here}/recipients/{row['id']}", 200))["data"]["chain"]
    assert (chain[0]["what"], chain[-1]["what"]) == ("campaign launched", "replied")
