"""Campaigns, their recipients and tallies in SQL."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.campaigns.drafts import SqlActiveCampaigns, SqlCampaigns, SqlLinkReader
from tidings.adapters.mysql.campaigns.recipients import SqlRecipients
from tidings.adapters.mysql.campaigns.responses import SqlResponses, SqlSettings
from tidings.adapters.mysql.campaigns.tables import campaigns, inbox, metadata, outbox, recipients, tallies
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox
from tidings.application.ports.campaigns import Begin, Work
from tidings.application.ports.common import NewId, Now
from tidings.domain.kernel import OrganizationId

__all__ = [
    "SqlActiveCampaigns",
    "SqlLinkReader",
    "campaigns",
    "campaigns_in",
    "inbox",
    "metadata",
    "outbox",
    "recipients",
    "tallies",
]


def campaigns_in(database: Database, *, now: Now, new_id: NewId) -> tuple[Begin, Begin]:
    """Open transactions over the campaigns context's tables: writing ones, and ones that only look."""

    def work(connection: AsyncConnection, organization: OrganizationId, locking: bool) -> Work:
        return Work(
            campaigns=SqlCampaigns(connection, organization, locking),
            recipients=SqlRecipients(connection, organization),
            responses=SqlResponses(connection, organization),
            settings=SqlSettings(connection, organization),
            outbox=SqlOutbox(connection, outbox, now, new_id),
            inbox=SqlInbox(connection, inbox, now),
        )

    @asynccontextmanager
    async def begin(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.begin() as connection:
            yield work(connection, organization, True)

    @asynccontextmanager
    async def read(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.reading() as connection:
            yield work(connection, organization, False)

    return begin, read
