"""What is too old goes in portions, what is not stays."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import MetaData, func, insert, select

from tests.servers import ENGINES, database_of
from tidings.adapters.mysql import pruning
from tidings.adapters.mysql.outbox import inbox_table
from tidings.adapters.mysql.pruning import KEPT, Aging, SqlPruner
from tidings.adapters.mysql.whatsapp.tables import parked

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
METADATA = MetaData()
INBOX = inbox_table(METADATA, "pruning")
PARKED = parked.to_metadata(METADATA)


@pytest.fixture(params=ENGINES)
async def database(request, tmp_path):
    async with database_of(request, tmp_path, "pruning", METADATA) as made:
        yield made


async def test_what_is_too_old_goes_and_the_rest_stays(database, monkeypatch):
    monkeypatch.setattr(pruning, "PORTION", 7)
    old, young = NOW - KEPT - timedelta(seconds=1), NOW - KEPT + timedelta(seconds=1)
    heard = [
        {"group": group, "event_id": uuid4(), "heard_at": at}
        for group in ("campaigns", "contacts")
        for at in [old] * 20 + [young] * 5
    ]
    waiting = [
        {"wamid": f"w{n}", "status": "sent", "at": at, "raw": ""} for n in range(9) for at in (old, young)
    ]
    async with database.begin() as connection:
        await connection.execute(insert(INBOX), heard)
        await connection.execute(insert(PARKED), waiting)
    aging = [Aging(INBOX, INBOX.c.heard_at), Aging(PARKED, PARKED.c.at)]
    pruner = SqlPruner(database, aging, lambda: NOW)
    assert await pruner.prune() == 40 + 9
    assert await pruner.prune() == 0
    async with database.reading() as connection:
        left = [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (INBOX, PARKED)
        ]
    assert left == [10, 9]
