"""Organisations and their members."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from tidings.application.ports.common import NewId, Now, Signal
from tidings.application.ports.users import Begin, Forget, Member, Standing, Work
from tidings.application.users.opening import Opening, session_of
from tidings.domain.errors import Fault
from tidings.domain.events import MemberRemoved
from tidings.domain.kernel import Actor, OrganizationId, Page, Permission, Role, UserId
from tidings.domain.users import (
    BadAccount,
    BadRole,
    CustomRole,
    MemberNotFound,
    Membership,
    NotYourself,
    Organization,
    RoleId,
    check_grant,
    check_owner_remains,
    check_power_over,
    faults_of_name,
)


class OrganizationChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An organisation's details; what is not mentioned becomes empty, but for the name."""

    name: str = ""
    organization_name: str = ""
    """The name, as the seed spells the field."""
    physical_address: str = ""
    city: str = ""
    state: str = ""
    zip_code: str = ""
    country: str = ""

    @property
    def details(self) -> dict[str, str]:
        return {
            "name": self.name.strip() or self.organization_name.strip(),
            "physical_address": self.physical_address,
            "city": self.city,
            "state": self.state,
            "zip_code": self.zip_code,
            "country": self.country,
        }


class MemberChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a member is to be. What is not mentioned stays."""

    role: Role | UnsetType = UNSET
    role_id: RoleId | None = None
    """Which of the organisation's roles, with `role` custom."""
    suspended: bool | UnsetType = UNSET


LENGTHS = {"physical_address": 500, "city": 200, "state": 200, "zip_code": 40, "country": 100}


