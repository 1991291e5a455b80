"""The processes of a row: sandbox, service and sender, each its own, over HTTP, with an account to use."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from redis import Redis
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.servers import MysqlServer
from tidings.adapters.embedded.system import new_secret
from tidings.application.campaigns.authoring import NUMBERS
from tidings.bootstrap.demo import PARAMETERS, TEMPLATE, free_port
from tidings.bootstrap.settings import DATABASES

PATIENCE = 120.0
"""Seconds for a step in which nothing happens."""
COUNTED = dict.fromkeys(
    ("TIDINGS_RATE_BEARER", "TIDINGS_RATE_ORGANIZATION", "TIDINGS_RATE_ADDRESS"), "1000000000"
)
"""Requests are counted as they would be, but nobody sends too many."""


class Stuck(RuntimeError):
    """Something that was waited for did not come, or a process ended."""


@dataclass
class Stage:
    """What is running, and how to call it."""

    folder: Path
    environment: dict[str, str]
    secret: str
    port: int
    service: httpx.Client
    graph: httpx.Client
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(
        self, name: str, *command: str, python: str | Path = sys.executable
    ) -> "subprocess.Popen[bytes]":
        """A Python module in a process of its own, whose words go to a file."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [python, "-m", *command],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.processes[name] = process
        return process

    def end(self, name: str) -> None:
        """One of the processes."""
        _stop(self.processes.pop(name))

    def restart(self) -> None:
        """The service, anew: what it had in memory is gone."""
        if "service" in self.processes:
            self.end("service")
        self.start("service", "tidings", "serve", "--port", str(self.port), "--no-send")
        until(lambda: _up(self.service, "/health"), "the service", self)

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """`data` of the service's reply."""
        reply = self.service.request(method, path, json=body or None)
        if reply.is_error:
            raise Stuck(f"{method} {path} answered {reply.status_code}: {reply.text[:500]}")
        return reply.json()["data"]

    def sandbox(self) -> Any:
        return self.graph.get("/_sandbox/state").json()

    def sign_up(self) -> None:
        """A user with an organisation."""
        account = self.ask(
            "POST", "/api/auth/register", name="Rowan", email="rowan@example.org", password=new_secret()
        )
        self.service.headers["authorization"] = f"Bearer {account['token']}"

    def connect(self) -> Any:
        """The sandbox's account, connected; what the sandbox tells of its number."""
        accounts = self.sandbox()["accounts"]
        account = accounts[0]
        self.ask("POST", "/api/wabas", wabaId=account["wabaId"], accessToken=account["accessToken"])
        until(lambda: len(self.ask("GET", "/api/numbers")) == len(accounts), "the sending numbers")
        return account

    def people(self, count: int) -> list[str]:
        """So many contacts, through the import; their numbers."""
        phones = [f"+4477{n:08}" for n in range(count)]
        path = self.folder / "people.csv"
        rows = [f"Person {n},{phone},London" for n, phone in enumerate(phones)]
        path.write_text("\n".join(["firstName,phone,city", *rows]))
        done = subprocess.run(
            [sys.executable, "-m", "tidings", "contacts", "import", str(path), "--json"],
            env={**os.environ, **self.environment},
            capture_output=True,
            check=False,
        )
        made = json.loads(done.stdout)["created"] if done.returncode == 0 else 0
        if made != count:
            raise Stuck(f"imported {made} of {count}: {done.stdout[:500]!r} {done.stderr[:500]!r}")
        return phones

    def campaigns(self, name: str) -> list[str]:
        """Campaigns to everyone from all numbers, with an approved template, ready to be launched."""
        template = self.ask("POST", "/api/templates/create", **TEMPLATE)
        path = f"/api/templates/{template['id']}"
        until(lambda: self.ask("GET", path)["status"] == "APPROVED", "the template's approval")
        numbers = [each["phoneNumberId"] for each in self.ask("GET", "/api/numbers")]
        new = {"templateId": template["id"], "parameters": PARAMETERS}
        made: list[str] = []
        for start in range(0, len(numbers), NUMBERS):
            some = numbers[start : start + NUMBERS]
            one = self.ask("POST", "/api/campaigns", name=f"{name} {start}", phoneNumberIds=some, **new)
            made.append(str(one["id"]))
        return made


