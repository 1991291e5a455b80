"""Teams in SQL."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from msgspec.structs import asdict
from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import upsert
from tidings.adapters.mysql.engine import TABLE_OPTIONS, Database
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox, inbox_table, outbox_table
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.types import Choice, Id, Moment
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.teams import Begin, Work
from tidings.domain.kernel import OrganizationId, Page, TeamId, UserId
from tidings.domain.teams import (
    NoSuchMember,
    Strategy,
    Team,
    TeamMember,
    TeamNameTaken,
    TeamNotFound,
    TeamRole,
)

metadata = MetaData()
outbox = outbox_table(metadata, "teams")
inbox = inbox_table(metadata, "teams")

teams = Table(
    "teams",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("name", String(100), nullable=False),
    Column("description", String(1000), nullable=False),
    Column("strategy", Choice(Strategy), nullable=False),
    Column("last_assigned", Id),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("teams_name", "organization_id", "name", unique=True),
    Index("teams_list", "organization_id", "id"),
    **TABLE_OPTIONS,
)
members = Table(
    "teams_members",
    metadata,
    Column("team_id", Id, primary_key=True),
    Column("user_id", Id, primary_key=True),
    Column("role", Choice(TeamRole), nullable=False),
    Column("available", Boolean(create_constraint=False), nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("joined_at", Moment, nullable=False),
    Index("teams_members_user", "user_id"),
    **TABLE_OPTIONS,
)


@dataclass(frozen=True, slots=True)
class SqlTeams:
    connection: AsyncConnection
    organization: OrganizationId
    locking: bool

    async def add(self, team: Team) -> None:
        try:
            await self.connection.execute(insert(teams).values(asdict(team)))
        except IntegrityError as error:
            raise _taken(error) from error

    async def get(self, id: TeamId) -> Team:
        query = select(teams).where(teams.c.id == id, teams.c.organization_id == self.organization)
        if self.locking:
            query = query.with_for_update()
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise TeamNotFound()
        return Team(**row)

    async def save(self, team: Team) -> None:
        try:
            await self.connection.execute(update(teams).where(teams.c.id == team.id).values(asdict(team)))
        except IntegrityError as error:
            raise _taken(error) from error

    async def remove(self, id: TeamId) -> None:
        await self.connection.execute(delete(members).where(members.c.team_id == id))
        await self.connection.execute(
            delete(teams).where(teams.c.id == id, teams.c.organization_id == self.organization)
        )

    async def page(self, *, cursor: str | None, limit: int) -> Page[Team]:
        query = select(teams).where(teams.c.organization_id == self.organization)
        if cursor is not None:
            query = query.where(teams.c.id < decode_cursor(cursor))
        query = query.order_by(teams.c.id.desc()).limit(limit + 1)
        found = structs(Team, await self.connection.execute(query))
        more = len(found) > limit
        return Page(items=found[:limit], next_cursor=encode_cursor(found[limit - 1].id) if more else None)

    async def put_member(self, member: TeamMember) -> None:
        await upsert(
            self.connection,
            members,
            [asdict(member)],
            keys=["team_id", "user_id"],
            change=["role", "available", "capacity"],
        )

    async def remove_member(self, team: TeamId, user: UserId) -> None:
        removed = await self.connection.execute(
            delete(members).where(members.c.team_id == team, members.c.user_id == user)
        )
        if not removed.rowcount:
            raise NoSuchMember()

    async def member(self, team: TeamId, user: UserId) -> TeamMember:
        query = select(members).where(members.c.team_id == team, members.c.user_id == user)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NoSuchMember()
        return TeamMember(**row)

    async def members(self, team: TeamId) -> Sequence[TeamMember]:
        query = select(members).where(members.c.team_id == team)
        query = query.order_by(members.c.joined_at, members.c.user_id)
        return structs(TeamMember, await self.connection.execute(query))

    async def of_user(self, user: UserId) -> Sequence[TeamMember]:
        query = select(members).where(members.c.user_id == user, members.c.team_id.in_(self._ours()))
        return structs(TeamMember, await self.connection.execute(query))

    async def forget_user(self, user: UserId) -> None:
        await self.connection.execute(
            delete(members).where(members.c.user_id == user, members.c.team_id.in_(self._ours()))
        )

    async def forget_all(self) -> None:
        await self.connection.execute(delete(members).where(members.c.team_id.in_(self._ours())))
        await self.connection.execute(delete(teams).where(teams.c.organization_id == self.organization))

    def _ours(self) -> Select[tuple[TeamId]]:
        return select(teams.c.id).where(teams.c.organization_id == self.organization)


def teams_in(database: Database, *, now: Now, new_id: NewId) -> tuple[Begin, Begin]:
    """Open transactions over the teams context's tables: writing ones, and ones that only look."""

    def work(connection: AsyncConnection, organization: OrganizationId, *, locking: bool) -> Work:
        return Work(
            teams=SqlTeams(connection, organization, locking),
            outbox=SqlOutbox(connection, outbox, now, new_id),
            inbox=SqlInbox(connection, inbox, now),
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


def _taken(error: IntegrityError) -> Exception:
    said = str(error.orig)
    return TeamNameTaken() if "teams_name" in said or "teams.name" in said else error
