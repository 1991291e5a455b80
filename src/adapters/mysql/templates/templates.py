"""Templates: a store that writes and locks, and a reader that does neither."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import insert_many, update_many
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.templates.tables import FIELDS, MUTABLE, t, templates
from tidings.application.ports.templates import TemplateFilter
from tidings.domain.kernel import OrganizationId, Page, TemplateId, WabaId
from tidings.domain.templates.likeness import wording
from tidings.domain.templates.refusals import NameTaken, TemplateNotFound
from tidings.domain.templates.template import Status, Template


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
    return structs(Template, await connection.execute(query))


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
