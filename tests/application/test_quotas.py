"""An organisation sends as many messages as its quota lets it, neither more nor, in the end, fewer."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.application.campaigns import NewCampaign
from tidings.application.ports.gateway import Rejected, Verdict
from tidings.application.ports.meta import StatusError
from tidings.application.whatsapp.quotas import Quotas
from tidings.application.whatsapp.saying import NewMessage
from tidings.domain.campaigns import Fill, State
from tidings.domain.campaigns.forecasting import Budget, Period, Pipe, Portion, finish
from tidings.domain.kernel import Phone, TemplateId
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.quotas import Quota, QuotaUsedUp, Usage, day_of, next_month, tomorrow

pytestmark = pytest.mark.anyio
CODE = Template(name="code", language="en", category="AUTHENTICATION")


@pytest.fixture
async def world(make_world):
    return await make_world()


def quotas(world):
    return Quotas(begin=world.sure_begin, read=world.sure_begin, now=world.clock.now)


async def allow(world, **most):
    await quotas(world).put(world.actor.organization_id, Quota(**most))


async def used(world):
    return (await quotas(world).get(world.actor)).usage


async def totals(world, campaign):
    return (await world.campaigns.get(world.actor, campaign.id)).totals


async def to_the_next(world, until):
    world.clock.seconds += (until(world.clock.now()) - world.clock.now()).total_seconds() + 1
    await world.settle(10)


async def test_sec_27_a_campaign_stops_at_the_quota_and_goes_on_the_next_day(world):
    await allow(world, per_day=10)
    campaign = await world.launch()
    await world.settle(10)
    assert (await totals(world, campaign)).read == 10
    assert (await world.reports.report(world.actor, campaign.id)).waiting == "quota: 10 messages a day"
    assert await used(world) == Usage(today=10, this_month=10)
    await to_the_next(world, tomorrow)
    seen = await world.campaigns.get(world.actor, campaign.id)
    assert (seen.state, seen.totals.read) == (State.COMPLETED, 20)
    assert await used(world) == Usage(today=10, this_month=20)
    assert world.meta.most_often() == 1


async def test_a_quota_of_a_month_lasts_until_the_next(world):
    await allow(world, per_month=10)
    campaign = await world.launch()
    await world.settle(10)
    await to_the_next(world, tomorrow)
    assert (await totals(world, campaign)).read == 10
    assert (await world.reports.report(world.actor, campaign.id)).waiting == "quota: 10 messages a month"
    await to_the_next(world, next_month)
    assert (await totals(world, campaign)).read == 20


async def test_a_larger_quota_is_felt_within_a_minute(world):
    await allow(world, per_day=10)
    campaign = await world.launch()
    await world.settle(10)
    await allow(world, per_day=1000)
    world.clock.seconds += 40
    await world.settle(10)
    assert (await totals(world, campaign)).read == 20
    await quotas(world).put(world.actor.organization_id, None)
    assert (await quotas(world).get(world.actor)).quota == Quota()


async def test_campaigns_leave_room_for_single_messages_which_are_refused_when_all_is_used(world):
    await allow(world, per_day=100)
    async with world.sure_begin() as work:
        await work.quotas.count({(world.actor.organization_id, day_of(world.clock.now())): 90})
    campaign = await world.launch()
    await world.settle(10)
    assert (await totals(world, campaign)).read == 5
    for last in range(5):
        await world.messages.send(world.actor, NewMessage(to=Phone(f"+44207946000{last}"), content=CODE))
        await world.settle(3)
    with pytest.raises(QuotaUsedUp, match="100 messages a day") as refused:
        await world.messages.send(world.actor, NewMessage(to=Phone("+442079460009"), content=CODE))
    assert 0 < refused.value.retry_after <= 86_400
    assert (await used(world)).today == 100


async def test_single_messages_in_line_wait_for_room_and_say_so(world):
    sent = [
        await world.messages.send(world.actor, NewMessage(to=Phone(f"+44207946000{each}"), content=CODE))
        for each in range(3)
    ]
    await allow(world, per_day=1)
    await world.settle(5)
    seen = [await world.messages.get(world.actor, each.id) for each in sent]
    assert sorted(each.state.value for each in seen) == ["pending", "pending", "read"]
    assert {each.reason for each in seen if each.state.value == "pending"} == {"quota: 1 messages a day"}
    await allow(world, per_day=3)
    world.clock.seconds += 301
    await world.settle(5)
    assert (await used(world)).today == 3


async def test_what_meta_refuses_does_not_count(world):
    await allow(world, per_day=20)
    world.meta.answers = [Rejected(code=131026, verdict=Verdict.GIVE_UP)] * 8
    campaign = await world.launch()
    await world.settle(10)
    seen = await totals(world, campaign)
    assert ((await used(world)).today, seen.failed, seen.read) == (11, 8, 11), "a 20th is left to codes"


@pytest.mark.parametrize("at", range(1, 120, 7))
async def test_a_kill_lets_nothing_through_beyond_the_quota(make_world, at):
    world = await make_world()
    await allow(world, per_day=10)
    campaign = await world.launch()
    point = world.chaos.passed + at
    world.chaos.decide = lambda number, name: "kill" if number == point else None
    await world.settle(20)
    assert world.crashes == 1
    assert len(world.meta.accepted) <= 10 == (await used(world)).today
    await to_the_next(world, tomorrow)
    assert (await totals(world, campaign)).pending == 0
    assert world.meta.most_often() == 1


async def test_operators_see_what_everybody_has_sent(world):
    await allow(world, per_day=7, per_month=70)
    await world.launch()
    await world.settle(10)
    (seen,) = await quotas(world).everybody()
    assert (seen.organization_id, seen.own) == (world.actor.organization_id, True)
    assert (seen.quota, seen.usage) == (Quota(per_day=7, per_month=70), Usage(today=7, this_month=7))


async def test_a_forecast_knows_the_quota(world):
    await allow(world, per_day=10)
    campaign = await world.campaigns.create(
        world.actor,
        NewCampaign(
            name="News",
            template_id=TemplateId(world.new_id()),
            parameters={"body.1": Fill(field="firstName")},
        ),
    )
    forecast = await world.rehearsal.forecast(world.actor, campaign.id)
    midnight = tomorrow(world.clock.now())
    assert midnight <= forecast.finishes_at <= midnight + timedelta(minutes=1)


START = datetime(2026, 1, 31, 23, 59, 50, tzinfo=UTC)


@given(
    people=st.integers(1, 5000),
    new=st.integers(0, 5000),
    daily=st.integers(1, 400),
    used=st.integers(0, 400),
    speed=st.sampled_from([1.0, 80.0, 1000.0]),
)
def test_a_forecast_never_goes_beyond_a_quota(people, new, daily, used, speed):
    used = min(used, daily)
    pipe = Pipe(per_second=speed, budgets=[Budget(most=daily, used=used, period=Period.DAY)])
    done = finish([Portion(due=START, known=people, new=new)], pipe, START)
    nights = (done.date() - START.date()).days
    assert people + new <= daily - used + daily * nights, "no day takes more"
    free = finish([Portion(due=START, known=people, new=new)], replace(pipe, budgets=()), START)
    assert done >= free


def test_a_quota_that_lets_nothing_through_is_never_done():
    pipe = Pipe(per_second=1.0, budgets=[Budget(most=0, period=Period.MONTH)])
    assert finish([Portion(due=START, known=5)], pipe, START) == START


async def test_what_meta_took_counts_also_when_its_failure_is_heard_before_its_answer_is_settled(make_world):
    world = await make_world(count=5)
    await world.launch()
    await world.plan()
    while not world.meta.owed:
        world.clock.seconds += 0.5
        await world.beat()
    gone = StatusError(code=131026)
    world.meta.owed = [
        replace(owed, status="failed", error=gone) for owed in world.meta.owed if owed.status == "sent"
    ]
    await world.bring(len(world.meta.owed))
    await world.apply()
    await world.settle(5)
    assert (await used(world)).today == len(world.meta.accepted) == 5
