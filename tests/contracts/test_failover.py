"""A server that has become a replica is left for the one that took its place."""

import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table, func, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tests.wire import Wire
from tidings.adapters.mysql.engine import TABLE_OPTIONS, DatabaseUnavailable, mysql_database

pytestmark = [pytest.mark.anyio, pytest.mark.mysql]
metadata = MetaData()
rows = Table(
    "rows_that_move",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    **TABLE_OPTIONS,
)


async def test_who_is_told_that_it_is_a_replica_finds_the_one_in_its_place(mysql_server, mariadb_server):
    """Who connects anew is led elsewhere; who is connected is told that it is read-only."""
    old, new = mysql_server.database("event_service"), mariadb_server.database("event_service")
    for each in (old, new):
        await each.create(metadata)
        await each.close()
    wire = await Wire.to(make_url(mysql_server.url).port)
    url = make_url(mysql_server.url).set(port=wire.port, database="event_service")
    database = mysql_database(url.render_as_string(hide_password=False))
    root = create_async_engine(mysql_server.url, isolation_level="AUTOCOMMIT")

    async def add(id):
        async with database.begin() as connection:
            await connection.execute(insert(rows), [{"id": id}])

    async def count():
        async with database.reading() as connection:
            return (await connection.execute(select(func.count()).select_from(rows))).scalar_one()

    await add(1)
    assert await count() == 1
    try:
        async with root.connect() as connection:
            await connection.execute(text("SET GLOBAL super_read_only = ON"))
        wire.target = make_url(mariadb_server.url).port
        with pytest.raises(DatabaseUnavailable, match="takes no changes"):
            await add(2)
        await add(3)
        await add(4)
        assert await count() == 2
    finally:
        async with root.connect() as connection:
            await connection.execute(text("SET GLOBAL super_read_only = OFF"))
            await connection.execute(text("SET GLOBAL read_only = OFF"))
        await root.dispose()
        await database.close()
        wire.cut()
