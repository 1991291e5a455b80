"""Servers of a test run's own on loopback, a MariaDB and a MySQL, or those of MARIADB_URL and MYSQL_URL."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.mysql.engine import Database, mysql_database


def missing(said: str, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """A server is not here: a failure with `CI=1` or `SERVERS=required`, else a skipped test."""
    if environment.get("CI") in ("1", "true") or environment.get("SERVERS") == "required":
        pytest.fail(said, pytrace=False)
    pytest.skip(said)


@dataclass(frozen=True)
class MysqlServer:
    """A server on which tests may make databases."""

    url: str

    def recreate(self, name: str) -> None:
        """Make an empty database of this name, whatever was there."""
        _in_thread(_recreate(self.url, name))

    def database(self, name: str, *, pool_size: int = 6) -> Database:
        """A fresh, empty database of this name."""
        self.recreate(name)
        url = make_url(self.url).set(database=name).render_as_string(hide_password=False)
        return mysql_database(url, pool_size=pool_size)


ENGINES = (
    "sqlite",
    pytest.param("mariadb", marks=pytest.mark.mysql),
    pytest.param("mysql", marks=pytest.mark.mysql),
)
"""What a suite of stores is run on: parameters of a fixture, which asks `server_of` unless it is SQLite."""


@asynccontextmanager
async def database_of(
    request: pytest.FixtureRequest, folder: Path, name: str, metadata: MetaData
) -> AsyncIterator[Database]:
    """An empty database with these tables, on what this round of the suite is run on."""
    made = (
        sqlite_database(folder / f"{name}.db")
        if request.param == "sqlite"
        else server_of(request).database(name)
    )
    await made.create(metadata)
    yield made
    await made.close()


def server_of(request: pytest.FixtureRequest) -> MysqlServer:
    """The server that this round of the suite is run on."""
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MysqlServer]:
    """Skips only when there is neither MARIADB_URL nor a `mariadbd`."""
    if url := os.environ.get("MARIADB_URL"):
        yield MysqlServer(url)
        return
    with _or_missing(mariadb_of_our_own(tmp_path_factory.mktemp("mariadb"))) as url:
        yield MysqlServer(url)


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MysqlServer]:
    """Skips only when there is neither MYSQL_URL nor a `mysqld`."""
    if url := os.environ.get("MYSQL_URL"):
        yield MysqlServer(url)
        return
    with _or_missing(mysql_of_our_own()) as url:
        yield MysqlServer(url)


class NoServer(RuntimeError):
    """It is not installed on this machine."""


@contextmanager
def _or_missing(server: AbstractContextManager[str]) -> Iterator[str]:
    with ExitStack() as stack:
        try:
            url = stack.enter_context(server)
        except NoServer as none:
            missing(str(none))
        yield url


@contextmanager
def mariadb_of_our_own(folder: Path, *more: str, durable: bool = False) -> Iterator[str]:
    """A MariaDB with its data in this folder and `more` options, and the URL of its root. Raise NoServer."""
    binary = shutil.which("mariadbd")
    if binary is None:
        raise NoServer("no MariaDB: set MARIADB_URL, or install mariadb-server")
    # A server that starts clears its folder of temporary tables, also of those of one that starts beside it.
    passing = folder.with_name(f"{folder.name}-passing")
    passing.mkdir()
    own = [f"--datadir={folder}", f"--tmpdir={passing}", *_as_root()]
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal",
         *own],
        check=True, capture_output=True,
    )  # fmt: skip
    port = _free_port()
    private = [f"--tmpdir={passing}", *_private(port, folder, durable)]
    command = [binary, "--no-defaults", "--skip-name-resolve", *private, *more]
    with _serving(command, port, folder / "error.log"):
        yield f"mysql+asyncmy://root@127.0.0.1:{port}/"


UNPACKED = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidings" / "mysql"
"""Where `tests/servers.sh` unpacks Debian's MySQL, which is served from a root of its own."""


def _mysql() -> tuple[list[str], Path]:
    """How MySQL is called, and the root of the files that it sees. Raise NoServer."""
    if shutil.which("mysqld") and "MariaDB" not in _version("mysqld"):
        return ["mysqld"], Path("/")
    if (UNPACKED / "usr/sbin/mysqld").exists() and os.geteuid() == 0:
        return ["chroot", str(UNPACKED), "/usr/sbin/mysqld"], UNPACKED
    raise NoServer("no MySQL: set MYSQL_URL, or run tests/servers.sh as root")


