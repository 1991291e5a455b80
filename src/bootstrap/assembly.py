"""Putting a container together: with Meta as it is configured, or with the sandbox inside this process."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
from dependency_injector import providers

from tidings.adapters.meta.client import Graph, GraphOptions, graph
from tidings.adapters.sandbox.server import Sandbox
from tidings.adapters.sandbox.settings import SandboxSettings
from tidings.application.users import NewWaba
from tidings.bootstrap.container import Container
from tidings.bootstrap.settings import Settings, with_secrets
from tidings.domain.errors import Refused, Unavailable
from tidings.domain.events import OrganizationCreated
from tidings.domain.kernel import Actor, Role, WabaId

SANDBOX_URL = "http://sandbox"
"""Where the gateway believes the sandbox of this process to be; nothing leaves the process."""


@asynccontextmanager
async def assembled(settings: Settings, asleep: bool = False) -> AsyncGenerator[Container]:
    """A container that is ready to be opened; `asleep`, nothing happens in its sandbox. Raise BadSettings."""
    settings = with_secrets(settings)
    options = GraphOptions(
        base_url=settings.graph_url or SANDBOX_URL,
        version=settings.graph_version,
        total=settings.send_timeout,
        read=min(settings.send_timeout, 5.0),
    )
    if not settings.sandboxed:
        yield _container(settings, graph(options))
        return
    async with _with_sandbox(settings, options, asleep) as container:
        yield container


def _container(settings: Settings, meta: Graph) -> Container:
    return Container(settings=providers.Object(settings), graph=providers.Object(meta))


@asynccontextmanager
async def _with_sandbox(settings: Settings, options: GraphOptions, asleep: bool) -> AsyncGenerator[Container]:
    """A container whose Meta lives in this process; accounts and templates outlive it, in a file."""

    async def deliver(headers: Mapping[str, str], body: bytes) -> int:
        found = {name.lower(): value for name, value in headers.items()}
        try:
            await container.webhooks().receive(found.get("x-hub-signature-256"), body)
        except Unavailable:
            return 503
        except Refused:
            return 401
        return 200

    kept = str(settings.data / "sandbox.json")
    sandbox = Sandbox(SandboxSettings(seed=settings.sandbox_people, snapshot=kept), deliver=deliver)
    container = _container(settings, graph(options, transport=httpx.ASGITransport(sandbox.app)))
    container.sandbox.set_provides(sandbox)
    container.accounts_at_meta.set_provides(SandboxAccounts(sandbox, container))
    if asleep:
        yield container
        return
    stop = asyncio.Event()
    running = asyncio.create_task(sandbox.run(stop))
    try:
        yield container
    finally:
        stop.set()
        await running


class SandboxAccounts:
    """Gives every new organisation a WhatsApp Business Account of the sandbox, so that it can begin."""

    def __init__(self, sandbox: Sandbox, container: Container) -> None:
        self._sandbox = sandbox
        self._container = container

    async def organization_created(self, event_id: UUID, event: OrganizationCreated) -> None:
        """Told twice, it does nothing. The sandbox knows the token for good before we do."""
        wabas = self._container.wabas()
        if await wabas.of(event.organization_id):
            return
        waba_id = WabaId(f"9{event.organization_id.int % 10**14:014}")
        known = [account for account in self._sandbox.accounts if account.waba_id == waba_id]
        secret = self._container.settings().app_secrets[0]
        account = known[0] if known else self._sandbox.open_account(waba_id=waba_id, app_secret=secret)
        self._sandbox.save()
        owner = Actor(user_id=event.owner_id, organization_id=event.organization_id, role=Role.OWNER)
        await wabas.connect(owner, NewWaba(waba_id=waba_id, access_token=account.access_token))
