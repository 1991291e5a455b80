"""One person in every context: in one document when asked, in a rule by what they did, and then forgotten."""

import json

import pytest

from tests.http.checked import numbers, until
from tests.http.test_campaigns import ready
from tidings.adapters.sandbox.director import Inbound

pytestmark = pytest.mark.anyio


async def test_a_person_is_in_one_document_and_then_in_none(signed_in):
    """S18: every context tells what it keeps, and every context forgets."""
    ask, container = signed_in
    campaign, (ada, bea, _) = await ready(ask)
    (number,) = await numbers(ask)
    people = container.sandbox().director
    for each, fate in ((ada, "reads"), (bea, "never_reads")):
        people.person(each["phone"], {"fate": fate, "sent": 0, "delivered": 0, "read": 0})
    await ask("POST", f"/api/campaigns/{campaign['id']}/launch", 200)

    async def chosen(deed):
        rule = {"type": "activity", "deed": deed, "campaignId": campaign["id"]}
        return (await ask("POST", "/api/segments/try", 200, json={"rule": rule}))["data"]

    # What happened between a person and a campaign can be asked for by a segment.
    await until(lambda: _some(chosen("read"), lambda found: ada["id"] in str(found)))
    reached = await until(lambda: _some(chosen("reached"), lambda found: found["count"] >= 2))
    assert bea["id"] in str(reached)
    assert bea["id"] not in str(await chosen("read"))

    people.hear(Inbound(phone=ada["phone"], phone_number_id=number["phoneNumberId"], text="The blue one"))
    await until(lambda: _some(ask("GET", "/api/conversations", 200), lambda found: found["data"]))
    (thread,) = (await ask("GET", "/api/conversations", 200))["data"]
    note = {"text": "Wants it in blue"}
    await ask("POST", f"/api/conversations/{thread['id']}/notes", 201, json=note)

    async def document():
        return (await ask("GET", f"/api/contacts/{ada['id']}/personal-data", 200))["data"]

    told = await document()
    (trace,) = told["elsewhere"]["campaigns"]
    assert (trace["campaign"], trace["recipient"]["values"]) == ("News", {"body.1": "P0"})
    kept = told["elsewhere"]["whatsapp"]
    assert [message["content"]["name"] for message in kept["messages"]] == ["autumn_news"]
    assert "The blue one" in json.dumps(kept["conversations"])
    assert "Wants it in blue" in json.dumps(kept["conversations"])
    assert bea["phone"] not in json.dumps(told)

    await ask("POST", f"/api/contacts/{ada['id']}/erase", 200)
    await ask("GET", f"/api/contacts/{ada['id']}/personal-data", 404)

    async def everything():
        """All that anybody may read afterwards."""
        pages = [
            f"/api/campaigns/{campaign['id']}/recipients",
            "/api/messages",
            "/api/conversations",
            f"/api/conversations/{thread['id']}/messages",
            "/api/contacts",
            "/api/audit",
        ]
        return json.dumps([await ask("GET", page, 200) for page in pages])

    digits = ada["phone"].removeprefix("+")
    said = await until(lambda: _some(everything(), lambda text: digits not in text))
    for trace in (digits, "The blue one", "Wants it in blue", '"P0"'):
        assert trace not in said, trace


async def _some(question, good):
    found = await question
    return found if good(found) else None
