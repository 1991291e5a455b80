"""A RabbitMQ of the tests' own: a private node on loopback, or the one named in RABBITMQ_URL."""

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers import missing

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The script itself: the one in the path becomes another user."""


@dataclass
class RabbitServer:
    url: str
    process: subprocess.Popen | None = None

    @property
    def port(self):
        return urlsplit(self.url).port or 5672

    def freeze(self):
        """Until each of its threads stands still: on a busy machine they go on for a while."""
        self._signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self.process.pid}/task")
        for _ in range(1000):
            if all(each.read_text().rpartition(")")[2].split()[0] == "T" for each in threads.glob("*/stat")):
                return
            time.sleep(0.01)
        raise RuntimeError("the broker does not stand still")

    def thaw(self):
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        if self.process is None:
            pytest.skip("this broker is not ours to stop")
        self.process.send_signal(number)


@dataclass
class RabbitNode:
    """What is needed to start one node again and again on the same data."""

    folder: Path
    port: int
    dist: int
    epmd_port: int
    name: str
    epmd: subprocess.Popen | None = None
    process: subprocess.Popen | None = None

    @property
    def environment(self):
        return {
            **os.environ,
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.dist),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_LOGS": str(self.folder / "log" / "node.log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # The script then becomes the broker, instead of a shell that waits for it.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def control(self, *words):
        """Ask the node for something that is asked of it by hand."""
        command = [SERVER.with_name("rabbitmqctl"), "-q", "-n", self.name, *words]
        subprocess.run(command, env=self.environment, check=True, timeout=60)

    def start(self):
        environment = self.environment
        if self.epmd is None:
            (self.folder / "rabbitmq.conf").write_text(
                "disk_free_limit.absolute = 50MB\nvm_memory_high_watermark.absolute = 1GB\n"
                "log.console = false\nlog.file.level = warning\n"
            )
            (self.folder / "plugins").write_text("[].\n")
            self.epmd = subprocess.Popen(
                ["epmd", "-port", str(self.epmd_port)], env=environment, stderr=subprocess.DEVNULL
            )
            wait_for(self.epmd, self.epmd_port, seconds=10)
        output = (self.folder / "output.log").open("ab")
        self.process = subprocess.Popen([SERVER], env=environment, stdout=output, stderr=output)
        if wait_for(self.process, self.port, seconds=60):
            return self.process
        self.process.kill()
        raise RuntimeError(
            f"rabbitmq-server did not start: {(self.folder / 'output.log').read_text()[-2000:]}"
        )

    def stop(self):
        for process in (self.process, self.epmd):
            if process is not None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait(timeout=30)


def wait_for(process, port, *, seconds):
    """Whether something listens on the port before the process ends or the time is over."""
    for _ in range(seconds * 10):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        if process.poll() is not None:
            return False
        time.sleep(0.1)
    return False


def a_node(folder):
    ports = free_ports(3)
    return RabbitNode(folder, *ports, name=f"tidings{os.getpid()}x{ports[0]}@localhost")


def installed():
    return SERVER.exists() and shutil.which("erl") and shutil.which("epmd")


@pytest.fixture(scope="session")
def rabbit_server(tmp_path_factory):
    """Skips only when there is neither RABBITMQ_URL nor a `rabbitmq-server`."""
    if url := os.environ.get("RABBITMQ_URL"):
        yield RabbitServer(url)
        return
    if not installed():
        missing("no RabbitMQ: set RABBITMQ_URL, or install rabbitmq-server")
    node = a_node(tmp_path_factory.mktemp("rabbitmq"))
    try:
        process = node.start()
        yield RabbitServer(f"amqp://guest:guest@127.0.0.1:{node.port}/", process)
    finally:
        node.stop()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
