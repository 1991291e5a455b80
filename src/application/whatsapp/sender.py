"""The sender: finds lanes with work, and owns as many as it can take."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from tidings.application.ports.whatsapp import Work
from tidings.application.whatsapp.admission import Admission
from tidings.application.whatsapp.crew import Crew
from tidings.application.whatsapp.lane import LaneSender, SenderOptions, SenderPorts
from tidings.application.whatsapp.telling import moved_events
from tidings.domain.errors import Unavailable
from tidings.domain.kernel import PhoneNumberId
from tidings.domain.whatsapp.messages import Fact
from tidings.domain.whatsapp.numbers import Lease
from tidings.domain.whatsapp.pace import Pace

LAST_BEATS = 5
"""Tries to settle the last answers of a lane; what they leave is `unknown` to the next owner."""


@dataclass(slots=True)
class Sender:
    """Finds lanes with work, takes those that are free, and runs each in a task of its own.

    Safe to run in any number of processes.
    """

    ports: SenderPorts
    options: SenderOptions = field(default_factory=SenderOptions)
    lanes: dict[PhoneNumberId, LaneSender] = field(default_factory=dict[PhoneNumberId, LaneSender])
    tasks: dict[PhoneNumberId, asyncio.Task[None]] = field(
        default_factory=dict[PhoneNumberId, asyncio.Task[None]]
    )

    crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        ports = self.ports
        self.crew = Crew(ports.begin, ports.owners, ports.boottime, self.options.lease)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain.

        What breaks a lane is told to the event loop's exception handler and stops no other lane; this one
        is taken again when its lease has ended.
        """
        try:
            while not stop.is_set():
                await self.look()
                if not stop.is_set():
                    await self.ports.signal.wait(self.options.poll)
        finally:
            with contextlib.suppress(Unavailable):
                await self.crew.leave()
            await self.drain()

    async def look(self) -> None:
        """Take free lanes that have work, as far as they are ours to take, and start running them."""
        self._reap()
        try:
            lanes = await self.ports.due.lanes(self.ports.now())
            if lanes or self.tasks:
                # With nothing to do there is nothing to share, and nothing is written.
                await self.crew.look()
            for lane in lanes:
                if lane in self.tasks or not self.crew.should_take(lane, len(self.tasks)):
                    continue
                if taken := await self.take(lane):
                    self.tasks[lane] = asyncio.create_task(taken.run())
        except Unavailable:
            return
        self._give_away()

    def _give_away(self) -> None:
        """One lane at a time, once the one before it is given back."""
        going = [lane for lane in self.tasks if self.lanes[lane].stopping]
        if not going and self.crew.should_give(len(self.tasks)):
            lane = min(self.tasks, key=lambda each: len(self.lanes[each].calls))
            self.lanes[lane].stopping = True

    async def take(self, lane: PhoneNumberId) -> LaneSender | None:
        """Become the owner of a lane, and turn what its last owner left in `sending` into `unknown`."""
        started = self.ports.boottime()
        async with self.ports.begin() as work:
            holder = await work.leases.holder(lane)
            dead = {holder} if holder is not None and self.ports.owners.is_dead(holder) else set[str]()
            lease = await work.leases.take(
                lane, self.ports.owners.me(), seconds=self.options.lease, dead=dead
            )
            if lease is None:
                return None
            numbers = await work.numbers.find([lane])
            if not numbers:
                await work.leases.release(lease)
                return None
            await self._inherit(work, lease, lane)
            quota = await work.quotas.of(numbers[0].organization_id)
        limit = float(numbers[0].messages_per_second)
        pace = Pace(limit=limit, rate=limit, at=self.ports.boottime())
        sender = LaneSender(
            number=numbers[0],
            lease=lease,
            ports=self.ports,
            options=self.options,
            leased_until=started + self.options.lease,
            pace=pace,
            admission=Admission(self.ports.zones, quota=quota),
            seen_number_at=started,
        )
        self.lanes[lane] = sender
        return sender

    async def _inherit(self, work: Work, lease: Lease, lane: PhoneNumberId) -> None:
        now = self.ports.now()
        left = await work.messages.left_sending(lane, before=lease.epoch)
        lost = [
            message.lose(now, "the sender stopped before the answer came", Fact.OWNER_LOST)
            for message in left
        ]
        await work.messages.save(lost)
        await work.outbox.put(*moved_events(lost, now))

    async def drain(self) -> None:
        """Start nothing more and settle what is on its way."""
        for lane in self.lanes.values():
            lane.stopping = True
        self.ports.signal.wake()
        if self.tasks:
            await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        self._reap()
        self.lanes.clear()

    def _reap(self) -> None:
        for lane, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[lane]
                del self.lanes[lane]
                if not task.cancelled() and (error := task.exception()):
                    context = {"message": f"lane {lane} broke", "exception": error, "task": task}
                    asyncio.get_running_loop().call_exception_handler(context)
