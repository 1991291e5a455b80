"""Templates as HTTP clients meet them."""

import json
from uuid import uuid4

import pytest
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from tests.application.test_templates_world import WABA, Files, OneWaba, a_world
from tests.domain.test_templates_rules import DELIVERY, WELCOME
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.http.templates import TemplateController, TemplateFileController
from tidings.adapters.mysql.templates import templates_read_from
from tidings.application.templates import HeaderFiles
from tidings.domain import errors
from tidings.domain.kernel import Role
from tidings.domain.templates.template import Status

pytestmark = pytest.mark.anyio

STATUS = {errors.Invalid: 400, errors.Forbidden: 403, errors.NotFound: 404, errors.Conflict: 409}


def refusal(_: Request, error: errors.Refused) -> Response:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    details = [{"field": f.field, "rule": f.rule, "message": f.message} for f in error.faults]
    return Response({"success": False, "error": {"code": error.code, "details": details}}, status_code=status)


def always(value: object):
    return Provide(lambda: value, sync_to_thread=False)


@pytest.fixture
async def world(tmp_path):
    world = await a_world(tmp_path)
    yield world
    await world.database.close()


@pytest.fixture
async def client(world):
    app = Litestar(
        [TemplateController, TemplateFileController],
        dependencies={
            "actor": always(world.actor(Role.MEMBER)),
            "templates": always(world.templates),
            "keeper": always(world.keeper),
            "header_files": always(
                HeaderFiles(
                    world.begin,
                    templates_read_from(world.database),
                    Files(),
                    OneWaba(),
                    world.clock,
                    uuid7,
                )
            ),
        },
        exception_handlers={errors.Refused: refusal},
    )
    async with AsyncTestClient(app) as client:
        yield client


async def made(client, **changes):
    answer = await client.post("/api/templates", json={**json.loads(DELIVERY), **changes})
    assert answer.status_code == 201
    return answer.json()["data"]


async def test_every_route_says_which_permission_it_needs(client):
    for route in client.app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if route.path.startswith("/api") and "OPTIONS" not in handler.http_methods:
                assert handler.opt["permission"].startswith("templates:"), route.path


@pytest.mark.parametrize("path", ["/api/templates", "/api/templates/create"])
async def test_a_template_is_handed_in_as_meta_writes_it(client, path):
    answer = await client.post(path, json={**json.loads(WELCOME), "wabaId": WABA})
    assert answer.status_code == 201
    template = answer.json()["data"]
    assert (template["status"], template["parameterFormat"]) == ("PENDING", "named")
    assert template["components"] == json.loads(WELCOME)["components"]


async def test_fields_may_be_spelt_as_in_our_replies(client):
    body = json.loads(WELCOME)
    del body["parameter_format"]
    body |= {"parameterFormat": "NAMED", "messageSendTtlSeconds": 43200}
    template = (await client.post("/api/templates", json=body)).json()["data"]
    assert (template["parameterFormat"], template["messageSendTtlSeconds"]) == ("named", 43200)


