"""Row `import`: a generated CSV through the import, against bare inserts of the same rows."""

import multiprocessing
import os
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import uuid4

import uvloop
from sqlalchemy import insert, select
from sqlalchemy.engine import make_url

from bench.figures import Row, Side, own_memory, per_one
from bench.stage import SERVER, asked
from tests.servers import MysqlServer
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import collect_rarely
from tidings.adapters.mysql.contacts.tables import metadata, people
from tidings.adapters.mysql.engine import Database, mysql_database
from tidings.bootstrap.settings import DATABASES
from tidings.domain.contacts.importing import ImportOptions
from tidings.domain.kernel import Actor, OrganizationId, Role, UserId

BATCH = 1000
"""Rows in one transaction of the bare loop, as in the import."""


def importing(rows: int) -> Row:
    """Each side in a fresh process; the bare one writes what ours has written, in the same batches."""
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as name:
        folder = Path(name)
        _generate(folder / "people.csv", rows)
        ours, bare = _in_a_process(_ours, folder, rows), _in_a_process(_bare, folder, rows)
    return Row(
        name="import",
        unit="rows/s",
        ours=ours,
        bare=bare,
        ratio=ours.rate / bare.rate,
        what="CSV read, numbers checked, people looked up, ledger kept; bare: SQLAlchemy inserts of the rows",
    )


def _generate(path: Path, rows: int) -> None:
    with path.open("w") as file:
        file.write("firstName,lastName,phone,email,company,city\n")
        for n in range(rows):
            file.write(f"Rowan {n},Hale,+4477{n:08},rowan{n}@example.org,Hale Parcels,London\n")


def _in_a_process(measured, folder: Path, rows: int) -> Side:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(measured, theirs, folder, rows))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()


def _child(measured, told: Connection, folder: Path, rows: int) -> None:
    # As in a service, which is where files are brought in.
    collect_rarely()
    told.send(uvloop.run(measured(folder, rows)))


async def _ours(folder: Path, rows: int) -> Side:
    # Here, so that the bare loop's process does not hold the platform in its memory.
    from bench.growth import platform

    actor = Actor(user_id=UserId(uuid4()), organization_id=OrganizationId(uuid4()), role=Role.OWNER)
    async with platform(folder) as container:
        queries, cpu, began = asked(), time.process_time(), time.perf_counter()
        report = await container.imports().import_file(actor, folder / "people.csv", ImportOptions())
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
        answered = asked()
    if report.created != rows:
        raise RuntimeError(f"created {report.created} of {rows}")
    return Side(
        rate=rows / seconds,
        cpu=used / rows * 1e6,
        memory=own_memory(),
        queries=per_one(queries, answered, rows),
        done=rows,
    )


def _database(folder: Path, name: str) -> Database:
    """That of the platform's contacts, or an empty one where it stands."""
    url = os.environ.get(SERVER)
    if not url:
        return sqlite_database(folder / "data" / f"{name}.db")
    if name not in DATABASES:
        return MysqlServer(url).database(name)
    return mysql_database(make_url(url).set(database=DATABASES[name]).render_as_string(hide_password=False))


async def _bare(folder: Path, rows: int) -> Side:
    source = _database(folder, "contacts")
    async with source.reading() as connection:
        found = [dict(row) for row in (await connection.execute(select(people))).mappings()]
    await source.close()
    target = _database(folder, "bare")
    await target.create(metadata)
    cpu, began = time.process_time(), time.perf_counter()
    for start in range(0, rows, BATCH):
        async with target.begin() as connection:
            await connection.execute(insert(people), found[start : start + BATCH])
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    await target.close()
    return Side(rate=rows / seconds, cpu=used / rows * 1e6, memory=own_memory(), done=rows)
