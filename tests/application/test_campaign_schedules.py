"""Campaigns that start by themselves, and those who failed tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from tidings.application.campaigns import NewCampaign
from tidings.application.ports.gateway import Rejected, Verdict
from tidings.domain.campaigns import (
    AlreadyRetried,
    BadSchedule,
    Fill,
    Missed,
    NobodyFailed,
    Origin,
    Repeat,
    Schedule,
    State,
    WrongState,
    check_schedule,
)
from tidings.domain.kernel import TemplateId
from tidings.testing.world import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path):
    world = World.on_sqlite(tmp_path)
    await world.start()
    yield world
    await world.close()


async def scheduled(world, **how):
    new = NewCampaign(
        name="News",
        template_id=TemplateId(world.actor.user_id),
        parameters={"body.1": Fill(field="firstName")},
    )
    campaign = await world.campaigns.create(world.actor, new)
    at = (world.clock.now() + timedelta(hours=1)).astimezone(UTC).replace(tzinfo=None)
    return await world.campaigns.schedule(world.actor, campaign.id, Schedule(at=at, zone="UTC", **how))


async def now(world, campaign):
    return await world.campaigns.get(world.actor, campaign.id)


async def test_a_scheduled_campaign_starts_at_its_time_and_not_before(world):
    campaign = await scheduled(world)
    await world.settle(3)
    assert ((await now(world, campaign)).state, world.meta.calls) == (State.SCHEDULED, 0)
    world.clock.seconds += 3600
    await world.settle(10)
    assert ((await now(world, campaign)).state, world.meta.calls) == (State.COMPLETED, 20)


@pytest.mark.parametrize(
    ("missed", "state", "calls"),
    [
        (Missed.RUN, State.COMPLETED, 20),
        (Missed.SKIP, State.DRAFT, 0),
        (Missed.EXPIRE, State.CANCELLED, 0),
    ],
)
async def test_a_missed_start_does_what_its_policy_says(world, missed, state, calls):
    campaign = await scheduled(world, missed=missed)
    world.clock.seconds += 2 * 3600
    await world.settle(10)
    assert ((await now(world, campaign)).state, world.meta.calls) == (state, calls)


async def test_a_recurring_campaign_makes_one_of_its_own_for_each_start(world):
    series = await scheduled(world, repeat=Repeat.DAILY)
    world.clock.seconds += 3600
    await world.settle(10)
    world.clock.seconds += 86_400
    await world.settle(10)
    found = (await world.campaigns.page(world.actor)).items
    made = [each for each in found if each.origin is Origin.OCCURRENCE]
    assert [each.state for each in made] == [State.COMPLETED] * 2
    assert {each.parent_id for each in made} == {series.id}
    assert ((await now(world, series)).state, world.meta.calls) == (State.SCHEDULED, 40)


async def test_a_campaign_taken_off_its_schedule_does_not_start(world):
    campaign = await scheduled(world)
    await world.campaigns.unschedule(world.actor, campaign.id)
    world.clock.seconds += 7200
    await world.settle(3)
    assert ((await now(world, campaign)).state, world.meta.calls) == (State.DRAFT, 0)


async def test_only_those_who_failed_are_tried_again_and_only_once(world):
    world.meta.answers = [Rejected(code=131026, verdict=Verdict.GIVE_UP)] * 3
    campaign = await world.launch()
    await world.settle(10)
    retry = await world.campaigns.retry_failed(world.actor, campaign.id)
    await world.settle(10)
    seen = await now(world, retry)
    assert (seen.parent_id, seen.totals.planned, seen.totals.read) == (campaign.id, 3, 3)
    assert world.meta.most_often() == 1
    with pytest.raises(AlreadyRetried):
        await world.campaigns.retry_failed(world.actor, campaign.id)
    with pytest.raises(NobodyFailed):
        await world.campaigns.retry_failed(world.actor, retry.id)
    with pytest.raises(WrongState):
        await world.campaigns.remove(world.actor, retry.id)


async def test_a_campaign_under_way_is_not_retried(world):
    campaign = await world.launch()
    with pytest.raises(WrongState):
        await world.campaigns.retry_failed(world.actor, campaign.id)


def test_a_start_keeps_its_wall_clock_time_when_summer_time_comes_and_skips_no_day():
    daily = Schedule(at=datetime(2027, 3, 27, 2, 30), zone="Europe/Berlin", repeat=Repeat.DAILY)
    starts = [daily.starts(n) for n in range(3)]
    assert [each.hour for each in starts] == [1, 1, 0]
    ends = replace(daily, until=datetime(2027, 3, 28, 23))
    assert ends.after(starts[1]) is None


def test_a_monthly_start_on_the_31st_falls_on_the_last_day_of_shorter_months():
    monthly = Schedule(at=datetime(2027, 1, 31, 9), zone="UTC", repeat=Repeat.MONTHLY)
    assert [monthly.starts(n).day for n in range(3)] == [31, 28, 31]
    assert monthly.after(datetime(2029, 6, 1, tzinfo=UTC))[1] == datetime(2029, 6, 30, 9, tzinfo=UTC)


def test_all_that_is_wrong_with_a_schedule_is_said_at_once():
    wrong = Schedule(at=datetime(2027, 1, 1, tzinfo=UTC), zone="Mars/Olympus", grace=-1)
    with pytest.raises(BadSchedule) as refused:
        check_schedule(wrong, datetime(2026, 1, 1, tzinfo=UTC))
    assert [fault.field for fault in refused.value.faults] == ["at", "zone", "grace"]
