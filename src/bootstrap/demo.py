"""`tidings demo`: a contact file to delivered, read and explained messages, with a killed sender on the way.

Everything is real: the sandbox, the service and the sender are processes of their own that speak HTTP; the
sender is killed with SIGKILL half way and started again. At the end the three ledgers (what the sandbox
accepted, what the rows say, what the API reports) are compared, and the exit code says whether every
promise was kept.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from tidings.adapters.embedded.system import new_secret
from tidings.domain.errors import Invalid, Unavailable
from tidings.testing.ledgers import Breach, Row, Taken, check

TEMPLATE = {
    "name": "autumn_news",
    "language": "en_GB",
    "category": "MARKETING",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "News from Hale Parcels"},
        {
            "type": "BODY",
            "text": "Hello {{1}}, parcels to {{2}} leave daily from this week. Reply STOP to hear no more.",
            "example": {"body_text": [["Rowan", "London"]]},
        },
        {"type": "FOOTER", "text": "Hale Parcels"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Stop promotions"}]},
    ],
}
PARAMETERS = {
    "body.1": {"field": "firstName", "fallback": "there"},
    "body.2": {"field": "city", "fallback": "your town"},
}
PATIENCE = 60.0
"""Seconds after which a step that does not come is an error."""


class DemoFailed(Unavailable):
    """The demo did not come to its end."""


@dataclass(slots=True)
class Stage:
    """Ports, secrets and processes of one demo."""

    console: Console
    folder: Path
    speed: int
    client: httpx.Client
    graph: httpx.Client
    environment: Mapping[str, str]
    worker: "subprocess.Popen[bytes] | None" = None

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """One `tidings` process; what it says goes to a log file in the folder."""
        log = (self.folder / f"{arguments[0]}.log").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "tidings", *arguments],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """Call the service; `data` of its reply. Raise DemoFailed with its message."""
        reply = self.client.request(method, path, json=body or None)
        answer = reply.json()
        if reply.is_error:
            raise DemoFailed(f"{method} {path} answered {reply.status_code}: {json.dumps(answer)}")
        return answer.get("data")


class Told(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a demo ended."""

    campaign: str
    breaches: Sequence[Breach]
    """Of the promises; none, when all were kept."""
    seconds: float
    folder: Path


def demo(contacts: Path, folder: Path, *, speed: int = 250, console: Console | None = None) -> Told:
    """Run the whole demo. Raise DemoFailed, Invalid."""
    console = console or Console()
    if not contacts.is_file():
        raise Invalid(f"There is no contact file at {contacts}; name one with --contacts.")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    started = time.monotonic()
    with _staged(console, folder, speed) as stage:
        _sign_up(stage)
        _import(stage, contacts)
        template = _template(stage)
        campaign = _launch(stage, template)
        _watch(stage, campaign)
        _quiet(stage, campaign)
        breaches = _account(stage, campaign)
    seconds = time.monotonic() - started
    console.print(f"\nTook {seconds:.0f} s. Logs and databases are in {folder}/.")
    return Told(campaign=campaign, breaches=breaches, seconds=round(seconds, 1), folder=folder)


@contextmanager
def _staged(console: Console, folder: Path, speed: int) -> Generator[Stage]:
    graph_port, port = free_port(), free_port()
    secret, verify = new_secret(), new_secret()
    graph, service = f"http://127.0.0.1:{graph_port}", f"http://127.0.0.1:{port}"
    environment = {
        "TIDINGS_DATA": str(folder),
        "TIDINGS_GRAPH_URL": graph,
        "TIDINGS_APP_SECRETS": secret,
        "TIDINGS_VERIFY_TOKEN": verify,
    }
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=service, timeout=30))
        control = stack.enter_context(httpx.Client(base_url=graph, timeout=30))
        stage = Stage(console, folder, speed, client, control, environment)
        processes: list[subprocess.Popen[bytes]] = []
        stack.callback(_stop, stage, processes)
        console.print("[bold]tidings[/bold] demo: sandbox, service and sender, each in a process of its own")
        # fmt: off
        processes.append(stage.start(
            "sandbox", "--port", str(graph_port), "--app-secret", secret, "--verify-token", verify,
            "--webhook", f"{service}/api/messages/webhook", "--throughput", str(speed), "--seed", "7",
        ))
        # fmt: on
        processes.append(stage.start("serve", "--port", str(port), "--no-send"))
        stage.worker = stage.start("worker")
        _until(lambda: _answers(control, "/_sandbox/state"), "the sandbox to answer", processes)
        _until(lambda: _answers(client, "/health"), "the service to answer", processes)
        yield stage


