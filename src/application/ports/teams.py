"""What teams need from the outside: their own tables, and who belongs to an organisation."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from tidings.application.ports.common import Inbox, Outbox
from tidings.domain.kernel import OrganizationId, Page, TeamId, UserId
from tidings.domain.teams import Team, TeamMember


class TeamStore(Protocol):
    """An organisation's teams, within one transaction."""

    async def add(self, team: Team) -> None:
        """Raise TeamNameTaken."""

    async def get(self, id: TeamId) -> Team:
        """Locked until a writing transaction ends. Raise TeamNotFound."""
        ...

    async def save(self, team: Team) -> None:
        """Raise TeamNameTaken."""

    async def remove(self, id: TeamId) -> None:
        """The team and its memberships."""

    async def page(self, *, cursor: str | None, limit: int) -> Page[Team]:
        """Newest first. Raise BadCursor."""
        ...

    async def put_member(self, member: TeamMember) -> None:
        """Add a member, or change one; when they joined stays."""

    async def remove_member(self, team: TeamId, user: UserId) -> None:
        """Raise NoSuchMember."""

    async def member(self, team: TeamId, user: UserId) -> TeamMember:
        """Raise NoSuchMember."""
        ...

    async def members(self, team: TeamId) -> Sequence[TeamMember]:
        """In order of joining."""
        ...

    async def of_user(self, user: UserId) -> Sequence[TeamMember]:
        """The user's memberships in the organisation's teams."""
        ...

    async def forget_user(self, user: UserId) -> None:
        """Take the user out of every team."""

    async def forget_all(self) -> None:
        """Dissolve every team of the organisation."""


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction for one organisation. Leaving the block commits it; an exception undoes it."""

    teams: TeamStore
    outbox: Outbox
    inbox: Inbox


Begin: TypeAlias = Callable[[OrganizationId], AbstractAsyncContextManager[Work]]


class People(Protocol):
    """Who belongs to an organisation; answered by users."""

    async def require_member(self, organization: OrganizationId, user: UserId) -> None:
        """Raise NotFound when the user is no member of the organisation."""
        ...
