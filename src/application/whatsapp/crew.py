"""Sharing the lanes between the processes that send: each says that it is there, and sees what others hold.

Nobody takes a lane that somebody with fewer could take, unless that one does not; and who has two more than
another gives one away. Whether a lane is held is the lease's word alone: this only says who should ask.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tidings.application.ports.common import Monotonic, Owners
from tidings.application.ports.whatsapp import Begin
from tidings.domain.whatsapp.numbers import Lease

PRESENCE = "sender:"
"""How the names of leases begin that only say that a process is there."""
SHARE = 0.5
"""Of a lane's lease, how long a presence lasts: who is gone is known to be before its lanes are free."""
EVERY = 0.5
"""Seconds between two looks at what others hold."""
PATIENCE = 3
"""Looks for which a free lane is left to those who have fewer."""


@dataclass(slots=True)
class Crew:
    """What this process knows of those that send beside it."""

    begin: Begin
    owners: Owners
    boottime: Monotonic
    lease: float
    """Seconds of a lane's lease."""
    present: Lease | None = None
    renewed_at: float = 0.0
    looked_at: float = float("-inf")
    held: Collection[str] = ()
    """What others who are alive hold."""
    others: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many lanes each of the others holds."""
    left: Counter[str] = field(default_factory=Counter[str])
    """How often a free lane was left to others."""

    async def look(self) -> None:
        """Say that this process is there, and see who else is and what they hold."""
        me, now = self.owners.me(), self.boottime()
        if now - self.looked_at < EVERY:
            return
        self.looked_at = now
        if self.present is None or now - self.renewed_at > self.lease * SHARE / 3:
            await self._be_present(me)
            self.renewed_at = now
        async with self.begin() as work:
            found = await work.leases.held()
        alive = [each for each in found if not self.owners.is_dead(each.owner)]
        self.held = {each.name for each in alive if each.owner != me}
        # A lane is named by its phone number id; other leases are of other work.
        lanes = Counter(each.owner for each in alive if each.name.isdecimal())
        there = {each.owner for each in alive if each.name.startswith(PRESENCE)} - {me}
        self.others = {owner: lanes[owner] for owner in there}

    def should_take(self, lane: str, mine: int) -> bool:
        """Whether a process that holds so many lanes should ask for this one, which has work."""
        if lane in self.held:
            self.left.pop(lane, None)
            return False
        if mine <= min(self.others.values(), default=mine) or self.left[lane] >= PATIENCE:
            self.left.pop(lane, None)
            return True
        self.left[lane] += 1
        return False

    def should_give(self, mine: int) -> bool:
        """Whether somebody has so many fewer that one lane more is theirs."""
        return mine - min(self.others.values(), default=mine) >= 2

    async def leave(self) -> None:
        """Say that this process takes nothing more."""
        if self.present is not None:
            async with self.begin() as work:
                await work.leases.release(self.present)
            self.present = None

    async def _be_present(self, me: str) -> None:
        seconds = self.lease * SHARE
        name = PRESENCE + hashlib.blake2b(me.encode(), digest_size=16).hexdigest()
        async with self.begin() as work:
            if self.present is None or not await work.leases.renew(self.present, seconds=seconds):
                self.present = await work.leases.take(name, me, seconds=seconds, dead={me})
                await work.leases.forget(PRESENCE)
