"""Contacts and groups as HTTP clients meet them."""

import asyncio
from uuid import uuid4

import pytest
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.http.contact_files import ContactFileController
from tidings.adapters.http.contact_privacy import PrivacyController
from tidings.adapters.http.contact_segments import AttributeController, SegmentController
from tidings.adapters.http.contacts import ContactController, GroupController
from tidings.adapters.mysql.contacts.imports import SqlImportQueue
from tidings.adapters.mysql.contacts.tables import metadata
from tidings.adapters.mysql.contacts.work import contacts_in, contacts_read_from
from tidings.adapters.numbering import WorldNumbering
from tidings.adapters.sheets.files import FileSheets
from tidings.adapters.sheets.writing import FileTables
from tidings.application.contacts.attributes import Attributes
from tidings.application.contacts.consent import Consent
from tidings.application.contacts.exporting import Exports
from tidings.application.contacts.groups import Groups
from tidings.application.contacts.identities import Identities
from tidings.application.contacts.importing import Importer, Imports
from tidings.application.contacts.jobs import ImportJobs, ImportRunner
from tidings.application.contacts.people import Contacts
from tidings.application.contacts.privacy import Privacy
from tidings.application.contacts.segments import Segments
from tidings.domain import errors
from tidings.domain.kernel import Actor, OrganizationId, Role, UserId

pytestmark = pytest.mark.anyio

STATUS = {errors.Invalid: 400, errors.Forbidden: 403, errors.NotFound: 404, errors.Conflict: 409}


def refusal(_: Request, error: errors.Refused) -> Response:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    details = [{"field": f.field, "rule": f.rule, "message": f.message} for f in error.faults]
    return Response({"success": False, "error": {"code": error.code, "details": details}}, status_code=status)


def always(value: object):
    return lambda: value


@pytest.fixture
async def client(tmp_path):
    database = sqlite_database(tmp_path / "contacts.db")
    await database.create(metadata)
    begin, reading = contacts_in(database, now=utcnow, new_id=uuid7), contacts_read_from(database)
    owner = Actor(user_id=UserId(uuid4()), organization_id=OrganizationId(uuid4()), role=Role.OWNER)
    importer = Importer(begin, reading, WorldNumbering(), utcnow, uuid7)
    runner = ImportRunner(
        SqlImportQueue(database), begin, reading, FileSheets(), importer, utcnow, uuid7, "test"
    )

    async def run_meanwhile(_: float) -> None:
        await runner.step()

    provided = {
        "actor": owner,
        "contacts": Contacts(begin, reading, WorldNumbering(), utcnow, uuid7),
        "groups": Groups(begin, reading, utcnow, uuid7),
        "consent": Consent(begin, reading, WorldNumbering(), utcnow, uuid7),
        "attributes": Attributes(begin, reading, utcnow),
        "segments": Segments(begin, reading, utcnow, uuid7),
        "identities": Identities(begin, reading, WorldNumbering(), utcnow, uuid7),
        "import_jobs": ImportJobs(
            begin, reading, FileSheets(), FileTables(), importer, utcnow, uuid7, run_meanwhile
        ),
        "privacy": Privacy(begin, reading, utcnow),
        "exports": Exports(reading, FileTables(), utcnow),
        "imports": Imports(begin, reading, FileSheets(), WorldNumbering(), utcnow, uuid7),
    }
    app = Litestar(
        [
            ContactController,
            GroupController,
            AttributeController,
            SegmentController,
            ContactFileController,
            PrivacyController,
        ],
        dependencies={name: Provide(always(value), sync_to_thread=False) for name, value in provided.items()},
        exception_handlers={errors.Refused: refusal},
    )
    async with AsyncTestClient(app) as client:
        yield client
    await database.close()


async def test_every_route_says_which_permission_it_needs(client):
    for route in client.app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if route.path.startswith("/api") and "OPTIONS" not in handler.http_methods:
                assert handler.opt["permission"].partition(":")[0] in ("contacts", "organization")


