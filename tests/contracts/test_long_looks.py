"""A look that takes too long is given up by the server, whichever it is, and said to be so."""

import pytest
from sqlalchemy import text

from tidings.adapters.mysql import pools
from tidings.adapters.mysql.engine import DatabaseUnavailable

pytestmark = pytest.mark.anyio
LONG = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    SELECT COUNT(*) FROM n a, n b, n c, n d WHERE (a.i + b.i * c.i + d.i) % 7 = 0
"""


@pytest.mark.parametrize("server", ["mariadb_server", "mysql_server"])
async def test_sec_28_a_look_is_given_up_by_the_server_in_time(request, monkeypatch, server):
    monkeypatch.setattr(pools, "LOOK", 1)
    database = request.getfixturevalue(server).database("event_service")
    try:
        with pytest.raises(DatabaseUnavailable, match="ask for less"):
            async with database.reading() as connection:
                await connection.execute(text(LONG))
        async with database.reading() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
            limits = "SHOW VARIABLES WHERE variable_name IN ('max_execution_time', 'max_statement_time')"
            ((_, limit),) = (await connection.execute(text(limits))).all()
            assert float(limit) in (1.0, 1000.0)
    finally:
        await database.close()
