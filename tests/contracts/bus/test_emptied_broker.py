"""A broker whose queues are emptied by hand, or whose disk is gone, loses nothing that is still kept.

The source relays from a real outbox; who listens keeps how far it is in another database.
"""

import asyncio
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import msgspec
import pytest
from sqlalchemy import MetaData, delete

from tests.contracts.bus.conftest import RabbitPlace
from tests.contracts.bus.rabbit import RabbitServer, a_node, installed
from tidings.adapters.embedded.signal import LocalSignal
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import boottime, uuid7
from tidings.adapters.mysql.kept_outbox import SqlFollowed, SqlKeptOutbox
from tidings.adapters.mysql.outbox import SqlOutbox, inbox_table, outbox_table
from tidings.application.ports.bus import SHARDS, BusUnavailable, Outcome, Subscription
from tidings.application.recalling import Recaller
from tidings.application.relay import Relay
from tidings.domain.events import MemberRemoved
from tidings.domain.kernel import OrganizationId, UserId
from tidings.testing.contracts.buses import Ear, eventually

pytestmark = pytest.mark.anyio
METADATA = MetaData()
OUTBOX, INBOX = outbox_table(METADATA, "here"), inbox_table(METADATA, "here")
KEYS = [OrganizationId(uuid4()) for _ in range(5)]
GROUP = Subscription(group="g", types=("users.*",), batch=20, backoff=(0.05,))


def now():
    return datetime.now(UTC)


class Source:
    """A context that tells: its outbox, and the relay that empties it."""

    def __init__(self, database, bus):
        self.database, self.bus = database, bus
        self.told, self.again, self.gone = [], [], []
        self.stop, self.relaying = asyncio.Event(), None

    async def tell(self, count):
        events = [
            MemberRemoved(organization_id=KEYS[n % len(KEYS)], user_id=UserId(uuid7())) for n in range(count)
        ]
        async with self.database.begin() as connection:
            await SqlOutbox(connection, OUTBOX, now, uuid7).put(*events)
        self.told += events

    async def start(self):
        await self.bus.declare(GROUP)
        kept = SqlKeptOutbox(self.database, OUTBOX, self.bus.groups, now)
        recaller = Recaller(
            "here",
            kept,
            self.bus,
            boottime,
            lambda *what: self.again.append(what),
            lambda *what: self.gone.append(what),
        )
        relay = Relay("here", kept, self.bus, LocalSignal(), self.bus.hold, recaller=recaller)
        self.relaying = asyncio.create_task(relay.run(self.stop))

    async def is_through(self):
        """Whether everything is at the broker."""
        kept = SqlKeptOutbox(self.database, OUTBOX, self.bus.groups, now)
        return len(await kept.since(0, 10_000)) == len(self.told)

    async def end(self):
        self.stop.set()
        if self.relaying:
            await self.relaying


class Listener(Ear):
    """Hears everything, and asserts that the first times of a key come in order."""

    @property
    def events(self):
        return [msgspec.json.decode(body, type=MemberRemoved) for body in self.bodies]

    def has(self, told):
        return {event.user_id for event in told} <= {event.user_id for event in self.events}

    def firsts(self, key):
        return list(dict.fromkeys(each.user_id for each in self.events if each.organization_id == key))


@pytest.fixture
async def place(rabbit):
    return rabbit


@pytest.fixture
async def databases(tmp_path):
    made = [sqlite_database(tmp_path / name) for name in ("source.db", "group.db")]
    for each in made:
        await each.create(METADATA)
    yield made
    for each in made:
        await each.close()


@pytest.fixture
async def listening(place, databases):
    """Starts a process that listens; they all belong to one group."""
    started = []

    async def start(ear):
        followed = {"g": SqlFollowed(databases[1], METADATA.tables["here_followed"])}
        bus = await place.process(followed=followed, sources=("here",), quiet=1.0)
        started.append(bus)
        await bus.subscribe(GROUP, ear)
        return bus

    yield start
    for bus in started:
        await bus.close(drain=1)


@pytest.fixture
async def source(place, databases):
    source = Source(databases[0], await place.process())
    yield source
    await source.end()
    await source.bus.close(drain=1)


async def by_hand(place, what):
    """Do something to each queue of the group."""
    connection = await aio_pika.connect(place.server.url)
    channel = await connection.channel()
    for shard in range(SHARDS):
        await what(channel, f"{place.prefix}.g.{shard}.v1")
    await connection.close()


async def purge(channel, name):
    queue = await channel.declare_queue(name, passive=True)
    await queue.purge()


async def drop(channel, name):
    await channel.queue_delete(name)


def in_order(source, ear):
    for key in KEYS:
        told = [event.user_id for event in source.told if event.organization_id == key]
        assert ear.firsts(key) == told


