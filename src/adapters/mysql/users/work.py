"""Transactions over the tables of users."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox
from tidings.adapters.mysql.users.audit import SqlAudit
from tidings.adapters.mysql.users.organizations import SqlInvitations, SqlOrganizations, SqlRoles
from tidings.adapters.mysql.users.people import SqlFactors, SqlKeys, SqlLetters, SqlProofs, SqlUsers
from tidings.adapters.mysql.users.sealed import SqlSealed
from tidings.adapters.mysql.users.sessions import SqlSessions
from tidings.adapters.mysql.users.subscriptions import SqlDeliveries, SqlSubscriptions
from tidings.adapters.mysql.users.tables import inbox, outbox
from tidings.adapters.mysql.users.wabas import SqlWabas
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.users import Begin, Work


def users_in(database: Database, *, now: Now, new_id: NewId) -> tuple[Begin, Begin]:
    """Open transactions over the users context's tables: writing ones, and ones that only look."""

    def work(connection: AsyncConnection) -> Work:
        return Work(
            users=SqlUsers(connection),
            organizations=SqlOrganizations(connection),
            roles=SqlRoles(connection),
            invitations=SqlInvitations(connection),
            sessions=SqlSessions(connection),
            factors=SqlFactors(connection),
            keys=SqlKeys(connection),
            proofs=SqlProofs(connection),
            letters=SqlLetters(connection),
            audit=SqlAudit(connection),
            wabas=SqlWabas(connection),
            subscriptions=SqlSubscriptions(connection),
            deliveries=SqlDeliveries(connection, new_id),
            sealed=SqlSealed(connection),
            outbox=SqlOutbox(connection, outbox, now, new_id),
            inbox=SqlInbox(connection, inbox, now),
        )

    @asynccontextmanager
    async def begin() -> AsyncGenerator[Work]:
        async with database.begin() as connection:
            yield work(connection)

    @asynccontextmanager
    async def read() -> AsyncGenerator[Work]:
        async with database.reading() as connection:
            yield work(connection)

    return begin, read
