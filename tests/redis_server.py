"""A private Redis for tests, or the one named in REDIS_URL (its data is thrown away)."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import missing


@dataclass
class RedisServer:
    """A server that can be stopped, frozen and started again on its port."""

    url: str
    port: int = 0
    folder: Path | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def ours(self) -> bool:
        """Whether it may be killed."""
        return self.folder is not None

    def start(self) -> None:
        binary = shutil.which("redis-server")
        assert binary is not None
        self.process = subprocess.Popen(
            [
                binary,
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                str(self.folder),
            ],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def redis_of_our_own(folder: Path) -> Iterator[RedisServer]:
    """A Redis on a free port, which ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = RedisServer(f"redis://127.0.0.1:{port}/0", port, folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Skips only when there is neither REDIS_URL nor a `redis-server`."""
    if url := os.environ.get("REDIS_URL"):
        yield RedisServer(url)
        return
    if shutil.which("redis-server") is None:
        missing("no Redis: set REDIS_URL, or install redis-server")
    with redis_of_our_own(tmp_path_factory.mktemp("redis")) as server:
        yield server