@contextmanager
def staged(
    *,
    workers: int = 0,
    environment: Mapping[str, str] | None = None,
    numbers: int = 1,
    throughput: int = 1_000_000,
) -> Generator[Stage]:
    """Sandbox and service (and senders) on tables and in a folder that go away afterwards.

    `throughput` is what the sandbox takes of each of its numbers, in messages a second.
    """
    graph_port, port, secret, verify = free_port(), free_port(), new_secret(), new_secret()
    folder = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
    settings = {
        **fresh_databases(),
        **COUNTED,
        **(environment or {}),
        "TIDINGS_DATA": str(folder / "data"),
        "TIDINGS_GRAPH_URL": f"http://127.0.0.1:{graph_port}",
        "TIDINGS_APP_SECRETS": secret,
        "TIDINGS_VERIFY_TOKEN": verify,
    }
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        service = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
        graph = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{graph_port}", timeout=60))
        stage = Stage(folder, settings, secret, port, service, graph)
        stack.callback(_end, stage)
        # fmt: off
        stage.start(
            "sandbox", "tidings", "sandbox", "--port", str(graph_port), "--app-secret", secret,
            "--webhook", f"http://127.0.0.1:{port}/api/messages/webhook", "--verify-token", verify,
            "--throughput", str(throughput), "--numbers", str(numbers),
        )
        # fmt: on
        for n in range(workers):
            stage.start(f"worker {n}", "tidings", "worker")
        until(lambda: _up(graph, "/_sandbox/state"), "the sandbox", stage)
        stage.restart()
        yield stage


REDIS = "BENCH_REDIS"
"""The URL of the Redis that a run shares what it keeps by; without it, nothing is shared."""
SERVER = "BENCH_SERVER"
"""The URL of the MySQL or MariaDB on which a run keeps its tables; without it, SQLite files."""


def fresh_databases() -> dict[str, str]:
    """The settings of a platform on that server, with every database empty."""
    url = os.environ.get(SERVER)
    if not url:
        return {}
    server = MysqlServer(url)
    for name in DATABASES.values():
        server.recreate(name)
    if cache := os.environ.get(REDIS):
        # It counts tries of an address, and each round signs up anew.
        Redis.from_url(cache).flushall()
    at = make_url(url)
    return {
        "DB_HOST": at.host or "",
        "DB_PORT": str(at.port),
        "DB_USER": at.username or "",
        "DB_PASSWORD": str(at.password or ""),
        **({"REDIS_URL": cache} if cache else {}),
    }


def asked() -> int | None:
    """Statements that the server was asked since it began; None on SQLite. In a running loop or not."""
    url = os.environ.get(SERVER)
    if not url:
        return None
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, _asked(url)).result()


async def _asked(url: str) -> int:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            said = await connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Questions'")
            return int(said.one()[1])
    finally:
        await engine.dispose()


@contextmanager
def bare_server(stage: Stage, page: bytes) -> Generator[tuple[int, int]]:
    """The bare Litestar handlers; port and process id."""
    port, file = free_port(), stage.folder / "page.json"
    file.write_bytes(page)
    process = stage.start("bare", "bench.bare", "serve", str(port), str(file))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        until(lambda: _up(client, "/page"), "the bare server", stage)
    try:
        yield port, process.pid
    finally:
        _stop(process)
        del stage.processes["bare"]


def until(true: Callable[[], bool], what: str, stage: Stage | None = None) -> None:
    """Raise Stuck when it does not come true, or when a process has ended."""
    end = time.monotonic() + PATIENCE
    while not true():
        for name, process in stage.processes.items() if stage else ():
            if process.poll() is not None:
                said = (stage.folder / f"{name}.log").read_text()[-1000:] if stage else ""
                raise Stuck(f"{name} ended while waiting for {what}: {said}")
        if time.monotonic() > end:
            raise Stuck(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.05)


def _up(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).is_success
    except httpx.TransportError:
        return False


def _end(stage: Stage) -> None:
    for process in stage.processes.values():
        process.terminate()
    for process in stage.processes.values():
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
