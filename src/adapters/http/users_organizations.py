"""Organisations, members, invitations, roles and the audit log over HTTP."""

from datetime import datetime
from typing import Annotated

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from tidings.adapters.http.envelope import Done, Listing, Reply, listing, reply
from tidings.application.ports.users import AuditFilter, Member
from tidings.application.users import (
    Audit,
    AuditVerdict,
    Invitations,
    InvitationView,
    MemberChange,
    NewInvitation,
    NewRole,
    OrganizationChange,
    Organizations,
    Roles,
)
from tidings.domain.kernel import Actor, Permission, UserId
from tidings.domain.users import (
    AuditEntry,
    CustomRole,
    InvitationId,
    Membership,
    Organization,
    RoleId,
)

Limit = Annotated[int, QueryParameter(ge=1, le=100)]


class OrganizationController(Controller):
    path = "/api/organization"
    tags = ["Organizations"]

    @get("/", permission=Permission.ORGANIZATION_READ)
    async def one(
        self, organizations: NamedDependency[Organizations], actor: NamedDependency[Actor]
    ) -> Reply[Organization]:
        """The organisation of the token."""
        return reply(await organizations.get(actor))

    @post("/", signed_in=True, permission=None)
    async def create(
        self,
        organizations: NamedDependency[Organizations],
        actor: NamedDependency[Actor],
        data: JSONBody[OrganizationChange],
    ) -> Reply[Organization]:
        """Name the organisation that came with signing up; once it has a name, make a further one."""
        made, further = await organizations.create(actor, data)
        return reply(
            made, "Organization created; switch to it to work there" if further else "Organization created"
        )

    @put("/", permission=Permission.ORGANIZATION_WRITE)
    async def change(
        self,
        organizations: NamedDependency[Organizations],
        actor: NamedDependency[Actor],
        data: JSONBody[OrganizationChange],
    ) -> Reply[Organization]:
        """Set the organisation's details."""
        return reply(await organizations.change(actor, data), "Organization updated")

    @get("/members", permission=Permission.MEMBERS_READ)
    async def members(
        self,
        organizations: NamedDependency[Organizations],
        actor: NamedDependency[Actor],
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> Listing[Member]:
        """Who belongs to the organisation, and as what."""
        return listing(await organizations.members(actor, cursor=cursor, limit=limit), limit=limit)

    @put("/members/{id:uuid}", permission=Permission.MEMBERS_WRITE)
    async def change_member(
        self,
        organizations: NamedDependency[Organizations],
        actor: NamedDependency[Actor],
        id: FromPath[UserId],
        data: JSONBody[MemberChange],
    ) -> Reply[Membership]:
        """Give another role, suspend or readmit; the member's sign-ins here end at once."""
        return reply(await organizations.change_member(actor, id, data), "Member updated")

    @delete("/members/{id:uuid}", status_code=200, permission=Permission.MEMBERS_WRITE)
    async def remove_member(
        self,
        organizations: NamedDependency[Organizations],
        actor: NamedDependency[Actor],
        id: FromPath[UserId],
    ) -> Done:
        """Remove a member, from the teams as well."""
        await organizations.remove_member(actor, id)
        return Done(message="Member removed")

    @post("/leave", status_code=200, signed_in=True, permission=None)
    async def leave(
        self, organizations: NamedDependency[Organizations], actor: NamedDependency[Actor]
    ) -> Done:
        """Leave the organisation of the token."""
        await organizations.leave(actor)
        return Done(message="You left the organization")


class InvitationController(Controller):
    path = "/api/organization/invitations"
    tags = ["Organizations"]

    @post("/", permission=Permission.MEMBERS_WRITE)
    async def invite(
        self,
        invitations: NamedDependency[Invitations],
        actor: NamedDependency[Actor],
        data: JSONBody[NewInvitation],
    ) -> Reply[InvitationView]:
        """Invite somebody by e-mail."""
        return reply(await invitations.invite(actor, data), "Invitation sent")

    @get("/", permission=Permission.MEMBERS_READ)
    async def page(
        self,
        invitations: NamedDependency[Invitations],
        actor: NamedDependency[Actor],
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> Listing[InvitationView]:
        """Invitations and where they stand, newest first."""
        return listing(await invitations.page(actor, cursor=cursor, limit=limit), limit=limit)

    @post("/{id:uuid}/resend", status_code=200, permission=Permission.MEMBERS_WRITE)
    async def send_again(
        self,
        invitations: NamedDependency[Invitations],
        actor: NamedDependency[Actor],
        id: FromPath[InvitationId],
    ) -> Reply[InvitationView]:
        """A fresh letter and a fresh week; the old link is void."""
        return reply(await invitations.send_again(actor, id), "Invitation sent again")

    @delete("/{id:uuid}", status_code=200, permission=Permission.MEMBERS_WRITE)
    async def revoke(
        self,
        invitations: NamedDependency[Invitations],
        actor: NamedDependency[Actor],
        id: FromPath[InvitationId],
    ) -> Done:
        """Take an invitation back."""
        await invitations.revoke(actor, id)
        return Done(message="Invitation revoked")


class RoleController(Controller):
    path = "/api/organization/roles"
    tags = ["Organizations"]

    @get("/", permission=Permission.MEMBERS_READ)
    async def all(
        self, roles: NamedDependency[Roles], actor: NamedDependency[Actor]
    ) -> Reply[list[CustomRole]]:
        """The roles that the organisation made."""
        return reply([*await roles.all(actor)])

    @post("/", permission=Permission.MEMBERS_WRITE)
    async def add(
        self, roles: NamedDependency[Roles], actor: NamedDependency[Actor], data: JSONBody[NewRole]
    ) -> Reply[CustomRole]:
        """Make a role of `resource:action` permissions; nobody can give what they do not have."""
        return reply(await roles.add(actor, data), "Role created")

    @put("/{id:uuid}", permission=Permission.MEMBERS_WRITE)
    async def change(
        self,
        roles: NamedDependency[Roles],
        actor: NamedDependency[Actor],
        id: FromPath[RoleId],
        data: JSONBody[NewRole],
    ) -> Reply[CustomRole]:
        """Change a role; it holds at once for everybody who has it."""
        return reply(await roles.change(actor, id, data), "Role updated")

    @delete("/{id:uuid}", status_code=200, permission=Permission.MEMBERS_WRITE)
    async def remove(
        self, roles: NamedDependency[Roles], actor: NamedDependency[Actor], id: FromPath[RoleId]
    ) -> Done:
        """Remove a role that nobody has."""
        await roles.remove(actor, id)
        return Done(message="Role deleted")


class AuditController(Controller):
    path = "/api/audit"
    tags = ["Audit"]

    @get("/", permission=Permission.AUDIT_READ)
    async def page(
        self,
        audit: NamedDependency[Audit],
        actor: NamedDependency[Actor],
        user_id: Annotated[UserId | None, QueryParameter(name="userId")] = None,
        what: FromQuery[str | None] = None,
        subject: FromQuery[str | None] = None,
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> Listing[AuditEntry]:
        """Who changed what, when and from where, newest first; `what` may be a resource such as `member:`."""
        wanted = AuditFilter(user_id=user_id, what=what, subject=subject, since=since, until=until)
        return listing(await audit.page(actor, wanted, cursor=cursor, limit=limit), limit=limit)

    @get("/verify", permission=Permission.AUDIT_READ)
    async def verify(
        self, audit: NamedDependency[Audit], actor: NamedDependency[Actor]
    ) -> Reply[AuditVerdict]:
        """Whether the log is as it was written."""
        return reply(await audit.verify(actor))
