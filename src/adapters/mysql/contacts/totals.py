"""How many contacts an organisation has: counted as they are written, so that no list needs to."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts.tables import totals
from tidings.adapters.mysql.dialect import is_sqlite
from tidings.domain.kernel import ContactId, OrganizationId

SHARDS = 16
t = totals.c


async def count(
    connection: AsyncConnection, organization: OrganizationId, ids: Iterable[ContactId], sign: int
) -> None:
    """These were added (1) or removed (-1)."""
    moved = Counter(id.int % SHARDS for id in ids)
    rows = [
        {"organization_id": organization, "shard": shard, "contacts": sign * number}
        for shard, number in sorted(moved.items())
    ]
    if not rows:
        return
    if is_sqlite(connection):
        lite = sqlite_insert(totals)
        statement: Any = lite.on_conflict_do_update(
            index_elements=["organization_id", "shard"],
            set_={"contacts": t.contacts + lite.excluded.contacts},
        )
    else:
        maria = mysql_insert(totals)
        statement = maria.on_duplicate_key_update(contacts=t.contacts + maria.inserted.contacts)
    await connection.execute(statement, rows)


async def counted(connection: AsyncConnection, organization: OrganizationId) -> int:
    query = select(func.coalesce(func.sum(t.contacts), 0)).where(t.organization_id == organization)
    return int((await connection.execute(query)).scalar_one())
