"""Several processes share the sending numbers, replace one that dies, and make room for one that comes."""

import asyncio
from dataclasses import replace

import pytest

from tidings.application.whatsapp.saying import NewMessage
from tidings.application.whatsapp.sender import Sender
from tidings.domain.events import ConnectedNumber, WabaConnected
from tidings.domain.kernel import Phone, PhoneNumberId
from tidings.domain.whatsapp.content import Template
from tidings.testing.meta import WABA
from tidings.testing.neighbours import FakeOwners

pytestmark = pytest.mark.anyio
NUMBERS = [PhoneNumberId(f"55500000000000{n}") for n in range(8)]
CODE = Template(name="code", language="en", category="AUTHENTICATION")


class Processes:
    """Senders over one database, each as if alone in its process."""

    def __init__(self, world):
        self.world, self.dead, self.senders = world, set(), {}

    def start(self, name):
        ports = replace(self.world.sender.ports, owners=FakeOwners(name, self.dead))
        self.senders[name] = Sender(ports)

    async def kill(self, name, *, seen=True):
        """At once, in the middle of everything; whether the others can see that it is dead."""
        sender = self.senders.pop(name)
        calls = [call for lane in sender.lanes.values() for call in lane.calls.values()]
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        if seen:
            self.dead.add(name)

    async def seconds(self, count):
        for _ in range(count):
            self.world.clock.seconds += 1
            for sender in self.senders.values():
                await sender.look()
            for _ in range(3):
                for sender in self.senders.values():
                    await sender.beat()
                await asyncio.sleep(0.01)

    @property
    def shares(self):
        return sorted(
            sum(not lane.stopping and not lane.fenced for lane in sender.lanes.values())
            for sender in self.senders.values()
        )

    async def stop(self):
        for name in list(self.senders):
            await self.kill(name)


@pytest.fixture
async def processes(make_world):
    """Eight numbers of one message a second, with more to say than they ever will."""
    world = await make_world()
    numbers = tuple(
        ConnectedNumber(phone_number_id=each, display_phone_number="+44 20 7946 0958", messages_per_second=1)
        for each in NUMBERS
    )
    event = WabaConnected(organization_id=world.actor.organization_id, waba_id=WABA, numbers=numbers)
    await world.messages.waba_connected(world.new_id(), event)
    for n, number in enumerate(NUMBERS):
        for person in range(60):
            to = Phone(f"+4477009{n:02}{person:03}")
            await world.messages.send(world.actor, NewMessage(to=to, content=CODE, phone_number_id=number))
    processes = Processes(world)
    yield processes
    await processes.stop()


async def test_four_processes_share_eight_numbers(processes):
    for name in ("one", "two", "three", "four"):
        processes.start(name)
    await processes.seconds(12)
    assert processes.shares == [2, 2, 2, 2]
    assert processes.world.meta.most_often() == 1


async def test_who_comes_later_is_given_a_share(processes):
    processes.start("one")
    await processes.seconds(3)
    assert processes.shares == [8]
    processes.start("two")
    await processes.seconds(14)
    assert processes.shares == [4, 4]
    assert processes.world.meta.most_often() == 1


@pytest.mark.parametrize("seen", [True, False], ids=["on this machine", "on another"])
async def test_who_dies_is_replaced_within_the_life_of_a_lease(processes, seen):
    for name in ("one", "two", "three", "four"):
        processes.start(name)
    await processes.seconds(12)
    await processes.kill("two", seen=seen)
    await processes.seconds(5 if seen else 15)
    assert processes.shares == [2, 3, 3]
    assert processes.world.meta.most_often() == 1
