"""Templates, and the accounts they belong to, in SQL."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    func,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import insert_many, insert_missing, update_many
from tidings.adapters.mysql.engine import TABLE_OPTIONS, Database
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox, inbox_table, outbox_table
from tidings.adapters.mysql.types import Choice, Id, Json, Moment, ascii_key
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.templates import Account, Begin, Look, Reading, TemplateFilter, Work
from tidings.domain.kernel import OrganizationId, Page, TemplateId, WabaId
from tidings.domain.templates.components import Category, Component, ParameterFormat
from tidings.domain.templates.likeness import wording
from tidings.domain.templates.refusals import NameTaken, TemplateNotFound
from tidings.domain.templates.template import Quality, Status, Template

metadata = MetaData()
outbox = outbox_table(metadata, "templates")
inbox = inbox_table(metadata, "templates")

templates = Table(
    "templates",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("waba_id", ascii_key(32), nullable=False),
    Column("name", ascii_key(512), nullable=False),
    Column("language", ascii_key(16), nullable=False),
    Column("category", Choice(Category), nullable=False),
    Column("components", Json(tuple[Component, ...]), nullable=False),
    Column("parameter_format", Choice(ParameterFormat), nullable=False),
    Column("message_send_ttl_seconds", Integer),
    Column("meta_template_id", ascii_key(32)),
    Column("status", Choice(Status), nullable=False),
    Column("reason", Text),
    Column("status_at", Moment, nullable=False),
    Column("quality", Choice(Quality), nullable=False),
    Column("quality_at", Moment),
    Column("next_category", Choice(Category)),
    Column("unreadable", Text),
    Column("edited_at", Json(tuple[datetime, ...]), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    # A digest of the words that Meta takes once in a language.
    Column("words", ascii_key(64)),
    # What may be there once: the name and language of one that is not deleted; else nothing but itself.
    Column("slot", ascii_key(560), nullable=False),
    Index("templates_slot", "organization_id", "waba_id", "slot", unique=True),
    Index("templates_words", "organization_id", "waba_id", "words"),
    # Lists of an organisation, newest first.
    Index("templates_list", "organization_id", "id"),
    # What a webhook speaks of.
    Index("templates_meta", "organization_id", "waba_id", "meta_template_id"),
    **TABLE_OPTIONS,
)

accounts = Table(
    "templates_accounts",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("waba_id", ascii_key(32), primary_key=True),
    Column("due_at", Moment, nullable=False),
    Column("synced_at", Moment),
    # The latest moment for which a sync was asked: one that began before does not count for it.
    Column("wanted_at", Moment),
    Column("held_until", Moment),
    # Which are due.
    Index("templates_accounts_due", "due_at"),
    **TABLE_OPTIONS,
)

t = templates.c
a = accounts.c
FIELDS = tuple(t[name] for name in Template.__struct_fields__)
MUTABLE = tuple(c.name for c in t if c.name not in ("id", "organization_id", "waba_id", "created_at"))


@dataclass(frozen=True, slots=True)
class SqlTemplates:
    """The TemplateStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def add(self, *new: Template) -> None:
        try:
            await insert_many(self.connection, templates, [_row(template) for template in new])
        except IntegrityError as error:
            raise _taken(error) from error

    async def save(self, *changed: Template) -> None:
        rows = [_row(template) for template in changed]
        try:
            await update_many(self.connection, templates, rows, key="id", change=MUTABLE)
        except IntegrityError as error:
            raise _taken(error) from error

    async def get(self, id: TemplateId) -> Template:
        return _one(await self._locked(t.id == id))

    async def find(self, waba_id: WabaId, name: str, language: str) -> Template | None:
        slot = _slot_of(name, language)
        return next(iter(await self._locked(and_(t.waba_id == waba_id, t.slot == slot))), None)

    async def known(self, waba_id: WabaId, meta_template_id: str) -> Template | None:
        found = await self._locked(and_(t.waba_id == waba_id, t.meta_template_id == meta_template_id))
        return next(iter(found), None)

    async def twin(self, waba_id: WabaId, language: str, wording: str) -> Template | None:
        known = t.status.not_in([Status.DELETED, Status.REJECTED, Status.DRAFT])
        found = await self._locked(
            and_(t.waba_id == waba_id, t.words == _digest(wording), t.language == language, known)
        )
        return next(iter(found), None)

    async def submitted_since(self, waba_id: WabaId, at: datetime) -> int:
        mine = and_(t.organization_id == self.organization, t.waba_id == waba_id)
        query = select(func.count()).where(mine, t.created_at > at)
        return (await self.connection.execute(query)).scalar_one()

    async def of_account(self, waba_id: WabaId) -> Sequence[Template]:
        return await self._locked(t.waba_id == waba_id)

    async def _locked(self, chosen: ColumnElement[bool]) -> Sequence[Template]:
        return await _read(self.connection, _mine(self.organization).where(chosen).with_for_update())


