"""Forming teams."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import NewId, Now
from tidings.application.ports.teams import Begin, People
from tidings.domain.kernel import Actor, Page, Permission, TeamId, UserId
from tidings.domain.teams import BadTeam, NoSuchMember, Team, TeamMember, TeamRole, faults_of_team


class NewTeam(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a team is called."""

    name: str
    description: str = ""


class NewMember(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Who joins, and as what."""

    user_id: UserId
    role: TeamRole = TeamRole.MEMBER


class RoleChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a member is to be."""

    role: TeamRole


@dataclass(frozen=True, slots=True)
class Teams:
    begin: Begin
    read: Begin
    people: People
    now: Now
    new_id: NewId

    async def add(self, actor: Actor, new: NewTeam) -> Team:
        """Raise BadTeam, TeamNameTaken."""
        organization = actor.require(Permission.TEAMS_WRITE)
        _check(new)
        now = self.now()
        team = Team(
            id=TeamId(self.new_id()),
            organization_id=organization,
            name=new.name.strip(),
            description=new.description,
            created_at=now,
            updated_at=now,
        )
        async with self.begin(organization) as work:
            await work.teams.add(team)
        return team

    async def get(self, actor: Actor, id: TeamId) -> Team:
        """Raise TeamNotFound."""
        async with self.read(actor.require(Permission.TEAMS_READ)) as look:
            return await look.teams.get(id)

    async def page(self, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page[Team]:
        """Newest first. Raise BadCursor."""
        async with self.read(actor.require(Permission.TEAMS_READ)) as look:
            return await look.teams.page(cursor=cursor, limit=limit)

    async def change(self, actor: Actor, id: TeamId, change: NewTeam) -> Team:
        """Raise TeamNotFound, BadTeam, TeamNameTaken."""
        organization = actor.require(Permission.TEAMS_WRITE)
        _check(change)
        async with self.begin(organization) as work:
            team = await work.teams.get(id)
            changed = replace(
                team, name=change.name.strip(), description=change.description, updated_at=self.now()
            )
            await work.teams.save(changed)
        return changed

    async def remove(self, actor: Actor, id: TeamId) -> None:
        """Raise TeamNotFound."""
        async with self.begin(actor.require(Permission.TEAMS_WRITE)) as work:
            await work.teams.get(id)
            await work.teams.remove(id)

    async def join(self, actor: Actor, id: TeamId, new: NewMember) -> TeamMember:
        """Raise TeamNotFound, or NotFound when the user is no member of the organisation."""
        organization = actor.require(Permission.TEAMS_WRITE)
        await self.people.require_member(organization, new.user_id)
        member = TeamMember(team_id=id, user_id=new.user_id, role=new.role, joined_at=self.now())
        async with self.begin(organization) as work:
            await work.teams.get(id)
            await work.teams.put_member(member)
        return member

    async def set_role(self, actor: Actor, id: TeamId, user: UserId, change: RoleChange) -> TeamMember:
        """Raise TeamNotFound, NoSuchMember."""
        async with self.begin(actor.require(Permission.TEAMS_WRITE)) as work:
            await work.teams.get(id)
            for member in await work.teams.members(id):
                if member.user_id == user:
                    changed = replace(member, role=change.role)
                    await work.teams.put_member(changed)
                    return changed
        raise NoSuchMember()

    async def leave(self, actor: Actor, id: TeamId, user: UserId) -> None:
        """Raise TeamNotFound, NoSuchMember."""
        async with self.begin(actor.require(Permission.TEAMS_WRITE)) as work:
            await work.teams.get(id)
            await work.teams.remove_member(id, user)

    async def members(self, actor: Actor, id: TeamId) -> Sequence[TeamMember]:
        """Raise TeamNotFound."""
        async with self.read(actor.require(Permission.TEAMS_READ)) as look:
            await look.teams.get(id)
            return await look.teams.members(id)


def _check(team: NewTeam) -> None:
    if faults := faults_of_team(team.name, team.description):
        raise BadTeam("", *faults)
