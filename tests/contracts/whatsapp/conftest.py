"""The context's stores on every engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.servers import ENGINES, server_of
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.whatsapp.messages import SqlDue, SqlMessageReader
from tidings.adapters.mysql.whatsapp.tables import metadata
from tidings.adapters.mysql.whatsapp.work import whatsapp_in
from tidings.application.ports.whatsapp import Begin, Due, MessageReader


@dataclass(frozen=True)
class Stores:
    database: Database
    begin: Begin
    read: Begin
    due: Due
    history: MessageReader


@pytest.fixture(scope="session", params=ENGINES)
async def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stores]:
    if request.param == "sqlite":
        database = sqlite_database(tmp_path_factory.mktemp("whatsapp") / "whatsapp.db")
    else:
        database = server_of(request).database("whatsapp_service")
    await database.create(metadata)
    begin, read = whatsapp_in(database, now=utcnow, new_id=uuid7, server_clock=True)
    yield Stores(database, begin, read, SqlDue(database), SqlMessageReader(database))
    await database.close()