@dataclass(frozen=True, slots=True)
class SqlTemplateReader:
    """The TemplateReader port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def get(self, id: TemplateId) -> Template:
        return _one(await _read(self.connection, _mine(self.organization).where(t.id == id)))

    async def named(self, waba_id: WabaId, name: str) -> Sequence[Template]:
        chosen = and_(t.waba_id == waba_id, t.slot.startswith(f"{name}:", autoescape=True))
        return await _read(self.connection, _mine(self.organization).where(chosen).order_by(t.language))

    async def page(
        self, wanted: TemplateFilter, *, cursor: str | None, limit: int, number: int | None = None
    ) -> Page[Template]:
        chosen = _filter(wanted)
        query = _mine(self.organization).where(chosen).order_by(t.id.desc()).limit(limit + 1)
        total: int | None = None
        if number is not None:
            query = query.offset((number - 1) * limit)
            counted = select(func.count()).where(t.organization_id == self.organization, chosen)
            total = (await self.connection.execute(counted)).scalar_one()
        elif cursor is not None:
            query = query.where(t.id < decode_cursor(cursor))
        found = await _read(self.connection, query)
        more = len(found) > limit
        return Page(
            items=found[:limit],
            next_cursor=encode_cursor(found[limit - 1].id) if more else None,
            total=total,
        )


@dataclass(frozen=True, slots=True)
class SqlAccounts:
    """The AccountStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def want(self, waba_id: WabaId, at: datetime) -> None:
        row = {"organization_id": self.organization, "waba_id": waba_id, "due_at": at}
        await insert_missing(self.connection, accounts, [row])
        this = self._this(waba_id)
        later = a.wanted_at.is_(None) | (a.wanted_at < at)
        await self.connection.execute(update(accounts).where(this, a.due_at > at).values(due_at=at))
        await self.connection.execute(update(accounts).where(this, later).values(wanted_at=at))

    async def synced(self, waba_id: WabaId, at: datetime, due_at: datetime) -> None:
        row = {"organization_id": self.organization, "waba_id": waba_id, "due_at": due_at}
        await insert_missing(self.connection, accounts, [row])
        this = self._this(waba_id)
        served = a.wanted_at.is_(None) | (a.wanted_at <= at)
        await self.connection.execute(
            update(accounts).where(this, ~served).values(due_at=a.wanted_at, synced_at=at, held_until=None)
        )
        await self.connection.execute(
            update(accounts)
            .where(this, served)
            .values(due_at=due_at, synced_at=at, held_until=None, wanted_at=None)
        )

    async def postpone(self, waba_id: WabaId, until: datetime) -> None:
        await self.connection.execute(
            update(accounts).where(self._this(waba_id)).values(due_at=until, held_until=None)
        )

    def _this(self, waba_id: WabaId) -> ColumnElement[bool]:
        return and_(a.organization_id == self.organization, a.waba_id == waba_id)


@dataclass(frozen=True, slots=True)
class SqlDueAccounts:
    """The DueAccounts port."""

    database: Database

    async def claim(self, now: datetime, until: datetime, limit: int) -> Sequence[Account]:
        due = and_(a.due_at <= now, a.held_until.is_(None) | (a.held_until <= now))
        query = select(a.organization_id, a.waba_id, a.due_at, a.synced_at).where(due)
        query = query.order_by(a.due_at).limit(limit).with_for_update(skip_locked=True)
        async with self.database.begin() as connection:
            found = [Account(**row) for row in (await connection.execute(query)).mappings()]
            for account in found:
                this = and_(a.organization_id == account.organization_id, a.waba_id == account.waba_id)
                await connection.execute(update(accounts).where(this).values(held_until=until))
        return found


def templates_in(database: Database, *, now: Now, new_id: NewId) -> Begin:
    """Open writing transactions over the templates context's tables."""

    @asynccontextmanager
    async def begin(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.begin() as connection:
            yield Work(
                templates=SqlTemplates(connection, organization),
                accounts=SqlAccounts(connection, organization),
                outbox=SqlOutbox(connection, outbox, now, new_id),
                inbox=SqlInbox(connection, inbox, now),
            )

    return begin


def templates_read_from(database: Database) -> Reading:
    """Open looks at the templates context's tables."""

    @asynccontextmanager
    async def reading(organization: OrganizationId) -> AsyncGenerator[Look]:
        async with database.reading() as connection:
            yield Look(templates=SqlTemplateReader(connection, organization))

    return reading


def _mine(organization: OrganizationId) -> Select[Any]:
    return select(*FIELDS).where(t.organization_id == organization)


def _filter(wanted: TemplateFilter) -> ColumnElement[bool]:
    chosen = [t.status != Status.DELETED if wanted.status is None else t.status == wanted.status]
    if wanted.category is not None:
        chosen.append(t.category == wanted.category)
    if wanted.language is not None:
        chosen.append(t.language == wanted.language)
    if wanted.name:
        chosen.append(t.name.contains(wanted.name.lower(), autoescape=True))
    if wanted.waba_id is not None:
        chosen.append(t.waba_id == wanted.waba_id)
    return and_(*chosen)


async def _read(connection: AsyncConnection, query: Select[Any]) -> list[Template]:
    return [Template(**row) for row in (await connection.execute(query)).mappings()]


def _one(found: Sequence[Template]) -> Template:
    if not found:
        raise TemplateNotFound()
    return found[0]


def _row(template: Template) -> dict[str, Any]:
    slot = _slot_of(template.name, template.language)
    said = wording(template.category, template.components)
    return {
        **asdict(template),
        "words": None if said is None else _digest(said),
        "slot": f"!{template.id.hex}" if template.status is Status.DELETED else slot,
    }


def _digest(wording: str) -> str:
    return hashlib.sha256(wording.encode()).hexdigest()


def _slot_of(name: str, language: str) -> str:
    return f"{name}:{language}"


def _taken(error: IntegrityError) -> Exception:
    """Servers name the key, SQLite its columns."""
    said = str(error.orig)
    return NameTaken() if "templates_slot" in said or "templates.slot" in said else error
