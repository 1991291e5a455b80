"""Two changes in each other's way on real servers: one waits its turn anew, unless it had done something."""

import asyncio
import random
import time
from contextlib import asynccontextmanager

import httpx
import pytest
from litestar import Litestar, post
from litestar.params import JSONBody
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, insert, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.servers import server_of
from tidings.adapters.effects import happened
from tidings.adapters.http.errors import exception_handlers
from tidings.adapters.http.patience import TRIES, Patience
from tidings.adapters.mysql.engine import TABLE_OPTIONS, Deadlocked, OutcomeUnknown

pytestmark = pytest.mark.anyio
metadata = MetaData()
rows = Table(
    "rows_in_the_way",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False),
    **TABLE_OPTIONS,
)


@pytest.fixture(params=["mariadb", "mysql"])
async def database(request):
    database = server_of(request).database("event_service")
    await database.create(metadata)
    async with database.begin() as connection:
        await connection.execute(insert(rows), [{"id": 1, "n": 0}, {"id": 2, "n": 0}])
    yield database
    async with database.begin() as connection:
        await connection.run_sync(metadata.drop_all)
    await database.close()


class Work:
    """Changes two rows; the first time each waits until the other holds what it needs."""

    def __init__(self, database, *, effect=False):
        self.database, self.effect, self.begun, self.both = database, effect, [], asyncio.Barrier(2)

    async def change(self, first, second):
        self.begun.append(first)
        begun = len(self.begun)
        if self.effect:
            happened()
        async with self.database.begin() as connection:
            await connection.execute(update(rows).where(rows.c.id == first).values(n=rows.c.n + 1))
            if begun <= 2:
                await self.both.wait()
            await connection.execute(update(rows).where(rows.c.id == second).values(n=rows.c.n + 1))


@asynccontextmanager
async def asked(work):
    """A client of an application with one handler."""

    @post("/change")
    async def change(data: JSONBody[dict[str, int]]) -> dict[str, int]:
        await work.change(data["first"], data["second"])
        return data

    app = Patience(Litestar([change], exception_handlers=exception_handlers), random.random)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tidings") as client:

        async def ask(first, second):
            return await client.post("/change", json={"first": first, "second": second})

        yield ask


async def numbers(database):
    async with database.reading() as connection:
        return (await connection.execute(select(rows.c.n).order_by(rows.c.id))).scalars().all()


async def test_of_two_that_wait_for_each_other_both_are_done_in_the_end(database):
    work = Work(database)
    async with asked(work) as ask:
        answers = await asyncio.gather(ask(1, 2), ask(2, 1))
    assert [each.status_code for each in answers] == [201, 201]
    assert [each.json()["first"] for each in answers] == [1, 2]
    assert await numbers(database) == [2, 2]
    assert len(work.begun) == 3


async def test_what_has_done_something_already_is_not_begun_anew(database):
    work = Work(database, effect=True)
    async with asked(work) as ask:
        answers = await asyncio.gather(ask(1, 2), ask(2, 1))
    assert sorted(each.status_code for each in answers) == [201, 503]
    assert await numbers(database) == [1, 1]


async def test_patience_has_an_end():
    class Hopeless:
        tried = 0

        async def change(self, first, second):
            self.tried += 1
            raise Deadlocked()

    hopeless = Hopeless()
    async with asked(hopeless) as ask:
        answer = await ask(1, 2)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "DEADLOCKED")
    assert hopeless.tried == TRIES


async def test_nobody_waits_long_for_anothers_lock(database):
    async with database.begin() as connection:
        await connection.execute(update(rows).where(rows.c.id == 1).values(n=7))
        began = time.monotonic()
        with pytest.raises(Deadlocked):
            async with database.begin() as other:
                await other.execute(update(rows).where(rows.c.id == 1).values(n=8))
        assert time.monotonic() - began < 15


async def test_a_connection_lost_at_the_commit_says_that_nobody_knows(database, monkeypatch):
    async def lost(self):
        raise OperationalError("COMMIT", {}, Exception("Lost connection"), connection_invalidated=True)

    with monkeypatch.context() as patch:
        patch.setattr(AsyncConnection, "commit", lost)
        with pytest.raises(OutcomeUnknown):
            async with database.begin() as connection:
                await connection.execute(update(rows).where(rows.c.id == 1).values(n=9))
    assert await numbers(database) == [0, 0]
