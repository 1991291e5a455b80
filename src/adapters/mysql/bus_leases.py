"""Who works on what: names that one process holds at a time, and shards that the members of a group share.

All that a process holds is renewed in one transaction a beat. Between two beats it works from memory, and
takes itself to hold nothing once its lease has run out.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from math import ceil
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.feeding import log, together
from tidings.adapters.mysql.bus_tables import AT_ONCE, holds, line
from tidings.adapters.mysql.dialect import insert_missing, server_now, upsert
from tidings.adapters.mysql.engine import Database, DatabaseUnavailable
from tidings.application.pausing import pause
from tidings.application.ports.bus import SHARDS, Subscription
from tidings.application.ports.common import Now, Owners

_numbers = count(1)


def _name(group: str, what: str) -> str:
    return f"group:{group}/{what}"


@dataclass(slots=True, eq=False)
class Seat:
    """What one member of a group holds, and how much of that is being worked on."""

    subscription: Subscription
    owner: str
    shards: set[int] = field(default_factory=set[int])
    leaving: set[int] = field(default_factory=set[int])
    """Shards that another member is to have as soon as nothing of theirs is in hand."""
    busy: set[int] = field(default_factory=set[int])
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    closing: bool = False

    @property
    def usable(self) -> frozenset[int]:
        return frozenset() if self.closing else frozenset(self.shards - self.leaving)


@dataclass(slots=True)
class Leases:
    """What this process holds of the bus."""

    database: Database
    owners: Owners
    now: Now
    lease: float
    beat: float
    by_server: bool = False
    """Whether members go by the server's clock, and not each by its own."""
    seats: list[Seat] = field(default_factory=list[Seat])
    names: dict[str, bool] = field(default_factory=dict[str, bool])
    """The names we want, and whether we hold them."""
    until: datetime = AT_ONCE
    """By our own clock, from before the server was asked."""
    me: str = ""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    keeping: "asyncio.Task[None] | None" = None
    next_beat: float = 0.0
    closing: bool = False

    @property
    def valid(self) -> bool:
        """Whether what we believe to hold is still ours."""
        return self.now() < self.until

    async def sit(self, subscription: Subscription) -> Seat:
        """Become a member of a group. Raise DatabaseUnavailable."""
        seat = Seat(subscription, self._owner())
        self.seats.append(seat)
        await self.refresh()
        self._keep()
        return seat

    async def leave(self, seat: Seat) -> None:
        """Give the seat's shards to the others; what cannot be given runs out by itself."""
        seat.closing = True
        seat.busy.clear()
        await self._try_refresh()
        self.seats.remove(seat)

    async def hold(self, name: str) -> bool:
        """Take or keep a name. Raise DatabaseUnavailable."""
        if name not in self.names or not self.valid:
            self.names.setdefault(name, False)
            await self.refresh()
            self._keep()
        return self.names[name] and self.valid

    async def close(self) -> None:
        """Let go of everything."""
        self.closing = True
        if self.keeping is not None:
            self.hurry.set()
            await asyncio.wait([self.keeping])
            self.keeping = None
            await self._try_refresh()
        self.names.clear()
        self.closing = False

    async def refresh(self) -> None:
        """Renew what is ours, take our share of what is free, give the rest. Raise DatabaseUnavailable."""
        async with self.turn:
            now, lease = self.now(), timedelta(seconds=self.lease)
            async with self.database.begin() as connection:
                await insert_missing(connection, holds, [{"name": "", "owner": "", "until": AT_ONCE}])
                found = await connection.execute(select(holds).order_by(holds.c.name).with_for_update())
                shared = await server_now(connection) if self.by_server else now
                books = Books.read(found.all(), self.owners, shared, shared + lease)
                self.me = self.me or self._owner()
                held = {name: self._named(books, name) for name in self.names}
                shares = [(seat, _shared(seat, books)) for seat in self.seats]
                for seat in self.seats:
                    await _suspect(connection, seat.subscription, books.orphans(seat), now)
                await upsert(connection, holds, books.changed(), keys=["name"], change=["owner", "until"])
                await connection.execute(delete(holds).where(holds.c.name.in_(books.deleted())))
            self.until = now + lease
            self.names.update(held)
            for seat, (shards, leaving) in shares:
                if (seat.shards, seat.leaving) != (shards, leaving):
                    seat.shards, seat.leaving = shards, leaving
                    seat.changed.set()
            self.next_beat = min(self.beat, books.first_expiry())

    def _named(self, books: "Books", name: str) -> bool:
        if not self.closing:
            return books.claim(name, self.me)
        if books.holder(name) == self.me:
            books.release(name)
        return False

    def _owner(self) -> str:
        return f"{self.owners.me()}#{next(_numbers)}"

    def _keep(self) -> None:
        if self.keeping is None:
            self.keeping = asyncio.create_task(self._renew(), name="bus leases")

    async def _renew(self) -> None:
        while not self.closing:
            await pause(self.hurry, self.next_beat)
            self.hurry.clear()
            if not self.closing:
                await self._try_refresh()

    async def _try_refresh(self) -> None:
        try:
            await self.refresh()
        except (DatabaseUnavailable, DBAPIError) as error:
            log.warning("leases could not be renewed", reason=str(error))
            self.next_beat = self.beat / 4


