"""The context's stores on every engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.servers import ENGINES, server_of
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.templates import SqlDueAccounts, metadata, templates_in, templates_read_from
from tidings.application.ports.templates import Begin, DueAccounts, Reading


@dataclass(frozen=True)
class Stores:
    database: Database
    begin: Begin
    reading: Reading
    due: DueAccounts


@pytest.fixture(scope="session", params=ENGINES)
async def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stores]:
    if request.param == "sqlite":
        database = sqlite_database(tmp_path_factory.mktemp("templates") / "templates.db")
    else:
        database = server_of(request).database("template_service")
    await database.create(metadata)
    begin = templates_in(database, now=utcnow, new_id=uuid7)
    yield Stores(database, begin, templates_read_from(database), SqlDueAccounts(database))
    await database.close()
