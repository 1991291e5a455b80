"""A repository on another kind of server: teams are kept in PostgreSQL, all else where it was.

    pip install "tidings[testing]" asyncpg
    python postgres_teams.py postgresql+asyncpg://postgres@127.0.0.1/shop

Tables, queries and the outbox are tidings' own: SQLAlchemy writes them for PostgreSQL as well. Three things
that each server says in its own way are said here: the database itself, a row that may be there already, and
an event that may have been heard already. That it keeps what a store of teams promises is shown by
`tidings.testing.contracts.teams.TeamsContract`, run on it by the tests.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from msgspec.structs import asdict
from sqlalchemy import Column, MetaData, String, Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from tidings import Tidings
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.migrations.running import versions
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox
from tidings.adapters.mysql.teams import SqlTeams, inbox, members, metadata, outbox
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.teams import Begin, Work
from tidings.application.teams import NewTeam
from tidings.domain.kernel import OrganizationId
from tidings.domain.teams import TeamMember


@dataclass(frozen=True, slots=True)
class PostgresTeams(SqlTeams):
    """An organisation's teams, within one transaction of PostgreSQL."""

    async def put_member(self, member: TeamMember) -> None:
        row = insert(members).values(asdict(member))
        news = {name: row.excluded[name] for name in ("role", "available", "capacity")}
        keys = ["team_id", "user_id"]
        await self.connection.execute(row.on_conflict_do_update(index_elements=keys, set_=news))


@dataclass(frozen=True, slots=True)
class PostgresInbox(SqlInbox):
    async def first_time(self, group: str, event_id: UUID) -> bool:
        row = insert(self.table).values(group=group, event_id=event_id, heard_at=self.now())
        return (await self.connection.execute(row.on_conflict_do_nothing())).rowcount == 1


def postgres_database(url: str) -> Database:
    """Connections for transactions, and for looks of which each statement sees what is committed."""
    return Database(
        write=create_async_engine(url, pool_size=4, hide_parameters=True),
        read=create_async_engine(url, pool_size=4, hide_parameters=True, isolation_level="AUTOCOMMIT"),
    )


async def prepare(database: Database) -> None:
    """Make the tables, once, and note that they are the newest, which `tidings migrate` does on MySQL."""
    standing = Table("teams_schema", MetaData(), Column("version_num", String(32), primary_key=True))
    async with database.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.run_sync(standing.create, checkfirst=True)
        noted = insert(standing).values(version_num=versions("teams")[-1])
        await connection.execute(noted.on_conflict_do_nothing())


def teams_in_postgres(database: Database, now: Now, new_id: NewId) -> tuple[Begin, Begin]:
    """Transactions over teams: writing ones, and looks."""

    def work(connection: AsyncConnection, organization: OrganizationId, *, locking: bool) -> Work:
        return Work(
            teams=PostgresTeams(connection, organization, locking),
            outbox=SqlOutbox(connection, outbox, now, new_id),
            inbox=PostgresInbox(connection, inbox, now),
        )

    @asynccontextmanager
    async def begin(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.begin() as connection:
            yield work(connection, organization, locking=True)

    @asynccontextmanager
    async def read(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.reading() as connection:
            yield work(connection, organization, locking=False)

    return begin, read


def kept_in(url: str) -> dict[str, Callable[[Any], Any]]:
    """What stands in place of tidings' own: for `Tidings.embedded(instead=...)`."""

    def teams_database(container: Any) -> Database:
        return postgres_database(url)

    def teams_work(container: Any) -> tuple[Begin, Begin]:
        return teams_in_postgres(container.teams_database(), container.now(), container.new_id())

    return {"teams_database": teams_database, "teams_work": teams_work}


async def main(url: str, folder: Path) -> str:
    """tidings with teams in PostgreSQL; the id of one."""
    database = postgres_database(url)
    await prepare(database)
    await database.close()
    async with Tidings.embedded(folder, instead=kept_in(url)) as t:
        me = await t.sign_up("Rowan", "rowan@example.org", "a long pass phrase")
        team = await t.teams.add(me, NewTeam(name="Front desk"))
        print(f"{team.name} is kept in PostgreSQL: {team.id}")
        return team.id.hex


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path("data")))
