"""Organisations, who belongs to them, and what each member may do and give away."""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from msgspec import Struct

from tidings.domain.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from tidings.domain.kernel import RIGHTS, Actor, OrganizationId, Permission, Role, UserId, WabaId

RoleId = NewType("RoleId", UUID)
InvitationId = NewType("InvitationId", UUID)


class OrganizationNotFound(NotFound):
    """There is no such organisation."""


class SeveralOrganizations(Conflict):
    """There are several organisations: say which one."""


class MemberNotFound(NotFound):
    """The organisation has no such member."""


class RoleNotFound(NotFound):
    """The organisation has no such role."""


class RoleNameTaken(Conflict):
    """The organisation has a role of this name already."""


class RoleInUse(Conflict):
    """Members or invitations still have this role: give them another first."""


class BadRole(Invalid):
    """The role cannot be made like this."""


class InvitationNotFound(NotFound):
    """The organisation has no such invitation."""


class InvitationSpent(Conflict):
    """The invitation was accepted or taken back."""


class LastOwner(Conflict):
    """An organisation needs an owner: make somebody else one first."""


class MoreThanYouHave(Forbidden):
    """Nobody can give, take or change rights that they do not have themselves."""


class NotYourself(Conflict):
    """Ask another member to change what you may do."""


class WabaTaken(Conflict):
    """This WhatsApp Business Account is connected to another organisation."""


class WabaNotFound(NotFound):
    """The organisation has no such WhatsApp Business Account."""


class Organization(Struct, frozen=True, kw_only=True, rename="camel"):
    """A tenant: everything belongs to one."""

    id: OrganizationId
    name: str
    physical_address: str = ""
    city: str = ""
    state: str = ""
    zip_code: str = ""
    country: str = ""
    personal: bool = False
    """Made at sign-up and not named since."""
    created_at: datetime
    updated_at: datetime


class Membership(Struct, frozen=True, kw_only=True, rename="camel"):
    """A user's role in an organisation."""

    organization_id: OrganizationId
    user_id: UserId
    role: Role
    role_id: RoleId | None = None
    """Which of the organisation's own roles, when `role` is custom."""
    suspended_at: datetime | None = None
    """Since when the member may do nothing here."""
    joined_at: datetime


class CustomRole(Struct, frozen=True, kw_only=True, rename="camel"):
    """A role that an organisation made: a name for a set of permissions."""

    id: RoleId
    organization_id: OrganizationId
    name: str
    permissions: tuple[Permission, ...]
    created_at: datetime
    updated_at: datetime


class InvitationState(StrEnum):
    """Where an invitation stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Invitation(Struct, frozen=True, kw_only=True, rename="camel"):
    """A place in an organisation that is kept for whoever reads this e-mail."""

    id: InvitationId
    organization_id: OrganizationId
    email: str
    role: Role
    role_id: RoleId | None = None
    invited_by: UserId
    created_at: datetime
    ends_at: datetime
    accepted_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> InvitationState:
        if self.accepted_at:
            return InvitationState.ACCEPTED
        if self.revoked_at:
            return InvitationState.REVOKED
        return InvitationState.PENDING if now < self.ends_at else InvitationState.EXPIRED

    def check_open(self) -> None:
        """Raise InvitationSpent when it cannot be sent again or taken back."""
        if self.accepted_at or self.revoked_at:
            raise InvitationSpent()


class Waba(Struct, frozen=True, kw_only=True, rename="camel"):
    """A WhatsApp Business Account that an organisation linked. Its token is kept apart, sealed."""

    waba_id: WabaId
    organization_id: OrganizationId
    connected_at: datetime


def rights_of(role: Role, custom: CustomRole | None) -> frozenset[Permission]:
    """What the role allows; a custom role that is gone allows nothing."""
    if role is Role.CUSTOM:
        return frozenset(custom.permissions) if custom else frozenset()
    return RIGHTS[role]


def check_grant(actor: Actor, role: Role, custom: CustomRole | None) -> None:
    """Raise MoreThanYouHave unless the actor has all that the role would give; owners alone make owners."""
    if role is Role.OWNER and actor.role is not Role.OWNER:
        raise MoreThanYouHave("Only an owner can make somebody an owner.")
    if not rights_of(role, custom) <= actor.rights:
        raise MoreThanYouHave()


def check_power_over(actor: Actor, member: Membership, custom: CustomRole | None) -> None:
    """Raise MoreThanYouHave unless the actor has all that the member has."""
    if member.role is Role.OWNER and actor.role is not Role.OWNER:
        raise MoreThanYouHave("Only an owner can change an owner.")
    if not rights_of(member.role, custom) <= actor.rights:
        raise MoreThanYouHave()


def check_owner_remains(owners: Iterable[UserId], leaving: UserId) -> None:
    """Raise LastOwner. Suspended owners do not count among `owners`."""
    if not set(owners) - {leaving}:
        raise LastOwner()


def faults_of_role(name: str, permissions: Collection[Permission]) -> tuple[Fault, ...]:
    """What is wrong with a custom role: every field at once."""
    faults: list[Fault] = []
    if not 1 <= len(name.strip()) <= 100:
        faults.append(Fault(field="name", rule="length", message="must have 1 to 100 characters"))
    if name.strip().lower() in {role.value for role in Role}:
        faults.append(Fault(field="name", rule="reserved", message="is the name of a built-in role"))
    if not permissions:
        faults.append(Fault(field="permissions", rule="required", message="must name at least one"))
    return tuple(faults)
