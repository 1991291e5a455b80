"""Forming teams, and giving what comes in to somebody who can take it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from tidings.application.auditing import difference, note
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.teams import Begin, People, Work
from tidings.domain.events import MemberRemoved, OrganizationClosed
from tidings.domain.kernel import Actor, OrganizationId, Page, Permission, TeamId, UserId
from tidings.domain.teams import (
    DEFAULT_CAPACITY,
    BadTeam,
    Strategy,
    Team,
    TeamMember,
    TeamRole,
    faults_of_capacity,
    faults_of_team,
    next_in_turn,
)

GROUP = "teams"
_UNTOLD = frozenset({"team_id", "last_assigned"})


class NewTeam(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a team is called, and who is given what comes in."""

    name: str
    description: str = ""
    strategy: Strategy = Strategy.ROUND_ROBIN


class NewMember(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Who joins, as what, and how much they take at once."""

    user_id: UserId
    role: TeamRole = TeamRole.MEMBER
    capacity: int = DEFAULT_CAPACITY


class TeamMemberChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a member is to be. What is not mentioned stays."""

    role: TeamRole | UnsetType = UNSET
    available: bool | UnsetType = UNSET
    capacity: int | UnsetType = UNSET


class Availability(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Whether one takes what comes in."""

    available: bool


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
            strategy=new.strategy,
            created_at=now,
            updated_at=now,
        )
        async with self.begin(organization) as work:
            await work.teams.add(team)
            await self._tell(work, actor, "team:created", team.id, None, team)
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
                team,
                name=change.name.strip(),
                description=change.description,
                strategy=change.strategy,
                updated_at=self.now(),
            )
            await work.teams.save(changed)
            await self._tell(work, actor, "team:changed", id, team, changed)
        return changed

    async def remove(self, actor: Actor, id: TeamId) -> None:
        """Raise TeamNotFound."""
        async with self.begin(actor.require(Permission.TEAMS_WRITE)) as work:
            team = await work.teams.get(id)
            await work.teams.remove(id)
            await self._tell(work, actor, "team:removed", id, team, None)

    async def join(self, actor: Actor, id: TeamId, new: NewMember) -> TeamMember:
        """Raise TeamNotFound, BadTeam, or NotFound when the user is no member of the organisation."""
        organization = actor.require(Permission.TEAMS_WRITE)
        if faults := faults_of_capacity(new.capacity):
            raise BadTeam("", *faults)
        await self.people.require_member(organization, new.user_id)
        member = TeamMember(
            team_id=id,
            user_id=new.user_id,
            role=new.role,
            capacity=new.capacity,
            joined_at=self.now(),
        )
        async with self.begin(organization) as work:
            await work.teams.get(id)
            await work.teams.put_member(member)
            member = await work.teams.member(id, new.user_id)
            await self._tell(work, actor, "team_member:joined", id, None, member)
        return member

    async def change_member(
        self, actor: Actor, id: TeamId, user: UserId, change: TeamMemberChange
    ) -> TeamMember:
        """Raise TeamNotFound, NoSuchMember, BadTeam."""
        organization = actor.require(Permission.TEAMS_WRITE)
        if change.capacity is not UNSET and (faults := faults_of_capacity(change.capacity)):
            raise BadTeam("", *faults)
        said = {name: value for name, value in asdict(change).items() if value is not UNSET}
        return await self._set(actor, organization, id, user, said)

    async def set_available(self, actor: Actor, id: TeamId, wish: Availability) -> TeamMember:
        """One's own availability. Raise TeamNotFound, NoSuchMember."""
        organization = actor.require(Permission.TEAMS_READ)
        return await self._set(actor, organization, id, actor.user_id, {"available": wish.available})

    async def leave(self, actor: Actor, id: TeamId, user: UserId) -> None:
        """Raise TeamNotFound, NoSuchMember."""
        async with self.begin(actor.require(Permission.TEAMS_WRITE)) as work:
            await work.teams.get(id)
            member = await work.teams.member(id, user)
            await work.teams.remove_member(id, user)
            await self._tell(work, actor, "team_member:left", id, member, None)

    async def members(self, actor: Actor, id: TeamId) -> Sequence[TeamMember]:
        """In order of joining. Raise TeamNotFound."""
        async with self.read(actor.require(Permission.TEAMS_READ)) as look:
            await look.teams.get(id)
            return await look.teams.members(id)

    async def memberships(self, organization: OrganizationId, user: UserId) -> Sequence[TeamMember]:
        """The teams a user is in; for other contexts."""
        async with self.read(organization) as look:
            return await look.teams.of_user(user)

    async def require(self, organization: OrganizationId, id: TeamId, user: UserId | None) -> None:
        """For other contexts. Raise TeamNotFound, and NoSuchMember when the user is not in the team."""
        async with self.read(organization) as look:
            await look.teams.get(id)
            if user is not None:
                await look.teams.member(id, user)

    async def assign(
        self, organization: OrganizationId, id: TeamId, loads: Mapping[UserId, int]
    ) -> UserId | None:
        """Whose turn it is, and note that they had it; for other contexts, which count what is in hand.

        Of many at once each gets the next. None when nobody can take it. Raise TeamNotFound.
        """
        async with self.begin(organization) as work:
            team = await work.teams.get(id)
            chosen = next_in_turn(team, await work.teams.members(id), loads)
            if chosen is not None:
                await work.teams.save(replace(team, last_assigned=chosen))
        return chosen

    async def member_removed(self, event_id: UUID, event: MemberRemoved) -> None:
        """Who left the organisation is in none of its teams."""
        async with self.begin(event.organization_id) as work:
            if await work.inbox.first_time(GROUP, event_id):
                await work.teams.forget_user(event.user_id)

    async def organization_closed(self, event_id: UUID, event: OrganizationClosed) -> None:
        """Nobody is left to be in its teams."""
        async with self.begin(event.organization_id) as work:
            if await work.inbox.first_time(GROUP, event_id):
                await work.teams.forget_all()

    async def _set(
        self, actor: Actor, organization: OrganizationId, id: TeamId, user: UserId, said: dict[str, Any]
    ) -> TeamMember:
        async with self.begin(organization) as work:
            await work.teams.get(id)
            member = await work.teams.member(id, user)
            changed = replace(member, **said)
            await work.teams.put_member(changed)
            await self._tell(work, actor, "team_member:changed", id, member, changed)
        return changed

    async def _tell(
        self,
        work: Work,
        by: Actor,
        what: str,
        subject: TeamId,
        before: Team | TeamMember | None,
        after: Team | TeamMember | None,
    ) -> None:
        told = difference(before, after, untold=_UNTOLD, always=("user_id",))
        await note(work, by, self.now(), what, subject, told)


def _check(team: NewTeam) -> None:
    if faults := faults_of_team(team.name, team.description):
        raise BadTeam("", *faults)
