"""A repository of one's own: teams are the departments that another application already keeps.

    pip install "tidings[testing]"
    python own_teams.py

`Departments` fulfils the port `TeamStore` over that application's table. What tells other contexts (the
outbox) and what has been heard (the inbox) stay tidings' own, in the same transaction. That it keeps what
a store of teams promises is shown by `tidings.testing.contracts.teams.TeamsContract`, run on it by the tests.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Column, Index, Integer, MetaData, String, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings import Tidings
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox
from tidings.adapters.mysql.teams import inbox, outbox
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.teams import Begin, Work
from tidings.application.teams import NewTeam
from tidings.domain.errors import Invalid
from tidings.domain.kernel import OrganizationId, Page, TeamId, UserId
from tidings.domain.teams import NoSuchMember, Team, TeamMember, TeamNameTaken, TeamNotFound

metadata = MetaData()
departments = Table(
    "departments",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("code", String(32), nullable=False, unique=True),
    Column("company", String(32), nullable=False),
    Column("title", String(100), nullable=False),
    Column("details", String, nullable=False),
    Index("departments_title", "company", "title", unique=True),
)
staff = Table(
    "staff",
    metadata,
    Column("department", String(32), primary_key=True),
    Column("person", String(32), primary_key=True),
    Column("joined", String(40), nullable=False),
    Column("details", String, nullable=False),
)


class BadPlace(Invalid):
    """The cursor is none of this list's."""


@dataclass(frozen=True, slots=True)
class Departments:
    """An organisation's teams, within one transaction."""

    connection: AsyncConnection
    organization: OrganizationId

    async def add(self, team: Team) -> None:
        try:
            await self.connection.execute(insert(departments).values(_row(team)))
        except IntegrityError as error:
            raise TeamNameTaken() from error

    async def get(self, id: TeamId) -> Team:
        query = select(departments.c.details).where(departments.c.code == id.hex, self._ours())
        found = (await self.connection.execute(query)).scalar()
        if found is None:
            raise TeamNotFound()
        return msgspec.json.decode(found, type=Team)

    async def save(self, team: Team) -> None:
        try:
            await self.connection.execute(
                update(departments).where(departments.c.code == team.id.hex).values(_row(team))
            )
        except IntegrityError as error:
            raise TeamNameTaken() from error

    async def remove(self, id: TeamId) -> None:
        await self.connection.execute(delete(staff).where(staff.c.department == id.hex))
        await self.connection.execute(delete(departments).where(departments.c.code == id.hex, self._ours()))

    async def page(self, *, cursor: str | None, limit: int) -> Page[Team]:
        query = select(departments.c.number, departments.c.details).where(self._ours())
        if cursor is not None:
            if not cursor.isdecimal():
                raise BadPlace()
            query = query.where(departments.c.number < int(cursor))
        query = query.order_by(departments.c.number.desc()).limit(limit + 1)
        rows = (await self.connection.execute(query)).all()
        teams = [msgspec.json.decode(details, type=Team) for _, details in rows[:limit]]
        return Page(items=teams, next_cursor=str(rows[limit - 1].number) if len(rows) > limit else None)

    async def put_member(self, member: TeamMember) -> None:
        known = {each.user_id: each for each in await self.members(member.team_id)}.get(member.user_id)
        if known is not None:
            member = msgspec.structs.replace(member, joined_at=known.joined_at)
            await self.connection.execute(delete(staff).where(*_at(member.team_id, member.user_id)))
        await self.connection.execute(
            insert(staff).values(
                department=member.team_id.hex,
                person=member.user_id.hex,
                joined=member.joined_at.isoformat(),
                details=msgspec.json.encode(member).decode(),
            )
        )

    async def remove_member(self, team: TeamId, user: UserId) -> None:
        if not (await self.connection.execute(delete(staff).where(*_at(team, user)))).rowcount:
            raise NoSuchMember()

    async def member(self, team: TeamId, user: UserId) -> TeamMember:
        for each in await self.members(team):
            if each.user_id == user:
                return each
        raise NoSuchMember()

    async def members(self, team: TeamId) -> Sequence[TeamMember]:
        return await self._members(staff.c.department == team.hex)

    async def of_user(self, user: UserId) -> Sequence[TeamMember]:
        return await self._members(staff.c.person == user.hex, staff.c.department.in_(self._codes()))

    async def forget_user(self, user: UserId) -> None:
        theirs = (staff.c.person == user.hex, staff.c.department.in_(self._codes()))
        await self.connection.execute(delete(staff).where(*theirs))

    async def forget_all(self) -> None:
        await self.connection.execute(delete(staff).where(staff.c.department.in_(self._codes())))
        await self.connection.execute(delete(departments).where(self._ours()))

    async def _members(self, *where: Any) -> Sequence[TeamMember]:
        query = select(staff.c.details).where(*where).order_by(staff.c.joined, staff.c.person)
        found = (await self.connection.execute(query)).scalars()
        return [msgspec.json.decode(each, type=TeamMember) for each in found]

    def _ours(self) -> Any:
        return departments.c.company == self.organization.hex

    def _codes(self) -> Any:
        return select(departments.c.code).where(self._ours())


def _row(team: Team) -> dict[str, str]:
    return {
        "code": team.id.hex,
        "company": team.organization_id.hex,
        "title": team.name,
        "details": msgspec.json.encode(team).decode(),
    }


def _at(team: TeamId, user: UserId) -> tuple[Any, Any]:
    return staff.c.department == team.hex, staff.c.person == user.hex


def departments_in(database: Database, now: Now, new_id: NewId) -> tuple[Begin, Begin]:
    """Transactions over departments: writing ones, and looks."""

    def work(connection: AsyncConnection, organization: OrganizationId) -> Work:
        return Work(
            teams=Departments(connection, organization),
            outbox=SqlOutbox(connection, outbox, now, new_id),
            inbox=SqlInbox(connection, inbox, now),
        )

    @asynccontextmanager
    async def begin(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.begin() as connection:
            yield work(connection, organization)

    @asynccontextmanager
    async def read(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.reading() as connection:
            yield work(connection, organization)

    return begin, read


async def main(folder: Path) -> str:
    """tidings over departments; the id of a team that is one."""

    def teams_work(container: Any) -> tuple[Begin, Begin]:
        return departments_in(container.teams_database(), container.now(), container.new_id())

    # In life the table has long been there.
    theirs = sqlite_database(folder / "teams.db")
    await theirs.create(metadata)
    await theirs.close()
    async with Tidings.embedded(folder, instead={"teams_work": teams_work}) as t:
        me = await t.sign_up("Rowan", "rowan@example.org", "a long pass phrase")
        team = await t.teams.add(me, NewTeam(name="Front desk"))
        print(f"{team.name} is a department now: {team.id}")
        return team.id.hex


if __name__ == "__main__":
    asyncio.run(main(Path("data")))
