"""What was said goes when it is older than is wanted; what may still leave stays, and so do the counts."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tidings.adapters.mysql.pruning import SqlPruner
from tidings.adapters.mysql.whatsapp.retention import said_longer_ago
from tidings.adapters.mysql.whatsapp.tables import inbound, messages
from tidings.application.whatsapp.saying import NewMessage
from tidings.domain.kernel import Phone
from tidings.domain.whatsapp.content import Template

pytestmark = pytest.mark.anyio
CODE = Template(name="code", language="en", category="AUTHENTICATION")
KEPT = timedelta(days=30)


async def test_sec_30_what_was_said_longer_ago_than_is_wanted_goes(make_world):
    world = await make_world(count=4)
    campaign = await world.launch()
    await world.settle(10)
    await world.hear(world.letter("447700900001", "Hello"))
    new = NewMessage(to=Phone("+442079460001"), content=CODE)
    held = await world.messages.send(world.actor, new)

    async def left():
        async with world.whatsapp.reading() as connection:
            return [
                (await connection.execute(select(func.count()).select_from(table))).scalar_one()
                for table in (messages, inbound)
            ]

    def pruner(after):
        return SqlPruner(world.whatsapp, said_longer_ago(KEPT.days), lambda: world.clock.now() + after)

    assert await left() == [5, 1]
    assert await pruner(KEPT - timedelta(hours=1)).prune() == 0
    assert await left() == [5, 1]
    assert await pruner(KEPT + timedelta(hours=1)).prune() == 5
    assert await left() == [1, 0]
    assert (await world.messages.get(world.actor, held.id)).state.value == "pending"
    report = await world.reports.report(world.actor, campaign.id)
    assert (report.totals.read, report.consistent) == (4, True)
    assert said_longer_ago(0) == ()
