"""Many rows in one statement of MySQL and MariaDB, written while the server works on those before.

The driver and SQLAlchemy look at every value of a row three times, which takes half as long as the server
needs to store it, and meanwhile the server waits. Here a value is written once, and what would have to be
escaped is a hexadecimal literal.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Insert, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.literals import Literal, written

AT_ONCE, LENGTH = 250, 512 * 1024
"""Rows in one statement, and the characters after which it has no more of them."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """A statement that inserts rows, which stand where `%s` stands in it."""

    text: str
    columns: Sequence[tuple[str, Callable[[Any], Any]]]
    """Their names, and what makes the driver's value of ours."""

    async def put(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """In as many statements as they need. Raise IntegrityError, or TypeError for what is no value."""
        texts = self._portions(rows)
        if len(rows) <= AT_ONCE:
            for text in texts:
                await self._send(connection, text)
            return
        text = next(texts)
        while text:
            sent = asyncio.create_task(self._send(connection, text))
            try:
                # Two turns of the loop, after which it has left.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                text = next(texts, "")
            except BaseException:
                sent.cancel()
                await asyncio.gather(sent, return_exceptions=True)
                raise
            await sent

    async def _send(self, connection: AsyncConnection, text: str) -> None:
        await connection.exec_driver_sql(self.text, (Literal(text),))

    def _portions(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        portion: list[str] = []
        length = 0
        for row in rows:
            values = ",".join([written(process(row[name])) for name, process in self.columns])
            portion.append(f"({values})")
            length += len(values)
            if len(portion) == AT_ONCE or length > LENGTH:
                yield ",".join(portion)
                portion, length = [], 0
        if portion:
            yield ",".join(portion)


@lru_cache(maxsize=512)
def insertion(
    dialect: Dialect, table: Table, names: tuple[str, ...], statement: Callable[[Table], Insert]
) -> Insertion:
    """`statement` of the table, for rows with columns of these names: written once."""
    compiled: Any = statement(table).compile(dialect=dialect, column_keys=list(names))
    ordered: list[str] = compiled.positiontup
    places = ", ".join(["%s"] * len(names))
    before, values, after = str(compiled).partition(f"({places})")
    if not values:
        raise ValueError(f"not a statement that inserts {places}: {compiled}")
    return Insertion(f"{before}%s{after}", bound(dialect, table, ordered))


def bound(dialect: Dialect, table: Table, names: Sequence[str]) -> Sequence[tuple[str, Callable[[Any], Any]]]:
    """Columns of these names, each with what makes the driver's value of ours."""
    kinds = [table.c[name].type.dialect_impl(dialect) for name in names]
    return [
        (name, kind.bind_processor(dialect) or _as_it_is) for name, kind in zip(names, kinds, strict=True)
    ]


def _as_it_is(value: Any) -> Any:
    return value
