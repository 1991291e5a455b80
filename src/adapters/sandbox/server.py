"""The sandbox whole: embedded in a process of ours, or a server of its own."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from time import time  # noqa: TID251 - a server of its own has its own clock

from msgspec.structs import replace

from tidings.adapters.sandbox.accounts import Account
from tidings.adapters.sandbox.app import App
from tidings.adapters.sandbox.calls import Call, Reply
from tidings.adapters.sandbox.control import Control, State
from tidings.adapters.sandbox.graph import Graph
from tidings.adapters.sandbox.http import HttpServer
from tidings.adapters.sandbox.moderation import Moderation
from tidings.adapters.sandbox.settings import SandboxSettings
from tidings.adapters.sandbox.snapshot import load, save
from tidings.adapters.sandbox.webhooks import Deliver, Webhooks, verified
from tidings.adapters.sandbox.world import Now, World

_SAVE_EVERY = 0.5


class Sandbox:
    """Meta, played on this machine."""

    def __init__(
        self, settings: SandboxSettings | None = None, now: Now = time, deliver: Deliver | None = None
    ) -> None:
        """With `deliver` webhooks go there; without it, over HTTP to each account's address."""
        self.settings = settings or SandboxSettings()
        self.world = World(self.settings, now)
        self.webhooks = Webhooks(self.world, deliver)
        self.moderation = Moderation(self.world)
        self._graph = Graph(self.world, self.moderation, verified)
        self._control = Control(self.world, self.moderation, self.webhooks)
        self.app = App(self.answer)
        self._path = Path(self.settings.snapshot) if self.settings.snapshot else None
        if self._path is not None:
            load(self.world, self.moderation, self._path)

    async def answer(self, call: Call) -> Reply:
        if call.path.startswith("/_sandbox/"):
            return self._control.answer(call)
        if call.path.startswith("/_media/"):
            return self._graph.media(call)
        return await self._graph.answer(call)

    @property
    def accounts(self) -> Sequence[Account]:
        return [line.account for line in self.world.ordered]

    @property
    def state(self) -> State:
        return self._control.state()

    def open_account(
        self,
        *,
        waba_id: str | None = None,
        phone_number_id: str | None = None,
        access_token: str | None = None,
        app_secret: str | None = None,
        display_phone_number: str | None = None,
        webhook: str | None = None,
    ) -> Account:
        """A number, and its WABA if there is none of that id; what is not given is made from the seed."""
        account = self.world.open_account(
            waba_id=waba_id,
            phone_number_id=phone_number_id,
            access_token=access_token,
            app_secret=app_secret,
            display_phone_number=display_phone_number,
        )
        if webhook is not None:
            self.world.wabas[account.waba_id].webhook = webhook
        return account

    async def run(self, stop: asyncio.Event) -> None:
        """Let things happen and tell of them, until told to stop."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.webhooks.run(stop))
            if self._path is not None:
                group.create_task(self._keep(self._path, stop))

    async def step(self) -> float | None:
        """For virtual time, in place of `run`, with a `now` that one sets and a `deliver`.

        Tells all that is due by now, and returns when something is due next.
        """
        return await self.webhooks.step()

    async def _keep(self, path: Path, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if self.world.changed:
                save(self.world, path)
            await asyncio.sleep(_SAVE_EVERY)
        save(self.world, path)


class SandboxServer:
    """A sandbox on a port."""

    def __init__(self, sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.sandbox = sandbox
        self._http = HttpServer(sandbox.answer, host, port)
        self._stop = asyncio.Event()
        self._run: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self._http.port

    async def start(self) -> None:
        """Raise OSError when the port is taken."""
        await self._http.start()
        self._run = asyncio.create_task(self.sandbox.run(self._stop))

    async def stop(self) -> None:
        self._stop.set()
        await self._http.stop()
        if self._run is not None:
            await self._run

    async def __aenter__(self) -> "SandboxServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


async def run_sandbox(  # noqa: PLR0913 - the command line's options
    *,
    port: int,
    token: str | None = None,
    waba: str | None = None,
    phone_number_id: str | None = None,
    app_secret: str | None = None,
    webhook: str | None = None,
    verify_token: str | None = None,
    settings: SandboxSettings | None = None,
    seed: int | None = None,
    throughput: float | None = None,
    numbers: int = 1,
    host: str = "127.0.0.1",
    stop: asyncio.Event | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until told to stop, and say what one must know to use it.

    Raise OSError when the port is taken.
    """
    settings = settings or SandboxSettings()
    given = {"seed": seed, "throughput": throughput}
    settings = replace(settings, **{k: v for k, v in given.items() if v is not None})
    sandbox = Sandbox(settings)
    first = next(iter(sandbox.accounts), None) or sandbox.open_account(
        waba_id=waba, phone_number_id=phone_number_id, access_token=token, app_secret=app_secret
    )
    while len(sandbox.accounts) < numbers:
        sandbox.open_account(waba_id=first.waba_id)
    if webhook is not None:
        account = sandbox.world.wabas[first.waba_id]
        account.webhook, account.verify_token = webhook, verify_token
    async with SandboxServer(sandbox, host=host, port=port) as server:
        say(f"port    {server.port}")
        say(f"token   {first.access_token}")
        say(f"waba    {first.waba_id}")
        for account in sandbox.accounts:
            say(f"number  {account.phone_number_id} {account.display_phone_number}")
        say(f"secret  {first.app_secret}")
        await (stop or asyncio.Event()).wait()
