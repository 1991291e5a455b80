"""Row `send`: a campaign from the sender with the sandbox and its status webhooks beside it."""

import subprocess
import sys
import time
from typing import Any

import msgspec

from bench.bare import Job, Sent
from bench.figures import Row, Side, cpu_of, memory_of, per_one, per_piece
from bench.stage import PATIENCE, Stage, Stuck, asked, staged
from tidings.application.whatsapp.lane import SenderOptions
from tidings.bootstrap.demo import TEMPLATE

NUMBERS = 2
"""Meta takes 1,000 messages a second of one number at most (fact sheet 6.1): one would show that limit."""
LOOK = 0.1
"""Seconds between two looks at what was accepted."""


def send(messages: int) -> Row:
    """Our sender against a loop over the same HTTP client, to the same sandbox, one after the other."""
    with staged(worker=True, numbers=NUMBERS) as stage:
        stage.sign_up()
        account = stage.connect()
        phones = stage.people(messages)
        worker, service = stage.processes["worker"].pid, stage.processes["service"].pid
        campaign = stage.campaign("bench")
        cpu, serving, queries = cpu_of(worker), cpu_of(service), asked()
        began = time.monotonic()
        stage.ask("POST", f"/api/campaigns/{campaign}/launch")
        first, last, accepted = _accepted(stage, campaign)
        used = cpu_of(worker)
        statuses, late = _statuses(stage, campaign, last)
        served, answered = cpu_of(service), asked()
        memory = memory_of(worker)
        bare = _bare(stage, account, phones)
    rate = (accepted[1] - accepted[0]) / (last - first)
    ours = Side(
        rate=rate,
        cpu=per_piece(cpu, used, accepted[1]),
        memory=memory,
        queries=per_one(queries, answered, accepted[1]),
        done=accepted[1],
    )
    theirs = Side(rate=bare.rate, p50=bare.p50, p99=bare.p99, cpu=bare.cpu, memory=bare.memory, done=messages)
    more = {
        "statuses applied": statuses,
        "seconds from launch to first": first - began,
        "seconds from launch to last": last - began,
        "seconds from last message to last status": late,
    }
    if ours.cpu is not None:
        more["worker CPU by bare CPU"] = ours.cpu / bare.cpu
    if (whole := per_piece(serving, served, accepted[1])) is not None:
        more["service CPU a message"] = whole
    return Row(
        name="send",
        unit="messages/s",
        ours=ours,
        bare=theirs,
        ratio=rate / bare.rate,
        what=f"embedded, {statuses:,.0f} statuses applied beside it; bare: the HTTP client alone",
        more=more,
    )


def _accepted(stage: Stage, campaign: str) -> tuple[float, float, tuple[int, int]]:
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
        elif now - quiet > 1.0 and first and _open(stage, campaign) == 0:
            break
        elif now - quiet > PATIENCE:
            raise Stuck(f"nothing was accepted any more after {count}")
        time.sleep(LOOK)
    if last == first:
        raise Stuck("too few messages to tell a rate: all were accepted between two looks")
    return first, last, (at_first - before, count - before)


def _open(stage: Stage, campaign: str) -> int:
    totals = stage.ask("GET", f"/api/campaigns/{campaign}")["totals"]
    return int(totals["pending"] + totals["sending"]) if totals["planned"] else 1


def _statuses(stage: Stage, campaign: str, last: float) -> tuple[float, float]:
    """Statuses that reached the rows, and seconds from the last message to the last change of the totals."""
    path = f"/api/campaigns/{campaign}"
    changed, totals, end = time.monotonic(), dict[str, Any](), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        now = stage.ask("GET", path)["totals"]
        if now != totals:
            totals, changed = now, time.monotonic()
        elif not stage.sandbox()["webhooks"]["pending"] and time.monotonic() - changed > 1.5:
            break
        time.sleep(LOOK)
    return _heard(totals), changed - last


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
