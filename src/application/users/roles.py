"""The roles that an organisation makes for itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import NewId, Now
from tidings.application.ports.users import Begin, Forget
from tidings.application.users.journal import Journal
from tidings.domain.kernel import Actor, Permission
from tidings.domain.users import BadRole, CustomRole, MoreThanYouHave, RoleId, faults_of_role


class NewRole(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A name and what it allows."""

    name: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class Roles:
    begin: Begin
    read: Begin
    journal: Journal
    forget: Forget
    now: Now
    new_id: NewId

    async def all(self, actor: Actor) -> Sequence[CustomRole]:
        async with self.read() as look:
            return await look.roles.of(actor.require(Permission.MEMBERS_READ))

    async def add(self, actor: Actor, new: NewRole) -> CustomRole:
        """Raise BadRole, RoleNameTaken, and MoreThanYouHave for what one may not do oneself."""
        organization = actor.require(Permission.MEMBERS_WRITE)
        permissions = _checked(actor, new)
        now = self.now()
        role = CustomRole(
            id=RoleId(self.new_id()),
            organization_id=organization,
            name=new.name.strip(),
            permissions=permissions,
            created_at=now,
            updated_at=now,
        )
        async with self.begin() as work:
            await work.roles.add(role)
            after = {"name": role.name, "permissions": role.permissions}
            await self.journal.note(work, actor, "role:created", role.id, after=after)
        return role

    async def change(self, actor: Actor, id: RoleId, change: NewRole) -> CustomRole:
        """Everybody who has the role may do at once what it says now.

        Raise RoleNotFound, BadRole, RoleNameTaken, MoreThanYouHave.
        """
        organization = actor.require(Permission.MEMBERS_WRITE)
        permissions = _checked(actor, change)
        async with self.begin() as work:
            known = await work.roles.get(organization, id)
            if not set(known.permissions) <= actor.rights:
                raise MoreThanYouHave()
            changed = replace(known, name=change.name.strip(), permissions=permissions, updated_at=self.now())
            await work.roles.save(changed)
            await self.journal.changed(work, actor, "role:changed", id, known, changed)
        self.forget(None)
        return changed

    async def remove(self, actor: Actor, id: RoleId) -> None:
        """Raise RoleNotFound, RoleInUse, MoreThanYouHave."""
        organization = actor.require(Permission.MEMBERS_WRITE)
        async with self.begin() as work:
            known = await work.roles.get(organization, id)
            if not set(known.permissions) <= actor.rights:
                raise MoreThanYouHave()
            await work.roles.remove(organization, id)
            before = {"name": known.name, "permissions": known.permissions}
            await self.journal.note(work, actor, "role:removed", id, before=before)
        self.forget(None)


def _checked(actor: Actor, role: NewRole) -> tuple[Permission, ...]:
    if faults := faults_of_role(role.name, role.permissions):
        raise BadRole("", *faults)
    if not set(role.permissions) <= actor.rights:
        raise MoreThanYouHave()
    return tuple(sorted(set(role.permissions)))