@dataclass(frozen=True, slots=True)
class Organizations:
    begin: Begin
    read: Begin
    opening: Opening
    forget: Forget
    signal: Signal
    now: Now
    new_id: NewId

    async def get(self, actor: Actor) -> Organization:
        async with self.read() as look:
            return await look.organizations.get(actor.require(Permission.ORGANIZATION_READ))

    async def create(self, actor: Actor, new: OrganizationChange) -> tuple[Organization, bool]:
        """Name the organisation that was made at sign-up; once that is done, make a further one.

        True when it is another than that of the token: switch to it to work there. Raise BadAccount.
        """
        session_of(actor)
        details = _details(new)
        now = self.now()
        async with self.begin() as work:
            here = await work.organizations.get(actor.organization_id)
            if here.personal and actor.role is Role.OWNER:
                named = replace(here, **details, personal=False, updated_at=now)
                await work.organizations.save(named)
                await self.opening.journal.changed(work, actor, "organization:changed", here.id, here, named)
                return named, False
            user = await work.users.get(actor.user_id)
            blank = Organization(id=OrganizationId(self.new_id()), name="", created_at=now, updated_at=now)
            further = replace(blank, **details)
            await self.opening.found(work, user, further, actor.origin)
        self.signal.wake()
        return further, True

    async def change(self, actor: Actor, change: OrganizationChange) -> Organization:
        """Raise BadAccount."""
        organization = actor.require(Permission.ORGANIZATION_WRITE)
        details = _details(change)
        async with self.begin() as work:
            known = await work.organizations.get(organization)
            changed = replace(known, **details, personal=False, updated_at=self.now())
            await work.organizations.save(changed)
            await self.opening.journal.changed(
                work, actor, "organization:changed", organization, known, changed
            )
        return changed

    async def members(self, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page[Member]:
        """Raise BadCursor."""
        async with self.read() as look:
            organization = actor.require(Permission.MEMBERS_READ)
            return await look.organizations.members(organization, cursor=cursor, limit=limit)

    async def change_member(self, actor: Actor, user: UserId, change: MemberChange) -> Membership:
        """Give another role, suspend or readmit. What rights are taken are gone at once, sign-ins with them.

        Raise MemberNotFound, RoleNotFound, BadRole, MoreThanYouHave, NotYourself, LastOwner.
        """
        organization = actor.require(Permission.MEMBERS_WRITE)
        async with self.begin() as work:
            owners = await work.organizations.owners(organization)
            standing = await self._subordinate(work, actor, user)
            before = standing.membership
            after = await self._with_role(work, actor, before, change)
            if change.suspended is not UNSET:
                since = before.suspended_at or self.now()
                after = replace(after, suspended_at=since if change.suspended else None)
            if after == before:
                return before
            if before.role is Role.OWNER and (after.role is not Role.OWNER or after.suspended_at):
                check_owner_remains((owner.user_id for owner in owners), user)
            await work.organizations.set_membership(after)
            await work.sessions.end_of(user, organization=organization)
            await self.opening.journal.changed(work, actor, "member:changed", user, before, after)
        self.forget(user)
        return after

    async def remove_member(self, actor: Actor, user: UserId) -> None:
        """Raise MemberNotFound, MoreThanYouHave, NotYourself, LastOwner."""
        organization = actor.require(Permission.MEMBERS_WRITE)
        async with self.begin() as work:
            owners = await work.organizations.owners(organization)
            standing = await self._subordinate(work, actor, user)
            await self._leave(work, actor, standing.membership, owners, "member:removed")
        self.forget(user)
        self.signal.wake()

    async def leave(self, actor: Actor) -> None:
        """Go. Raise LastOwner, MemberNotFound, SessionNeeded."""
        session_of(actor)
        async with self.begin() as work:
            owners = await work.organizations.owners(actor.organization_id)
            standing = await work.organizations.standing(actor.organization_id, actor.user_id)
            if standing is None:
                raise MemberNotFound()
            await self._leave(work, actor, standing.membership, owners, "member:left")
        self.forget(actor.user_id)
        self.signal.wake()

    async def _subordinate(self, work: Work, actor: Actor, user: UserId) -> Standing:
        if user == actor.user_id:
            raise NotYourself()
        standing = await work.organizations.standing(actor.organization_id, user)
        if standing is None:
            raise MemberNotFound()
        check_power_over(actor, standing.membership, standing.custom)
        return standing

    async def _with_role(
        self, work: Work, actor: Actor, member: Membership, change: MemberChange
    ) -> Membership:
        if change.role is UNSET:
            return member
        custom = await chosen_role(work, actor, change.role, change.role_id)
        check_grant(actor, change.role, custom)
        return replace(member, role=change.role, role_id=custom.id if custom else None)

    async def _leave(
        self, work: Work, by: Actor, member: Membership, owners: Sequence[Membership], what: str
    ) -> None:
        if member.role is Role.OWNER:
            check_owner_remains((owner.user_id for owner in owners), member.user_id)
        await work.organizations.leave(member.organization_id, member.user_id)
        await work.outbox.put(MemberRemoved(organization_id=member.organization_id, user_id=member.user_id))
        await self.opening.journal.note(
            work, by, what, member.user_id, before={"role": member.role, "roleId": member.role_id}
        )


async def chosen_role(work: Work, actor: Actor, role: Role, id: RoleId | None) -> CustomRole | None:
    """The custom role that is meant, or None for a built-in one. Raise BadRole, RoleNotFound."""
    if role is Role.CUSTOM and id is None:
        fault = Fault(field="roleId", rule="required", message="must name a role of the organisation")
        raise BadRole("", fault)
    if role is not Role.CUSTOM and id is not None:
        fault = Fault(field="roleId", rule="unknown", message="goes with the role custom only")
        raise BadRole("", fault)
    return None if id is None else await work.roles.get(actor.organization_id, id)


def _details(change: OrganizationChange) -> dict[str, str]:
    """Raise BadAccount."""
    details = change.details
    faults = list(faults_of_name(details["name"]))
    for field, longest in LENGTHS.items():
        if len(details[field]) > longest:
            wire = "".join([field.split("_")[0], *(part.title() for part in field.split("_")[1:])])
            message = f"must have at most {longest} characters"
            faults.append(Fault(field=wire, rule="length", message=message))
    if faults:
        raise BadAccount("The organisation cannot be described like this.", *faults)
    return details
