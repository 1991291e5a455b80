"""Whose turn it is."""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.domain.kernel import OrganizationId, TeamId, UserId
from tidings.domain.teams import Strategy, Team, TeamMember, TeamRole, next_in_turn

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ids = st.integers(1, 2**120).map(lambda n: UserId(UUID(int=n)))


def team(strategy):
    return Team(
        id=TeamId(UUID(int=1)),
        organization_id=OrganizationId(UUID(int=2)),
        name="Support",
        strategy=strategy,
        created_at=NOON,
        updated_at=NOON,
    )


@st.composite
def crews(draw):
    people = draw(st.lists(ids, unique=True, max_size=6))
    return [
        TeamMember(
            team_id=TeamId(UUID(int=1)),
            user_id=id,
            role=draw(st.sampled_from(TeamRole)),
            available=draw(st.booleans()),
            capacity=draw(st.integers(1, 5)),
            joined_at=NOON,
        )
        for id in people
    ]


loads = st.dictionaries(ids, st.integers(0, 6))


@given(crew=crews(), strategy=st.sampled_from(Strategy), data=st.data())
def test_only_who_can_take_it_is_given_it_and_somebody_is_when_anybody_can(crew, strategy, data):
    hands = {m.user_id: data.draw(st.integers(0, 6)) for m in crew}
    able = {m.user_id for m in crew if m.can_take(hands[m.user_id])}
    chosen = next_in_turn(team(strategy), crew, hands)
    if strategy is Strategy.MANUAL or not able:
        assert chosen is None
    else:
        assert chosen in able


@given(crew=crews(), rounds=st.integers(1, 4), order=st.randoms())
def test_turns_go_round(crew, rounds, order):
    able = [m for m in crew if m.can_take(0)]
    now, turns = team(Strategy.ROUND_ROBIN), Counter()
    for _ in range(rounds * len(able)):
        order.shuffle(crew)
        chosen = next_in_turn(now, crew, {})
        turns[chosen] += 1
        now = replace(now, last_assigned=chosen)
    assert all(turns[m.user_id] == rounds for m in able)


@given(crew=crews(), data=st.data())
def test_the_least_loaded_has_the_smallest_share_in_hand(crew, data):
    hands = {m.user_id: data.draw(st.integers(0, 6)) for m in crew}
    chosen = next_in_turn(team(Strategy.LEAST_LOADED), crew, hands)
    shares = {m.user_id: hands[m.user_id] / m.capacity for m in crew if m.can_take(hands[m.user_id])}
    if chosen is not None:
        assert shares[chosen] == min(shares.values())
