"""A data folder as one archive: its databases as they were at one moment, while others go on writing.

Contexts tell each other things through their databases, so they are copied as of one moment: all of them are
locked for writing, every reader fixes what it sees, and the locks are let go before anything is copied.
"""

import hashlib
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from tidings.domain.errors import Conflict, Invalid

MANIFEST = "manifest.json"
WAIT = 30.0
"""Seconds for others to let go of a database."""


class FolderInUse(Conflict):
    """There is something in the folder already; restore into an empty one."""


class WithinFolder(Invalid):
    """A backup does not lie in the folder that it is of: the next would hold it."""


class BadBackup(Invalid):
    """The file is no backup, or not whole."""


class Manifest(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an archive holds, and when it was made."""

    version: str
    made_at: datetime
    files: dict[str, str]
    """SHA-256 of each file, by its name."""


def back_up(folder: Path, archive: Path, *, version: str, now: datetime) -> Manifest:
    """Write everything in the folder into one file, which only its owner may read: keys are in it.

    Raise WithinFolder, OSError; an archive that was there stays until the new one is whole.
    """
    if archive.absolute().is_relative_to(folder.absolute()):
        raise WithinFolder(f"{archive} lies in the folder that it is of; choose a place outside {folder}.")
    with TemporaryDirectory(dir=archive.parent, prefix=f".{archive.name}.") as made:
        copied = Path(made)
        _snapshot([*sorted(folder.glob("*.db"))], copied)
        others = [path for path in sorted(folder.rglob("*")) if _is_kept(path)]
        for path in others:
            there = copied / path.relative_to(folder)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)
        names = [path.relative_to(copied).as_posix() for path in sorted(copied.rglob("*")) if path.is_file()]
        files = {name: _digest(copied / name) for name in names}
        manifest = Manifest(version=version, made_at=now, files=files)
        (copied / MANIFEST).write_bytes(msgspec.json.encode(manifest))
        fresh = copied / ".archive"
        fresh.touch(mode=0o600)
        with tarfile.open(fresh, "w:gz", compresslevel=3) as tar:
            for name in (MANIFEST, *names):
                tar.add(copied / name, name)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(archive)
    return manifest


def unpack(archive: Path, folder: Path) -> Manifest:
    """Bring an archive's files into an empty folder. Raise BadBackup, FolderInUse."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FolderInUse(f"{folder} is not empty; restore into a folder that is.")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(folder, filter="data")
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (tarfile.TarError, EOFError, KeyError, FileNotFoundError, msgspec.DecodeError, OSError) as error:
        if isinstance(error, FileNotFoundError) and not archive.exists():
            raise
        raise BadBackup(f"{archive} is no backup, or not whole: {error}.") from error
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            raise BadBackup(f"{archive} is not whole: {name} is not as it was.")
        if name.endswith(".db"):
            _check(path)
    (folder / MANIFEST).unlink()
    return manifest


def _snapshot(databases: Sequence[Path], into: Path) -> None:
    with ExitStack() as stack:
        readers = [stack.enter_context(closing(_opened(path))) for path in databases]
        with ExitStack() as locks:
            for path in databases:
                writer = locks.enter_context(closing(_opened(path)))
                writer.execute("BEGIN IMMEDIATE")
            for reader in readers:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for path, reader in zip(databases, readers, strict=True):
            with closing(sqlite3.connect(into / path.name)) as copy:
                reader.backup(copy)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=WAIT, isolation_level=None)


def _check(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        try:
            said = [row[0] for row in database.execute("PRAGMA integrity_check(1)")]
        except sqlite3.DatabaseError as error:
            said = [str(error)]
    if said != ["ok"]:
        raise BadBackup(f"{path.name} is damaged: {said[0]}.")


def _is_kept(path: Path) -> bool:
    return path.is_file() and not path.name.endswith((".db", ".db-wal", ".db-shm", ".db-journal"))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece
