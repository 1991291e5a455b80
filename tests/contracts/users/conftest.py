"""The context's stores on every engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.servers import ENGINES, server_of
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.users import metadata, users_in
from tidings.application.ports.users import Begin


@dataclass(frozen=True)
class Stores:
    database: Database
    begin: Begin
    read: Begin


@pytest.fixture(scope="session", params=ENGINES)
async def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stores]:
    if request.param == "sqlite":
        database = sqlite_database(tmp_path_factory.mktemp("users") / "users.db")
    else:
        database = server_of(request).database("user_service")
    await database.create(metadata)
    yield Stores(database, *users_in(database, now=utcnow, new_id=uuid7))
    await database.close()
