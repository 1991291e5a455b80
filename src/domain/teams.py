"""Teams of an organisation, who is in them, and whose turn it is."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from tidings.domain.errors import Conflict, Fault, Invalid, NotFound
from tidings.domain.kernel import OrganizationId, TeamId, UserId


class TeamNotFound(NotFound):
    """There is no such team."""


class TeamNameTaken(Conflict):
    """The organisation already has a team of this name."""


class BadTeam(Invalid):
    """The team cannot be like this."""


class NoSuchMember(NotFound):
    """The team has no such member."""


CAPACITY = (1, 1000)
DEFAULT_CAPACITY = 20


class TeamRole(StrEnum):
    """What a member is in a team. Viewers look on: nothing is assigned to them."""

    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Strategy(StrEnum):
    """Who is given what comes in."""

    ROUND_ROBIN = "round_robin"
    """One after the other."""
    LEAST_LOADED = "least_loaded"
    """Whoever has the smallest share of their capacity in hand."""
    MANUAL = "manual"
    """Nobody: people take it or are given it by hand."""


class Team(Struct, frozen=True, kw_only=True, rename="camel"):
    """People who answer together."""

    id: TeamId
    organization_id: OrganizationId
    name: str
    description: str = ""
    strategy: Strategy = Strategy.ROUND_ROBIN
    last_assigned: UserId | None = None
    """Who was given the last one, so that the next is another's."""
    created_at: datetime
    updated_at: datetime


class TeamMember(Struct, frozen=True, kw_only=True, rename="camel"):
    """A user in a team."""

    team_id: TeamId
    user_id: UserId
    role: TeamRole
    available: bool = True
    capacity: int = DEFAULT_CAPACITY
    """How much may be in hand at once."""
    joined_at: datetime

    def can_take(self, load: int) -> bool:
        return self.role is not TeamRole.VIEWER and self.available and load < self.capacity


def faults_of_team(name: str, description: str) -> tuple[Fault, ...]:
    """What is wrong with a team's details, all at once."""
    faults: list[Fault] = []
    if not 1 <= len(name.strip()) <= 100:
        faults.append(Fault(field="name", rule="length", message="must have 1 to 100 characters"))
    if len(description) > 1000:
        faults.append(Fault(field="description", rule="length", message="must have at most 1000 characters"))
    return tuple(faults)


def faults_of_capacity(capacity: int) -> tuple[Fault, ...]:
    least, most = CAPACITY
    if least <= capacity <= most:
        return ()
    return (Fault(field="capacity", rule="range", message=f"must be from {least} to {most}"),)


def next_in_turn(team: Team, members: Iterable[TeamMember], loads: Mapping[UserId, int]) -> UserId | None:
    """Who is to be given the next one; None when nobody can take it, or people choose by hand.

    `loads` is what each member has in hand. Members stand in the order of their ids, and turns go round.
    """
    if team.strategy is Strategy.MANUAL:
        return None
    free = [each for each in members if each.can_take(loads.get(each.user_id, 0))]
    last = team.last_assigned

    def turn(member: TeamMember) -> tuple[bool, int]:
        return (last is not None and member.user_id.int <= last.int, member.user_id.int)

    def share(member: TeamMember) -> float:
        return loads.get(member.user_id, 0) / member.capacity

    if team.strategy is Strategy.LEAST_LOADED:
        chosen = min(free, key=lambda each: (share(each), turn(each)), default=None)
    else:
        chosen = min(free, key=turn, default=None)
    return None if chosen is None else chosen.user_id
