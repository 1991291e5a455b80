"""A client that believes no reply that the service's own document does not describe."""

import asyncio
import re
from contextlib import asynccontextmanager

import httpx
import jsonschema

from tidings.bootstrap.app import entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.platform import running

ACCOUNT = {"name": "Rowan Hale", "email": "rowan@example.org", "password": "correct horse battery staple"}


_documents: list[dict] = []


async def document_of(client: httpx.AsyncClient) -> dict:
    """The service's OpenAPI document, which takes a second to be made and is the same for every one."""
    if not _documents:
        _documents.append((await client.get("/schema/openapi.json")).json())
    return _documents[0]


class Checked:
    """A client that holds every reply against the service's own OpenAPI document."""

    def __init__(self, client: httpx.AsyncClient, document: dict) -> None:
        self.client, self.document = client, document
        self.routes = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), operations)
            for path, operations in sorted(document["paths"].items(), key=lambda item: "{" in item[0])
        ]

    async def __call__(self, method: str, path: str, status: int, **how):
        reply = await self.client.request(method, path, **how)
        assert reply.status_code == status, reply.text
        operation = self.operation(method, path)
        if status < 300 and "application/json" in reply.headers["content-type"]:
            schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
            jsonschema.validate(reply.json(), {**schema, "components": self.document["components"]})
        elif status >= 400:
            error = reply.json()["error"]
            assert set(error) == {"code", "message", "details", "requestId"}
            assert reply.headers["x-request-id"] == error["requestId"]
        return reply.json() if "json" in reply.headers["content-type"] else reply

    def operation(self, method: str, path: str) -> dict:
        path = path.partition("?")[0]
        for pattern, operations in self.routes:
            if pattern.fullmatch(path) and method.lower() in operations:
                return operations[method.lower()]
        raise AssertionError(f"{method} {path} is not in the document")


@asynccontextmanager
async def signed_up(settings):
    """A service in this process, of these settings, and a client of an organisation that has just begun."""
    async with (
        assembled(settings) as container,
        running(container),
        httpx.AsyncClient(transport=httpx.ASGITransport(entrance(container)), base_url="http://t") as client,
    ):
        ask = Checked(client, await document_of(client))
        made = await ask("POST", "/api/auth/register", 201, json=ACCOUNT)
        client.headers["authorization"] = f"Bearer {made['data']['token']}"
        ask.container = container
        yield ask


async def until(question, seconds=20):
    async with asyncio.timeout(seconds):
        while not (answer := await question()):
            await asyncio.sleep(0.05)
    return answer


async def numbers(ask):
    return (await ask("GET", "/api/numbers", 200))["data"]
