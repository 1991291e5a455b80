"""Leases and runs in SQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, and_, delete, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import insert_missing, server_moment
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.whatsapp.tables import leases, run_lanes, runs
from tidings.application.ports.common import Now
from tidings.domain.kernel import CampaignId, PhoneNumberId
from tidings.domain.whatsapp.numbers import Lease, Run, RunState

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class SqlLeases:
    """Leases by name, on the clock that all their takers share: the server's, or (None: on files) this one's.

    By the server's, a machine whose clock is wrong neither takes what others hold nor loses what it holds.
    """

    connection: AsyncConnection
    clock: Now | None

    async def take(
        self, name: str, owner: str, *, seconds: float, dead: Collection[str] = ()
    ) -> Lease | None:
        free = {"name": name, "owner": "", "epoch": 0, "until": datetime.fromtimestamp(0, UTC)}
        await insert_missing(self.connection, leases, [free])
        taken = await self.connection.execute(
            update(leases)
            .where(leases.c.name == name, or_(leases.c.until <= self._in(0), leases.c.owner.in_(list(dead))))
            .values(owner=owner, epoch=leases.c.epoch + 1, until=self._in(seconds))
        )
        if taken.rowcount != 1:
            return None
        epoch = (
            await self.connection.execute(select(leases.c.epoch).where(leases.c.name == name))
        ).scalar_one()
        return Lease(name=name, owner=owner, epoch=epoch)

    async def holder(self, name: str) -> str | None:
        query = select(leases.c.owner).where(leases.c.name == name, leases.c.until > self._in(0))
        return (await self.connection.execute(query)).scalar_one_or_none()

    async def renew(self, lease: Lease, *, seconds: float) -> bool:
        return bool(await self.renew_all([lease], seconds=seconds))

    async def renew_all(self, held: Sequence[Lease], *, seconds: float) -> Collection[str]:
        if not held:
            return ()
        names = sorted(lease.name for lease in held)
        each = sorted((lease.name, lease.owner, lease.epoch) for lease in held)
        # The first is what the primary key is looked up by; the second says the same, and whose.
        theirs = leases.c.name.in_(names), tuple_(leases.c.name, leases.c.owner, leases.c.epoch).in_(each)
        renewed = await self.connection.execute(update(leases).where(*theirs).values(until=self._in(seconds)))
        if renewed.rowcount == len(held):
            return set(names)
        return set((await self.connection.execute(select(leases.c.name).where(*theirs))).scalars())

    async def release(self, lease: Lease) -> None:
        await self.connection.execute(update(leases).where(_held(lease)).values(until=self._in(0)))

    async def held(self) -> Sequence[Lease]:
        query = select(leases.c.name, leases.c.owner, leases.c.epoch).where(leases.c.until > self._in(0))
        return structs(Lease, await self.connection.execute(query))

    async def forget(self, prefix: str) -> None:
        old = leases.c.name.startswith(prefix, autoescape=True) & (leases.c.until < self._in(-DAY))
        await self.connection.execute(delete(leases).where(old))

    def _in(self, seconds: float) -> Any:
        """The moment so many seconds from now, as something to compare with or to write."""
        if self.clock is None:
            return server_moment() + int(seconds * 1_000_000)
        return self.clock() + timedelta(seconds=seconds)


def _held(lease: Lease) -> ColumnElement[bool]:
    """By owner too: the epoch of a lease that was taken and undone is given out again."""
    return and_(leases.c.name == lease.name, leases.c.epoch == lease.epoch, leases.c.owner == lease.owner)


@dataclass(frozen=True, slots=True)
class SqlRuns:
    connection: AsyncConnection

    async def turn(self, run: Run) -> None:
        await insert_missing(self.connection, runs, [asdict(run)])
        await self.connection.execute(
            update(runs)
            .where(
                runs.c.campaign_id == run.campaign_id,
                runs.c.epoch < run.epoch,
                runs.c.state != RunState.CANCELLED,
            )
            .values(state=run.state, epoch=run.epoch, reason=run.reason and run.reason[:500], waiting="")
        )

    async def stand(self, id: CampaignId, lane: PhoneNumberId) -> None:
        row = {"phone_number_id": lane, "campaign_id": id}
        await insert_missing(self.connection, run_lanes, [row])

    async def get(self, id: CampaignId) -> Run | None:
        found = await self.connection.execute(select(runs).where(runs.c.campaign_id == id).with_for_update())
        row = found.mappings().one_or_none()
        return None if row is None else Run(**row)

    async def states(self, ids: Collection[CampaignId]) -> dict[CampaignId, RunState]:
        if not ids:
            return {}
        query = select(runs.c.campaign_id, runs.c.state).where(runs.c.campaign_id.in_(list(ids)))
        found = await self.connection.execute(query.order_by(runs.c.campaign_id).with_for_update())
        return {row.campaign_id: row.state for row in found}

    async def pause(self, id: CampaignId, reason: str) -> None:
        await self.connection.execute(
            update(runs)
            .where(runs.c.campaign_id == id, runs.c.state == RunState.RUNNING)
            .values(state=RunState.PAUSED, reason=reason[:500])
        )

    async def waiting(self, id: CampaignId) -> str:
        query = select(runs.c.waiting).where(runs.c.campaign_id == id)
        return (await self.connection.execute(query)).scalar_one_or_none() or ""

    async def wait(self, ids: Collection[CampaignId], waiting: str) -> None:
        if ids:
            await self.connection.execute(
                update(runs)
                .where(runs.c.campaign_id.in_(sorted(ids)), runs.c.waiting != waiting[:200])
                .values(waiting=waiting[:200])
            )

    async def halt(self, lane: PhoneNumberId, reason: str) -> Sequence[Run]:
        here = select(run_lanes.c.campaign_id).where(run_lanes.c.phone_number_id == lane)
        running = runs.c.campaign_id.in_(here) & (runs.c.state == RunState.RUNNING)
        found = await self.connection.execute(select(runs).where(running).with_for_update())
        halted = structs(Run, found)
        theirs = runs.c.campaign_id.in_([run.campaign_id for run in halted])
        await self.connection.execute(
            update(runs).where(theirs).values(state=RunState.PAUSED, reason=reason[:500])
        )
        return halted
