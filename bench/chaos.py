"""`make chaos`: real senders under SIGKILL and SIGSTOP against a misbehaving sandbox.

Sandbox, service and senders are processes of their own. Every half second or so a random sender is killed
and started again, or stopped for longer than its lease. Meanwhile the sandbox refuses, answers with a proxy's
page, drops connections before and after it accepted, and lets accepted calls hang; statuses come late,
shuffled and doubled. In the end the three ledgers are compared. The same is done to a naive sender, which
must fail: a test that cannot fail shows nothing.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from tidings.adapters.embedded.system import new_secret
from tidings.bootstrap.demo import PARAMETERS, TEMPLATE, free_port, rows_of, taken_of
from tidings.testing.ledgers import Breach, check

LEASE, TIMEOUT = 2.0, 1.0
FAULTS = {
    "error_130429": 0.03,
    "error_131016": 0.04,
    "html_502_after": 0.02,
    "html_502_before": 0.02,
    "close_before": 0.02,
    "close_after": 0.03,
    "hang_after": 0.04,
    "hang_seconds": 5.0,
    "duplicate_webhooks": 0.3,
    "shuffle_webhooks": 0.3,
}
console = Console(width=130)


@dataclass
class Result:
    """What came of one run."""

    name: str
    kills: int = 0
    stops: int = 0
    seconds: float = 0.0
    planned: int = 0
    accepted: int = 0
    unknown: int = 0
    never_accepted: int = 0
    breaches: list[Breach] = field(default_factory=list)

    @property
    def duplicates(self) -> int:
        return sum(breach.invariant == "I1" for breach in self.breaches)


@dataclass
class Arena:
    """The processes of one run."""

    folder: Path
    environment: dict[str, str]
    service: httpx.Client
    graph: httpx.Client
    sender: list[str]
    senders: list[subprocess.Popen]

    def start(self, *command: str) -> subprocess.Popen:
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def ask(self, method: str, path: str, **body: Any) -> Any:
        reply = self.service.request(method, path, json=body or None)
        reply.raise_for_status()
        return reply.json()["data"]


def run(name: str, sender: list[str], people: int, seed: int, patience: float) -> Result:
    """One campaign for each of two numbers, to its end, under fire."""
    folder = Path(f"demo-data/chaos-{name}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    result, chance = Result(name), random.Random(seed)
    with ExitStack() as stack:
        arena = _arena(stack, folder, sender)
        campaigns = _launch(arena, people)
        begun = time.monotonic()
        while time.monotonic() - begun < patience:
            time.sleep(chance.uniform(0.3, 0.8))
            _strike(arena, chance, result)
            if all(arena.ask("GET", f"/api/campaigns/{id}")["state"] == "completed" for id in campaigns):
                break
        result.seconds = time.monotonic() - begun
        _wait(lambda: not arena.graph.get("/_sandbox/state").json()["webhooks"]["pending"], 60)
        time.sleep(2)
        _account(arena, campaigns, result)
    return result


def _arena(stack: ExitStack, folder: Path, sender: list[str]) -> Arena:
    graph_port, port, secret, verify = free_port(), free_port(), new_secret(), new_secret()
    environment = {
        "TIDINGS_DATA": str(folder),
        "TIDINGS_GRAPH_URL": f"http://127.0.0.1:{graph_port}",
        "TIDINGS_APP_SECRETS": secret,
        "TIDINGS_VERIFY_TOKEN": verify,
        "TIDINGS_LEASE": str(LEASE),
        "TIDINGS_SEND_TIMEOUT": str(TIMEOUT),
    }
    service = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
    graph = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{graph_port}", timeout=60))
    arena = Arena(folder, environment, service, graph, sender, [])
    # fmt: off
    processes = [
        arena.start("tidings", "sandbox", "--port", str(graph_port), "--app-secret", secret, "--numbers", "2",
                    "--webhook", f"http://127.0.0.1:{port}/api/messages/webhook", "--verify-token", verify,
                    "--throughput", "200"),
        arena.start("tidings", "serve", "--port", str(port), "--no-send"),
    ]
    # fmt: on
    stack.callback(_end, processes, arena)
    _wait(lambda: _up(graph, "/_sandbox/state") and _up(service, "/health"), 60)
    arena.senders += [arena.start(*sender) for _ in range(3)]
    return arena


def _launch(arena: Arena, people: int) -> list[str]:
    account = arena.ask(
        "POST", "/api/auth/register", name="Chaos", email="chaos@example.org", password=new_secret()
    )
    arena.service.headers["authorization"] = f"Bearer {account['token']}"
    accounts = arena.graph.get("/_sandbox/state").json()["accounts"]
    arena.ask("POST", "/api/wabas", wabaId=accounts[0]["wabaId"], accessToken=accounts[0]["accessToken"])
    _wait(lambda: len(arena.ask("GET", "/api/numbers")) == 2, 30)
    template = arena.ask("POST", "/api/templates/create", **TEMPLATE)
    path = f"/api/templates/{template['id']}"
    _wait(lambda: arena.ask("GET", path)["status"] == "APPROVED", 30)
    ids = []
    for n, number in enumerate(accounts):
        group = _people(arena, n, people // 2)
        campaign = arena.ask(
            "POST",
            "/api/campaigns",
            name=f"Chaos {n}",
            templateId=template["id"],
            groupId=group,
            phoneNumberId=number["phoneNumberId"],
            parameters=PARAMETERS,
        )
        ids.append(campaign["id"])
    arena.graph.post("/_sandbox/faults", json=FAULTS).raise_for_status()
    for id in ids:
        arena.ask("POST", f"/api/campaigns/{id}/launch")
    return ids


def _people(arena: Arena, n: int, count: int) -> str:
    """A group of people, by a file, as they come in life."""
    name = f"group {n}"
    path = arena.folder / f"people{n}.csv"
    rows = [f"Person {i},+447{400 + n}{i:06},London" for i in range(count)]
    path.write_text("\n".join(["firstName,phone,city", *rows]))
    command = ["tidings", "contacts", "import", str(path), "--group", name, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, **arena.environment},
        capture_output=True,
        check=True,
    )
    created = httpx.Response(200, content=done.stdout).json()["created"]
    if created != count:
        raise RuntimeError(f"imported {created} of {count}: {done.stdout[:500]!r}")
    groups = arena.ask("GET", "/api/groups")
    return next(group["id"] for group in groups if group["name"] == name)


def _strike(arena: Arena, chance: random.Random, result: Result) -> None:
    index = chance.randrange(len(arena.senders))
    victim = arena.senders[index]
    if chance.random() < 0.75:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        arena.senders[index] = arena.start(*arena.sender)
        result.kills += 1
    else:
        victim.send_signal(signal.SIGSTOP)
        time.sleep(chance.uniform(LEASE * 1.25, LEASE * 1.75))
        victim.send_signal(signal.SIGCONT)
        result.stops += 1


def _account(arena: Arena, campaigns: list[str], result: Result) -> None:
    taken = taken_of(arena.graph)
    result.accepted = len(taken)
    seen = set()
    for id in campaigns:
        report = arena.ask("GET", f"/api/campaigns/{id}/report")
        rows = rows_of(arena.service, id)
        phones = {row.phone.removeprefix("+") for row in rows}
        theirs = [each for each in taken if each.to.removeprefix("+") in phones]
        seen |= {each.wamid for each in theirs}
        result.breaches += check(theirs, rows, report["totals"])
        result.planned += report["totals"]["planned"]
        result.unknown += report["totals"]["unknown"]
        reached = {each.to.removeprefix("+") for each in theirs}
        result.never_accepted += sum(
            row.state == "unknown" and row.phone.removeprefix("+") not in reached for row in rows
        )


def _end(processes: list[subprocess.Popen], arena: Arena) -> None:
    for process in [*arena.senders, *processes]:
        process.kill()
        process.wait()


def _wait(true: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("waited too long")
        time.sleep(0.1)


def _up(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).is_success
    except httpx.TransportError:
        return False


def show(results: list[Result]) -> Table:
    table = Table(title="Senders under fire", title_justify="left")
    for name in ("sender", "SIGKILL", "SIGSTOP", "s", "planned", "accepted", "duplicates", "forgotten"):
        table.add_column(name, justify="right")
    for name in ("unknown", "of them never accepted", "other breaches"):
        table.add_column(name, justify="right")
    for each in results:
        forgotten = sum(breach.invariant == "I2" for breach in each.breaches)
        others = len(each.breaches) - each.duplicates - forgotten
        cells = [each.kills, each.stops, round(each.seconds), each.planned, each.accepted]
        cells += [each.duplicates, forgotten, each.unknown, each.never_accepted, others]
        table.add_row(each.name, *map(str, cells))
    return table


def main() -> int:
    """0 when ours kept every promise and the naive sender did not."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=3000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--patience", type=float, default=240.0)
    options.add_argument("--only", choices=["tidings", "naive"])
    told = options.parse_args()
    senders = {"tidings": ["tidings", "worker"], "naive": ["bench.naive"]}
    results = [
        run(name, command, told.people, told.seed, told.patience)
        for name, command in senders.items()
        if told.only in (None, name)
    ]
    console.print(show(results))
    bad = False
    for each in results:
        if each.name == "tidings":
            for breach in each.breaches[:20]:
                console.print(f"[red]{breach.invariant}[/] {breach.what}")
            bad |= bool(each.breaches)
        elif not each.duplicates:
            console.print("[red]The naive sender sent nothing twice: this test shows nothing.[/]")
            bad = True
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