async def _suspect(
    connection: AsyncConnection, subscription: Subscription, orphans: Mapping[int, datetime], now: datetime
) -> None:
    """Count an attempt for what the dead holder of these shards may have had in hand."""
    if not orphans:
        return
    c = line.c
    query = (
        select(c.position, c.attempts)
        .where(c.group == subscription.group, c.shard.in_(list(orphans)), c.due_at <= now)
        .where(c.occurred_at <= max(orphans.values()))
        .order_by(c.position)
        .limit(subscription.batch)
    )
    rows = (await connection.execute(query)).all()
    rows = rows[: together([row.attempts for row in rows])]
    if rows:
        at = [row.position for row in rows]
        await connection.execute(update(line).where(c.position.in_(at)).values(attempts=c.attempts + 1))


@dataclass(slots=True)
class Books:
    """The holds as they were read, and what is to change in them."""

    rows: Mapping[str, Row[Any]]
    dead: frozenset[str]
    now: datetime
    until: datetime
    changes: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(cls, rows: Sequence[Row[Any]], owners: Owners, now: datetime, until: datetime) -> "Books":
        holders = {row.owner for row in rows if row.owner}
        dead = frozenset(owner for owner in holders if owners.is_dead(owner.rpartition("#")[0]))
        return cls({row.name: row for row in rows}, dead, now, until)

    def holder(self, name: str) -> str:
        """Who holds this: empty when nobody does who lives."""
        if name in self.changes:
            return self.changes[name]
        row = self.rows.get(name)
        alive = row is not None and row.until > self.now and row.owner not in self.dead
        return row.owner if row is not None and alive else ""

    def claim(self, name: str, owner: str) -> bool:
        """Take or renew this, unless somebody else has it."""
        if self.holder(name) not in ("", owner):
            return False
        self.changes[name] = owner
        return True

    def release(self, name: str) -> None:
        self.changes[name] = ""

    def members(self, group: str) -> list[str]:
        start = _name(group, "member:")
        known = {*self.rows, *self.changes}
        return [name for name in known if name.startswith(start) and self.holder(name)]

    def orphans(self, seat: Seat) -> dict[int, datetime]:
        """The shards that this seat takes from a dead holder, and until when that one may have lived."""
        found: dict[int, datetime] = {}
        for shard in range(SHARDS):
            name = _name(seat.subscription.group, str(shard))
            row = self.rows.get(name)
            if row is not None and self.changes.get(name) == seat.owner and row.owner not in ("", seat.owner):
                found[shard] = row.until
        return found

    def changed(self) -> list[dict[str, object]]:
        gone = self.deleted()
        return [
            {"name": name, "owner": owner, "until": self.until if owner else AT_ONCE}
            for name, owner in sorted(self.changes.items())
            if name not in gone
        ]

    def deleted(self) -> list[str]:
        """Seats of members that left or died."""
        known = {*self.rows, *self.changes}
        return sorted(name for name in known if "/member:" in name and not self.holder(name))

    def first_expiry(self) -> float:
        """Seconds until the next lease of somebody else runs out."""
        ends = [
            row.until for name, row in self.rows.items() if name not in self.changes and row.until > self.now
        ]
        return max((min(ends) - self.now).total_seconds() + 0.01, 0.05) if ends else float("inf")


def _shared(seat: Seat, books: Books) -> tuple[set[int], set[int]]:
    """The shards that the seat has after this beat, and those of them that it is to give away."""
    group = seat.subscription.group
    names = {shard: _name(group, str(shard)) for shard in range(SHARDS)}
    member = _name(group, f"member:{seat.owner}")
    ours = {shard for shard, name in names.items() if books.holder(name) == seat.owner}
    if seat.closing:
        for name in (member, *(names[shard] for shard in ours)):
            books.release(name)
        return set(), set()
    books.claim(member, seat.owner)
    share = ceil(SHARDS / len(books.members(group)))
    stay = set(sorted(ours, key=lambda shard: (shard in seat.leaving, shard))[:share])
    free = [shard for shard in names if not books.holder(names[shard])]
    stay.update(free[: share - len(stay)])
    leaving = (ours - stay) & seat.busy
    for shard in stay | leaving:
        books.claim(names[shard], seat.owner)
    for shard in ours - stay - leaving:
        books.release(names[shard])
    return stay | leaving, leaving
