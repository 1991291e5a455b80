"""An outbox that keeps what is on the bus: each event has its place, and can be told again."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import MetaData, func, select

from tests.servers import ENGINES, database_of
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql.gauges import waiting_events
from tidings.adapters.mysql.kept_outbox import (
    SqlFollowed,
    SqlKeptOutbox,
    let_go,
    published,
    sequence_of,
)
from tidings.adapters.mysql.outbox import SqlOutbox, SqlOutboxReader, inbox_table, outbox_table
from tidings.adapters.mysql.pruning import Aging, SqlPruner
from tidings.application.ports.bus import Subscription, shard_of
from tidings.domain.events import MemberRemoved, OrganizationClosed
from tidings.domain.kernel import OrganizationId, UserId

pytestmark = pytest.mark.anyio
METADATA = MetaData()
OUTBOX, INBOX = outbox_table(METADATA, "here"), inbox_table(METADATA, "here")
START = datetime(2026, 11, 27, tzinfo=UTC)
GROUPS = {
    "left": Subscription(group="left", types=("users.*",)),
    "right": Subscription(group="right", types=("users.member_removed.v1",)),
}


class Clock:
    at = START

    def now(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=ENGINES)
async def database(request, tmp_path):
    async with database_of(request, tmp_path, "kept", METADATA) as made:
        yield made


@pytest.fixture
def kept(database, clock):
    return SqlKeptOutbox(database, OUTBOX, GROUPS, clock.now)


def closed():
    return OrganizationClosed(organization_id=OrganizationId(uuid4()))


def removed(organization_id):
    return MemberRemoved(organization_id=organization_id, user_id=UserId(uuid4()))


@pytest.fixture
def tell(database, clock):
    async def told(*events):
        async with database.begin() as connection:
            await SqlOutbox(connection, OUTBOX, clock.now, uuid7).put(*events)

    return told


def links(envelopes, group):
    """What a group is told, as (after, sequence) of each."""
    return [(e.place.after[group], e.place.sequence) for e in envelopes if group in e.place.after]


async def test_each_event_says_what_its_groups_heard_before_it(kept, tell):
    organization = OrganizationId(uuid4())
    events = [removed(organization), OrganizationClosed(organization_id=organization), removed(organization)]
    assert len({event.key for event in events}) == 1
    await tell(*events)
    told = await kept.waiting(10)
    first, second, third = [sequence for sequence, _ in told]
    assert sequence_of(START) < first < second < third
    envelopes = [envelope for _, envelope in told]
    assert links(envelopes, "left") == [(0, first), (first, second), (second, third)]
    assert links(envelopes, "right") == [(0, first), (first, third)]
    assert {envelope.place.source for envelope in envelopes} == {"here"}
    shard = shard_of(events[0].key)
    assert await kept.told("right") == {shard: third}


async def test_a_batch_that_was_perhaps_published_is_published_again_as_it_was(kept, tell):
    await tell(*[closed() for _ in range(5)])
    told = await kept.waiting(3)
    await tell(closed())
    assert await kept.waiting(3) == told
    await kept.published([sequence for sequence, _ in told])
    following = await kept.waiting(10)
    assert len(following) == 3
    assert min(sequence for sequence, _ in following) > max(sequence for sequence, _ in told)
    await kept.published([sequence for sequence, _ in following])
    assert await kept.waiting(10) == []


async def test_what_a_broker_did_not_take_is_seen_to_wait(database, kept, tell):
    await tell(closed(), closed(), closed())
    told = await kept.waiting(2)
    assert await waiting_events(database, OUTBOX) == (3, START)
    await kept.published([sequence for sequence, _ in told])
    assert await waiting_events(database, OUTBOX) == (1, START)
    await kept.published([sequence for sequence, _ in await kept.waiting(2)])
    assert await waiting_events(database, OUTBOX) == (0, None)


async def test_what_was_published_is_told_again_in_order_and_nothing_else(kept, tell):
    await tell(*[closed() for _ in range(6)])
    told = await kept.waiting(4)
    assert await kept.since(0, 10) == []
    await kept.published([sequence for sequence, _ in told])
    assert await kept.since(0, 10) == [envelope for _, envelope in told]
    assert await kept.since(told[1][0], 1) == [told[2][1]]
    assert len(await kept.waiting(10)) == 2
    assert len(await kept.since(0, 10)) == 4


class Interrupted:
    """A database in which another has their turn as soon as somebody has looked for what is left."""

    def __init__(self, database, others_turn):
        self.database = database
        self.reading = database.reading
        self.others_turn = others_turn
        self.other = None

    @asynccontextmanager
    async def begin(self):
        async with self.database.begin() as connection:
            self.connection = connection
            yield self

    def __getattr__(self, name):
        return getattr(self.connection, name)

    async def execute(self, statement, *rows):
        found = await self.connection.execute(statement, *rows)
        if self.other is None and "ORDER BY here_outbox.sequence" in str(statement):
            self.other = asyncio.create_task(self.others_turn())
            # Who may not have it now has it when this one is done.
            await asyncio.wait([self.other], timeout=0.5)
        return found


@pytest.mark.parametrize("told_before", [0, 1])
async def test_what_is_told_at_once_by_two_is_numbered_once(database, kept, tell, told_before):
    """A relay that was frozen thaws while another has taken over."""
    await tell(*[closed() for _ in range(told_before)])
    await kept.published([sequence for sequence, _ in await kept.waiting(1)])
    await tell(*[closed() for _ in range(40)])
    interrupted = Interrupted(database, lambda: kept.waiting(20))
    one = await SqlKeptOutbox(interrupted, OUTBOX, GROUPS, kept.now).waiting(20)
    assert one == await interrupted.other
    await kept.published([sequence for sequence, _ in one])
    async with database.reading() as connection:
        distinct = select(func.count(OUTBOX.c.sequence.distinct()))
        assert (await connection.execute(distinct)).scalar_one() == 20 + told_before


async def test_a_clock_that_goes_back_gives_no_sequence_twice(kept, tell, clock):
    await tell(closed())
    ((first, _),) = await kept.waiting(10)
    clock.at = START - timedelta(days=1)
    await kept.published([first])
    await tell(closed())
    ((second, _),) = await kept.waiting(10)
    assert second > first


async def test_only_what_is_old_and_on_the_bus_is_forgotten(database, kept, tell, clock):
    await tell(closed(), closed())
    told = await kept.waiting(1)
    await kept.published([sequence for sequence, _ in told])
    await kept.waiting(1)
    pruner = SqlPruner(
        database,
        [Aging(OUTBOX, OUTBOX.c.sequence, timedelta(hours=24), sequence_of, published(OUTBOX))],
        clock.now,
    )
    assert await pruner.prune() == 0
    clock.at = START + timedelta(hours=25)
    assert await pruner.prune() == 1
    assert len(await kept.waiting(10)) == 1


async def test_a_platform_that_moved_to_another_bus_tells_what_was_not_told(database, kept, tell):
    plain = SqlOutboxReader(database, OUTBOX)
    await let_go(database, OUTBOX)
    await tell(*[closed() for _ in range(4)])
    ((sequence, _),) = await kept.waiting(1)
    await kept.published([sequence])
    await kept.waiting(1)
    await let_go(database, OUTBOX)
    assert len(await plain.waiting(10)) == 3


async def test_how_far_a_group_followed_never_goes_back(database):
    followed = SqlFollowed(database, METADATA.tables["here_followed"])
    assert await followed.reached("left") == {}
    await followed.keep("left", {("users", 3): 10, ("teams", 3): 4})
    await followed.keep("left", {("users", 3): 8, ("teams", 3): 5, ("teams", 4): 1})
    assert await followed.reached("left") == {("users", 3): 10, ("teams", 3): 5, ("teams", 4): 1}
    assert await followed.reached("right") == {}
