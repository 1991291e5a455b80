"""What conversations ask of teams, answered in this process."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidings.application.ports.teams import People
from tidings.application.teams import Teams
from tidings.domain.kernel import OrganizationId, TeamId, UserId
from tidings.domain.teams import TeamRole
from tidings.domain.whatsapp.conversations import Sight


@dataclass(frozen=True, slots=True)
class LocalDesks:
    """The Desks port of conversations."""

    teams: Teams
    people: People

    async def sight(self, organization: OrganizationId, user: UserId) -> Sight:
        theirs = await self.teams.memberships(organization, user)
        return Sight(
            user=user,
            teams=tuple(each.team_id for each in theirs),
            leads=tuple(each.team_id for each in theirs if each.role is TeamRole.ADMIN),
        )

    async def require(self, organization: OrganizationId, team: TeamId | None, user: UserId | None) -> None:
        if team is not None:
            await self.teams.require(organization, team, user)
        elif user is not None:
            await self.people.require_member(organization, user)

    async def turn(
        self, organization: OrganizationId, team: TeamId, loads: Mapping[UserId, int]
    ) -> UserId | None:
        return await self.teams.assign(organization, team, loads)
