"""One transaction over the context's tables."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox
from tidings.adapters.mysql.whatsapp.conversations import SqlConversations
from tidings.adapters.mysql.whatsapp.desk import SqlDesk
from tidings.adapters.mysql.whatsapp.lanes import SqlLeases, SqlRuns
from tidings.adapters.mysql.whatsapp.messages import SqlMessages
from tidings.adapters.mysql.whatsapp.pressure import SqlPressure
from tidings.adapters.mysql.whatsapp.quotas import SqlQuotas
from tidings.adapters.mysql.whatsapp.requests import SqlRequests
from tidings.adapters.mysql.whatsapp.tables import inbox, outbox
from tidings.adapters.mysql.whatsapp.webhooks import SqlNumbers, SqlWebhooks
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.whatsapp import Begin, Work
from tidings.domain.whatsapp.quotas import Quota


def whatsapp_in(
    database: Database, *, now: Now, new_id: NewId, quota: Quota | None = None, server_clock: bool = False
) -> tuple[Begin, Begin]:
    """Open transactions over the whatsapp context's tables: writing ones, and ones that only look.

    `quota` is that of organisations that have none of their own; with `server_clock`, leases go by the
    clock of the MySQL server that all processes share, instead of `now`.
    """
    everybodys = quota or Quota()
    clock = None if server_clock and database.write.dialect.name != "sqlite" else now

    def work(connection: AsyncConnection, *, locking: bool) -> Work:
        return Work(
            messages=SqlMessages(connection),
            leases=SqlLeases(connection, clock),
            runs=SqlRuns(connection),
            webhooks=SqlWebhooks(connection),
            numbers=SqlNumbers(connection),
            conversations=SqlConversations(connection, locking),
            desk=SqlDesk(connection),
            pressure=SqlPressure(connection, locking),
            requests=SqlRequests(connection),
            quotas=SqlQuotas(connection, everybodys),
            outbox=SqlOutbox(connection, outbox, now, new_id),
            inbox=SqlInbox(connection, inbox, now),
        )

    @asynccontextmanager
    async def begin() -> AsyncGenerator[Work]:
        async with database.begin() as connection:
            yield work(connection, locking=True)

    @asynccontextmanager
    async def read() -> AsyncGenerator[Work]:
        async with database.reading() as connection:
            yield work(connection, locking=False)

    return begin, read
