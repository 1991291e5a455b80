"""Alembic's operations for versions that may be cut short: what is done already is passed over.

MySQL commits each change of a table by itself, so a version of several steps may stop between two of them,
and is then run again from its beginning.
"""

from typing import Any

from alembic import op
from sqlalchemy import Column, inspect

execute = op.execute
f = op.f


def add_column(table: str, column: Column[Any]) -> None:
    known = {each["name"] for each in inspect(op.get_bind()).get_columns(table)}
    if column.name not in known:
        op.add_column(table, column)


def create_table(name: str, *parts: Any, **how: Any) -> None:
    op.create_table(name, *parts, if_not_exists=True, **how)


def create_index(name: str, table: str, columns: list[str], *, unique: bool = False) -> None:
    if name not in _indexes(table):
        op.create_index(name, table, columns, unique=unique)


def drop_index(name: str, *, table_name: str) -> None:
    if name in _indexes(table_name):
        op.drop_index(name, table_name=table_name)


def _indexes(table: str) -> set[str | None]:
    return {each["name"] for each in inspect(op.get_bind()).get_indexes(table)}
