"""The few statements that MySQL, MariaDB and SQLite spell differently, each in one place.

Rows are mappings of column name to value. Every function is one statement for the whole batch and does
nothing for an empty one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Select,
    Table,
    bindparam,
    false,
    func,
    insert,
    literal_column,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.bulk import bound, insertion
from tidings.adapters.mysql.types import Moment

Row = Mapping[str, Any]


def is_sqlite(connection: AsyncConnection) -> bool:
    return connection.dialect.name == "sqlite"


def server_moment() -> ColumnElement[int]:
    """Now by the clock of the MySQL or MariaDB server, as `Moment` keeps it: free of zones."""
    return literal_column("TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))", BigInteger)


async def server_now(connection: AsyncConnection) -> datetime:
    query = select(type_coerce(server_moment(), Moment))
    return (await connection.execute(query)).scalar_one()


def along(query: Select[Any], table: Table, index: str) -> Select[Any]:
    """With the index named that MySQL and MariaDB shall walk along; SQLite chooses well by itself.

    Their guesses rest on counts that are old while a table grows: they have been seen to sort what is left
    of an organisation for each page of it, so that every page costs as much as all together.
    """
    hint = f"FORCE INDEX (`{index}`)"
    return query.with_hint(table, hint, "mysql").with_hint(table, hint, "mariadb")


def is_true(column: ColumnElement[bool]) -> ColumnElement[bool]:
    """As a value that an index can be walked for, which MySQL does not do for IS TRUE."""
    return column == true()


def is_false(column: ColumnElement[bool]) -> ColumnElement[bool]:
    return column == false()


async def insert_many(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Raise IntegrityError when a key is taken. Any database takes it, since an outbox may be on any."""
    if not rows:
        return
    if connection.dialect.name in ("mysql", "mariadb"):
        await _put(connection, table, rows, insert)
    else:
        await connection.execute(insert(table), list(rows))


async def insert_missing(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows whose primary and unique keys are free, and leave the others as they are."""
    if not rows:
        return
    if is_sqlite(connection):
        await connection.execute(sqlite_insert(table).on_conflict_do_nothing(), list(rows))
    else:
        await _put(connection, table, rows, _leaving)


def _leaving(table: Table) -> Insert:
    first = next(iter(table.primary_key.columns))
    return mysql_insert(table).on_duplicate_key_update({first.name: first})


async def upsert(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Row],
    *,
    keys: Sequence[str],
    change: Sequence[str],
    latest: Sequence[str] = (),
    adding: Sequence[str] = (),
) -> None:
    """Insert rows; where `keys` (a primary or unique key) are taken, set the columns named in `change`.

    The columns named in `latest` keep the larger of both values, those in `adding` become their sum.
    """
    if not rows:
        return
    if is_sqlite(connection):
        lite = sqlite_insert(table)
        news = {name: lite.excluded[name] for name in change}
        news |= {name: func.max(table.c[name], lite.excluded[name]) for name in latest}
        news |= {name: table.c[name] + lite.excluded[name] for name in adding}
        statement = lite.on_conflict_do_update(index_elements=list(keys), set_=news)
        await connection.execute(statement, list(rows))
        return
    await _put(connection, table, rows, _changing(tuple(change), tuple(latest), tuple(adding)))


@lru_cache(maxsize=256)
def _changing(
    change: tuple[str, ...], latest: tuple[str, ...], adding: tuple[str, ...]
) -> Callable[[Table], Insert]:
    """The same function for the same names, since what it makes is kept by it."""

    def statement(table: Table) -> Insert:
        new = mysql_insert(table)
        news = {name: new.inserted[name] for name in change}
        news |= {name: func.greatest(table.c[name], new.inserted[name]) for name in latest}
        news |= {name: table.c[name] + new.inserted[name] for name in adding}
        return new.on_duplicate_key_update(news)

    return statement


async def _put(
    connection: AsyncConnection, table: Table, rows: Sequence[Row], statement: Callable[[Table], Insert]
) -> None:
    await insertion(connection.dialect, table, tuple(rows[0]), statement).put(connection, rows)


async def update_many(
    connection: AsyncConnection, table: Table, rows: Sequence[Row], *, key: str, change: Sequence[str]
) -> None:
    """Set the columns named in `change` of many rows found by `key`: one round trip, in the order of the key.

    SQLite takes prepared repetition well; MySQL needs the rows as a joined table (an executemany there is a
    round trip a row).
    """
    if not rows or not change:
        return
    ordered = sorted(rows, key=lambda row: row[key])
    if is_sqlite(connection):
        statement = (
            update(table)
            .where(table.c[key] == bindparam("the_key", type_=table.c[key].type))
            .values({name: bindparam(f"new_{name}", type_=table.c[name].type) for name in change})
        )
        await connection.execute(
            statement,
            [{"the_key": row[key], **{f"new_{name}": row[name] for name in change}} for row in ordered],
        )
        return
    names = (key, *change)
    columns = bound(connection.dialect, table, names)
    for start in range(0, len(ordered), AT_ONCE):
        portion = ordered[start : start + AT_ONCE]
        values = [process(row[name]) for row in portion for name, process in columns]
        await connection.exec_driver_sql(_joined_update(table.name, names, len(portion)), tuple(values))


AT_ONCE = 500
"""Rows in one statement."""


@lru_cache(maxsize=256)
def _joined_update(table: str, names: tuple[str, ...], count: int) -> str:
    """Written by hand: building it as an expression costs ten times what the server needs for it."""
    key, *change = names
    first = ", ".join(f"%s AS `{name}`" for name in names)
    others = " UNION ALL SELECT " + ", ".join(["%s"] * len(names))
    fresh = f"SELECT {first}{others * (count - 1)}"
    news = ", ".join(f"`{table}`.`{name}` = fresh.`{name}`" for name in change)
    return f"UPDATE `{table}` JOIN ({fresh}) AS fresh ON `{table}`.`{key}` = fresh.`{key}` SET {news}"  # noqa: S608
