"""Many rows at once: what is written is what is read, whatever the server's SQL mode, in any portions."""

import asyncio
from datetime import date
from enum import StrEnum
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Date, Double, Integer, MetaData, String, Table, func, select, text
from sqlalchemy.exc import DataError, IntegrityError

from tests.servers import ENGINES, database_of
from tidings.adapters.mysql.bulk import AT_ONCE
from tidings.adapters.mysql.dialect import insert_many, insert_missing, upsert
from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.types import Choice, Id, Json, LongBytes, LongText

pytestmark = pytest.mark.anyio


class Colour(StrEnum):
    RED = "it's red"
    BACK = "back\\slash"


metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Integer, unique=True),
    Column("values", Json(dict[str, str])),
    Column("name", String(200)),
    Column("long", LongText),
    Column("bytes", LongBytes),
    Column("colour", Choice(Colour)),
    Column("rate", Double),
    Column("day", Date),
    **TABLE_OPTIONS,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["'", "\\", "\\'", "%s", "100 %", "' OR 1=1 -- ", "\0\n\r\x1a\t\b", "x'00'", "ı ß 👩‍👩‍👧", '"']
)
rows = st.fixed_dictionaries(
    {
        "values": st.dictionaries(texts, texts, max_size=4),
        "name": st.none() | texts,
        "long": st.none() | texts.map(lambda each: each * 50),
        "bytes": st.none() | st.binary(max_size=100),
        "colour": st.none() | st.sampled_from(Colour),
        "rate": st.none() | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
        "day": st.none() | st.dates(min_value=date(1000, 1, 1)),
    }
)


@pytest.fixture(params=ENGINES)
async def database(request, tmp_path):
    async with database_of(request, tmp_path, "many_rows", metadata) as made:
        yield made


def row(number: int, **more: object) -> dict[str, object]:
    return {"id": UUID(int=number + 1), "number": number, "name": f"N° {number}", **more}


@pytest.fixture
async def strange_server(request, database):
    """The same database, on a server that takes what does not fit, and to which a backslash is a letter."""
    if database.write.dialect.name == "sqlite":
        yield database
        return
    async with database.begin() as connection:
        await connection.execute(text("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'"))
    await database.close()
    yield database
    async with database.begin() as connection:
        await connection.execute(text("SET GLOBAL sql_mode = DEFAULT"))


async def numbers(database) -> list[int]:
    async with database.reading() as connection:
        return list((await connection.execute(select(things.c.number).order_by(things.c.id))).scalars())


async def names(database) -> dict[int, str]:
    async with database.reading() as connection:
        return {
            number: name for number, name in await connection.execute(select(things.c.number, things.c.name))
        }


@pytest.mark.usefixtures("strange_server")
@pytest.mark.parametrize("database", ENGINES[1:], indirect=True)
async def test_what_does_not_fit_is_refused(database):
    """SQLite keeps texts of any length."""
    with pytest.raises(DataError):
        async with database.begin() as connection:
            await insert_many(connection, things, [row(0, name="x" * 201)])
    assert await numbers(database) == []


@pytest.mark.usefixtures("strange_server")
async def test_what_is_written_is_what_is_read(database):
    async def kept(drawn):
        some = [{"id": uuid4(), "number": None, **each} for each in drawn]
        async with database.begin() as connection:
            await insert_many(connection, things, some)
            found = await connection.execute(select(things).where(things.c.id.in_([e["id"] for e in some])))
            read = {each.id: each for each in found}
        for each in some:
            for name, value in each.items():
                got = getattr(read[each["id"]], name)
                assert got == value

    loop = asyncio.get_running_loop()

    @settings(max_examples=40, deadline=None)
    @given(st.lists(rows, min_size=1, max_size=5))
    def every(drawn):
        asyncio.run_coroutine_threadsafe(kept(drawn), loop).result(60)

    await asyncio.to_thread(every)


