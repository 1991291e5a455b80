"""The platform as real processes, in one service or in six behind a reverse proxy, with the sandbox."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tidings.bootstrap.demo import free_port
from tidings.bootstrap.settings import CONTEXTS

DEPLOY = Path(__file__).parents[2] / "deploy"
PATIENCE = 180.0
"""Seconds after which what does not come is a failure."""


@dataclass
class Platform:
    """What runs, and how to call it."""

    folder: Path
    api: httpx.Client
    graph: httpx.Client
    services: dict[str, httpx.Client]
    """By context: itself when they run apart, the one service when together."""
    environment: Mapping[str, str]
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], **more: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                env={**self.environment, **more},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
            )

    def tidings(self, name: str, *words: str, data: str = "data", **more: str) -> None:
        """One of our processes, with its files in a folder of this name."""
        command = [sys.executable, "-m", "tidings", *words]
        self.start(name, command, TIDINGS_DATA=str(self.folder / data), **more)

    def until(self, look: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} ended: {self.words_of(name)}"
            try:
                if found := look():
                    return found
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        said = {name: self.words_of(name)[-600:] for name in self.processes}
        raise AssertionError(f"{what} did not come; {said}")

    def words_of(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def running(
    folder: Path,
    *,
    apart: bool,
    broker: str = "",
    more: Mapping[str, str] | None = None,
    own: Mapping[str, Mapping[str, str]] | None = None,
    workers: int = 1,
    sandbox: Sequence[str] = (),
) -> Iterator[Platform]:
    """All processes up and ready, for as long as the block lasts; `own` is what one context's are told.

    With a broker, services that are apart share no file.
    """
    own = own or {}
    graph_port, ports = free_port(), {name: free_port() for name in CONTEXTS}
    public = free_port() if apart else ports["users"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")},
        "TIDINGS_GRAPH_URL": f"http://127.0.0.1:{graph_port}",
        "TIDINGS_APP_SECRETS": "the-app-secret",
        "TIDINGS_VERIFY_TOKEN": "the-verify-token",
        "JWT_SECRET": "signing-key-of-this-test-and-no-other",
        **(more or {}),
    }
    if broker:
        environment["RABBITMQ_URL"] = broker
    if apart:
        peers = (f"{name}=http://127.0.0.1:{port}" for name, port in ports.items())
        environment["TIDINGS_PEERS"] = ",".join(peers)
    with ExitStack() as stack:

        def client(port: int) -> httpx.Client:
            return stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30))

        services = {name: client(ports[name] if apart else public) for name in CONTEXTS}
        platform = Platform(folder, client(public), client(graph_port), services, environment)
        stack.callback(platform.stop)
        hook = f"http://127.0.0.1:{public}/api/messages/webhook"
        # fmt: off
        platform.tidings(
            "sandbox", "sandbox", "--port", str(graph_port), "--app-secret", "the-app-secret", "--seed", "11",
            "--webhook", hook, "--verify-token", "the-verify-token", *sandbox,
        )
        # fmt: on
        if apart:
            for name, port in ports.items():
                words = ("serve", name, "--port", str(port), "--no-send")
                platform.tidings(name, *words, data=name if broker else "data", **own.get(name, {}))
            platform.start("proxy", _proxy(folder, public, ports))
        else:
            platform.tidings("service", "serve", "--port", str(public), "--no-send")
        data = "whatsapp" if apart and broker else "data"
        for n in range(workers):
            platform.tidings(f"worker-{n}", "worker", data=data, **own.get("whatsapp", {}))
        platform.until(lambda: platform.graph.get("/_sandbox/state").is_success, "the sandbox")
        for name, service in services.items():
            platform.until(lambda service=service: service.get("/ready").is_success, name)
        platform.until(lambda: platform.api.get("/health").is_success, "the public port")
        yield platform


def _proxy(folder: Path, port: int, ports: Mapping[str, int]) -> list[str]:
    """nginx with the configuration that we ship, with this machine's ports in it."""
    text = (DEPLOY / "nginx.conf").read_text()
    text = re.sub(r"server (\w+):\d+;", lambda found: f"server 127.0.0.1:{ports[found[1]]};", text)
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};").replace("/tmp/nginx", f"{folder}/nginx")
    if os.geteuid() == 0:
        text = f"user root;\n{text}"
    file = folder / "nginx.conf"
    file.write_text(text)
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    return [binary, "-c", str(file), "-g", "daemon off;"]
