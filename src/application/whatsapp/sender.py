"""The sender: finds lanes with work, and owns as many as it can take."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from tidings.application.pausing import listening
from tidings.application.ports.whatsapp import Work
from tidings.application.whatsapp.crew import Crew
from tidings.application.whatsapp.lane import LaneSender, SenderOptions, SenderPorts
from tidings.application.whatsapp.rounds import Rounds
from tidings.application.whatsapp.telling import moved_events
from tidings.domain.errors import Unavailable
from tidings.domain.kernel import PhoneNumberId
from tidings.domain.whatsapp.messages import Fact
from tidings.domain.whatsapp.numbers import Lease
from tidings.domain.whatsapp.pace import Pace

LAST_TRIES = 5
"""To settle the last answers of lanes; what they leave is `unknown` to the next owner."""
REST = 0.15
"""The longest that a beat which took long is followed by a rest of the same length: what comes in between
goes together, and a server that is slow has less to do. A quarter of a second's pace may gather meanwhile.
"""
AGAIN = 0.2
"""Seconds before a database that was away is asked again."""


@dataclass(slots=True)
class Sender:
    """Finds lanes with work, takes those that are free, and beats for all it has at once.

    Safe to run in any number of processes.
    """

    ports: SenderPorts
    options: SenderOptions = field(default_factory=SenderOptions)
    lanes: dict[PhoneNumberId, LaneSender] = field(default_factory=dict[PhoneNumberId, LaneSender])

    crew: Crew = field(init=False)
    rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        ports = self.ports
        self.crew = Crew(ports.begin, ports.owners, ports.boottime, self.options.lease)
        self.rounds = Rounds(ports, self.options)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain.

        What breaks a lane is told to the event loop's exception handler and stops no other lane; this one
        is taken again when its lease has ended.
        """
        over = asyncio.Event()
        beating = asyncio.create_task(self._keep_beating(over))
        try:
            while not stop.is_set():
                async with listening(self.ports.signal.wait(self.options.poll)) as woken:
                    await self.look()
                    if not stop.is_set():
                        await woken
        finally:
            with contextlib.suppress(Unavailable):
                await self.crew.leave()
            over.set()
            self.ports.signal.wake()
            await asyncio.wait([beating])
            await self.drain()

    async def look(self) -> None:
        """Take free lanes that have work, as far as they are ours to take."""
        try:
            lanes = await self.ports.due.lanes(self.ports.now())
            if lanes or self.lanes:
                # With nothing to do there is nothing to share, and nothing is written.
                await self.crew.look()
            before = len(self.lanes)
            for lane in lanes:
                if lane not in self.lanes and self.crew.should_take(lane, len(self.lanes)):
                    await self.take(lane)
        except Unavailable:
            return
        if len(self.lanes) > before:
            self.ports.signal.wake()
        self._give_away()

    async def beat(self) -> int:
        """Settle what came back to our lanes, start what is due, and let go of lanes that are over.

        How many calls were started. Raise Unavailable, after which the next beat goes on.
        """
        lanes = list(self.lanes.values())
        if not lanes:
            return 0
        try:
            started = await self.rounds.beat(lanes)
        except Unavailable:
            raise
        except Exception as error:
            started = await self._beat_each(lanes, error)
        first = next(iter(self.lanes), None)
        if first is not None:
            # What all may start at once falls to each of them first in turn.
            self.lanes[first] = self.lanes.pop(first)
        await self._let_go()
        return started

    async def drain(self) -> None:
        """Start nothing more and settle what is on its way."""
        for lane in self.lanes.values():
            lane.stop()
        tries = LAST_TRIES
        while self.lanes and tries:
            calls = [call for lane in self.lanes.values() for call in lane.calls.values()]
            if calls:
                await asyncio.wait(calls, timeout=self.options.drain)
            try:
                await self.beat()
            except Unavailable:
                tries -= 1
                await asyncio.sleep(min(self.options.poll, AGAIN))
        self.lanes.clear()

    async def _keep_beating(self, over: asyncio.Event) -> None:
        while not over.is_set():
            async with listening(self.ports.signal.wait(self.options.poll)) as woken:
                began = self.ports.boottime()
                try:
                    await self.beat()
                except Exception as error:
                    if not isinstance(error, Unavailable):
                        _tell("a beat broke", error)
                    await asyncio.sleep(min(self.options.poll, AGAIN))
                    continue
                if any(lane.busy for lane in self.lanes.values()):
                    took = self.ports.boottime() - began
                    await asyncio.sleep(max(self.options.beat - took, min(took, REST)))
                elif not over.is_set():
                    await woken

    async def _beat_each(self, lanes: list[LaneSender], error: Exception) -> int:
        """One of them broke: each by itself, so that it is known which, and that it breaks no other."""
        if len(lanes) == 1:
            self._broke(lanes[0], error)
            return 0
        started = 0
        for lane in lanes:
            try:
                started += await self.rounds.beat([lane])
            except Unavailable:
                raise
            except Exception as its_own:
                self._broke(lane, its_own)
        return started

    def _broke(self, lane: LaneSender, error: Exception) -> None:
        number = lane.number.phone_number_id
        self.lanes.pop(number, None)
        _tell(f"lane {number} broke", error)

    async def _let_go(self) -> None:
        """Of lanes that have been idle for a while, and of those that were to stop and have."""
        now = self.ports.boottime()
        for lane in self.lanes.values():
            if lane.fenced:
                lane.stop()
            elif lane.busy or now < lane.held_until:
                # Whoever takes a lane anew does not know that its campaigns are held, and asks again.
                lane.busy_at = now
            elif now - lane.busy_at > self.options.idle:
                lane.stop()
        over = [lane for lane in self.lanes.values() if lane.is_over()]
        if ours := [lane for lane in over if not lane.fenced]:
            async with self.ports.begin() as work:
                for lane in ours:
                    await work.leases.release(lane.lease)
        for lane in over:
            self.lanes.pop(lane.number.phone_number_id, None)

    def _give_away(self) -> None:
        """One lane at a time, once the one before it is given back."""
        lanes = self.lanes.values()
        if not any(lane.stopping for lane in lanes) and self.crew.should_give(len(lanes)):
            min(lanes, key=lambda lane: len(lane.calls)).stop()

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
            quotas = await work.quotas.of([numbers[0].organization_id])
        limit = float(numbers[0].messages_per_second)
        organization, now = numbers[0].organization_id, self.ports.boottime()
        sender = LaneSender(
            number=numbers[0],
            lease=lease,
            ports=self.ports,
            options=self.options,
            leased_until=started + self.options.lease,
            pace=Pace(limit=limit, rate=limit, at=now),
            quota=quotas[organization],
            seen_number_at=started,
            busy_at=now,
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


def _tell(message: str, error: Exception) -> None:
    context = {"message": message, "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