def _sign_up(stage: Stage) -> None:
    account = stage.ask(
        "POST", "/api/auth/register", name="Rowan Hale", email="rowan@example.org", password=new_secret()
    )
    stage.client.headers["authorization"] = f"Bearer {account['token']}"
    sandbox = stage.graph.get("/_sandbox/state").json()["accounts"][0]
    stage.ask("POST", "/api/wabas", wabaId=sandbox["wabaId"], accessToken=sandbox["accessToken"])
    _until(lambda: bool(stage.ask("GET", "/api/numbers")), "the sending number")
    stage.console.print("1. Signed up, and connected a WhatsApp Business Account of the sandbox")


def _import(stage: Stage, contacts: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tidings", "contacts", "import", str(contacts), "--json"],
        env={**os.environ, **stage.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DemoFailed(f"The import failed: {done.stderr.strip() or done.stdout.strip()}")
    report = json.loads(done.stdout)
    errors = report["errors"]
    stage.console.print(
        f"2. Imported {contacts}: {report['created']} created, {report['updated']} updated, "
        f"{report['skipped']} skipped, {len(errors)} rows with errors"
    )
    for error in errors[:3]:
        stage.console.print(f"   row {error['row']}, {error['field']}: {error['message']}", style="dim")
    if len(errors) > 3:
        stage.console.print(f"   ... and {len(errors) - 3} more", style="dim")


def _template(stage: Stage) -> str:
    template = stage.ask("POST", "/api/templates/create", **TEMPLATE)
    path = f"/api/templates/{template['id']}"
    _until(lambda: stage.ask("GET", path)["status"] == "APPROVED", "the template's approval by webhook")
    stage.console.print(f"3. Template {TEMPLATE['name']} was sent to review and approved by webhook")
    return str(template["id"])


def _launch(stage: Stage, template: str) -> str:
    campaign = stage.ask(
        "POST", "/api/campaigns", name="Autumn news", templateId=template, parameters=PARAMETERS
    )
    stage.ask("POST", f"/api/campaigns/{campaign['id']}/launch")
    stage.console.print("4. Launched the campaign to everyone who may be written to")
    return str(campaign["id"])


def _watch(stage: Stage, campaign: str) -> None:
    """The live bar; half way the sender is killed and started again."""
    killed = False
    with Progress(
        TextColumn("   {task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[rate]:.0f} messages/s"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=stage.console,
    ) as progress:
        task = progress.add_task("sending", total=None, rate=0.0)
        end = time.monotonic() + PATIENCE
        while True:
            now = stage.ask("GET", f"/api/campaigns/{campaign}")
            done = _show(progress, task, now)
            if now["state"] == "completed":
                return
            if now["totals"]["planned"] and now["state"] == "running":
                killed = killed or _kill_half_way(stage, done, now["totals"]["planned"])
            if now["state"] == "paused" or time.monotonic() > end:
                raise DemoFailed(
                    f"The campaign stands at {now['state']}: {now.get('reason')} {now['totals']}"
                )
            time.sleep(0.1)


def _show(progress: Progress, task: TaskID, now: Any) -> int:
    totals = now["totals"]
    done = totals["planned"] - totals["pending"] - totals["sending"]
    speed = progress.tasks[task].speed or 0.0
    progress.update(task, total=totals["planned"] or None, completed=done, rate=speed)
    return int(done)


def _kill_half_way(stage: Stage, done: int, planned: int) -> bool:
    if done < planned // 2 or stage.worker is None:
        return False
    stage.worker.send_signal(signal.SIGKILL)
    stage.worker.wait()
    stage.console.print(
        f"   [bold red]SIGKILL[/bold red] to the sender after {done} of {planned}, and a new one"
    )
    stage.worker = stage.start("worker")
    return True


def _quiet(stage: Stage, campaign: str) -> None:
    """Until the sandbox has no webhook left to bring, and what it brought is counted."""
    stage.console.print("5. Waiting until the last read receipt has come")
    _until(lambda: not stage.graph.get("/_sandbox/state").json()["webhooks"]["pending"], "the webhooks")
    path, last = f"/api/campaigns/{campaign}", ""

    def still() -> bool:
        nonlocal last
        before, last = last, json.dumps(stage.ask("GET", path)["totals"])
        if before != last:
            time.sleep(0.5)
        return before == last

    _until(still, "the totals to stand still")


def _account(stage: Stage, campaign: str) -> list[Breach]:
    report = stage.ask("GET", f"/api/campaigns/{campaign}/report")
    rows = rows_of(stage.client, campaign)
    accepted = taken_of(stage.graph)
    breaches = check(accepted, rows, report["totals"])
    if not report["consistent"]:
        breaches.append(Breach(invariant="I3", what="the report's recount differs from its totals"))
    stage.console.print(_summary(report))
    stage.console.print(
        f"The sandbox accepted {len(accepted)} messages for {len({each.to for each in accepted})} people."
    )
    for breach in breaches[:20]:
        stage.console.print(f"[bold red]{breach.invariant}[/bold red] {breach.what}")
    if not breaches:
        stage.console.print(
            "[bold green]Nobody got two messages, nobody was forgotten, every status is where Meta said.[/]"
        )
    return breaches


def rows_of(client: httpx.Client, campaign: str) -> list[Row]:
    """Every recipient of a campaign, as the API gives them."""
    rows: list[Row] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"?limit=100&cursor={cursor}" if cursor else "?limit=100"
        page = client.get(f"/api/campaigns/{campaign}/recipients{query}").json()
        rows += [
            Row(
                phone=each["phone"],
                state=each.get("state", "pending"),
                wamid=each.get("wamid"),
                reason=each.get("reason"),
                code=each.get("code"),
            )
            for each in page["data"]
        ]
        cursor = page["pagination"].get("nextCursor")
    return rows


def taken_of(graph: httpx.Client) -> list[Taken]:
    """What the sandbox accepted of the demo's template; confirmations of STOP went out as well."""
    taken: list[Taken] = []
    after = 0
    while page := graph.get("/_sandbox/accepted", params={"after": after}).json()["messages"]:
        taken += [
            Taken(wamid=each["wamid"], to=each["to"], status=each["status"])
            for each in page
            if each["template"] == TEMPLATE["name"]
        ]
        after = page[-1]["n"]
    return taken


def _summary(report: Any) -> Table:
    table = Table(title=f"Campaign: {report['campaign']['name']}", title_justify="left")
    table.add_column("outcome")
    table.add_column("why")
    table.add_column("people", justify="right")
    table.add_row("planned", "", str(report["totals"]["planned"]), end_section=True)
    for each in report["reasons"]:
        table.add_row(each["state"], each["reason"], str(each["count"]))
    if not report["totals"]["unknown"]:
        table.add_row("unknown", "", "0")
    return table


def _stop(stage: Stage, processes: "list[subprocess.Popen[bytes]]") -> None:
    everyone = [*([stage.worker] if stage.worker else []), *reversed(processes)]
    for process in everyone:
        process.terminate()
    for process in everyone:
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until(
    true: Callable[[], bool], what: str, processes: "list[subprocess.Popen[bytes]] | None" = None
) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        for process in processes or ():
            if process.poll() is not None:
                raise DemoFailed(f"A process ended while waiting for {what}; its log says why.")
        if time.monotonic() > end:
            raise DemoFailed(f"Waited {PATIENCE:.0f} s for {what}.")
        time.sleep(0.05)


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).is_success
    except httpx.TransportError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
