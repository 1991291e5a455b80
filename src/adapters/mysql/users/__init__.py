"""Users, organisations, sessions and WABA links in SQL."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from msgspec.structs import asdict
from sqlalchemy import Column, Index, LargeBinary, MetaData, String, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import upsert
from tidings.adapters.mysql.engine import TABLE_OPTIONS, Database
from tidings.adapters.mysql.outbox import SqlOutbox, inbox_table, outbox_table
from tidings.adapters.mysql.types import Choice, Id, Moment, ascii_key
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.users import Begin, Work
from tidings.domain.kernel import OrganizationId, Role, UserId, WabaId
from tidings.domain.users import (
    Credential,
    EmailTaken,
    Membership,
    Organization,
    OrganizationNotFound,
    Session,
    SessionId,
    User,
    UserNotFound,
    Waba,
    WabaTaken,
)

metadata = MetaData()
outbox = outbox_table(metadata, "users")
inbox = inbox_table(metadata, "users")

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", ascii_key(254), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    **TABLE_OPTIONS,
)
credentials = Table(
    "users_credentials",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("password_hash", ascii_key(255), nullable=False),
    **TABLE_OPTIONS,
)
organizations = Table(
    "users_organizations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("physical_address", String(500), nullable=False),
    Column("city", String(200), nullable=False),
    Column("state", String(200), nullable=False),
    Column("zip_code", String(40), nullable=False),
    Column("country", String(100), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    **TABLE_OPTIONS,
)
memberships = Table(
    "users_memberships",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("user_id", Id, primary_key=True),
    Column("role", Choice(Role), nullable=False),
    Index("users_memberships_user", "user_id"),
    **TABLE_OPTIONS,
)
sessions = Table(
    "users_sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False, index=True),
    Column("organization_id", Id, nullable=False),
    Column("refresh_hash", ascii_key(64), nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    **TABLE_OPTIONS,
)
wabas = Table(
    "users_wabas",
    metadata,
    Column("waba_id", ascii_key(32), primary_key=True),
    Column("organization_id", Id, nullable=False, index=True),
    Column("connected_at", Moment, nullable=False),
    Column("sealed_token", LargeBinary(4096), nullable=False),
    **TABLE_OPTIONS,
)
_WABA = (wabas.c.waba_id, wabas.c.organization_id, wabas.c.connected_at)


@dataclass(frozen=True, slots=True)
class SqlUsers:
    connection: AsyncConnection

    async def add(self, user: User, credential: Credential) -> None:
        try:
            await self.connection.execute(insert(users).values(asdict(user)))
        except IntegrityError as error:
            raise _taken(error) from error
        await self.connection.execute(insert(credentials).values(asdict(credential)))

    async def get(self, id: UserId) -> User:
        row = (await self.connection.execute(select(users).where(users.c.id == id))).mappings().one_or_none()
        if row is None:
            raise UserNotFound()
        return User(**row)

    async def by_email(self, email: str) -> tuple[User, Credential] | None:
        query = (
            select(users, credentials.c.password_hash)
            .join(credentials, credentials.c.user_id == users.c.id)
            .where(users.c.email == email)
        )
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        user = User(**{name: row[name] for name in User.__struct_fields__})
        return user, Credential(user_id=user.id, password_hash=row["password_hash"])

    async def save(self, user: User) -> None:
        try:
            await self.connection.execute(update(users).where(users.c.id == user.id).values(asdict(user)))
        except IntegrityError as error:
            raise _taken(error) from error

    async def set_password(self, credential: Credential) -> None:
        await self.connection.execute(
            update(credentials)
            .where(credentials.c.user_id == credential.user_id)
            .values(password_hash=credential.password_hash)
        )


@dataclass(frozen=True, slots=True)
class SqlOrganizations:
    connection: AsyncConnection

    async def add(self, organization: Organization) -> None:
        await self.connection.execute(insert(organizations).values(asdict(organization)))

    async def get(self, id: OrganizationId) -> Organization:
        query = select(organizations).where(organizations.c.id == id)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise OrganizationNotFound()
        return Organization(**row)

    async def save(self, organization: Organization) -> None:
        await self.connection.execute(
            update(organizations).where(organizations.c.id == organization.id).values(asdict(organization))
        )

    async def join(self, membership: Membership) -> None:
        await self.connection.execute(insert(memberships).values(asdict(membership)))

    async def has(self, organization: OrganizationId, user: UserId) -> bool:
        query = select(memberships.c.role).where(
            memberships.c.organization_id == organization, memberships.c.user_id == user
        )
        return (await self.connection.execute(query)).first() is not None

    async def memberships(self, user: UserId) -> Sequence[Membership]:
        query = (
            select(memberships).where(memberships.c.user_id == user).order_by(memberships.c.organization_id)
        )
        return [Membership(**row) for row in (await self.connection.execute(query)).mappings()]

    async def owners(self, organization: OrganizationId | None) -> Sequence[Membership]:
        query = select(memberships).where(memberships.c.role == Role.OWNER)
        if organization is not None:
            query = query.where(memberships.c.organization_id == organization)
        query = query.order_by(memberships.c.organization_id)
        return [Membership(**row) for row in (await self.connection.execute(query)).mappings()]


@dataclass(frozen=True, slots=True)
class SqlSessions:
    connection: AsyncConnection

    async def add(self, session: Session) -> None:
        await self.connection.execute(insert(sessions).values(asdict(session)))

    async def end(self, id: SessionId) -> None:
        await self.connection.execute(delete(sessions).where(sessions.c.id == id))


@dataclass(frozen=True, slots=True)
class SqlWabas:
    connection: AsyncConnection

    async def put(self, waba: Waba, sealed_token: bytes) -> None:
        owner = await self.connection.execute(
            select(wabas.c.organization_id).where(wabas.c.waba_id == waba.waba_id).with_for_update()
        )
        if (owner_id := owner.scalar_one_or_none()) not in (None, waba.organization_id):
            raise WabaTaken(f"{waba.waba_id} belongs to another organisation." if owner_id else "")
        row = {**asdict(waba), "sealed_token": sealed_token}
        await upsert(self.connection, wabas, [row], keys=["waba_id"], change=["connected_at", "sealed_token"])

    async def of(self, organization: OrganizationId) -> Sequence[Waba]:
        query = select(*_WABA).where(wabas.c.organization_id == organization).order_by(wabas.c.waba_id)
        return [Waba(**row) for row in (await self.connection.execute(query)).mappings()]

    async def sealed(self, waba_id: WabaId) -> tuple[Waba, bytes] | None:
        query = select(*_WABA, wabas.c.sealed_token).where(wabas.c.waba_id == waba_id)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        return Waba(**{name: row[name] for name in Waba.__struct_fields__}), bytes(row["sealed_token"])


def users_in(database: Database, *, now: Now, new_id: NewId) -> tuple[Begin, Begin]:
    """Open transactions over the users context's tables: writing ones, and ones that only look."""

    def work(connection: AsyncConnection) -> Work:
        return Work(
            users=SqlUsers(connection),
            organizations=SqlOrganizations(connection),
            sessions=SqlSessions(connection),
            wabas=SqlWabas(connection),
            outbox=SqlOutbox(connection, outbox, now, new_id),
        )

    @asynccontextmanager
    async def begin() -> AsyncGenerator[Work]:
        async with database.begin() as connection:
            yield work(connection)

    @asynccontextmanager
    async def read() -> AsyncGenerator[Work]:
        async with database.reading() as connection:
            yield work(connection)

    return begin, read


def _taken(error: IntegrityError) -> Exception:
    return EmailTaken() if "email" in str(error.orig) else error
