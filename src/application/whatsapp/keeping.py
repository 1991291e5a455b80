"""Numbers kept as Meta sees them: ratings come by no webhook, so they are asked for now and then."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tidings.application.pausing import pause
from tidings.application.ports.common import Now, Owners
from tidings.application.ports.whatsapp import Begin, NumbersAtMeta
from tidings.application.whatsapp.translating import number_of
from tidings.domain.errors import Refused
from tidings.domain.events import ConnectedNumber
from tidings.domain.kernel import WabaId
from tidings.domain.whatsapp.numbers import Number

EVERY = 300.0
"""Seconds between two questions: twelve of the two hundred calls that an account has in an hour (6.4)."""
LEASE = "numbers"


@dataclass(frozen=True, slots=True)
class NumberKeeper:
    begin: Begin
    read: Begin
    meta: NumbersAtMeta
    owners: Owners
    now: Now

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until `stop`. Safe to run in any number of processes: whoever holds the lease asks."""
        while not stop.is_set():
            await self.tick()
            await pause(stop, EVERY)

    async def tick(self) -> int:
        """Ask for every account's numbers, unless somebody did of late; how many changed."""
        async with self.begin() as work:
            mine = await work.leases.take(LEASE, self.owners.me(), seconds=EVERY * 0.9)
        if mine is None:
            return 0
        async with self.read() as work:
            known = await work.numbers.all()
        changed = 0
        for waba in dict.fromkeys(number.waba_id for number in known):
            theirs = [number for number in known if number.waba_id == waba]
            news = _news(theirs, await self._ask(waba))
            if news:
                async with self.begin() as work:
                    await work.numbers.put(news)
                changed += len(news)
        return changed

    async def _ask(self, waba: WabaId) -> Sequence[ConnectedNumber]:
        try:
            return await self.meta.of(waba)
        except Refused:
            # What Meta does not tell now stays as it was; a token in trouble stops the lane and says so.
            return ()


def _news(known: Sequence[Number], said: Sequence[ConnectedNumber]) -> list[Number]:
    found = {number.phone_number_id: number for number in known}
    fresh = [
        number_of(each, old.organization_id, old.waba_id, old.connected_at)
        for each in said
        if (old := found.get(each.phone_number_id)) is not None
    ]
    return [number for number in fresh if number != found[number.phone_number_id]]
