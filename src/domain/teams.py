"""Teams of an organisation and who is in them."""

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


class TeamRole(StrEnum):
    """What a member is in a team."""

    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Team(Struct, frozen=True, kw_only=True, rename="camel"):
    """People who answer together."""

    id: TeamId
    organization_id: OrganizationId
    name: str
    description: str = ""
    created_at: datetime
    updated_at: datetime


class TeamMember(Struct, frozen=True, kw_only=True, rename="camel"):
    """A user in a team."""

    team_id: TeamId
    user_id: UserId
    role: TeamRole
    joined_at: datetime


def faults_of_team(name: str, description: str) -> tuple[Fault, ...]:
    """What is wrong with a team's details, all at once."""
    faults: list[Fault] = []
    if not 1 <= len(name.strip()) <= 100:
        faults.append(Fault(field="name", rule="length", message="must have 1 to 100 characters"))
    if len(description) > 1000:
        faults.append(Fault(field="description", rule="length", message="must have at most 1000 characters"))
    return tuple(faults)
