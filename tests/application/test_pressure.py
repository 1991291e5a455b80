"""Nobody is written to too often, in their night, or beyond what Meta allows; and the wait has a name."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.adapters.numbering import WorldZones
from tidings.application.ports.gateway import Rejected, Verdict
from tidings.application.ports.meta import CapabilityUpdate, StatusError
from tidings.application.whatsapp.policies import PolicyWish
from tidings.application.whatsapp.saying import NewMessage
from tidings.application.whatsapp.translating import news_of
from tidings.domain.campaigns import State
from tidings.domain.kernel import Phone
from tidings.domain.whatsapp.content import Template, Text
from tidings.domain.whatsapp.pressure import (
    BadPolicy,
    Beyond,
    Cap,
    Pairs,
    QuietHours,
    awake_from,
    is_quiet,
)
from tidings.testing.meta import WABA

pytestmark = pytest.mark.anyio
NIGHT = QuietHours(start="21:00", end="08:00")
GONE = StatusError(code=131026)
CODE = Template(name="code", language="en", category="AUTHENTICATION")


@pytest.fixture
async def world(make_world):
    return await make_world()


async def limited(world, people):
    """Meta says that the business may begin to talk to so many people in a day."""
    (number,) = await world.messages.numbers(world.actor)
    update = CapabilityUpdate(
        waba_id=WABA,
        field="business_capability_update",
        value=msgspec.Raw(b"{}"),
        messaging_limit=str(people),
    )
    (news,) = news_of(update, [number])
    async with world.whatsapp_write() as work:
        await work.numbers.put([news])
    world.clock.seconds += 6


async def totals(world, campaign):
    return (await world.campaigns.get(world.actor, campaign.id)).totals


async def test_a_cap_counts_over_campaigns_and_the_second_one_waits_for_its_day(world):
    await world.policies.put(world.actor, PolicyWish(cap=Cap(most=1, days=1)))
    first = await world.launch()
    await world.settle(10)
    second = await world.launch()
    await world.settle(10)
    assert ((await totals(world, first)).read, (await totals(world, second)).pending) == (20, 20)
    (row, *_) = (await world.reports.recipients(world.actor, second.id)).items
    assert row.reason == "frequency cap: 1 in 1 days"
    world.clock.seconds += 86_400
    await world.settle(10)
    assert (await totals(world, second)).read == 20
    assert world.meta.most_often() == 2


async def test_beyond_a_cap_people_are_skipped_where_the_policy_says_so(world):
    await world.policies.put(world.actor, PolicyWish(cap=Cap(most=1, days=7), beyond=Beyond.SKIP))
    await world.launch()
    await world.settle(10)
    second = await world.launch()
    await world.settle(10)
    seen = await world.campaigns.get(world.actor, second.id)
    assert (seen.state, seen.totals.skipped) == (State.COMPLETED, 20)


async def test_who_waits_longer_than_the_policys_patience_is_skipped(world):
    await world.policies.put(world.actor, PolicyWish(cap=Cap(most=1, days=30), patience=86_400))
    await world.launch()
    await world.settle(10)
    second = await world.launch()
    await world.settle(10)
    assert (await totals(world, second)).skipped == 20


async def test_what_meta_refused_touched_nobody(world):
    await world.policies.put(world.actor, PolicyWish(cap=Cap(most=1, days=1)))
    world.meta.answers = [Rejected(code=131026, verdict=Verdict.GIVE_UP)] * 20
    await world.launch()
    await world.settle(10)
    second = await world.launch()
    await world.settle(10)
    assert (await totals(world, second)).read == 20


async def test_what_was_accepted_and_never_delivered_counts_for_no_cap_and_no_limit(world):
    await limited(world, 20)
    await world.policies.put(world.actor, PolicyWish(cap=Cap(most=1, days=7), beyond=Beyond.SKIP))
    first = await world.launch()
    for _ in range(3):
        await world.turn()
    world.meta.owed = [replace(owed, status="failed", error=GONE) for owed in world.meta.owed[::3]]
    await world.settle(5)
    assert (await totals(world, first)).failed == 19
    second = await world.launch()
    await world.settle(40)
    seen = await totals(world, second)
    assert (seen.read, seen.skipped) == (18, 0)
    assert (await totals(world, first)).read == 1


async def test_marketing_waits_for_the_persons_morning_and_codes_do_not(world):
    await world.policies.put(world.actor, PolicyWish(quiet=QuietHours(start="11:00", end="15:00")))
    campaign = await world.launch()
    code = await world.messages.send(world.actor, NewMessage(to=Phone("+447700900999"), content=CODE))
    await world.settle(6)
    assert (await totals(world, campaign)).pending == 20
    assert (await world.messages.get(world.actor, code.id)).state == "read"
    (row, *_) = (await world.reports.recipients(world.actor, campaign.id)).items
    assert row.reason == "quiet hours: 11:00 to 15:00 in Europe/London"
    world.clock.seconds += 3 * 3600
    await world.settle(6)
    assert (await totals(world, campaign)).read == 20


async def test_a_campaign_meets_metas_limit_and_goes_on_by_itself_when_room_appears(world):
    await limited(world, 11)
    campaign = await world.launch()
    await world.settle(10)
    seen = await totals(world, campaign)
    assert (seen.read, seen.pending) == (10, 10)
    assert await world.line.waiting(campaign) == "messaging limit: 11 people in 24 hours"
    code = await world.messages.send(world.actor, NewMessage(to=Phone("+447700900999"), content=CODE))
    await world.settle(6)
    assert (await world.messages.get(world.actor, code.id)).state == "read"
    world.clock.seconds += 86_400
    for _ in range(12):
        await world.settle(3)
        world.clock.seconds += 30
    assert (await totals(world, campaign)).read == 20
    assert await world.line.waiting(campaign) == ""


async def test_who_has_written_does_not_count_against_metas_limit(world):
    await limited(world, 2)
    await world.hear(*(world.letter(p.phone.removeprefix("+"), "Hi") for p in world.audience.crowd))
    campaign = await world.launch()
    await world.settle(10)
    assert (await totals(world, campaign)).read == 20


async def test_many_answers_to_one_person_keep_metas_pair_limit(world):
    await world.hear(world.letter("447700900001", "Tell me everything"))
    for n in range(50):
        new = NewMessage(to=Phone("+447700900001"), content=Text(body=str(n)))
        await world.messages.send(world.actor, new)
    await world.settle(50)
    assert world.meta.calls in range(45, 54)
    await world.settle(30)
    assert world.meta.calls == 50


async def test_a_policy_that_makes_no_sense_is_refused(world):
    wish = PolicyWish(quiet=QuietHours(start="08:00", end="08:00"), patience=1)
    with pytest.raises(BadPolicy) as refused:
        await world.policies.put(world.actor, wish)
    assert [fault.field for fault in refused.value.faults] == ["quiet.end", "patience"]


ZONES = sorted(zone for zone in available_timezones() if "/" in zone)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))


@settings(max_examples=500, deadline=None)
@example(datetime(2026, 10, 25, 0, 45, tzinfo=UTC), ["Europe/London"], "22:00", "01:30")
@example(datetime(2026, 3, 29, 0, 45, tzinfo=UTC), ["Europe/Berlin"], "22:00", "02:30")
@given(MOMENTS, st.lists(st.sampled_from(ZONES), min_size=1, max_size=2), CLOCKS, CLOCKS)
def test_nobody_is_woken_in_any_zone_whatever_the_clock_does(moment, zones, start, end):
    assume(start != end)
    quiet = QuietHours(start=start, end=end)
    awake = awake_from(moment, zones, quiet)
    assert awake >= moment
    assert not is_quiet(awake, zones[0], quiet)
    if len(zones) == 1:
        assert awake - moment <= timedelta(hours=25)
        assert awake == moment or is_quiet(moment, zones[0], quiet)


def test_a_number_tells_where_a_person_may_live():
    zones = WorldZones()
    assert zones.of(Phone("+447700900123")) == ("Europe/London",)
    assert "America/New_York" in zones.of(Phone("+12125550123"))
    assert zones.of(Phone("+99999")) == ("UTC",)
    assert all(ZoneInfo(zone) for zone in zones.of(Phone("+79161234567")))


@given(st.lists(st.floats(0, 60), min_size=1, max_size=200))
@settings(max_examples=200, deadline=None)
def test_a_pair_is_written_to_no_more_than_meta_allows(pauses):
    pairs, person, now, sent = Pairs(), uuid4().hex, 0.0, []
    for pause in pauses:
        now += pause
        if pairs.wait(person, now) == 0:
            pairs.spend(person, now)
            sent.append(now)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            assert last - first + 1 <= 45 + (sent[last] - sent[first]) / 6 + 1e-6


def test_full_buckets_are_forgotten():
    pairs = Pairs(largest=10)
    for n in range(1000):
        pairs.spend(str(n), n * 10.0)
    assert len(pairs.known) <= 11
