"""Row `start`: all six contexts in one process, from nothing to ready, and what they hold idle."""

import sys
import time
from pathlib import Path
from statistics import median

import httpx

from bench.figures import Row, Side, cpu_of, memory_of, percentiles
from bench.stage import Stage, Stuck, staged
from tests.installed import LOCK, installed
from tidings.bootstrap.demo import free_port

TIMES = 7
LOOK, IDLE, PATIENCE = 0.005, 10.0, 60.0
"""Seconds between two looks, until a process counts as idle, and after which it will not come."""


class Command:
    """What is started, and the path that answers once it is there."""

    def __init__(self, path: str, *words: str) -> None:
        self.path, self.words = path, words
        self.python: Path | str = sys.executable


def start() -> Row:
    """Starts of a service whose tables are there; the bare one is a Litestar application on granian."""
    with staged() as stage:
        port, page = free_port(), stage.folder / "page.json"
        page.write_bytes(b"{}")
        # Frameworks that are installed for tests alone are imported by libraries that work with them.
        environment = stage.folder / "installed"
        environment.mkdir()
        service = Command("/ready", "tidings", "serve", "--port", str(port))
        service.python = installed(environment, "--constraint", LOCK)
        bare = Command("/page", "bench.bare", "serve", str(port), str(page))
        (ours, cpu), (theirs, bare_cpu) = (_starts(stage, port, each) for each in (service, bare))
        idle, bare_idle = (_idle(stage, port, each) for each in (service, bare))
    return Row(
        name="start",
        unit="starts/s",
        ours=_side(ours, cpu, idle["most"]),
        bare=_side(theirs, bare_cpu, bare_idle["most"]),
        ratio=median(theirs) / median(ours),
        what="from the command to /ready; memory: the most it held idle; bare: Litestar on granian",
        more={"idle MiB": idle["now"], "bare idle MiB": bare_idle["now"]},
    )


def _side(seconds: list[float], cpu: float, memory: float | None) -> Side:
    p50, p99 = percentiles(seconds)
    return Side(rate=1 / median(seconds), p50=p50, p99=p99, cpu=cpu * 1e6, memory=memory, done=len(seconds))


def _starts(stage: Stage, port: int, command: Command) -> tuple[list[float], float]:
    """Seconds of each start, and of processor time in the last."""
    took, cpu = list[float](), 0.0
    for _ in range(TIMES):
        began = time.perf_counter()
        process = stage.start("started", *command.words, python=command.python)
        _until_ready(port, command.path, began)
        took.append(time.perf_counter() - began)
        cpu = cpu_of(process.pid) or 0.0
        stage.end("started")
    return took, cpu


def _idle(stage: Stage, port: int, command: Command) -> dict[str, float]:
    """MiB of a process whom nobody asks anything: at most, and now."""
    process = stage.start("started", *command.words, python=command.python)
    _until_ready(port, command.path, time.perf_counter())
    time.sleep(IDLE)
    most, now = memory_of(process.pid), _resident(process.pid)
    stage.end("started")
    return {"most": most or 0.0, "now": now}


def _resident(pid: int) -> float:
    """MiB that a process holds now; 0 where the system does not tell."""
    try:
        said = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in said.splitlines() if line.startswith("VmRSS:"))


def _until_ready(port: int, path: str, began: float) -> None:
    """Raise Stuck."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        while time.perf_counter() < began + PATIENCE:
            try:
                if client.get(path).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(LOOK)
    raise Stuck(f"{path} did not come within {PATIENCE:.0f} s")
