"""One transaction, or one look, over the context's tables."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox
from tidings.adapters.mysql.templates.accounts import SqlAccounts
from tidings.adapters.mysql.templates.files import SqlFileReader, SqlFiles
from tidings.adapters.mysql.templates.tables import inbox, outbox
from tidings.adapters.mysql.templates.templates import SqlTemplateReader, SqlTemplates
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.templates import Begin, Look, Reading, Work
from tidings.domain.kernel import OrganizationId


def templates_in(database: Database, *, now: Now, new_id: NewId) -> Begin:
    """Open writing transactions over the templates context's tables."""

    @asynccontextmanager
    async def begin(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.begin() as connection:
            yield Work(
                templates=SqlTemplates(connection, organization),
                files=SqlFiles(connection, organization),
                accounts=SqlAccounts(connection, organization),
                outbox=SqlOutbox(connection, outbox, now, new_id),
                inbox=SqlInbox(connection, inbox, now),
            )

    return begin


def templates_read_from(database: Database) -> Reading:
    """Open looks at the templates context's tables."""

    @asynccontextmanager
    async def reading(organization: OrganizationId) -> AsyncGenerator[Look]:
        async with database.reading() as connection:
            yield Look(
                templates=SqlTemplateReader(connection, organization),
                files=SqlFileReader(connection, organization),
            )

    return reading
