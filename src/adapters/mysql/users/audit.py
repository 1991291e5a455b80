"""The audit log in SQL: appended under the lock of its organisation's head, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import asdict
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.cursors import decode_number, encode_text
from tidings.adapters.mysql.dialect import insert_many, insert_missing
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.users.tables import audit, audit_heads
from tidings.application.ports.users import AuditFilter
from tidings.domain.kernel import OrganizationId, Page
from tidings.domain.users import AuditEntry, AuditHead, chained


@dataclass(frozen=True, slots=True)
class SqlAudit:
    connection: AsyncConnection

    async def append(self, *entries: AuditEntry) -> None:
        for organization in sorted({entry.organization_id for entry in entries}):
            head = await self._head(organization)
            own = [entry for entry in entries if entry.organization_id == organization]
            linked, head = chained(head, own)
            await insert_many(self.connection, audit, [asdict(entry) for entry in linked])
            await self.connection.execute(
                update(audit_heads).where(audit_heads.c.organization_id == organization).values(asdict(head))
            )

    async def page(
        self, organization: OrganizationId, wanted: AuditFilter, *, cursor: str | None, limit: int
    ) -> Page[AuditEntry]:
        query = select(audit).where(audit.c.organization_id == organization)
        if wanted.user_id is not None:
            query = query.where(audit.c.user_id == wanted.user_id)
        if wanted.what is not None and wanted.what.endswith(":"):
            query = query.where(audit.c.what.startswith(wanted.what, autoescape=True))
        elif wanted.what is not None:
            query = query.where(audit.c.what == wanted.what)
        if wanted.subject is not None:
            query = query.where(audit.c.subject == wanted.subject)
        if wanted.since is not None:
            query = query.where(audit.c.at >= wanted.since)
        if wanted.until is not None:
            query = query.where(audit.c.at < wanted.until)
        if cursor is not None:
            query = query.where(audit.c.seq < decode_number(cursor))
        query = query.order_by(audit.c.seq.desc()).limit(limit + 1)
        found = structs(AuditEntry, await self.connection.execute(query))
        more = encode_text(str(found[limit - 1].seq)) if len(found) > limit else None
        return Page(items=found[:limit], next_cursor=more)

    async def following(self, organization: OrganizationId, seq: int, limit: int) -> Sequence[AuditEntry]:
        query = (
            select(audit)
            .where(audit.c.organization_id == organization, audit.c.seq > seq)
            .order_by(audit.c.seq)
            .limit(limit)
        )
        return structs(AuditEntry, await self.connection.execute(query))

    async def length(self, organization: OrganizationId) -> int:
        query = select(audit_heads.c.seq).where(audit_heads.c.organization_id == organization)
        return (await self.connection.execute(query)).scalar_one_or_none() or 0

    async def _head(self, organization: OrganizationId) -> AuditHead:
        fresh = {"organization_id": organization, "seq": 0, "digest": ""}
        await insert_missing(self.connection, audit_heads, [fresh])
        query = select(audit_heads.c.seq, audit_heads.c.digest).where(
            audit_heads.c.organization_id == organization
        )
        return AuditHead(**(await self.connection.execute(query.with_for_update())).mappings().one())
