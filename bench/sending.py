"""Row `send`: a campaign from the sender with the sandbox and its status webhooks beside it."""

import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from bench.bare import Job, Sent
from bench.figures import Row, Side, cpu_of, memory_of, per_one, per_piece
from bench.stage import PATIENCE, Stage, Stuck, asked, staged
from tidings.application.whatsapp.lane import SenderOptions
from tidings.bootstrap.demo import TEMPLATE

NUMBERS = 2
"""Meta takes 1,000 messages a second of one number at most (fact sheet 6.1): one would show that limit."""
LOOK = 0.1
"""Seconds between two looks at what was accepted."""


class Ran(Struct, frozen=True, kw_only=True):
    """What campaigns took, from their launch to the last of their statuses."""

    rate: float
    """Messages a second, from the first that Meta accepted to the last."""
    done: int
    """Messages that Meta accepted."""
    worker_cpu: float | None
    service_cpu: float | None
    """Microseconds a message, of all senders and of the service."""
    memory: float | None
    """MiB that the largest sender held at most."""
    queries: float | None
    """Of the database server, a message."""
    statuses: float
    first: float
    last: float
    """Seconds from the launch to the first and to the last message."""
    late: float
    """Seconds from the last message to the last status."""

    @property
    def side(self) -> Side:
        return Side(
            rate=self.rate, cpu=self.worker_cpu, memory=self.memory, queries=self.queries, done=self.done
        )


def send(messages: int) -> Row:
    """Our sender against a loop over the same HTTP client, to the same sandbox, one after the other."""
    with staged(workers=1, numbers=NUMBERS) as stage:
        stage.sign_up()
        account = stage.connect()
        phones = stage.people(messages)
        ran = run(stage)
        bare = _bare(stage, account, phones)
    theirs = Side(rate=bare.rate, p50=bare.p50, p99=bare.p99, cpu=bare.cpu, memory=bare.memory, done=messages)
    more = {
        "statuses applied": ran.statuses,
        "seconds from launch to first": ran.first,
        "seconds from launch to last": ran.last,
        "seconds from last message to last status": ran.late,
    }
    if ran.worker_cpu is not None:
        more["worker CPU by bare CPU"] = ran.worker_cpu / bare.cpu
    if ran.service_cpu is not None:
        more["service CPU a message"] = ran.service_cpu
    return Row(
        name="send",
        unit="messages/s",
        ours=ran.side,
        bare=theirs,
        ratio=ran.rate / bare.rate,
        what=f"embedded, {ran.statuses:,.0f} statuses applied beside it; bare: the HTTP client alone",
        more=more,
    )


def run(stage: Stage) -> Ran:
    """Campaigns to everyone, each from twenty numbers at most, together from all."""
    workers = [each.pid for name, each in stage.processes.items() if name.startswith("worker")]
    service = stage.processes["service"].pid
    campaigns = stage.campaigns("bench")
    cpu, serving, queries = _cpu_of_all(workers), cpu_of(service), asked()
    began = time.monotonic()
    for campaign in campaigns:
        stage.ask("POST", f"/api/campaigns/{campaign}/launch")
    first, last, (at_first, done) = _accepted(stage, campaigns)
    used = _cpu_of_all(workers)
    statuses, late = _statuses(stage, campaigns, last)
    return Ran(
        rate=(done - at_first) / (last - first),
        done=done,
        worker_cpu=per_piece(cpu, used, done),
        service_cpu=per_piece(serving, cpu_of(service), done),
        memory=max((memory_of(pid) or 0.0 for pid in workers), default=None),
        queries=per_one(queries, asked(), done),
        statuses=statuses,
        first=first - began,
        last=last - began,
        late=late,
    )


def _cpu_of_all(pids: Sequence[int]) -> float | None:
    told = [cpu_of(pid) for pid in pids]
    return sum(each for each in told if each is not None) if None not in told else None


def _accepted(stage: Stage, campaigns: Sequence[str]) -> tuple[float, float, tuple[int, int]]:
    """When the first and the last look saw something new, and how much had been accepted at each."""
    before = count = stage.sandbox()["accepted"]
    first = last = 0.0
    at_first, quiet = 0, time.monotonic()
    while True:
        now, seen = time.monotonic(), stage.sandbox()["accepted"]
        if seen > count:
            if not first:
                first, at_first = now, seen
            count, last, quiet = seen, now, now
        elif now - quiet > 1.0 and first and _open(stage, campaigns) == 0:
            break
        elif now - quiet > PATIENCE:
            raise Stuck(f"nothing was accepted any more after {count}")
        time.sleep(LOOK)
    if last == first:
        raise Stuck("too few messages to tell a rate: all were accepted between two looks")
    return first, last, (at_first - before, count - before)


def _totals(stage: Stage, campaigns: Sequence[str]) -> list[dict[str, Any]]:
    return [stage.ask("GET", f"/api/campaigns/{campaign}")["totals"] for campaign in campaigns]


def _open(stage: Stage, campaigns: Sequence[str]) -> int:
    found = _totals(stage, campaigns)
    return sum(int(each["pending"] + each["sending"]) if each["planned"] else 1 for each in found)


def _statuses(stage: Stage, campaigns: Sequence[str], last: float) -> tuple[float, float]:
    """Statuses that reached the rows, and seconds from the last message to the last change of the totals."""
    changed, totals, end = time.monotonic(), list[dict[str, Any]](), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        now = _totals(stage, campaigns)
        if now != totals:
            totals, changed = now, time.monotonic()
        elif not stage.sandbox()["webhooks"]["pending"] and time.monotonic() - changed > 1.5:
            break
        time.sleep(LOOK)
    return sum(_heard(each) for each in totals), changed - last


def _heard(totals: dict[str, Any]) -> float:
    """`delivered` counts once `sent` and once itself, and so on: each state stands for those before it."""
    steps = {"sent": 1, "delivered": 2, "read": 3, "failed": 1}
    return float(sum(steps.get(state, 0) * count for state, count in totals.items()))


def _bare(stage: Stage, account: Any, phones: list[str]) -> Sent:
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "type": "template",
        "template": {
            "name": TEMPLATE["name"],
            "language": {"code": TEMPLATE["language"]},
            "components": [
                {
                    "type": "body",
                    "parameters": [{"type": "text", "text": "Person 1"}, {"type": "text", "text": "London"}],
                }
            ],
        },
        "biz_opaque_callback_data": "bench:0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b",
    }
    job = Job(
        url=f"{stage.environment['TIDINGS_GRAPH_URL']}/v25.0/{account['phoneNumberId']}/messages",
        token=account["accessToken"],
        body=body,
        people=phones,
        in_flight=SenderOptions().in_flight,
    )
    file = stage.folder / "job.json"
    file.write_bytes(msgspec.json.encode(job))
    command = [sys.executable, "-m", "bench.bare", "send", str(file)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise Stuck(f"the bare loop failed: {done.stderr[-1000:]!r}")
    return msgspec.json.decode(done.stdout, type=Sent)
