"""Users, how they prove who they are, and second factors in SQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import insert_many, upsert
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.users.tables import (
    credentials,
    factors,
    identities,
    keys,
    letters,
    proofs,
    recovery_codes,
    refreshes,
    sessions,
    users,
)
from tidings.domain.kernel import OrganizationId, UserId
from tidings.domain.users import (
    ApiKey,
    ApiKeyId,
    Credential,
    EmailTaken,
    ExternalIdentity,
    Letter,
    Proof,
    Purpose,
    SecondFactor,
    User,
    UserNotFound,
)


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

    async def credential(self, id: UserId) -> Credential:
        query = select(credentials).where(credentials.c.user_id == id)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise UserNotFound()
        return Credential(**row)

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

    async def remove(self, id: UserId) -> None:
        mine = select(sessions.c.id).where(sessions.c.user_id == id)
        await self.connection.execute(delete(refreshes).where(refreshes.c.session_id.in_(mine)))
        for table in (sessions, keys, factors, recovery_codes, identities, credentials):
            await self.connection.execute(delete(table).where(table.c.user_id == id))
        await self.connection.execute(delete(users).where(users.c.id == id))

    async def identity(self, issuer: str, subject: str) -> UserId | None:
        query = select(identities.c.user_id).where(
            identities.c.issuer == issuer, identities.c.subject == subject
        )
        return (await self.connection.execute(query)).scalar_one_or_none()

    async def link(self, identity: ExternalIdentity) -> None:
        await self.connection.execute(insert(identities).values(asdict(identity)))


@dataclass(frozen=True, slots=True)
class SqlFactors:
    connection: AsyncConnection

    async def get(self, user: UserId) -> SecondFactor | None:
        query = select(factors).where(factors.c.user_id == user)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return None if row is None else SecondFactor(**row)

    async def put(self, factor: SecondFactor) -> None:
        change = ["sealed_secret", "confirmed_at", "last_step"]
        await upsert(self.connection, factors, [asdict(factor)], keys=["user_id"], change=change)

    async def advance(self, user: UserId, step: int) -> bool:
        noted = await self.connection.execute(
            update(factors)
            .where(factors.c.user_id == user, factors.c.last_step < step)
            .values(last_step=step)
        )
        return noted.rowcount == 1

    async def remove(self, user: UserId) -> None:
        await self.connection.execute(delete(factors).where(factors.c.user_id == user))
        await self.set_codes(user, ())

    async def set_codes(self, user: UserId, fingerprints: Collection[str]) -> None:
        await self.connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user))
        rows = [{"user_id": user, "fingerprint": each} for each in fingerprints]
        await insert_many(self.connection, recovery_codes, rows)

    async def spend_code(self, user: UserId, fingerprint: str) -> bool:
        spent = await self.connection.execute(
            delete(recovery_codes).where(
                recovery_codes.c.user_id == user, recovery_codes.c.fingerprint == fingerprint
            )
        )
        return spent.rowcount == 1

    async def codes_left(self, user: UserId) -> int:
        query = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user)
        return (await self.connection.execute(query)).scalar_one()


_KEY = tuple(keys.c[name] for name in ApiKey.__struct_fields__)


@dataclass(frozen=True, slots=True)
class SqlKeys:
    connection: AsyncConnection

    async def add(self, key: ApiKey, fingerprint: str) -> None:
        await self.connection.execute(insert(keys).values({**asdict(key), "fingerprint": fingerprint}))

    async def by_fingerprint(self, fingerprint: str) -> ApiKey | None:
        query = select(*_KEY).where(keys.c.fingerprint == fingerprint)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return None if row is None else ApiKey(**row)

    async def touch(self, id: ApiKeyId, at: datetime) -> None:
        earlier = or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < at)
        await self.connection.execute(update(keys).where(keys.c.id == id, earlier).values(last_used_at=at))

    async def of(self, organization: OrganizationId, user: UserId | None) -> Sequence[ApiKey]:
        query = select(*_KEY).where(keys.c.organization_id == organization).order_by(keys.c.id.desc())
        if user is not None:
            query = query.where(keys.c.user_id == user)
        return structs(ApiKey, await self.connection.execute(query))

    async def remove(self, id: ApiKeyId, organization: OrganizationId, user: UserId | None) -> ApiKey | None:
        mine = [keys.c.id == id, keys.c.organization_id == organization]
        if user is not None:
            mine.append(keys.c.user_id == user)
        row = (await self.connection.execute(select(*_KEY).where(*mine))).mappings().one_or_none()
        if row is None:
            return None
        await self.connection.execute(delete(keys).where(*mine))
        return ApiKey(**row)


@dataclass(frozen=True, slots=True)
class SqlProofs:
    connection: AsyncConnection

    async def put(self, proof: Proof) -> None:
        await self.void(proof.purpose, proof.subject)
        await self.connection.execute(insert(proofs).values(asdict(proof)))

    async def get(self, fingerprint: str, purpose: Purpose, now: datetime) -> Proof | None:
        query = select(proofs).where(proofs.c.fingerprint == fingerprint, proofs.c.purpose == purpose)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        proof = None if row is None else Proof(**row)
        return proof if proof and now < proof.ends_at else None

    async def take(self, fingerprint: str, purpose: Purpose, now: datetime) -> Proof | None:
        proof = await self.get(fingerprint, purpose, now)
        if proof is None:
            return None
        spent = await self.connection.execute(delete(proofs).where(proofs.c.fingerprint == fingerprint))
        return proof if spent.rowcount == 1 else None

    async def void(self, purpose: Purpose, subject: str) -> None:
        await self.connection.execute(
            delete(proofs).where(proofs.c.purpose == purpose, proofs.c.subject == subject)
        )


@dataclass(frozen=True, slots=True)
class SqlLetters:
    connection: AsyncConnection

    async def put(self, letter: Letter) -> None:
        await self.connection.execute(insert(letters).values(asdict(letter)))

    async def due(self, now: datetime, limit: int) -> Sequence[Letter]:
        query = select(letters).where(letters.c.due_at <= now).order_by(letters.c.due_at).limit(limit)
        return structs(Letter, await self.connection.execute(query))

    async def postpone(self, letter: Letter) -> bool:
        moved = await self.connection.execute(
            update(letters)
            .where(letters.c.id == letter.id, letters.c.attempts == letter.attempts - 1)
            .values(attempts=letter.attempts, due_at=letter.due_at)
        )
        return moved.rowcount == 1

    async def done(self, letter: Letter) -> None:
        await self.connection.execute(delete(letters).where(letters.c.id == letter.id))


def _taken(error: IntegrityError) -> Exception:
    return EmailTaken() if "email" in str(error.orig) else error