async def test_a_contact_is_made_read_changed_and_deleted(client):
    body = {
        "firstName": "Asha", "lastName": "Rao", "email": "asha@example.org", "phone": "5551234567",
        "countryCode": "+1", "company": "Rao & Co", "jobTitle": "Owner",
        "notes": "met in May", "isFavorite": True,
    }  # fmt: skip
    made = await client.post("/api/contacts", json=body)
    assert made.status_code == 201
    contact = made.json()["data"]
    assert made.json()["success"] is True
    assert {**body, "phone": "+15551234567"}.items() <= contact.items()
    again = await client.post("/api/contacts", json=body)
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "PHONE_TAKEN"
    path = f"/api/contacts/{contact['id']}"
    assert (await client.get(path)).json()["data"] == contact
    changed = await client.put(path, json={"firstName": "Ash", "company": None})
    assert changed.status_code == 200
    assert (changed.json()["data"]["firstName"], changed.json()["data"]["company"]) == ("Ash", "")
    gone = await client.delete(path)
    assert (gone.status_code, gone.json()["success"]) == (200, True)
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"firstName": "A"},
        {"phone": 5},
        {"phone": "+12025550143", "userId": 1},
        {"phone": "x", "email": "y"},
    ],
)
async def test_what_makes_no_sense_is_refused(client, body):
    assert (await client.post("/api/contacts", json=body)).status_code == 400


async def test_many_who_are_added_at_once_are_answered_each_for_themselves(client):
    phones = [f"+4477009{n:05}" for n in range(900, 912)]
    bodies = [{"phone": phone} for phone in (*phones, phones[0], "12")]
    replies = await asyncio.gather(*(client.post("/api/contacts", json=body) for body in bodies))
    assert [reply.status_code for reply in replies] == [201] * 12 + [409, 400]
    for phone, reply in zip(phones, replies, strict=False):
        found = await client.get(f"/api/contacts/{reply.json()['data']['id']}")
        assert found.json()["data"] == reply.json()["data"]
        assert found.json()["data"]["phone"] == phone


async def test_favourites(client):
    made = await client.post("/api/contacts", json={"phone": "+12025550143"})
    path = f"/api/contacts/{made.json()['data']['id']}/favorite"
    for method, marked in (
        ("PUT", True),
        ("POST", True),
        ("DELETE", False),
        ("PATCH", True),
        ("PATCH", False),
    ):
        told = await client.request(method, path)
        assert (told.status_code, told.json()["data"]["isFavorite"]) == (200, marked)


async def test_lists_count_by_page_and_go_on_by_cursor(client):
    for n in range(5):
        await client.post("/api/contacts", json={"phone": f"+1202555014{n}", "firstName": f"Ana {n}"})
    first = (await client.get("/api/contacts", params={"limit": 2, "search": "ana"})).json()
    assert first["pagination"] == {
        "limit": 2, "page": 1, "total": 5, "totalPages": 3, "nextCursor": first["pagination"]["nextCursor"]
    }  # fmt: skip
    cursor, seen = first["pagination"]["nextCursor"], first["data"]
    for _ in range(2):
        page = (await client.get("/api/contacts", params={"limit": 2, "cursor": cursor})).json()
        assert "total" not in page["pagination"]
        seen += page["data"]
        cursor = page["pagination"].get("nextCursor")
    assert cursor is None
    assert [one["firstName"] for one in seen] == [f"Ana {n}" for n in (4, 3, 2, 1, 0)]
    for wrong in ({"limit": 0}, {"limit": "abc"}, {"page": 0}, {"page": 10**9}, {"cursor": "x"}):
        assert (await client.get("/api/contacts", params=wrong)).status_code == 400


async def test_groups_hold_contacts_and_let_them_go(client):
    ids = [
        (await client.post("/api/contacts", json={"phone": f"+1202555014{n}"})).json()["data"]["id"]
        for n in range(3)
    ]
    made = await client.post("/api/groups", json={"name": "VIP", "description": "dear"})
    assert made.status_code == 201
    group = made.json()["data"]["id"]
    assert (await client.post("/api/groups", json={"name": "VIP"})).status_code == 409
    put = await client.post("/api/contacts/assign-to-group", json={"groupId": group, "contactIds": ids})
    assert put.json()["data"] == {"groupId": group, "changed": 3, "unchanged": 0, "contactCount": 3}
    more = await client.post(f"/api/groups/{group}/contacts", json={"contactIds": ids[:1]})
    assert more.json()["data"]["unchanged"] == 1
    out = await client.request("DELETE", f"/api/groups/{group}/contacts", json={"contactIds": ids[:1]})
    assert out.json()["data"]["contactCount"] == 2
    members = (await client.get(f"/api/groups/{group}/contacts")).json()
    assert {one["id"] for one in members["data"]} == set(ids[1:])
    listed = (await client.get("/api/contacts", params={"groupId": group})).json()
    assert listed["data"] == members["data"]
    assert (await client.get("/api/groups")).json()["data"][0]["contactCount"] == 2
    assert (await client.put(f"/api/groups/{group}", json={"name": "VVIP"})).json()["data"]["name"] == "VVIP"
    assert (await client.delete(f"/api/groups/{group}")).status_code == 200
    assert (await client.get(f"/api/groups/{group}")).status_code == 404
    assert (await client.get(f"/api/contacts/{ids[1]}")).status_code == 200


