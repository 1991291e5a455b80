"""The context's stores on every engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.servers import ENGINES, server_of
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.mysql.contacts.imports import SqlImportQueue
from tidings.adapters.mysql.contacts.privacy import Pseudonyms
from tidings.adapters.mysql.contacts.search import SqlContactSearch
from tidings.adapters.mysql.contacts.tables import metadata
from tidings.adapters.mysql.contacts.work import contacts_in, contacts_read_from
from tidings.adapters.mysql.engine import Database
from tidings.application.ports.contacts import Begin, ContactSearch, ImportQueue, Reading
from tidings.domain.kernel import OrganizationId

NAMES = Pseudonyms(("new key", "old key"))
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Stores:
    database: Database
    begin: Begin
    reading: Reading
    search: ContactSearch
    imports: ImportQueue


def stores_on(database: Database) -> Stores:
    return Stores(
        database,
        contacts_in(database, now=utcnow, new_id=uuid7, pseudonyms=NAMES),
        contacts_read_from(database, pseudonyms=NAMES),
        SqlContactSearch(database),
        SqlImportQueue(database),
    )


@pytest.fixture(scope="session", params=ENGINES)
async def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stores]:
    if request.param == "sqlite":
        database = sqlite_database(tmp_path_factory.mktemp("contacts") / "contacts.db")
    else:
        database = server_of(request).database("contact_service")
    await database.create(metadata)
    yield stores_on(database)
    await database.close()


@pytest.fixture
def us() -> OrganizationId:
    return OrganizationId(uuid4())
