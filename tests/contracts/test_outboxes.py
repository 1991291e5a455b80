"""Our own inboxes and outboxes, on every engine."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import MetaData

from tests.servers import ENGINES, database_of
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox, SqlOutboxReader, inbox_table, outbox_table
from tidings.testing.contracts.outboxes import InboxContract, OutboxContract

METADATA = MetaData()
INBOX, OUTBOX = inbox_table(METADATA, "boxes"), outbox_table(METADATA, "boxes")


def noon():
    return datetime(2026, 11, 26, 12, tzinfo=UTC)


class OnSql:
    """Two tables of a database."""

    def __init__(self, database):
        self.database, self.reader = database, SqlOutboxReader(database, OUTBOX)

    @asynccontextmanager
    async def hearing(self):
        async with self.database.begin() as connection:
            yield SqlInbox(connection, INBOX, noon)

    @asynccontextmanager
    async def telling(self):
        async with self.database.begin() as connection:
            yield SqlOutbox(connection, OUTBOX, noon, uuid7)


@pytest.fixture(params=ENGINES)
async def place(request, tmp_path):
    async with database_of(request, tmp_path, "boxes", METADATA) as database:
        yield OnSql(database)


class TestInbox(InboxContract):
    pass


class TestOutbox(OutboxContract):
    pass
