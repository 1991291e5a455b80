"""A sandbox on a port, somebody who calls it, and a receiver of webhooks."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from tests.contracts.meta.traffic import Traffic
from tidings.adapters.sandbox import webhooks
from tidings.adapters.sandbox.accounts import Account
from tidings.adapters.sandbox.server import Sandbox, SandboxServer
from tidings.adapters.sandbox.settings import Behaviour, SandboxSettings

QUICK = Behaviour(
    not_on_whatsapp=0,
    experiment=0,
    stopped_marketing=0,
    never_reads=0,
    answers=0,
    says_stop=0,
    sent=(0.0, 0.01),
    delivered=(0.0, 0.01),
    read=(0.0, 0.01),
    answer=(0.0, 0.01),
)
SETTINGS = SandboxSettings(
    throughput=10_000,
    review_delay=0.01,
    behaviour=QUICK,
    batch_window=0.01,
    retry_first=0.02,
    retry_longest=0.1,
)


@dataclass
class Receiver:
    """Takes webhooks, and remembers them raw."""

    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    runner: web.AppRunner | None = None
    port: int = 0

    async def start(self) -> None:
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/hook", self._take)
        app.router.add_get("/hook", self._verify)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        await self.runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.status == 200:
            self.got.append((dict(request.headers), body))
        return web.Response(status=self.status)

    async def _verify(self, request: web.Request) -> web.Response:
        if request.query["hub.verify_token"] != "secret word":
            return web.Response(status=403)
        return web.Response(text=request.query["hub.challenge"])

    def values(self, name: str) -> list[dict]:
        """The members of this name in every change's value, in the order of arrival."""
        found = []
        for _, body in self.got:
            for entry in json.loads(body)["entry"]:
                for change in entry["changes"]:
                    found += change["value"].get(name, [])
        return found

    def notices(self, name: str) -> list[dict]:
        changes = [c for _, body in self.got for e in json.loads(body)["entry"] for c in e["changes"]]
        return [change["value"] for change in changes if change["field"] == name]


@dataclass
class Caller:
    """A client of the sandbox with the token of its first account."""

    session: aiohttp.ClientSession
    base: str
    account: Account
    sandbox: Sandbox

    async def __call__(self, method: str, path: str, said=None, *, token: str | None = None):
        headers = {"Authorization": f"Bearer {self.account.access_token if token is None else token}"}
        if token == "":
            headers = {}
        data = said if isinstance(said, bytes) else None if said is None else json.dumps(said).encode()
        headers["Content-Type"] = "application/json"
        url = f"{self.base}{path}"
        async with self.session.request(method, url, data=data, headers=headers) as answer:
            return answer.status, json.loads(await answer.read())

    async def graph(self, method: str, path: str, said=None, **options):
        return await self(method, f"/v25.0/{path}", said, **options)

    async def send(self, **message):
        whole = {"messaging_product": "whatsapp", "to": "+447700900123", **message}
        return await self.graph("POST", f"{self.account.phone_number_id}/messages", whole)

    async def hello(self, to: str = "+447700900123", **more):
        template = {"name": "hello_world", "language": {"code": "en_US"}}
        return await self.send(to=to, type="template", template=template, **more)

    async def control(self, method: str, path: str, said=None):
        status, body = await self(method, f"/_sandbox/{path}", said)
        assert status == 200, body
        return body

    async def make_template(self, name: str = "offer", category: str = "MARKETING", **more):
        body = {"type": "BODY", "text": "Hello {{1}}, your parcel comes at {{2}} this afternoon.",
                "example": {"body_text": [["Rowan", "14:30"]]}}  # fmt: skip
        said = {"name": name, "language": "en", "category": category, "components": [body], **more}
        return await self.graph("POST", f"{self.account.waba_id}/message_templates", said)

    async def approved(self, name: str = "offer", category: str = "MARKETING", **more) -> str:
        status, made = await self.make_template(name, category, **more)
        assert status == 200, made
        await self.control("POST", f"templates/{made['id']}/approve")
        return made["id"]

    async def quiet(self) -> dict:
        """Once every webhook is home."""
        for _ in range(500):
            state = await self.control("GET", "state")
            if state["webhooks"]["pending"] == 0:
                return state
            await asyncio.sleep(0.01)
        raise AssertionError(state)


@asynccontextmanager
async def sandbox_at(
    settings: SandboxSettings = SETTINGS, webhook: str | None = None
) -> AsyncIterator[Caller]:
    sandbox = Sandbox(settings)
    account = sandbox.open_account(webhook=webhook)
    async with SandboxServer(sandbox) as server, aiohttp.ClientSession() as session:
        yield Caller(session, f"http://127.0.0.1:{server.port}", account, sandbox)


@pytest.fixture(autouse=True)
def traffic(monkeypatch, request):
    """Whatever a test is about, all that the sandbox says in it is what Meta would say."""
    found = Traffic()
    if request.node.get_closest_marker("slow"):
        yield found  # what is timed is left alone
        return
    answer, signature = Sandbox.answer, webhooks.signature

    async def checked(self, call):
        reply = await answer(self, call)
        found.answered(self.world, call, reply)
        return reply

    def signed(secret, body):
        found.told(body)
        return signature(secret, body)

    monkeypatch.setattr(Sandbox, "answer", checked)
    monkeypatch.setattr(webhooks, "signature", signed)
    yield found
    assert found.wrong == {}


@pytest.fixture
async def receiver():
    found = Receiver()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def caller(receiver):
    async with sandbox_at(webhook=receiver.url) as found:
        yield found


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
