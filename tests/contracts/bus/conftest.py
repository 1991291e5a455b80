"""Every kind of message bus, each as a place on which processes start, crash and stop."""

import asyncio
import sqlite3
from dataclasses import dataclass, field
from uuid import uuid4

import aio_pika
import pytest
from sqlalchemy import text

from tests.servers import ENGINES
from tests.wire import Wire
from tidings.adapters.embedded.bus import Broker, MemoryBus
from tidings.adapters.embedded.signal import LocalSignal
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.mysql.bus import SqlBus, metadata
from tidings.adapters.rabbitmq.bus import RabbitBus
from tidings.adapters.rabbitmq.topology import Names
from tidings.application.ports.bus import SHARDS
from tidings.testing.contracts.buses import LEASE, Clock, processes_on


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
    async with processes_on(place) as start:
        yield start


@pytest.fixture
async def bus(processes):
    return await processes()
