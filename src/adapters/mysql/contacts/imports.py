"""Imports in SQL: the job, its file in pieces, its errors, and who runs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import asdict, replace
from sqlalchemy import Select, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.contacts.tables import import_chunks, import_errors, imports
from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import insert_many
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.rows import structs
from tidings.domain.contacts.jobs import ImportId, ImportJob, ImportNotFound, JobState
from tidings.domain.contacts.rows import RowError
from tidings.domain.kernel import OrganizationId, Page

i = imports.c
k = import_chunks.c
e = import_errors.c
JOB = tuple(i[name] for name in ImportJob.__struct_fields__)


@dataclass(frozen=True, slots=True)
class SqlImports:
    """The ImportStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def add(self, job: ImportJob) -> None:
        await insert_many(self.connection, imports, [asdict(job)])

    async def get(self, id: ImportId) -> ImportJob:
        return await _one(self.connection, _mine(self.organization).where(i.id == id).with_for_update())

    async def save(self, job: ImportJob) -> None:
        values = {name: value for name, value in asdict(job).items() if name != "id"}
        values["message"] = job.message[:1000]
        await self.connection.execute(update(imports).where(i.id == job.id).values(values))

    async def is_run_by(self, id: ImportId, owner: str) -> bool:
        query = select(i.owner).where(i.id == id).with_for_update()
        return (await self.connection.execute(query)).scalar_one_or_none() == owner

    async def renew(self, id: ImportId, owner: str, until: datetime) -> None:
        mine = update(imports).where(i.id == id, i.owner == owner)
        await self.connection.execute(mine.values({i.lease_until: until}))

    async def keep(self, id: ImportId, place: int, chunk: bytes) -> None:
        row = {"import_id": id, "place": place, "body": chunk}
        await insert_many(self.connection, import_chunks, [row])

    async def drop(self, id: ImportId) -> None:
        await self.connection.execute(delete(import_chunks).where(k.import_id == id))

    async def note(self, id: ImportId, errors: Sequence[RowError]) -> None:
        rows = [
            {**asdict(error), "import_id": id, "field": error.field[:100], "message": error.message[:1000]}
            for error in errors
        ]
        await insert_many(self.connection, import_errors, rows)


@dataclass(frozen=True, slots=True)
class SqlImportReader:
    """The ImportReader port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def get(self, id: ImportId) -> ImportJob:
        return await _one(self.connection, _mine(self.organization).where(i.id == id))

    async def page(self, *, cursor: str | None, limit: int) -> Page[ImportJob]:
        query = _mine(self.organization)
        if cursor is not None:
            query = query.where(i.id < decode_cursor(cursor))
        found = structs(
            ImportJob, await self.connection.execute(query.order_by(i.id.desc()).limit(limit + 1))
        )
        more = len(found) > limit
        return Page(items=found[:limit], next_cursor=encode_cursor(found[limit - 1].id) if more else None)

    async def chunk(self, id: ImportId, place: int) -> bytes | None:
        query = select(k.body).where(k.import_id == id, k.place == place)
        body = (await self.connection.execute(query)).scalar_one_or_none()
        return None if body is None else bytes(body)

    async def errors(self, id: ImportId, *, after: int, limit: int) -> Sequence[tuple[int, RowError]]:
        await self.get(id)
        query = (
            select(import_errors)
            .where(e.import_id == id, e.position > after)
            .order_by(e.position)
            .limit(limit)
        )
        return [
            (
                row.position,
                RowError(row=row.row, field=row.field, rule=row.rule, message=row.message, value=row.value),
            )
            for row in await self.connection.execute(query)
        ]


@dataclass(frozen=True, slots=True)
class SqlImportQueue:
    """The ImportQueue port."""

    database: Database

    async def claim(self, owner: str, now: datetime, until: datetime) -> ImportJob | None:
        left = and_(i.state == JobState.RUNNING, i.lease_until < now)
        due = (
            select(*JOB)
            .where(or_(i.state == JobState.WAITING, left))
            .order_by(i.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        async with self.database.begin() as connection:
            row = (await connection.execute(due)).mappings().one_or_none()
            if row is None:
                return None
            taken = {"state": JobState.RUNNING, "owner": owner, "lease_until": until}
            await connection.execute(update(imports).where(i.id == row["id"]).values(taken))
            return replace(ImportJob(**row), state=JobState.RUNNING)


def _mine(organization: OrganizationId) -> Select[Any]:
    return select(*JOB).where(i.organization_id == organization)


async def _one(connection: AsyncConnection, query: Select[Any]) -> ImportJob:
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise ImportNotFound()
    return ImportJob(**row)
