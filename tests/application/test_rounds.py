"""Numbers of one process settle and start together, and share what is theirs together."""

from asyncio import Event
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from tidings.application.ports.gateway import Rejected, Verdict
from tidings.application.whatsapp.policies import PolicyWish
from tidings.application.whatsapp.rounds import Rounds, shared_out
from tidings.application.whatsapp.sender import Sender
from tidings.domain.whatsapp.numbers import RunState
from tidings.domain.whatsapp.pressure import Cap
from tidings.domain.whatsapp.quotas import Quota
from tidings.testing.world import World

pytestmark = pytest.mark.anyio


async def planned(world, **changes):
    """A campaign whose people stand in line."""
    campaign = await world.launch(**changes)
    await world.plan()
    world.clock.seconds += 1
    return campaign


async def totals(world, campaign):
    return (await world.campaigns.get(world.actor, campaign.id)).totals


def by_number(world):
    return Counter(message.phone_number_id for message in world.meta.accepted)


async def test_all_numbers_settle_and_start_in_one_transaction(make_world):
    world = await make_world(count=60, numbers=5, mps=80)
    campaign = await planned(world)
    await world.beat()
    begun, honest = 0, world.sender.ports.begin

    @asynccontextmanager
    async def counted():
        nonlocal begun
        begun += 1
        async with honest() as work:
            yield work

    ports = replace(world.sender.ports, begin=counted)
    world.sender.rounds = Rounds(ports, world.sender.options)
    world.clock.seconds += 1
    started = await world.sender.beat()
    assert len(world.sender.lanes) == 5
    assert started == 60
    assert begun == 1
    await world.settle(10)
    assert (await totals(world, campaign)).read == 60
    assert set(by_number(world)) == set(world.numbers)


async def asked_in_a_beat(folder, numbers):
    """What a beat of so many numbers, each with something to settle and to start, asks its stores for."""
    folder.mkdir()
    world = World.on_sqlite(folder, 60 * numbers, numbers=numbers, mps=40)
    await world.start()
    try:
        await planned(world)
        for _ in range(2):
            await world.beat()
            world.clock.seconds += 0.1
        before = len(world.chaos.trace)
        assert await world.sender.beat() >= numbers
        assert all(lane.calls or lane.outcomes for lane in world.sender.lanes.values())
        return Counter(point for point in world.chaos.trace[before:] if not point.startswith("meta"))
    finally:
        await world.close()


async def test_a_beat_of_many_numbers_asks_for_no_more_than_one_of_two(tmp_path):
    few, many = await asked_in_a_beat(tmp_path / "few", 2), await asked_in_a_beat(tmp_path / "many", 12)
    assert few == many
    assert sum(few.values()) > 10


async def test_a_cap_holds_for_campaigns_that_leave_from_two_numbers_at_once(make_world):
    world = await make_world(numbers=2)
    await world.policies.put(world.actor, PolicyWish(cap=Cap(most=1, days=1)))
    for number in world.numbers:
        await planned(world, phone_number_id=number, phone_number_ids=())
    await world.beat()
    world.clock.seconds += 1
    await world.beat()
    await world.settle(10)
    assert len(world.meta.accepted) == 20
    assert world.meta.most_often() == 1


async def test_numbers_share_the_limit_of_people_of_their_business(make_world):
    world = await make_world(numbers=2)
    async with world.whatsapp_write() as work:
        found = await work.numbers.find(world.numbers)
        await work.numbers.put([changed(number, messaging_limit=10) for number in found])
    campaign = await planned(world)
    await world.beat()
    world.clock.seconds += 1
    await world.settle(10)
    assert len(world.meta.accepted) == 9, "a reserve is left to single messages"
    async with world.whatsapp_write() as work:
        assert await work.runs.waiting(campaign.id) == "messaging limit: 10 people in 24 hours"


async def test_numbers_share_the_quota_of_their_organisation(make_world):
    world = await make_world(numbers=2)
    async with world.whatsapp_write() as work:
        await work.quotas.put(world.actor.organization_id, Quota(per_day=10))
    await planned(world)
    await world.settle(10)
    assert len(world.meta.accepted) == 10


async def test_a_template_refused_to_one_number_is_not_sent_from_another_in_the_same_beat(make_world):
    world = await make_world(count=40, numbers=2, mps=10)
    campaign = await planned(world)
    await world.beat()
    world.meta.answers = [Rejected(code=132015, verdict=Verdict.STOP_TEMPLATE)]
    world.clock.seconds += 1
    await world.beat()
    calls = world.meta.calls
    assert len(by_number(world)) == 2
    world.clock.seconds += 1
    await world.beat()
    assert world.meta.calls == calls
    async with world.whatsapp_write() as work:
        run = await work.runs.get(campaign.id)
    assert (run.state, "132015" in run.reason) == (RunState.PAUSED, True)


async def test_calls_at_once_are_shared_by_the_numbers(make_world):
    world = await make_world(count=60, numbers=3, mps=80)
    await planned(world)
    world.meta.hold = Event()
    options = changed(world.sender.options, in_flight=6)
    world.sender = Sender(world.sender.ports, options)
    for _ in range(4):
        await world.beat()
        world.clock.seconds += 0.1
    assert world.meta.calls == 6
    assert by_number(world) == dict.fromkeys(world.numbers, 2)
    world.meta.hold.set()
    await world.settle(30)
    assert len(world.meta.accepted) == 60


async def test_who_cannot_be_asked_about_keeps_nobody_else_waiting(make_world):
    """Contacts of one organisation break; what the other one's number sends is sent."""
    world = await make_world(numbers=2)
    campaign = await planned(world)
    ours, theirs = world.numbers
    honest = world.consent.blocked
    elsewhere = world.new_id()
    async with world.whatsapp_write() as work:
        for message in await work.messages.pending_of(campaign.id, limit=99):
            if message.phone_number_id == theirs:
                single = changed(message, id=world.new_id(), organization_id=elsewhere, run_id=None)
                await work.messages.add([single])

    async def broken(organization, contacts):
        if organization == elsewhere:
            raise RuntimeError("a bug in contacts")
        return await honest(organization, contacts)

    world.consent.blocked = broken
    await world.beat()
    world.clock.seconds += 1
    await world.settle(2)
    assert by_number(world)[ours]
    assert {message.campaign_id for message in world.meta.accepted} == {campaign.id}
    world.consent.blocked = honest
    await world.settle(10)
    assert {message.campaign_id for message in world.meta.accepted} == {campaign.id, None}


@given(rooms=st.lists(st.integers(0, 512), max_size=120), free=st.integers(0, 2000))
def test_what_may_be_started_at_once_is_used_up_and_no_more(rooms, free):
    shares = shared_out(rooms, free)
    assert sum(shares) == min(sum(rooms), free)
    assert all(0 <= share <= room for share, room in zip(shares, rooms, strict=True))


@given(room=st.integers(1, 99), many=st.integers(1, 99), free=st.integers(0, 2000))
def test_who_could_start_the_same_may_start_the_same(room, many, free):
    shares = shared_out([room] * many, free)
    assert max(shares) - min(shares) <= 1