async def test_opting_out_and_in(client):
    made = await client.post("/api/contacts", json={"phone": "+12025550143"})
    path = f"/api/contacts/{made.json()['data']['id']}"
    out = await client.post(f"{path}/opt-out", json={"source": "phone call"})
    assert (out.status_code, out.json()["data"]["optedOut"]) == (200, True)
    assert out.json()["data"]["consentSource"] == "phone call"
    assert (await client.get("/api/contacts", params={"optedOut": True})).json()["pagination"]["total"] == 1
    assert (await client.post(f"{path}/opt-in")).json()["data"]["optedOut"] is False
    ledger = (await client.get(f"{path}/consent")).json()["data"]
    assert [(entry["wish"], entry["source"]) for entry in ledger] == [
        ("start", "api"),
        ("stop", "phone call"),
    ]


async def test_the_suppression_list(client):
    body = {"phones": ["+447700900123"], "source": "letter"}
    assert (await client.post("/api/contacts/suppressions", json=body)).json()["data"]["people"] == 1
    listed = (await client.get("/api/contacts/suppressions")).json()["data"]
    assert [(each["person"], each["consentSource"]) for each in listed] == [("447700900123", "letter")]
    made = await client.post("/api/contacts", json={"phone": "+447700900123"})
    assert made.json()["data"]["optedOut"] is True
    assert (await client.request("DELETE", "/api/contacts/suppressions", json=body)).status_code == 200
    assert (await client.get("/api/contacts/suppressions")).json()["data"] == []


async def test_a_file_is_uploaded_and_reported_row_by_row(client):
    content = "phone;firstName\n+12025550143;Zoë\n12;Bad\n"
    report = await client.post(
        "/api/contacts/import", files={"file": ("people.csv", content.encode())}, params={"dryRun": True}
    )
    assert report.status_code == 200
    assert (report.json()["data"]["created"], report.json()["data"]["dryRun"]) == (1, True)
    report = await client.post("/api/contacts/import", files={"file": ("people.csv", content.encode())})
    assert report.json()["data"]["created"] == 1
    assert [(e["row"], e["field"]) for e in report.json()["data"]["errors"]] == [(3, "phone")]
    refused = await client.post("/api/contacts/import", files={"file": ("people.csv", b"name\nA\n")})
    assert refused.status_code == 400
    assert refused.json()["error"]["details"][0]["field"] == "phone"


async def test_attributes_and_segments(client):
    made = await client.post("/api/contacts/attributes", json={"key": "age", "kind": "number"})
    assert made.status_code == 201
    for n, age in enumerate(["30", "40"]):
        await client.post("/api/contacts", json={"phone": f"+1202555014{n}", "attributes": {"age": age}})
    rule = {"type": "attribute", "key": "age", "op": "more_than", "value": 35}
    sample = await client.post("/api/segments/try", json={"rule": rule})
    assert (sample.status_code, sample.json()["data"]["count"]) == (200, 1)
    segment = (await client.post("/api/segments", json={"name": "Older", "rule": rule})).json()["data"]
    assert segment["rule"] == {**rule, "value": "35"}
    for path in (f"/api/segments/{segment['id']}/contacts", f"/api/contacts?groupId={segment['id']}"):
        found = (await client.get(path)).json()
        assert [one["attributes"] for one in found["data"]] == [{"age": "40"}]
    wrong = {"type": "any", "rules": [{**rule, "key": "size"}]}
    refused = await client.post("/api/segments", json={"name": "x", "rule": wrong})
    assert refused.status_code == 400
    assert refused.json()["error"]["details"][0]["field"] == "rule.rules[0].key"
    assert (await client.post("/api/segments/try", json={"rule": {"type": "nonsense"}})).status_code == 400
    assert (await client.delete("/api/contacts/attributes/age")).status_code == 409
    assert (await client.put(f"/api/segments/{segment['id']}", json={"name": "Old"})).status_code == 200
    assert (await client.get("/api/segments")).json()["data"][0]["name"] == "Old"
    assert (await client.delete(f"/api/segments/{segment['id']}")).status_code == 200
    assert (await client.put("/api/contacts/attributes/age", json={"label": "Years"})).status_code == 200
    assert (await client.delete("/api/contacts/attributes/age")).status_code == 200
    assert (await client.get("/api/contacts/attributes")).json()["data"] == []


