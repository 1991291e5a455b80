"""The API's reference: whole, with examples that fit, shown from our own files alone."""

import re

import jsonschema
import pytest

from tidings.adapters.http.documenting import KINDS

pytestmark = pytest.mark.anyio
METHODS = ("get", "put", "post", "patch", "delete")


@pytest.fixture(scope="module")
async def document(service):
    return (await service.client.get("/schema/openapi.json")).json()


async def test_every_operation_says_what_it_does_and_what_can_go_wrong(document):
    for path, operations in document["paths"].items():
        for method in METHODS:
            if operation := operations.get(method):
                assert operation.get("description") or operation.get("summary"), (method, path)
                assert {"400", "401"} <= set(operation["responses"]), (method, path)
                assert operation["operationId"]


async def test_every_body_has_an_example_that_fits_its_schema(document):
    seen, wrong = 0, []
    for path, operations in document["paths"].items():
        for method in METHODS:
            operation = operations.get(method) or {}
            for body in [operation.get("requestBody", {}), *operation.get("responses", {}).values()]:
                media = (body.get("content") or {}).get("application/json")
                if media is not None:
                    whole = {**media["schema"], "components": document["components"]}
                    faults = jsonschema.Draft202012Validator(whole).iter_errors(media["example"])
                    wrong += [f"{method} {path}: {fault.json_path} {fault.message[:80]}" for fault in faults]
                    seen += 1
    assert wrong == []
    assert seen > 500


async def test_the_page_asks_nobody_but_us(service):
    page = await service.client.get("/schema")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    assert [link for link in links if not link.startswith("/schema/")] == []
    assert "script-src 'self';" in page.headers["content-security-policy"]
    for name, kind in KINDS.items():
        file = await service.client.get(f"/schema/files/{name}")
        assert (file.status_code, file.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
    for wrong in ("nothing.js", "..%2fsecurity.py", "LICENSE.swagger-ui.txt"):
        assert (await service.client.get(f"/schema/files/{wrong}")).status_code == 404
