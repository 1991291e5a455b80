"""Sign-ins and their refresh tokens in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.users.tables import proofs, refreshes, sessions, users
from tidings.domain.kernel import OrganizationId, UserId
from tidings.domain.users import Session, SessionId


@dataclass(frozen=True, slots=True)
class SqlSessions:
    connection: AsyncConnection

    async def add(self, session: Session, refresh: str) -> None:
        await self.connection.execute(insert(sessions).values(asdict(session)))
        await self._lend(session, refresh)

    async def get(self, id: SessionId) -> Session | None:
        query = select(sessions).where(sessions.c.id == id)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return None if row is None else Session(**row)

    async def spend(self, refresh: str, now: datetime) -> tuple[Session | None, bool]:
        query = select(sessions).join(refreshes, refreshes.c.session_id == sessions.c.id)
        found = await self.connection.execute(query.where(refreshes.c.fingerprint == refresh))
        row = found.mappings().one_or_none()
        if row is None:
            return None, False
        spent = await self.connection.execute(
            update(refreshes)
            .where(refreshes.c.fingerprint == refresh, refreshes.c.spent_at.is_(None))
            .values(spent_at=now)
        )
        return Session(**row), spent.rowcount == 1

    async def renew(self, session: Session, refresh: str) -> None:
        await self.connection.execute(
            update(sessions).where(sessions.c.id == session.id).values(asdict(session))
        )
        await self._lend(session, refresh)

    async def end(self, id: SessionId) -> None:
        await self.connection.execute(delete(refreshes).where(refreshes.c.session_id == id))
        await self.connection.execute(delete(sessions).where(sessions.c.id == id))

    async def end_of(
        self, user: UserId, *, organization: OrganizationId | None = None, keep: SessionId | None = None
    ) -> None:
        these = [sessions.c.user_id == user]
        if organization is not None:
            these.append(sessions.c.organization_id == organization)
        if keep is not None:
            these.append(sessions.c.id != keep)
        chosen = select(sessions.c.id).where(*these)
        await self.connection.execute(delete(refreshes).where(refreshes.c.session_id.in_(chosen)))
        await self.connection.execute(delete(sessions).where(*these))

    async def of(self, user: UserId) -> Sequence[Session]:
        query = select(sessions).where(sessions.c.user_id == user).order_by(sessions.c.id.desc())
        return structs(Session, await self.connection.execute(query))

    async def familiar(self, email: str, origin: str) -> bool:
        query = (
            select(sessions.c.id)
            .join(users, users.c.id == sessions.c.user_id)
            .where(users.c.email == email, sessions.c.origin == origin)
            .limit(1)
        )
        return (await self.connection.execute(query)).first() is not None

    async def sweep(self, before: datetime) -> None:
        ended = select(sessions.c.id).where(sessions.c.ends_at < before)
        await self.connection.execute(delete(refreshes).where(refreshes.c.session_id.in_(ended)))
        await self.connection.execute(delete(sessions).where(sessions.c.ends_at < before))
        await self.connection.execute(delete(proofs).where(proofs.c.ends_at < before))

    async def _lend(self, session: Session, refresh: str) -> None:
        await self.connection.execute(
            insert(refreshes).values(fingerprint=refresh, session_id=session.id, spent_at=None)
        )
