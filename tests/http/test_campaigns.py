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

    await until(lambda: is_approved(ask, template["id"]))
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


async def test_people_get_the_translation_nearest_to_what_they_read(signed_in):
    ask, _ = signed_in
    campaign, contacts = await ready(ask)
    spanish = {
        **TEMPLATE,
        "language": "es",
        "components": [
            {
                "type": "BODY",
                "text": "Hola {{1}}, abrimos a las nueve.",
                "example": {"body_text": [["Ada"]]},
            }
        ],
    }
    template = (await ask("POST", "/api/templates/create", 201, json=spanish))["data"]
    await until(lambda: is_approved(ask, template["id"]))
    await ask("POST", "/api/contacts/attributes", 201, json={"key": "language", "kind": "text"})
    for contact, language in zip(contacts, ("es-MX", "sw", None), strict=True):
        if language:
            said = {"attributes": {"language": language}}
            await ask("PUT", f"/api/contacts/{contact['id']}", 200, json=said)
    here = f"/api/campaigns/{campaign['id']}"
    await ask("PUT", here, 200, json={"inTheirLanguage": True})
    dry = (await ask("GET", f"{here}/dry-run", 200))["data"]
    foreseen = {each["contactId"]: each["payload"]["language"] for each in dry}
    assert [foreseen[contact["id"]] for contact in contacts] == ["es", "en_GB", "en_GB"]
    await ask("POST", f"{here}/launch", 200)

    async def written():
        found = (await ask("GET", f"/api/messages?campaignId={campaign['id']}", 200))["data"]
        return found if len(found) == 3 else None

    sent = await until(written)
    messages = [(await ask("GET", f"/api/messages/{each['id']}", 200))["data"] for each in sent]
    said = {each["to"]: each["content"]["language"] for each in messages}
    assert said == {contact["phone"]: foreseen[contact["id"]] for contact in contacts}


async def test_a_stored_file_is_sent_by_the_id_that_meta_knows_for_the_number(signed_in):
    ask, _ = signed_in
    campaign, contacts = await ready(ask)
    picture = ("box.jpg", b"\xff\xd8\xff\xe0" + b"picture" * 400, "image/jpeg")
    stored = (await ask("POST", "/api/templates/media", 201, files={"file": picture}))["data"]
    header = {
        "type": "HEADER",
        "format": "IMAGE",
        "example": {"header_handle": [stored["headerHandle"]]},
    }
    body = {"type": "BODY", "text": "Look, {{1}}: the new box.", "example": {"body_text": [["Ada"]]}}
    pictured = {**TEMPLATE, "name": "pictured_news", "components": [header, body]}
    template = (await ask("POST", "/api/templates/create", 201, json=pictured))["data"]
    await until(lambda: is_approved(ask, template["id"]))
    here = f"/api/campaigns/{campaign['id']}"
    change = {
        "templateId": template["id"],
        "parameters": {"body.1": {"field": "firstName"}, "header": {"text": stored["value"]}},
    }
    await ask("PUT", here, 200, json=change)
    await ask("POST", f"{here}/test", 200, json={"contactIds": [contacts[0]["id"]]})
    await ask("POST", f"{here}/launch", 200)

    async def reached():
        totals = (await ask("GET", f"{here}/report", 200))["data"]["totals"]
        return totals["read"] + totals["delivered"] == 3

    await until(reached, 30)
    sent = (await ask("GET", "/api/messages", 200))["data"]
    messages = [(await ask("GET", f"/api/messages/{each['id']}", 200))["data"] for each in sent]
    ids = {each["content"]["components"][0]["parameters"][0]["image"]["id"] for each in messages}
    assert (len(messages), len(ids)) == (4, 1)
    assert ids.pop().isdecimal()


async def is_approved(ask, id):
    return (await ask("GET", f"/api/templates/{id}", 200))["data"]["status"] == "APPROVED"


async def test_an_experiment_with_links_of_their_own_over_http(signed_in):
    ask, _ = signed_in
    campaign, _ = await ready(ask, people=12)
    here = f"/api/campaigns/{campaign['id']}"
    crooked = {"arms": [{"name": "A"}, {"name": "A"}]}
    refused = await ask("PUT", here, 400, json={"experiment": crooked})
    assert refused["error"]["details"][0]["field"] == "experiment.arms[1].name"
    both = {"body.1": {"link": "https://shop.example/", "text": "x"}}
    await ask("PUT", here, 200, json={"parameters": both})
    assert (await ask("POST", f"{here}/launch", 400))["error"]["details"][0]["rule"] == "one_of"
    nowhere = await ask("PUT", here, 400, json={"parameters": {"body.1": {"link": "javascript:alert(1)"}}})
    assert "link" in nowhere["error"]["details"][0]["field"]
    experiment = {"arms": [{"name": "A"}, {"name": "B"}], "sample": 0.5, "byItself": False}
    linked = {"parameters": {"body.1": {"link": "https://shop.example/sale"}}, "experiment": experiment}
    await ask("PUT", here, 200, json=linked)
    await ask("POST", f"{here}/winner", 409, json={"arm": "A"})
    dry = (await ask("GET", f"{here}/dry-run", 200))["data"]
    link = dry[0]["payload"]["components"][0]["parameters"][0]["text"]
    path = link[link.index("/r/") :]
    await ask("POST", f"{here}/launch", 200)

    async def waits():
        report = (await ask("GET", f"{here}/report", 200))["data"]
        arms = report["experiment"]["arms"]
        # Who is in which is chance: one of them may be empty.
        people = sum(arm["people"] for arm in arms)
        return report if report["waiting"].startswith("somebody") and people else None

    report = await until(waits, 30)
    assert report["experiment"]["waiting"] > 0
    opened = await ask.client.get(path, follow_redirects=False)
    assert (opened.status_code, opened.headers["location"]) == (302, "https://shop.example/sale")
    assert opened.headers["cache-control"] == "no-store"
    assert (await ask("GET", "/r/nonsense", 404))["error"]["code"] == "LINK_NOT_FOUND"
    assert (await ask("POST", f"{here}/winner", 200, json={"arm": "B"}))["data"]["winner"] == "B"

    async def done():
        found = (await ask("GET", here, 200))["data"]
        return found if found["state"] == "completed" else None

    assert (await until(done, 30))["totals"]["planned"] == 12
