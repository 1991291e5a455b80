"""Days at Meta's limit of people, with codes in between: nobody beyond it, little wasted, no code late."""

import math
from collections import deque

import pytest

from tests.application.test_pressure import CODE, limited
from tests.application.test_rehearsals import draft
from tidings.application.whatsapp.saying import NewMessage
from tidings.domain.campaigns import State
from tidings.domain.kernel import Phone
from tidings.testing.world import World

pytestmark = pytest.mark.anyio
PEOPLE, LIMIT, MPS = 1500, 500, 20
ROOM = int(LIMIT * 0.95)
"""What campaigns may use; the rest is for codes."""
DAY = 86_400


@pytest.fixture
async def world(tmp_path):
    world = World.on_sqlite(tmp_path, count=PEOPLE, mps=MPS)
    await world.start()
    await limited(world, LIMIT)
    yield world
    await world.close()


class Watched:
    """When Meta accepted whom."""

    def __init__(self, world):
        self.world, self.accept, self.sent = world, world.meta.send, []
        world.meta.send = self.send

    async def send(self, message):
        self.sent.append((self.world.clock.seconds, message.to))
        return await self.accept(message)

    def most_in_a_day(self):
        recent, most = deque(), 0
        for at, who in self.sent:
            recent.append((at, who))
            while recent[0][0] <= at - DAY:
                recent.popleft()
            most = max(most, len({to for _, to in recent}))
        return most


async def test_a_campaign_of_three_days_keeps_the_limit_uses_it_and_lets_codes_pass(world):
    campaign = await draft(world)
    foreseen = await world.rehearsal.forecast(world.actor, campaign.id)
    watched, began = Watched(world), world.clock.seconds
    await world.campaigns.launch(world.actor, campaign.id)
    asked, waits, n = {}, [], 0
    while True:
        before = len(watched.sent)
        await world.turn(0.25)
        busy = len(watched.sent) > before
        for at, who in watched.sent[before:]:
            if who in asked:
                waits.append(at - asked.pop(who))
        # A code every few minutes, and one in the middle of every burst of the campaign.
        if busy and n % 40 == 0 and len(watched.sent) < PEOPLE and len(asked) < 3:
            who = Phone(f"+4477008{n // 40:05}")
            asked[who] = world.clock.seconds
            await world.messages.send(world.actor, NewMessage(to=who, content=CODE))
        n += 1
        if not busy and not asked:
            found = await world.campaigns.get(world.actor, campaign.id)
            if found.state is State.COMPLETED:
                break
            await world.turn(600)
        assert world.clock.seconds < began + 5 * DAY, "it has no end"
    assert len({who for _, who in watched.sent}) == PEOPLE + len(waits)
    assert watched.most_in_a_day() <= LIMIT
    # Whole days' worth of room, and little lost at the edges of each.
    took = max(at for at, who in watched.sent if who.startswith("+4477009")) - began
    days = math.ceil(PEOPLE / ROOM) - 1
    assert days * DAY <= took <= days * DAY * 1.02 + PEOPLE / MPS
    assert took == pytest.approx(foreseen.seconds, rel=0.05)
    assert len(waits) >= 3
    assert max(waits) < 1.0
