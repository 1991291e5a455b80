"""The whole application in this process, over files, with the sandbox."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.http.checked import ACCOUNT, Checked, document_of
from tidings.bootstrap.app import create_app, entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.container import Container
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import Settings, read_settings


@dataclass
class Service:
    """A client of the application, and what is behind it."""

    container: Container
    app: Litestar
    client: httpx.AsyncClient
    answers: list[httpx.Response] = field(default_factory=list)

    async def ask(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **more)


@pytest.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    fast = {"rate_bearer": 0, "rate_organization": 0, "rate_address": 0}
    async with (
        assembled(read_settings({}, data=folder, **fast)) as container,
        running(container, (), send=False),
    ):
        transport = httpx.ASGITransport(entrance(container))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            yield Service(container, create_app(container), client)


@pytest.fixture
async def served(tmp_path):
    """The whole service in this process, with its sandbox."""
    async with (
        assembled(Settings(data=tmp_path)) as container,
        running(container),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(entrance(container)), base_url="http://tidings"
        ) as client,
    ):
        yield Checked(client, await document_of(client)), container


@pytest.fixture
async def signed_in(served):
    ask, container = served
    made = await ask("POST", "/api/auth/register", 201, json=ACCOUNT)
    ask.client.headers["authorization"] = f"Bearer {made['data']['token']}"
    return ask, container
