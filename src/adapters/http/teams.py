"""Teams over HTTP."""

from typing import Annotated

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from tidings.adapters.http.envelope import Done, Listing, Reply, listing, reply
from tidings.application.teams import Availability, NewMember, NewTeam, TeamMemberChange, Teams
from tidings.domain.kernel import Actor, Permission, TeamId, UserId
from tidings.domain.teams import Team, TeamMember


class TeamController(Controller):
    path = "/api/teams"
    tags = ["Teams"]

    @post("/", permission=Permission.TEAMS_WRITE)
    async def add(
        self, teams: NamedDependency[Teams], actor: NamedDependency[Actor], data: JSONBody[NewTeam]
    ) -> Reply[Team]:
        """Form a team."""
        return reply(await teams.add(actor, data), "Team created")

    @get("/", permission=Permission.TEAMS_READ, cached=("teams", 300))
    async def page(
        self,
        teams: NamedDependency[Teams],
        actor: NamedDependency[Actor],
        cursor: FromQuery[str | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
    ) -> Listing[Team]:
        """List teams, newest first."""
        return listing(await teams.page(actor, cursor=cursor, limit=limit), limit=limit)

    @get("/{id:uuid}", permission=Permission.TEAMS_READ, cached=("teams", 600))
    async def one(
        self, teams: NamedDependency[Teams], actor: NamedDependency[Actor], id: FromPath[TeamId]
    ) -> Reply[Team]:
        """A team."""
        return reply(await teams.get(actor, id))

    @put("/{id:uuid}", permission=Permission.TEAMS_WRITE)
    async def change(
        self,
        teams: NamedDependency[Teams],
        actor: NamedDependency[Actor],
        id: FromPath[TeamId],
        data: JSONBody[NewTeam],
    ) -> Reply[Team]:
        """Rename or describe a team, or change who is given what comes in."""
        return reply(await teams.change(actor, id, data), "Team updated")

    @delete("/{id:uuid}", status_code=200, permission=Permission.TEAMS_WRITE)
    async def remove(
        self, teams: NamedDependency[Teams], actor: NamedDependency[Actor], id: FromPath[TeamId]
    ) -> Done:
        """Dissolve a team."""
        await teams.remove(actor, id)
        return Done(message="Team deleted")

    @post("/{id:uuid}/members", permission=Permission.TEAMS_WRITE)
    async def join(
        self,
        teams: NamedDependency[Teams],
        actor: NamedDependency[Actor],
        id: FromPath[TeamId],
        data: JSONBody[NewMember],
    ) -> Reply[TeamMember]:
        """Put a member of the organisation into the team."""
        return reply(await teams.join(actor, id, data), "Member added")

    @get("/{id:uuid}/members", permission=Permission.TEAMS_READ)
    async def members(
        self, teams: NamedDependency[Teams], actor: NamedDependency[Actor], id: FromPath[TeamId]
    ) -> Reply[list[TeamMember]]:
        """Who is in the team."""
        return reply([*await teams.members(actor, id)])

    @put("/{id:uuid}/members/{user_id:uuid}", permission=Permission.TEAMS_WRITE)
    async def change_member(
        self,
        teams: NamedDependency[Teams],
        actor: NamedDependency[Actor],
        id: FromPath[TeamId],
        user_id: FromPath[UserId],
        data: JSONBody[TeamMemberChange],
    ) -> Reply[TeamMember]:
        """Change a member's role, availability or capacity; what is not mentioned stays."""
        return reply(await teams.change_member(actor, id, user_id, data), "Member updated")

    @put("/{id:uuid}/availability", permission=Permission.TEAMS_READ)
    async def set_available(
        self,
        teams: NamedDependency[Teams],
        actor: NamedDependency[Actor],
        id: FromPath[TeamId],
        data: JSONBody[Availability],
    ) -> Reply[TeamMember]:
        """Say whether one takes what comes in."""
        return reply(await teams.set_available(actor, id, data), "Availability updated")

    @delete("/{id:uuid}/members/{user_id:uuid}", status_code=200, permission=Permission.TEAMS_WRITE)
    async def leave(
        self,
        teams: NamedDependency[Teams],
        actor: NamedDependency[Actor],
        id: FromPath[TeamId],
        user_id: FromPath[UserId],
    ) -> Done:
        """Take a member out."""
        await teams.leave(actor, id, user_id)
        return Done(message="Member removed")
