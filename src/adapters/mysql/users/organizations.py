"""Organisations, memberships, roles and invitations in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import asdict
from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import insert_missing
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.users.sessions import SqlSessions
from tidings.adapters.mysql.users.tables import (
    invitations,
    keys,
    memberships,
    organizations,
    roles,
    users,
    wabas,
)
from tidings.application.ports.users import Member, Standing
from tidings.domain.kernel import OrganizationId, Page, Role, UserId
from tidings.domain.users import (
    CustomRole,
    Invitation,
    InvitationId,
    InvitationNotFound,
    Membership,
    Organization,
    OrganizationNotFound,
    RoleId,
    RoleInUse,
    RoleNameTaken,
    RoleNotFound,
    User,
)

_ROLE = tuple(roles.c[name].label(f"custom_{name}") for name in CustomRole.__struct_fields__)


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

    async def of_user(self, user: UserId) -> Sequence[Organization]:
        query = (
            select(organizations)
            .join(memberships, memberships.c.organization_id == organizations.c.id)
            .where(memberships.c.user_id == user)
            .order_by(memberships.c.joined_at, organizations.c.id)
        )
        return structs(Organization, await self.connection.execute(query))

    async def save(self, organization: Organization) -> None:
        await self.connection.execute(
            update(organizations).where(organizations.c.id == organization.id).values(asdict(organization))
        )

    async def close(self, id: OrganizationId) -> None:
        for table in (roles, keys, invitations, wabas, memberships):
            await self.connection.execute(delete(table).where(table.c.organization_id == id))
        await self.connection.execute(delete(organizations).where(organizations.c.id == id))

    async def join(self, membership: Membership) -> None:
        await insert_missing(self.connection, memberships, [asdict(membership)])

    async def standing(self, organization: OrganizationId, user: UserId) -> Standing | None:
        query = (
            select(memberships, *_ROLE)
            .outerjoin(
                roles,
                and_(roles.c.id == memberships.c.role_id, roles.c.organization_id == organization),
            )
            .where(memberships.c.organization_id == organization, memberships.c.user_id == user)
        )
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        custom = None
        if row["custom_id"] is not None:
            custom = CustomRole(**{name: row[f"custom_{name}"] for name in CustomRole.__struct_fields__})
        found = Membership(**{name: row[name] for name in Membership.__struct_fields__})
        return Standing(membership=found, custom=custom)

    async def set_membership(self, membership: Membership) -> None:
        await self.connection.execute(
            update(memberships)
            .where(
                memberships.c.organization_id == membership.organization_id,
                memberships.c.user_id == membership.user_id,
            )
            .values(asdict(membership))
        )

    async def leave(self, organization: OrganizationId, user: UserId) -> None:
        for table in (memberships, keys):
            await self.connection.execute(
                delete(table).where(table.c.organization_id == organization, table.c.user_id == user)
            )
        await SqlSessions(self.connection).end_of(user, organization=organization)

    async def memberships(self, user: UserId) -> Sequence[Membership]:
        query = (
            select(memberships)
            .where(memberships.c.user_id == user)
            .order_by(memberships.c.joined_at, memberships.c.organization_id)
        )
        return structs(Membership, await self.connection.execute(query))

    async def owners(self, organization: OrganizationId | None) -> Sequence[Membership]:
        query = select(memberships).where(
            memberships.c.role == Role.OWNER, memberships.c.suspended_at.is_(None)
        )
        if organization is not None:
            query = query.where(memberships.c.organization_id == organization).with_for_update()
        query = query.order_by(memberships.c.organization_id, memberships.c.user_id)
        return structs(Membership, await self.connection.execute(query))

    async def members(self, organization: OrganizationId, *, cursor: str | None, limit: int) -> Page[Member]:
        person = tuple(users.c[name].label(f"person_{name}") for name in User.__struct_fields__)
        query = (
            select(memberships, *person)
            .join(users, users.c.id == memberships.c.user_id)
            .where(memberships.c.organization_id == organization)
            .order_by(memberships.c.user_id)
            .limit(limit + 1)
        )
        if cursor is not None:
            query = query.where(memberships.c.user_id > decode_cursor(cursor))
        found = [
            Member(
                user=User(**{name: row[f"person_{name}"] for name in User.__struct_fields__}),
                membership=Membership(**{name: row[name] for name in Membership.__struct_fields__}),
            )
            for row in (await self.connection.execute(query)).mappings()
        ]
        more = encode_cursor(found[limit - 1].user.id) if len(found) > limit else None
        return Page(items=found[:limit], next_cursor=more)


@dataclass(frozen=True, slots=True)
class SqlRoles:
    connection: AsyncConnection

    async def add(self, role: CustomRole) -> None:
        try:
            await self.connection.execute(insert(roles).values(asdict(role)))
        except IntegrityError as error:
            raise _name_taken(error) from error

    async def get(self, organization: OrganizationId, id: RoleId) -> CustomRole:
        query = select(roles).where(roles.c.id == id, roles.c.organization_id == organization)
        row = (await self.connection.execute(query.with_for_update())).mappings().one_or_none()
        if row is None:
            raise RoleNotFound()
        return CustomRole(**row)

    async def save(self, role: CustomRole) -> None:
        try:
            await self.connection.execute(update(roles).where(roles.c.id == role.id).values(asdict(role)))
        except IntegrityError as error:
            raise _name_taken(error) from error

    async def remove(self, organization: OrganizationId, id: RoleId) -> None:
        waiting = select(invitations.c.id).where(
            invitations.c.role_id == id,
            invitations.c.accepted_at.is_(None),
            invitations.c.revoked_at.is_(None),
        )
        held = select(memberships.c.user_id).where(memberships.c.role_id == id)
        for query in (held, waiting):
            if (await self.connection.execute(query.limit(1))).first() is not None:
                raise RoleInUse()
        await self.connection.execute(
            delete(roles).where(roles.c.id == id, roles.c.organization_id == organization)
        )

    async def of(self, organization: OrganizationId) -> Sequence[CustomRole]:
        query = select(roles).where(roles.c.organization_id == organization).order_by(roles.c.name)
        return structs(CustomRole, await self.connection.execute(query))


@dataclass(frozen=True, slots=True)
class SqlInvitations:
    connection: AsyncConnection

    async def add(self, invitation: Invitation) -> None:
        await self.connection.execute(insert(invitations).values(asdict(invitation)))

    async def get(self, id: InvitationId, organization: OrganizationId | None = None) -> Invitation:
        query = select(invitations).where(invitations.c.id == id).with_for_update()
        if organization is not None:
            query = query.where(invitations.c.organization_id == organization)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise InvitationNotFound()
        return Invitation(**row)

    async def save(self, invitation: Invitation) -> None:
        await self.connection.execute(
            update(invitations).where(invitations.c.id == invitation.id).values(asdict(invitation))
        )

    async def open_for(self, organization: OrganizationId, email: str) -> Invitation | None:
        query = (
            select(invitations)
            .where(
                invitations.c.organization_id == organization,
                invitations.c.email == email,
                invitations.c.accepted_at.is_(None),
                invitations.c.revoked_at.is_(None),
            )
            .order_by(invitations.c.id.desc())
            .limit(1)
        )
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return None if row is None else Invitation(**row)

    async def page(self, organization: OrganizationId, *, cursor: str | None, limit: int) -> Page[Invitation]:
        query = select(invitations).where(invitations.c.organization_id == organization)
        if cursor is not None:
            query = query.where(invitations.c.id < decode_cursor(cursor))
        query = query.order_by(invitations.c.id.desc()).limit(limit + 1)
        found = structs(Invitation, await self.connection.execute(query))
        more = encode_cursor(found[limit - 1].id) if len(found) > limit else None
        return Page(items=found[:limit], next_cursor=more)


def _name_taken(error: IntegrityError) -> Exception:
    said = str(error.orig)
    return RoleNameTaken() if "users_roles_name" in said or "users_roles.name" in said else error
