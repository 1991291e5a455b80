"""Bringing a context's tables to the newest version, or saying that they are not there.

Each context has its own line of versions and its own version table, `<context>_schema`, in its own
database. The files are named after their version (`0001_first.py`), so that a start which finds everything
in place reads one row and loads nothing. Two processes that start together migrate one after the other.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, Connection, MetaData, String, Table, func, inspect, select

from tidings.adapters.mysql.engine import Database
from tidings.domain.errors import Unavailable

VERSIONS = Path(__file__).parent / "versions"
LOCK, PATIENCE = "tidings_migration", 600
"""The lock under which one process migrates, and the seconds that others wait for it."""


class SchemaBehind(Unavailable):
    """The tables are older than this version of tidings."""


class SchemaAhead(Unavailable):
    """The tables are newer than this version of tidings."""


class SchemaUnknown(Unavailable):
    """The tables are of no version that is known."""


class SchemaBusy(Unavailable):
    """Another process changes the tables and takes long; try again later."""


class Standing(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a context's tables stand, and where this version of tidings has them."""

    context: str
    current: str | None
    newest: str

    @property
    def is_current(self) -> bool:
        return self.current == self.newest


def versions(context: str) -> list[str]:
    """Every version of a context's tables, oldest first."""
    return sorted(path.name.split("_")[0] for path in (VERSIONS / context).glob("[0-9]*_*.py"))


async def standing(database: Database, context: str) -> Standing:
    """Raise DatabaseUnavailable."""
    async with database.reading() as connection:
        current = await connection.run_sync(_current, context)
    return Standing(context=context, current=current, newest=versions(context)[-1])


async def require_current(database: Database, context: str) -> None:
    """Raise SchemaBehind, SchemaAhead."""
    found = await standing(database, context)
    if found.is_current:
        return
    where = f"at version {found.current}" if found.current else "not there yet, or of no version"
    if found.current is not None and found.current not in versions(context):
        raise SchemaAhead(
            f"The tables of {context} are {where}, which this tidings does not know: upgrade it first."
        )
    raise SchemaBehind(
        f"The tables of {context} are {where}, and {found.newest} is needed: run `tidings migrate {context}`."
    )


async def migrate(database: Database, context: str, metadata: MetaData) -> Sequence[str]:
    """The versions that were applied, oldest first; none when the tables were the newest already.

    Where there is nothing yet, the newest tables are made at once: what all versions make together, as
    `make check` sees to. Tables without a version that were made by an earlier tidings are taken over as
    the newest one when nothing is missing in them. Raise SchemaAhead, SchemaUnknown, DatabaseUnavailable.
    """
    found = await standing(database, context)
    if found.is_current:
        return ()
    async with _alone(database), database.begin() as connection:
        return await connection.run_sync(_migrate, context, metadata)


def apply(connection: Connection, context: str, upto: str = "head") -> Sequence[str]:
    """Run the versions that are missing, on a connection of one's own."""
    # Not at every start: most find nothing to do.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    before = _current(connection, context)
    script = ScriptDirectory(str(VERSIONS.parent), version_locations=[str(VERSIONS / context)])

    def upgrade(revision: Any, _: Any) -> Any:
        return script._upgrade_revs(upto, revision)  # pyright: ignore[reportPrivateUsage]

    with EnvironmentContext(Config(), script, fn=upgrade, destination_rev=upto) as environment:
        environment.configure(connection=connection, version_table=f"{context}_schema")
        with environment.begin_transaction():
            environment.run_migrations()
    known = versions(context)
    start = 0 if before is None else known.index(before) + 1
    return known[start:] if upto == "head" else known[start : known.index(upto) + 1]


def _migrate(connection: Connection, context: str, metadata: MetaData) -> Sequence[str]:
    current = _current(connection, context)
    if current is not None and current not in versions(context):
        raise SchemaAhead(f"The tables of {context} are at {current}, which this tidings does not know.")
    if current is not None:
        return apply(connection, context)
    known, there = versions(context), set(inspect(connection).get_table_names())
    metadata.create_all(connection)
    if old := there & metadata.tables.keys():
        _require_whole(connection, context, metadata)
    table = _table(context)
    table.create(connection)
    connection.execute(table.insert().values(version_num=known[-1]))
    return () if old else known


def _require_whole(connection: Connection, context: str, metadata: MetaData) -> None:
    """Of tables from before there were versions, or of a start that was cut short on a server."""
    look = inspect(connection)
    missing = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name not in {each["name"] for each in look.get_columns(table.name)}
    ]
    if missing:
        raise SchemaUnknown(
            f"The tables of {context} were made before there were versions, and lack {', '.join(missing[:5])}"
            f"{' and more' if len(missing) > 5 else ''}: export what you need, and begin with new ones."
        )


def _current(connection: Connection, context: str) -> str | None:
    table = _table(context)
    if not inspect(connection).has_table(table.name):
        return None
    return connection.execute(select(table.c.version_num)).scalar_one_or_none()


def _table(context: str) -> Table:
    return Table(f"{context}_schema", MetaData(), Column("version_num", String(32), primary_key=True))


@asynccontextmanager
async def _alone(database: Database) -> AsyncGenerator[None]:
    """Only this process migrates; SQLite's writing transaction is such a lock by itself.

    Held on a connection of its own, so that it is let go after what was done is committed, not before.
    """
    async with database.reading() as connection:
        if connection.dialect.name == "sqlite":
            yield
            return
        if not await connection.scalar(select(func.get_lock(LOCK, PATIENCE))):
            raise SchemaBusy()
        try:
            yield
        finally:
            await connection.execute(select(func.release_lock(LOCK)))
