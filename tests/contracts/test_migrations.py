"""The versions of the tables, on files and on a server: what they make, take over, and refuse."""

import asyncio
import shutil
import threading
from contextlib import suppress

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, inspect, select, text

from tests.servers import ENGINES, server_of
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.mysql.migrations import running
from tidings.adapters.mysql.migrations.running import (
    SchemaAhead,
    SchemaBehind,
    SchemaUnknown,
    migrate,
    require_current,
    standing,
    versions,
)
from tidings.adapters.mysql.teams import teams
from tidings.bootstrap.schema import METADATA

pytestmark = pytest.mark.anyio


@pytest.fixture(params=ENGINES)
async def make(request, tmp_path):
    """Databases by their names; the same name is the same database."""
    made = []

    def database(name):
        if request.param == "sqlite":
            found = sqlite_database(tmp_path / f"{name}.db")
        else:
            found = server_of(request).database(f"versions_{name}")
        made.append(found)
        return found

    yield database
    for each in made:
        with suppress(Exception):
            async with each.begin() as connection:
                await connection.run_sync(_drop_all)
        await each.close()


def _drop_all(connection):
    for name in inspect(connection).get_table_names():
        connection.execute(text(f"DROP TABLE {name}"))


@pytest.fixture
def two_versions(tmp_path, monkeypatch):
    """Teams as they will be one day: with another version, which adds a column."""
    folder = tmp_path / "versions"
    shutil.copytree(running.VERSIONS, folder)
    *_, last = versions("teams")
    number = f"{int(last) + 1:04}"
    (folder / "teams" / f"{number}_motto.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        f'revision, down_revision = "{number}", "{last}"\n\n\n'
        "def upgrade():\n"
        '    op.add_column("teams", sa.Column("motto", sa.String(40), nullable=False, server_default="-"))\n'
    )
    monkeypatch.setattr(running, "VERSIONS", folder)


@pytest.mark.parametrize("context", METADATA)
async def test_the_versions_make_what_the_code_expects(make, context):
    database = make(context)
    async with database.begin() as connection:
        known = await connection.run_sync(lambda sync: running.apply(sync, context))
    assert known == versions(context)
    assert await migrate(database, context, METADATA[context]) == ()
    await require_current(database, context)

    def differences(connection):
        looking = MigrationContext.configure(connection, opts={"version_table": f"{context}_schema"})
        return compare_metadata(looking, METADATA[context])

    async with database.begin() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.parametrize(
    ("context", "version"), [(name, each) for name in METADATA for each in versions(name)[1:]]
)
async def test_a_version_that_was_cut_short_may_be_run_again(make, context, version):
    database, known = make(context), versions(context)
    before = known[known.index(version) - 1]
    async with database.begin() as connection:
        await connection.run_sync(lambda sync: running.apply(sync, context, version))
        await connection.execute(text(f"UPDATE {context}_schema SET version_num = '{before}'"))
    assert await migrate(database, context, METADATA[context]) == known[known.index(version) :]
    await require_current(database, context)


async def test_the_lines_of_campaigns_under_way_go_on_after_the_upgrade(make):
    database = make("whatsapp")
    async with database.begin() as connection:
        await connection.run_sync(lambda sync: running.apply(sync, "whatsapp", "0003"))
        row = "(:id, :id, '31', 'running', 1, '')"
        columns = "campaign_id, organization_id, phone_number_id, state, epoch, waiting"
        added = text(f"INSERT INTO whatsapp_runs ({columns}) VALUES {row}")
        await connection.execute(added, {"id": b"1" * 16})
    await migrate(database, "whatsapp", METADATA["whatsapp"])
    async with database.begin() as connection:
        lanes = await connection.execute(text("SELECT phone_number_id, campaign_id FROM whatsapp_run_lanes"))
        assert [tuple(each) for each in lanes] == [("31", b"1" * 16)]


@pytest.mark.parametrize("context", METADATA)
async def test_a_new_database_gets_the_newest_tables_at_once(make, context):
    database = make(context)
    assert await migrate(database, context, METADATA[context]) == versions(context)
    assert await migrate(database, context, METADATA[context]) == ()
    await require_current(database, context)


async def test_processes_that_start_together_migrate_once(make):
    first, second = make("teams"), make("teams")
    done = await asyncio.gather(*(migrate(each, "teams", METADATA["teams"]) for each in (first, second)))
    assert sorted(map(list, done)) == [[], versions("teams")]


async def test_data_stays_where_a_version_is_added(make, two_versions, monkeypatch):
    database = make("teams")
    with monkeypatch.context() as past:
        past.setattr(running, "versions", lambda context: ["0001"])
        async with database.begin() as connection:
            await connection.run_sync(lambda sync: running.apply(sync, "teams", "0001"))
    row = {
        "id": b"1" * 16,
        "organization_id": b"2" * 16,
        "name": "Front desk",
        "description": "",
        "strategy": "manual",
        "created_at": 0,
        "updated_at": 0,
    }
    async with database.begin() as connection:
        columns = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        await connection.execute(text(f"INSERT INTO teams ({columns}) VALUES ({values})"), row)
    with pytest.raises(SchemaBehind, match="tidings migrate teams"):
        await require_current(database, "teams")
    assert await migrate(database, "teams", METADATA["teams"]) == list(versions("teams"))[1:]
    async with database.begin() as connection:
        found = (await connection.execute(text("SELECT name, motto FROM teams"))).one()
    assert tuple(found) == ("Front desk", "-")


async def test_tables_from_before_there_were_versions_are_taken_over(make):
    database = make("teams")
    await database.create(METADATA["teams"])
    assert await migrate(database, "teams", METADATA["teams"]) == ()
    assert (await standing(database, "teams")).is_current


async def test_tables_that_lack_something_are_refused_and_left_as_they_are(make):
    database = make("teams")
    await database.create(METADATA["teams"])
    async with database.begin() as connection:
        await connection.execute(text("DROP INDEX teams_list" + _on(connection)))
        await connection.execute(text("ALTER TABLE teams DROP COLUMN description"))
    with pytest.raises(SchemaUnknown, match=r"teams\.description"):
        await migrate(database, "teams", METADATA["teams"])
    assert (await standing(database, "teams")).current is None


def _on(connection):
    return "" if connection.dialect.name == "sqlite" else " ON teams"


async def test_a_newer_schema_is_not_touched(make, two_versions, monkeypatch):
    database = make("teams")
    await migrate(database, "teams", METADATA["teams"])
    monkeypatch.undo()
    with pytest.raises(SchemaAhead):
        await migrate(database, "teams", METADATA["teams"])
    with pytest.raises(SchemaAhead, match="upgrade it first"):
        await require_current(database, "teams")
    async with database.begin() as connection:
        assert (await connection.execute(select(func.count()).select_from(teams))).scalar_one() == 0


def test_processes_that_open_a_new_file_at_once_all_get_it(tmp_path):
    """Each in a loop of its own; SQLite refuses, without waiting, a second one that asks for WAL."""
    refused = []

    async def opened(path, together):
        database = sqlite_database(path)
        together.wait()
        try:
            async with database.begin() as connection:
                await connection.execute(text("CREATE TABLE IF NOT EXISTS t (a INTEGER)"))
        except Exception as error:
            refused.append(error)
        await database.close()

    for n in range(60):
        together = threading.Barrier(4)

        def start(path=tmp_path / f"{n}.db", together=together):
            asyncio.run(opened(path, together))

        theirs = [threading.Thread(target=start) for _ in range(4)]
        for each in theirs:
            each.start()
        for each in theirs:
            each.join()
    assert refused == []
