"""The sandbox whole: embedded in a process of ours, or a server of its own."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import time  # noqa: TID251 - a server of its own has its own clock

from msgspec.structs import replace

from tidings.adapters.sandbox.accounts import Account
from tidings.adapters.sandbox.app import App
from tidings.adapters.sandbox.calls import Call, Reply
from tidings.adapters.sandbox.clock import Clock, Now
from tidings.adapters.sandbox.control import Control
from tidings.adapters.sandbox.director import Director, State
from tidings.adapters.sandbox.graph import Graph
from tidings.adapters.sandbox.http import HttpServer
from tidings.adapters.sandbox.moderation import Moderation
from tidings.adapters.sandbox.settings import SandboxSettings
from tidings.adapters.sandbox.snapshot import load, save
from tidings.adapters.sandbox.webhooks import Deliver, Webhooks, verified
from tidings.adapters.sandbox.world import World

_SAVE_EVERY = 0.5
_PATIENCE = (0.5, 1.0, 2.0, 4.0, 8.0, 0.0)


class Sandbox:
    """Meta, played on this machine. `director` moves what Meta, people and chance would move."""

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        now: Now = time,
        deliver: Deliver | None = None,
        seed: int | None = None,
    ) -> None:
        """With `deliver` webhooks go there; without it, over HTTP to each account's address.

        Raise msgspec.MsgspecError for a snapshot that is none of ours.
        """
        settings = settings or SandboxSettings()
        self.settings = settings if seed is None else replace(settings, seed=seed)
        clock = Clock(now)
        self.world = World(self.settings, clock)
        self.webhooks = Webhooks(self.world, deliver)
        self.moderation = Moderation(self.world)
        self.director = Director(self.world, self.moderation, self.webhooks, clock, self.save)
        self._graph = Graph(self.world, self.moderation, verified)
        self._control = Control(self.director)
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
        return self.director.state()

    def save(self) -> bool:
        """Write the snapshot, if there is a file for it."""
        if self._path is None:
            return False
        save(self.world, self._path)
        return True

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
                group.create_task(self._keep(stop))

    async def step(self) -> float | None:
        """For virtual time, in place of `run`, with a `now` that one sets and a `deliver`.

        Tells all that is due by now, and returns when something is due next.
        """
        return await self.webhooks.step()

    async def _keep(self, stop: asyncio.Event) -> None:
        """Save what changes, and spend no more than a twentieth of the time on it."""
        clock = asyncio.get_running_loop().time
        while not stop.is_set():
            began = clock()
            if self.world.changed:
                self.save()
            await asyncio.sleep(max(_SAVE_EVERY, 20 * (clock() - began)))
        if self.world.changed:
            self.save()


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
    sandbox = Sandbox(replace(settings, **{k: v for k, v in given.items() if v is not None}))
    first = next(iter(sandbox.accounts), None) or sandbox.open_account(
        waba_id=waba, phone_number_id=phone_number_id, access_token=token, app_secret=app_secret
    )
    while len(sandbox.accounts) < numbers:
        sandbox.open_account(waba_id=first.waba_id)
    account = sandbox.world.wabas[first.waba_id]
    if webhook is not None:
        account.webhook, account.verify_token = webhook, verify_token
    stop = stop or asyncio.Event()
    async with SandboxServer(sandbox, host=host, port=port) as server:
        for line in _welcome(sandbox, server.port):
            say(line)
        if account.webhook is not None and account.verify_token is not None:
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(_ask(sandbox, account.webhook, account.verify_token, say))
                await stop.wait()
                asking.cancel()
        await stop.wait()


def _welcome(sandbox: Sandbox, port: int) -> Iterator[str]:
    first = sandbox.accounts[0]
    yield f"port    {port}"
    yield f"token   {first.access_token}"
    yield f"waba    {first.waba_id}"
    for account in sandbox.accounts:
        yield f"number  {account.phone_number_id} {account.display_phone_number}"
    yield f"secret  {first.app_secret}"
    yield f"seed    {sandbox.settings.seed}"


async def _ask(sandbox: Sandbox, url: str, token: str, say: Callable[[str], None]) -> None:
    """Let the receiver show that it knows the verify token; it may start after us."""
    for wait in _PATIENCE:
        if await verified(url, token, sandbox.world.dice.number("challenge", 10)):
            say(f"webhook {url} knows the verify token")
            return
        await asyncio.sleep(wait)
    say(f"webhook {url} does not answer with the challenge; webhooks are sent to it all the same")
