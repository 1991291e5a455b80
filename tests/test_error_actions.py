"""Every code of Meta's, injected: exactly what its row asks for happens, and within its bounds."""

import pytest

from tests.adapters.meta.test_errors import CASES
from tidings.adapters.meta.errors import GraphError, rejected, row
from tidings.application.ports.gateway import Verdict
from tidings.application.whatsapp.settling import HALTS
from tidings.domain.campaigns import State
from tidings.testing.world import World

pytestmark = pytest.mark.anyio
UNLUCKY = "+447700900001"
LONGEST = 30 * 86_400
"""Seconds within which everything has an end."""


class Refusing:
    """A Meta that refuses everything for one person, so many times."""

    def __init__(self, world, code, times):
        self.accept, self.world, self.left = world.meta.send, world, times
        self.refusal = rejected(GraphError(code=code, message="refused"), 400, {})
        self.calls = []

    async def send(self, message):
        if message.to != UNLUCKY:
            return await self.accept(message)
        self.calls.append(self.world.clock.seconds)
        if not self.left:
            return await self.accept(message)
        self.left -= 1
        return self.refusal


@pytest.fixture
async def make(tmp_path):
    made = []

    async def world_with(code, times):
        world = World.on_sqlite(tmp_path, count=4)
        made.append(world)
        await world.start()
        refusing = Refusing(world, code, times)
        world.meta.send = refusing.send
        campaign = await world.launch()
        return world, campaign, refusing

    yield world_with
    for world in made:
        await world.close()


async def until_over(world, campaign):
    """Let hours pass in steps until the campaign is over or waits for somebody; what it came to."""
    began = world.clock.seconds
    step = 1.0
    while world.clock.seconds < began + LONGEST:
        await world.settle(2)
        found = await world.campaigns.get(world.actor, campaign.id)
        if found.state is not State.RUNNING or not found.totals.open:
            return found
        await world.turn(step)
        step = min(step * 2, 43_200)
    raise AssertionError("it has no end")


async def unlucky(world, campaign):
    page = await world.reports.recipients(world.actor, campaign.id)
    return next(each for each in page.items if each.phone == UNLUCKY)


@pytest.mark.parametrize(("code", "verdict"), CASES)
async def test_a_code_has_exactly_its_action(make, code, verdict):
    world, campaign, refusing = await make(code, times=1)
    found = await until_over(world, campaign)
    told = await unlucky(world, campaign)
    if verdict in HALTS:
        assert found.state is State.PAUSED
        assert found.reason
        assert (found.totals.failed, len(refusing.calls)) == (0, 1)
        await world.campaigns.resume(world.actor, campaign.id)
        found = await until_over(world, campaign)
        assert (found.totals.read, len(refusing.calls)) == (4, 2)
    elif verdict in (Verdict.RETRY, Verdict.SLOW_DOWN, Verdict.PAIR_WAIT):
        assert (found.totals.read, told.attempts) == (4, 2)
        assert refusing.calls[1] - refusing.calls[0] >= row(code).wait
    else:
        assert (found.totals.read, found.totals.failed) == (3, 1)
        assert (told.code, told.attempts, len(refusing.calls)) == (code, 1, 1)
    assert world.meta.most_often() == 1


@pytest.mark.parametrize(("code", "verdict"), [case for case in CASES if case[1] is Verdict.RETRY])
async def test_what_is_tried_again_is_not_tried_for_ever(make, code, verdict):
    world, campaign, refusing = await make(code, times=10**6)
    found = await until_over(world, campaign)
    assert (found.totals.read, found.totals.failed) == (3, 1)
    assert len(refusing.calls) == row(code).max_attempts
    waits = [after - before for before, after in zip(refusing.calls, refusing.calls[1:], strict=False)]
    assert all(wait >= row(code).wait for wait in waits)
    assert sum(waits) <= LONGEST