async def test_every_fault_is_told_with_its_path(client):
    answer = await client.post(
        "/api/templates/create", json={**json.loads(DELIVERY), "name": "B", "language": "x"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "TEMPLATE_INVALID"
    assert [d["field"] for d in answer.json()["error"]["details"]] == ["name", "language"]


async def test_a_field_that_is_not_known_is_refused(client):
    answer = await client.post("/api/templates", json={**json.loads(DELIVERY), "status": "APPROVED"})
    assert answer.status_code == 400


async def test_templates_are_listed_by_body_and_by_query(client, world):
    for i in range(3):
        await made(client, name=f"t{i}", components=[{"type": "BODY", "text": f"Text {i}"}])
    first = (await client.post("/api/templates/list", json={"limit": 2})).json()
    assert [t["name"] for t in first["data"]] == ["t2", "t1"]
    cursor = first["pagination"]["nextCursor"]
    rest = (await client.get("/api/templates", params={"limit": 2, "cursor": cursor})).json()
    assert [t["name"] for t in rest["data"]] == ["t0"]
    numbered = (await client.get("/api/templates", params={"page": 2, "limit": 2})).json()
    assert numbered["pagination"] == {"limit": 2, "page": 2, "total": 3, "totalPages": 2}
    found = (await client.get("/api/templates", params={"status": "PENDING", "search": "T1"})).json()
    assert [t["name"] for t in found["data"]] == ["t1"]
    assert (await client.get("/api/templates", params={"status": "NONE"})).status_code == 400
    assert (await client.get("/api/templates", params={"limit": 1000})).status_code == 400


async def test_a_template_is_looked_at_changed_and_deleted(client, world):
    world.meta.verdict = Status.APPROVED
    template = await made(client)
    path = f"/api/templates/{template['id']}"
    seen = (await client.get(path)).json()["data"]
    assert template.items() <= seen.items()
    assert [s["key"] for s in seen["slots"]][:1] == ["header"]
    assert "Hello Rowan" in seen["preview"]["body"]
    assert [t["language"] for t in (await client.get(f"{path}/family")).json()["data"]] == ["en_GB"]
    shown = await client.post(f"{path}/preview", json={"values": {"body.1": "Asha"}})
    assert shown.status_code == 200
    assert "Hello Asha" in shown.json()["data"]["preview"]["text"]
    body = {"components": [{"type": "BODY", "text": "Nothing to fill in here."}]}
    changed = await client.put(path, json=body)
    assert (changed.status_code, changed.json()["data"]["components"]) == (200, body["components"])
    refused = await client.post(f"/api/templates/update/{template['id']}", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "NOTHING_TO_CHANGE")
    deleted = (await client.delete(path)).json()
    assert (deleted["message"], deleted["data"]["status"]) == ("Template deleted", "DELETED")
    assert (await client.get(f"/api/templates/{uuid4()}")).status_code == 404


async def test_missing_values_are_named(client):
    template = await made(client)
    answer = await client.post(
        f"/api/templates/{template['id']}/preview", json={"values": {}, "examples": False}
    )
    assert answer.status_code == 400
    assert [d["field"] for d in answer.json()["error"]["details"]] == [
        "header",
        "body.1",
        "body.2",
        "button.1",
    ]


async def test_a_draft_is_judged(client):
    raw = json.loads(DELIVERY)
    raw["components"][1]["text"] = "{{1}}"
    answer = await client.post("/api/templates/validate", json=raw)
    assert answer.status_code == 200
    assert answer.json()["data"]["isValid"] is False
    assert {e["rule"] for e in answer.json()["data"]["errors"]} == {
        "variable_at_edge",
        "too_many_variables",
        "example",
    }


async def test_a_sync_tells_what_it_found(client):
    await made(client)
    for body in (None, {"wabaId": WABA}):
        answer = await client.post("/api/templates/sync", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["fetched"] == 1
    assert (await client.post("/api/templates/sync", json={"wabaId": "1"})).status_code == 409


async def test_the_document_describes_components(client):
    document = (await client.get("/schema/openapi.json")).json()
    assert "/api/templates/{id}" in document["paths"]
    assert "Carousel" in json.dumps(document["components"]["schemas"])


async def test_a_file_for_a_header_is_uploaded_listed_and_forgotten(client):
    picture = {"file": ("box.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "image/png")}
    answer = await client.post("/api/templates/media", files=picture)
    assert answer.status_code == 201, answer.text
    added = answer.json()["data"]
    assert added["headerHandle"] == "4::1"
    assert added["value"] == f"file:{added['file']['id']}"
    assert (await client.get("/api/templates/media")).json()["data"] == [added["file"]]
    assert (await client.delete(f"/api/templates/media/{added['file']['id']}")).status_code == 200
    assert (await client.get("/api/templates/media")).json()["data"] == []
    wrong = {"file": ("box.png", b"<html>", "image/png")}
    refused = await client.post("/api/templates/media", files=wrong)
    assert (refused.status_code, refused.json()["error"]["details"][0]["rule"]) == (400, "content")
