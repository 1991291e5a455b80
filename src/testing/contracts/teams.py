"""What a store of teams promises: they come back whole, belong to one organisation, give each turn once."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.teams import Begin
from tidings.application.teams import Teams
from tidings.domain.kernel import OrganizationId, TeamId, UserId
from tidings.domain.teams import (
    NoSuchMember,
    Strategy,
    Team,
    TeamMember,
    TeamNameTaken,
    TeamNotFound,
    TeamRole,
)
from tidings.testing.contracts.organizations import OfAnOrganization

NOON = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)


def a_team(organization: OrganizationId, **given: Any) -> Team:
    id = uuid7()
    known: dict[str, Any] = {"name": id.hex, "created_at": NOON, "updated_at": NOON}
    return Team(id=TeamId(id), organization_id=organization, **(known | given))


def a_member(team: Team, **given: Any) -> TeamMember:
    known: dict[str, Any] = {"user_id": UserId(uuid7()), "role": TeamRole.MEMBER, "joined_at": NOON}
    return TeamMember(team_id=team.id, **(known | given))


class Stores(Protocol):
    """Writing transactions, and looks that wait for nobody."""

    @property
    def begin(self) -> Begin: ...
    @property
    def read(self) -> Begin: ...


class Everybody:
    """An organisation to which everybody belongs."""

    async def require_member(self, organization: OrganizationId, user: UserId) -> None:
        """Nobody is refused."""


@pytest.mark.anyio
class TeamsContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60),
        strategy=st.sampled_from(Strategy),
        role=st.sampled_from(TeamRole),
        available=st.booleans(),
        capacity=st.integers(1, 1000),
    )
    async def test_a_team_and_its_members_come_back_whole(
        self,
        stores: Stores,
        name: str,
        strategy: Strategy,
        role: TeamRole,
        available: bool,
        capacity: int,
    ) -> None:
        organization = OrganizationId(uuid4())
        team = a_team(organization, name=name, strategy=strategy, last_assigned=UserId(uuid7()))
        member = a_member(team, role=role, available=available, capacity=capacity)
        async with stores.begin(organization) as work:
            await work.teams.add(team)
            await work.teams.put_member(member)
        async with stores.read(organization) as look:
            assert await look.teams.get(team.id) == team
            assert await look.teams.members(team.id) == [member]
            assert await look.teams.of_user(member.user_id) == [member]

    async def test_a_name_is_one_teams_in_an_organisation(self, stores: Stores, us: OrganizationId) -> None:
        team, other = a_team(us, name="Support"), a_team(us, name="support")
        async with stores.begin(us) as work:
            await work.teams.add(team)
            await work.teams.add(other)
        with pytest.raises(TeamNameTaken):
            async with stores.begin(us) as work:
                await work.teams.add(a_team(us, name="Support"))
        with pytest.raises(TeamNameTaken):
            async with stores.begin(us) as work:
                await work.teams.save(replace(other, name="Support"))
        them = OrganizationId(uuid4())
        async with stores.begin(them) as work:
            await work.teams.add(a_team(them, name="Support"))

    async def test_no_organisation_sees_or_empties_anothers_teams(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        them, team = OrganizationId(uuid4()), a_team(us)
        member = a_member(team)
        async with stores.begin(us) as work:
            await work.teams.add(team)
            await work.teams.put_member(member)
        async with stores.begin(them) as work:
            with pytest.raises(TeamNotFound):
                await work.teams.get(team.id)
            assert await work.teams.of_user(member.user_id) == []
            await work.teams.forget_user(member.user_id)
            await work.teams.forget_all()
            assert (await work.teams.page(cursor=None, limit=10)).items == []
        async with stores.begin(us) as work:
            assert await work.teams.members(team.id) == [member]
            await work.teams.forget_user(member.user_id)
            with pytest.raises(NoSuchMember):
                await work.teams.member(team.id, member.user_id)

    async def test_pages_follow_one_another_without_gaps(self, stores: Stores, us: OrganizationId) -> None:
        teams = [a_team(us) for _ in range(7)]
        async with stores.begin(us) as work:
            for team in teams:
                await work.teams.add(team)
        seen: list[Team] = []
        cursor: str | None = None
        async with stores.read(us) as look:
            for _ in range(10):
                page = await look.teams.page(cursor=cursor, limit=3)
                seen += page.items
                cursor = page.next_cursor
                if cursor is None:
                    break
        assert seen == teams[::-1]

    async def test_an_exception_undoes_the_work(self, stores: Stores, us: OrganizationId) -> None:
        team = a_team(us)

        async def half_way() -> None:
            async with stores.begin(us) as work:
                await work.teams.add(team)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await half_way()
        async with stores.read(us) as look:
            with pytest.raises(TeamNotFound):
                await look.teams.get(team.id)

    async def test_of_many_turns_at_once_each_is_somebody_elses(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        team = a_team(us)
        members = [a_member(team) for _ in range(4)]
        async with stores.begin(us) as work:
            await work.teams.add(team)
            for member in members:
                await work.teams.put_member(member)
        teams = Teams(stores.begin, stores.read, Everybody(), lambda: NOON, uuid7)
        turns = await asyncio.gather(*(teams.assign(us, team.id, {}) for _ in range(8)))
        assert all(turns.count(member.user_id) == 2 for member in members)