async def test_rows_of_several_statements_are_all_there(database):
    many = AT_ONCE * 3 + 7
    async with database.begin() as connection:
        await insert_many(connection, things, [row(n) for n in range(many)])
    assert await numbers(database) == list(range(many))


async def test_rows_that_are_long_are_sent_in_several_statements(database):
    async with database.begin() as connection:
        await insert_many(connection, things, [row(n, long="it's " * 200_000) for n in range(20)])
    async with database.reading() as connection:
        lengths = (await connection.execute(select(func.length(things.c.long)))).scalars()
        assert set(lengths) == {1_000_000}


async def test_five_megabytes_of_quotes_are_one_value(database):
    said, sent = "'\\" * 2_500_000, b"'\\" * 2_500_000
    async with database.begin() as connection:
        await insert_many(connection, things, [row(0, long=said, bytes=b""), row(1, long="", bytes=sent)])
    async with database.reading() as connection:
        kept = await connection.execute(select(things.c.long, things.c.bytes).order_by(things.c.number))
        assert [tuple(each) for each in kept] == [(said, b""), ("", sent)]


@pytest.mark.parametrize("place", [1, AT_ONCE, AT_ONCE * 2])
async def test_a_key_that_is_taken_undoes_all_of_it(database, place):
    rows = [row(n) for n in range(AT_ONCE * 2)]
    rows.insert(place, row(0))
    with pytest.raises(IntegrityError):
        async with database.begin() as connection:
            await insert_many(connection, things, rows)
    assert await numbers(database) == []


async def test_a_value_that_cannot_be_written_undoes_all_of_it(database):
    rows = [row(n) for n in range(AT_ONCE * 2)] + [row(AT_ONCE * 2, name=object())]
    with pytest.raises(Exception, match=r"object|supported"):
        async with database.begin() as connection:
            await insert_many(connection, things, rows)
    assert await numbers(database) == []


async def test_who_is_cancelled_between_two_statements_has_stored_nothing(database):
    begun = asyncio.Event()

    async def store():
        async with database.begin() as connection:
            await insert_many(connection, things, [row(n) for n in range(AT_ONCE * 2)])
            begun.set()
            await insert_many(connection, things, [row(n) for n in range(AT_ONCE * 2, AT_ONCE * 40)])

    task = asyncio.create_task(store())
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await numbers(database) == []
    async with database.begin() as connection:
        await insert_many(connection, things, [row(1)])
    assert await numbers(database) == [1]


async def test_rows_that_are_there_stay_as_they_are(database):
    async with database.begin() as connection:
        await insert_many(connection, things, [row(AT_ONCE, name="first")])
        await insert_missing(connection, things, [row(n, name="later") for n in range(AT_ONCE * 2)])
    kept = await names(database)
    assert len(kept) == AT_ONCE * 2
    assert {number for number, name in kept.items() if name == "first"} == {AT_ONCE}


async def test_rows_that_are_there_change_where_that_is_said(database):
    async with database.begin() as connection:
        await insert_many(connection, things, [row(n, rate=float(n)) for n in range(AT_ONCE * 2)])
        news = [row(n, name="new", rate=300.0) for n in range(AT_ONCE, AT_ONCE * 3)]
        await upsert(connection, things, news, keys=["id"], change=["name"], latest=["rate"])
    async with database.reading() as connection:
        found = {
            each.number: (each.name, each.rate)
            for each in await connection.execute(select(things.c.number, things.c.name, things.c.rate))
        }
    assert found[0] == ("N° 0", 0.0)
    assert found[AT_ONCE] == ("new", 300.0)
    assert found[AT_ONCE * 2 - 1] == ("new", max(300.0, AT_ONCE * 2 - 1))
    assert len(found) == AT_ONCE * 3


@pytest.mark.parametrize("nothing", [[], ()])
async def test_nothing_is_no_statement(database, nothing):
    async with database.begin() as connection:
        await insert_many(connection, things, nothing)
        await insert_missing(connection, things, nothing)
        await upsert(connection, things, nothing, keys=["id"], change=["name"])
    assert await numbers(database) == []