async def test_two_contacts_become_one_and_two_again(client):
    one, two = [
        (await client.post("/api/contacts", json={"phone": f"+1202555014{n}"})).json()["data"]["id"]
        for n in range(2)
    ]
    merged = await client.post(f"/api/contacts/{two}/merge", json={"contactId": one})
    assert (merged.status_code, merged.json()["data"]["id"]) == (200, one)
    assert (await client.get(f"/api/contacts/{two}")).status_code == 404
    (merge,) = (await client.get(f"/api/contacts/{one}/merges")).json()["data"]
    assert (merge["keptId"], merge["absorbedId"]) == (one, two)
    undone = await client.post(f"/api/contacts/merges/{merge['id']}/undo")
    assert (undone.status_code, undone.json()["data"]["id"]) == (200, two)
    assert (await client.post(f"/api/contacts/{one}/merge", json={"contactId": one})).status_code == 409


async def test_a_file_is_looked_at_before_it_is_brought_in(client):
    form = {"mapping": '{"who": "firstName"}', "country": "GB"}
    file = {"file": ("people.csv", "phone;who;Größe\n07700 900123;Zoë;42\n".encode("cp1252"))}
    seen = (await client.post("/api/contacts/import/preview", files=file, data=form)).json()["data"]
    assert (seen["rows"], seen["encoding"], seen["delimiter"]) == (1, "cp1252", ";")
    assert [(c["header"], c["field"], c["examples"]) for c in seen["columns"]] == [
        ("phone", "phone", ["07700 900123"]),
        ("who", "firstName", ["Zoë"]),
        ("Größe", "attributes.größe", ["42"]),
    ]
    report = await client.post("/api/contacts/import", files=file, data={**form, "dryRun": "true"})
    assert (report.json()["data"]["created"], report.json()["data"]["dryRun"]) == (1, True)
    for wrong in ({"mapping": "{"}, {"mapping": '{"none": "phone"}'}, {"policy": "x"}, {"groupId": "x"}):
        assert (await client.post("/api/contacts/import", files=file, data=wrong)).status_code == 400


async def test_an_import_runs_in_the_background_and_is_watched(client):
    content = "phone\n+447700900123\n12\n"
    file = {"file": ("people.csv", content.encode())}
    started = await client.post("/api/contacts/imports", files=file)
    assert (started.status_code, started.json()["data"]["state"]) == (202, "waiting")
    path = f"/api/contacts/imports/{started.json()['data']['id']}"
    events = (await client.get(f"{path}/progress")).text
    assert '"state":"waiting"' in events
    assert '"state":"done"' in events
    done = (await client.get(path)).json()["data"]
    assert (done["report"]["created"], done["report"]["failed"]) == (1, 1)
    errors = await client.get(f"{path}/errors.csv")
    assert errors.headers["content-disposition"] == 'attachment; filename="errors.csv"'
    assert "3,phone,too_short" in errors.text
    assert (await client.post(f"{path}/cancel")).status_code == 409
    assert (await client.get("/api/contacts/imports")).json()["data"][0]["id"] == done["id"]
    assert (await client.get(f"/api/contacts/imports/{uuid4()}/progress")).status_code == 404
    assert (await client.get(f"/api/contacts/imports/{uuid4()}/errors.csv")).status_code == 404
    refused = await client.post("/api/contacts/imports", files={"file": ("people.csv", b"name\nx\n")})
    assert refused.status_code == 400


async def test_contacts_are_exported(client):
    await client.post("/api/contacts", json={"phone": "+12025550143", "firstName": "=1+1"})
    for kind in ("csv", "xlsx"):
        told = await client.get("/api/contacts/export", params={"format": kind})
        assert told.status_code == 200
        assert f"contacts.{kind}" in told.headers["content-disposition"]
    csv_file = await client.get("/api/contacts/export")
    assert "'=1+1" in csv_file.text
    assert (await client.get("/api/contacts/export", params={"format": "pdf"})).status_code == 400


async def test_a_person_is_shown_whole_and_forgotten(client):
    made = await client.post("/api/contacts", json={"phone": "+12025550143", "firstName": "Asha"})
    path = f"/api/contacts/{made.json()['data']['id']}"
    told = (await client.get(f"{path}/personal-data")).json()["data"]
    assert told["contact"]["firstName"] == "Asha"
    assert (await client.post(f"{path}/erase")).status_code == 200
    assert (await client.get(path)).status_code == 404
    assert (await client.post(f"{path}/erase")).status_code == 404
    assert (await client.put("/api/contacts/retention", json={"days": 90})).json()["data"]["days"] == 90
    assert (await client.put("/api/contacts/retention", json={"days": 1})).status_code == 400
    assert (await client.get("/api/contacts/retention")).json()["data"]["days"] == 90
