"""The context's stores on every engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.servers import ENGINES, server_of
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.mysql.campaigns import SqlActiveCampaigns, SqlLinkReader, campaigns_in, metadata
from tidings.adapters.mysql.engine import Database
from tidings.application.ports.campaigns import ActiveCampaigns, Begin, LinkReader


@dataclass(frozen=True)
class Stores:
    database: Database
    begin: Begin
    read: Begin
    active: ActiveCampaigns
    links: LinkReader


@pytest.fixture(scope="session", params=ENGINES)
async def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stores]:
    if request.param == "sqlite":
        database = sqlite_database(tmp_path_factory.mktemp("campaigns") / "campaigns.db")
    else:
        database = server_of(request).database("campaign_service")
    await database.create(metadata)
    begin, read = campaigns_in(database, now=utcnow, new_id=uuid7)
    yield Stores(database, begin, read, SqlActiveCampaigns(database), SqlLinkReader(database))
    await database.close()
