"""When which account is to be synced, and who does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import insert_missing
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.templates.tables import a, accounts
from tidings.application.ports.templates import Account
from tidings.domain.kernel import OrganizationId, WabaId


@dataclass(frozen=True, slots=True)
class SqlAccounts:
    """The AccountStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def want(self, waba_id: WabaId, at: datetime) -> None:
        row = {"organization_id": self.organization, "waba_id": waba_id, "due_at": at}
        await insert_missing(self.connection, accounts, [row])
        this = self._this(waba_id)
        later = a.wanted_at.is_(None) | (a.wanted_at < at)
        await self.connection.execute(update(accounts).where(this, a.due_at > at).values(due_at=at))
        await self.connection.execute(update(accounts).where(this, later).values(wanted_at=at))

    async def synced(self, waba_id: WabaId, at: datetime, due_at: datetime) -> None:
        row = {"organization_id": self.organization, "waba_id": waba_id, "due_at": due_at}
        await insert_missing(self.connection, accounts, [row])
        this = self._this(waba_id)
        served = a.wanted_at.is_(None) | (a.wanted_at <= at)
        await self.connection.execute(
            update(accounts).where(this, ~served).values(due_at=a.wanted_at, synced_at=at, held_until=None)
        )
        await self.connection.execute(
            update(accounts)
            .where(this, served)
            .values(due_at=due_at, synced_at=at, held_until=None, wanted_at=None)
        )

    async def postpone(self, waba_id: WabaId, until: datetime) -> None:
        await self.connection.execute(
            update(accounts).where(self._this(waba_id)).values(due_at=until, held_until=None)
        )

    def _this(self, waba_id: WabaId) -> ColumnElement[bool]:
        return and_(a.organization_id == self.organization, a.waba_id == waba_id)


@dataclass(frozen=True, slots=True)
class SqlDueAccounts:
    """The DueAccounts port."""

    database: Database

    async def claim(self, now: datetime, until: datetime, limit: int) -> Sequence[Account]:
        due = and_(a.due_at <= now, a.held_until.is_(None) | (a.held_until <= now))
        query = select(a.organization_id, a.waba_id, a.due_at, a.synced_at).where(due)
        query = query.order_by(a.due_at).limit(limit).with_for_update(skip_locked=True)
        async with self.database.begin() as connection:
            found = structs(Account, await connection.execute(query))
            for account in found:
                this = and_(a.organization_id == account.organization_id, a.waba_id == account.waba_id)
                await connection.execute(update(accounts).where(this).values(held_until=until))
        return found
