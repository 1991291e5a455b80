"""Every kind of message bus, each as a place on which processes start, crash and stop."""

import asyncio
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import aio_pika
import pytest
from sqlalchemy import text

from tests.contracts.bus.rabbit import Wire
from tests.servers import ENGINES
from tidings.adapters.embedded.bus import Broker, MemoryBus
from tidings.adapters.embedded.signal import LocalSignal
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql.bus import SqlBus, metadata
from tidings.adapters.rabbitmq.bus import RabbitBus
from tidings.adapters.rabbitmq.topology import Names
from tidings.application.ports.bus import SHARDS, Envelope, Outcome, Subscription
from tidings.domain.kernel import OrganizationId

LEASE = 1.0
"""Seconds after which a killed process's work must come back."""


@dataclass
class Clock:
    offset: float = 0.0

    def now(self):
        return datetime.now(UTC) + timedelta(seconds=self.offset)


@dataclass
class Owner:
    """A process of this name; those in `dead` are known to have died."""

    name: str
    dead: set[str] = field(default_factory=set)

    def me(self):
        return self.name

    def is_dead(self, owner):
        return owner in self.dead


class MemoryPlace:
    def __init__(self):
        self.clock, self.broker = Clock(), Broker()

    async def process(self):
        return MemoryBus(self.clock.now, asyncio.sleep, self.broker)

    async def crash(self, bus):
        bus.crash()

    async def freeze(self):
        self.broker.up = False

    async def thaw(self):
        self.broker.up = True


class SqlPlace:
    """`notices` says whether a crash is known at once, as on one machine, or only by the lease."""

    def __init__(self, database, notices=False):
        self.clock, self.database, self.notices = Clock(), database, notices
        self.dead, self.count = set(), 0

    async def process(self, **how):
        self.count += 1
        owner = Owner(f"p{self.count}", self.dead)
        how = {"lease": LEASE, "beat": 0.2, "poll": 0.2, **how}
        return SqlBus(self.database, owner, LocalSignal(), self.clock.now, **how)

    async def crash(self, bus):
        tasks = [task for each in bus.consumers for task in each.tasks]
        tasks += [task for task in (bus.watching, bus.leases.keeping) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        bus.consumers.clear()
        bus.watching = bus.leases.keeping = None
        if self.notices:
            self.dead.add(bus.owners.me())

    async def freeze(self):
        if self.database.write.dialect.name == "sqlite":
            self.lock = sqlite3.connect(self.database.write.url.database, isolation_level=None)
            self.lock.execute("BEGIN IMMEDIATE")
        else:
            self.lock = await self.database.read.connect()
            await self.lock.execute(text("FLUSH TABLES WITH READ LOCK"))

    async def thaw(self):
        if self.database.write.dialect.name == "sqlite":
            self.lock.close()
        else:
            await self.lock.execute(text("UNLOCK TABLES"))
            await self.lock.close()


class RabbitPlace:
    """Every process reaches the broker through a line of its own, which a crash cuts."""

    def __init__(self, server):
        self.clock, self.server = Clock(), server
        self.prefix = f"t{uuid4().hex[:8]}"
        self.wires = {}

    async def process(self, **how):
        wire = await Wire.to(self.server.port)
        url = f"amqp://guest:guest@127.0.0.1:{wire.port}/?heartbeat=5"
        bus = RabbitBus(url, self.clock.now, prefix=self.prefix, beat=0.2, **how)
        self.wires[bus] = wire
        return bus

    async def crash(self, bus):
        tasks = {task for each in bus.consumers for task in (*each.tasks, each.keeper)}
        self.wires[bus].cut()
        async with asyncio.timeout(20):
            while tasks:
                # A library may swallow a cancellation; a process that is killed has no such choice.
                for task in tasks:
                    task.cancel()
                _, tasks = await asyncio.wait(tasks, timeout=0.2)
        bus.consumers.clear()

    async def freeze(self):
        self.server.freeze()

    async def thaw(self):
        self.server.thaw()

    async def clean(self):
        """Take away what this test made at the broker."""
        names, connection = Names(self.prefix), await aio_pika.connect(self.server.url)
        try:
            channel = await connection.channel()
            for name in ("g", "left", "right", "other"):
                ends = [*map(str, range(SHARDS)), "dead", "members", "all"]
                for queue in [f"{self.prefix}.{name}.{end}.v1" for end in ends]:
                    await channel.queue_delete(queue)
            await channel.queue_delete(names.recalls("here"))
            await channel.exchange_delete(names.events)
        finally:
            await connection.close()
        for wire in self.wires.values():
            wire.cut()


@pytest.fixture
async def sqlite(tmp_path):
    database = sqlite_database(tmp_path / "bus.db")
    await database.create(metadata)
    yield database
    await database.close()


@pytest.fixture
async def mariadb(mariadb_server):
    database = mariadb_server.database("bus")
    await database.create(metadata)
    yield database
    await database.close()


@pytest.fixture
async def mysql(mysql_server):
    database = mysql_server.database("bus")
    await database.create(metadata)
    yield database
    await database.close()


@pytest.fixture
async def rabbit(rabbit_server):
    place = RabbitPlace(rabbit_server)
    yield place
    await place.clean()


@pytest.fixture(params=["memory", *ENGINES, "rabbit"])
def place(request):
    if request.param == "memory":
        return MemoryPlace()
    if request.param == "rabbit":
        return request.getfixturevalue("rabbit")
    return SqlPlace(request.getfixturevalue(request.param))


@pytest.fixture
async def processes(place):
    """Starts processes, and stops those that still run at the end."""
    started = []

    async def start():
        started.append(await place.process())
        return started[-1]

    yield start
    for bus in started:
        await bus.close(drain=1.0)


@pytest.fixture
async def bus(processes):
    return await processes()


def an_event(key="k", body=b"{}", type="campaigns.x.v1", **more):
    return Envelope(
        id=uuid7(),
        type=type,
        key=key,
        organization_id=OrganizationId(uuid4()),
        occurred_at=datetime.now(UTC),
        body=body,
        **more,
    )


def group(name="g", **how):
    return Subscription(**{"group": name, "types": ("campaigns.*",), "backoff": (0.05,), **how})


@dataclass
class Ear:
    """Hears, and answers as told: by body, else ACK. Fails the test when two batches of a key overlap."""

    answers: dict = field(default_factory=dict)
    heard: list = field(default_factory=list)
    sizes: list = field(default_factory=list)
    takes: float = 0.0
    out: set = field(default_factory=set)

    async def __call__(self, deliveries):
        keys = {each.envelope.key for each in deliveries}
        assert not keys & self.out, "two batches of one key at once"
        self.out |= keys
        self.sizes.append(len(deliveries))
        await asyncio.sleep(self.takes)
        self.out -= keys
        outcomes = []
        for delivery in deliveries:
            body = delivery.envelope.body
            self.heard.append((body, delivery.attempt))
            left = self.answers.get(body, [])
            outcomes.append(left.pop(0) if left else Outcome.ACK)
        return outcomes

    async def until(self, count, seconds=10):
        await eventually(lambda: len(self.heard) >= count, seconds)

    @property
    def bodies(self):
        return [body for body, _ in self.heard]


async def eventually(condition, seconds=10):
    """Wait for a condition, which may be a coroutine function; its value."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)


def hangs():
    """A handler that never answers, and the deliveries that it was given."""
    given = []

    async def handler(deliveries):
        given.extend(deliveries)
        await asyncio.sleep(60)
        return []

    return handler, given
