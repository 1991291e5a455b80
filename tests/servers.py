"""Servers that tests start for themselves: a private MariaDB on loopback, or the MySQL named in MYSQL_URL."""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tidings.adapters.mysql.engine import Database, mysql_database


def missing(said: str, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """A server is not here: a failure with `CI=1` or `TIDINGS_SERVERS=required`, else a skipped test."""
    if environment.get("CI") in ("1", "true") or environment.get("TIDINGS_SERVERS") == "required":
        pytest.fail(said, pytrace=False)
    pytest.skip(said)


@dataclass(frozen=True)
class MysqlServer:
    """A server on which tests may make databases."""

    url: str

    def database(self, name: str, *, pool_size: int = 10) -> Database:
        """A fresh, empty database of this name."""
        _in_thread(_recreate(self.url, name))
        url = make_url(self.url).set(database=name).render_as_string(hide_password=False)
        return mysql_database(url, pool_size=pool_size)


@pytest.fixture(scope="session")
def mysql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MysqlServer]:
    """Skips only when there is neither MYSQL_URL nor a `mariadbd`."""
    if url := os.environ.get("MYSQL_URL"):
        yield MysqlServer(url)
        return
    binary = shutil.which("mariadbd")
    if binary is None:
        missing("no MySQL: set MYSQL_URL, or install mariadb-server")
    folder = tmp_path_factory.mktemp("mariadb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = _started(binary, folder, port)
    try:
        yield MysqlServer(f"mysql+asyncmy://root@127.0.0.1:{port}/")
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            # Its data is thrown away: a busy machine need not wait for a tidy end.
            process.kill()
            process.wait()


def _started(binary: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={folder}", "--skip-test-db",
         "--auth-root-authentication-method=normal", *as_root],
        check=True, capture_output=True,
    )  # fmt: skip
    process = subprocess.Popen(
        [binary, "--no-defaults", f"--datadir={folder}", f"--port={port}", "--bind-address=127.0.0.1",
         f"--socket={folder}/s", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
         "--innodb-buffer-pool-size=64M", f"--log-error={folder}/error.log", *as_root],
    )  # fmt: skip
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        if process.poll() is not None:
            break
        time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"mariadbd did not start: {(folder / 'error.log').read_text()[-2000:]}")


async def _recreate(url: str, name: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
            await connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    finally:
        await engine.dispose()


def _in_thread(work: object) -> None:
    """Run a coroutine to its end whether or not a loop is running here."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)  # type: ignore[arg-type]
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
