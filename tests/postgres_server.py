"""A private PostgreSQL for tests, or the one named in POSTGRES_URL (its database is thrown away)."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import missing


def _binaries() -> Path | None:
    """Where this machine has its servers' programs: Debian keeps them out of the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Skips only when there is neither POSTGRES_URL nor an `initdb`."""
    if url := os.environ.get("POSTGRES_URL"):
        yield url
        return
    binaries = _binaries()
    if binaries is None:
        missing("no PostgreSQL: set POSTGRES_URL, or install postgresql")
    # It refuses to be root's, and whoever it is must get into its folder.
    somebody = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="postgres-") as place, socket.socket() as free:
        if somebody:
            shutil.chown(place, "postgres")
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        data = f"{place}/data"
        made = [*somebody, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*made, "--no-sync", "--locale=C"], check=True, capture_output=True, cwd=place)
        how = ["-D", data, "-p", str(port), "-k", place, "-h", "127.0.0.1"]
        server = subprocess.Popen(
            [*somebody, binaries / "postgres", *how], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            ready = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            for _ in range(300):
                if subprocess.run(ready, check=False).returncode == 0:
                    break
                time.sleep(0.1)
            else:
                raise RuntimeError("PostgreSQL did not start")
            yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait()