@contextmanager
def mysql_of_our_own(*more: str, durable: bool = False) -> Iterator[str]:
    """A MySQL with `more` options whose data goes away with it, and the URL of its root. Raise NoServer."""
    with _mysql_folder() as made, _mysql_in(made, *more, durable=durable) as url:
        yield url


@contextmanager
def mysql_on_a_small_disk(size: str, *more: str) -> Iterator[tuple[str, Path]]:
    """A durable MySQL on a disk of this size (`300m`): its URL, and a folder on that disk.

    Raise NoServer, also where nothing can be mounted.
    """
    with _mysql_folder() as made:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(made)]
        if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
            raise NoServer("no small disk: mounting needs root")
        try:
            with _mysql_in(made, *more, durable=True) as url:
                yield url, made
        finally:
            subprocess.run(["umount", "--lazy", str(made)], check=True)


@contextmanager
def _mysql_folder() -> Iterator[Path]:
    _, root = _mysql()
    with tempfile.TemporaryDirectory(prefix="tidings-", dir=root / "tmp", ignore_cleanup_errors=True) as made:
        yield Path(made)


@dataclass
class MortalMysql:
    """A MySQL that a test may kill, and start again on the same data and port."""

    url: str
    command: list[str]
    port: int
    log: Path
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command)
        _until_it_serves(self.process, self.command, self.port, self.log)


@contextmanager
def mysql_that_may_be_killed() -> Iterator[MortalMysql]:
    """A durable MySQL whose data goes away with it. Raise NoServer."""
    with _mysql_folder() as made, _mortal_mysql_in(made, durable=True) as server:
        yield server


@contextmanager
def _mysql_in(made: Path, *more: str, durable: bool) -> Iterator[str]:
    with _mortal_mysql_in(made, *more, durable=durable) as server:
        yield server.url


@contextmanager
def _mortal_mysql_in(made: Path, *more: str, durable: bool) -> Iterator[MortalMysql]:
    binary, _ = _mysql()
    folder = Path("/tmp") / made.name
    data = folder / "data"
    subprocess.run(
        [*binary, "--no-defaults", "--initialize-insecure", f"--datadir={data}",
         "--secure-file-priv=NULL", *more, *_as_root()],
        check=True, capture_output=True,
    )  # fmt: skip
    (made / "users.sql").write_text(
        "CREATE USER root@'127.0.0.1'; GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
    )
    port = _free_port()
    hasty = [] if durable else ["--innodb-doublewrite=OFF", "--performance-schema=OFF"]
    command = [
        *binary, "--no-defaults", "--skip-name-resolve", f"--init-file={folder}/users.sql",
        *_private(port, data, durable), "--secure-file-priv=NULL", "--mysqlx=OFF", "--skip-log-bin",
        f"--pid-file={folder}/pid", *hasty, *more,
    ]  # fmt: skip
    log = made / "data" / "error.log"
    server = MortalMysql(
        f"mysql+asyncmy://root@127.0.0.1:{port}/", command, port, log, subprocess.Popen(command)
    )
    try:
        _until_it_serves(server.process, command, port, log)
        yield server
    finally:
        _end(server.process)


def _version(binary: str) -> str:
    return subprocess.run([binary, "--version"], check=False, capture_output=True, text=True).stdout


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _private(port: int, data: Path, durable: bool) -> list[str]:
    """How either server is started: for this run alone; for tests, in no hurry to write to the disk."""
    care = ["1", "1G"] if durable else ["0", "64M"]
    return [
        f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={data}/s",
        f"--innodb-flush-log-at-trx-commit={care[0]}", f"--innodb-buffer-pool-size={care[1]}",
        f"--log-error={data}/error.log", *_as_root(),
    ]  # fmt: skip


@contextmanager
def _serving(command: list[str], port: int, log: Path) -> Iterator[None]:
    process = subprocess.Popen(command)
    try:
        _until_it_serves(process, command, port, log)
        yield
    finally:
        _end(process)


def _until_it_serves(process: "subprocess.Popen[bytes]", command: list[str], port: int, log: Path) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} did not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        # Its data is thrown away: a busy machine need not wait for a tidy end.
        process.kill()
        process.wait()


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