async def test_nothing_is_told_twice_while_nothing_is_lost(source, listening):
    """A member that stops goes on where it was, and asks in silence without being told anything."""
    ear = Listener(takes=0.01)
    first = await listening(ear)
    await source.start()
    for _ in range(4):
        await source.tell(150)
        await asyncio.sleep(0.3)
    await eventually(lambda: ear.has(source.told), 30)
    await first.close(drain=5)
    await listening(ear)
    await source.tell(100)
    await eventually(lambda: ear.has(source.told), 30)
    await asyncio.sleep(3)
    assert (source.again, source.gone) == ([], [])
    assert len(ear.heard) == len(source.told)
    in_order(source, ear)


async def test_members_that_come_and_go_hear_everything_in_order(source, listening):
    """A broker may bring back in another order what a member gave back; then it is told again."""
    ear = Listener(takes=0.01)
    first = await listening(ear)
    await source.start()
    await source.tell(600)
    await asyncio.sleep(0.3)
    second = await listening(ear)
    await source.tell(300)
    await asyncio.sleep(2.5)
    await source.tell(300)
    await first.close(drain=5)
    await source.tell(300)
    await eventually(lambda: ear.has(source.told), 30)
    await second.close(drain=5)
    assert source.gone == []
    in_order(source, ear)


@pytest.mark.parametrize("what", [purge, drop])
async def test_what_waited_is_told_again_while_more_is_told(source, listening, place, what):
    ear = Listener(takes=0.2)
    await listening(ear)
    await source.start()
    for _ in range(3):
        await source.tell(200)
        await eventually(source.is_through)
        await by_hand(place, what)
        await source.tell(50)
        await asyncio.sleep(0.3)
    ear.takes = 0.0
    await eventually(lambda: ear.has(source.told), 45)
    in_order(source, ear)
    assert source.again
    assert not source.gone


async def test_what_waited_is_told_again_when_nothing_more_is_told(source, listening, place):
    """Nobody listened, the queues were emptied, and nothing ever comes that would show it."""
    await source.start()
    await source.tell(120)
    await eventually(source.is_through)
    await by_hand(place, purge)
    ear = Listener()
    await listening(ear)
    await eventually(lambda: ear.has(source.told), 20)
    in_order(source, ear)


async def test_the_source_was_away_when_it_was_asked(source, listening, place):
    ear = Listener(takes=0.1)
    await listening(ear)
    await source.start()
    await source.tell(300)
    await eventually(source.is_through)
    await source.end()
    await by_hand(place, purge)
    await asyncio.sleep(2)
    source.stop = asyncio.Event()
    await source.start()
    await eventually(lambda: ear.has(source.told), 30)
    in_order(source, ear)


async def test_what_is_no_longer_kept_is_said_and_does_not_hold_up_the_rest(source, listening, place):
    await source.start()
    await source.tell(100)
    await eventually(source.is_through)
    await by_hand(place, purge)
    async with source.database.begin() as connection:
        await connection.execute(delete(OUTBOX))
    lost, source.told = source.told, []
    ear = Listener()
    await listening(ear)
    await source.tell(100)
    await eventually(lambda: ear.has(source.told), 30)
    assert {group for group, _ in source.gone} == {"g"}
    assert not {event.user_id for event in lost} & {event.user_id for event in ear.events}
    in_order(source, ear)


async def test_a_redriven_letter_is_heard_however_old_it_is(source, listening, databases):
    """It has no place any more: nobody waits for what came before it."""
    ear = Listener()
    bus = await listening(ear)
    await source.start()
    await source.tell(1)
    await eventually(lambda: ear.heard)
    (body,) = ear.bodies
    letter = (await SqlKeptOutbox(databases[0], OUTBOX, {}, now).since(0, 1))[0]
    ear.answers[body] = [Outcome.REJECT]
    await bus.tell_again("g", [letter])

    async def buried():
        return await bus.dead_letters("g")

    await eventually(buried)
    async with databases[1].begin() as connection:
        await connection.execute(delete(METADATA.tables["here_followed"]))
    assert await bus.redrive("g", [letter.id]) == 1
    await ear.until(3)


async def test_a_broker_that_lost_its_disk_is_filled_again(tmp_path, databases):
    if not installed():
        pytest.skip("no rabbitmq-server")
    node = a_node(tmp_path)
    await asyncio.to_thread(node.start)
    place = RabbitPlace(RabbitServer(f"amqp://guest:guest@127.0.0.1:{node.port}/", node.process))
    source, ear = Source(databases[0], await place.process()), Listener(takes=0.2)
    followed = {"g": SqlFollowed(databases[1], METADATA.tables["here_followed"])}
    bus = await place.process(followed=followed, sources=("here",), quiet=1.0)
    try:
        await bus.subscribe(GROUP, ear)
        await source.start()
        await source.tell(400)
        await eventually(source.is_through)
        node.process.kill()
        node.process.wait()
        shutil.rmtree(node.folder / "data")
        await source.tell(50)
        await asyncio.to_thread(node.start)
        ear.takes = 0.0
        await eventually(lambda: ear.has(source.told), 60)
        in_order(source, ear)
    finally:
        await source.end()
        with suppress(BusUnavailable):
            await bus.close(drain=1)
            await source.bus.close(drain=1)
        node.stop()
