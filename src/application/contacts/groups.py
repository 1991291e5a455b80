"""Groups: named sets of people."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.contacts.people import check_page
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.contacts import Begin, Reading, Work
from tidings.domain.contacts.groups import Group, Membership, named
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import Actor, ContactId, GroupId, OrganizationId, Page, Permission

MAX_AT_ONCE = 10_000
"""How many contacts one call may put into a group or take out of it."""


class NewGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A group to make."""

    name: str
    description: str | None = None


class GroupChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What becomes different about a group; what is not mentioned stays."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET


class Members(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Contacts to put into a group, or to take out of it."""

    contact_ids: list[ContactId]


@dataclass(frozen=True, slots=True)
class Groups:
    """An organisation's groups."""

    begin: Begin
    reading: Reading
    now: Now
    new_id: NewId

    async def add(self, actor: Actor, new: NewGroup) -> Group:
        """Raise InvalidGroup or GroupNameTaken."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        group = self._made(organization, new)
        async with self.begin(organization) as work:
            await self._add(work, actor, group)
        return group

    async def ensure(self, actor: Actor, name: str) -> Group:
        """The group of this name, made when there is none. Raise InvalidGroup."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        group = self._made(organization, NewGroup(name=name))
        async with self.begin(organization) as work:
            if known := await work.groups.named(group.name):
                return known
            await self._add(work, actor, group)
        return group

    async def get(self, actor: Actor, id: GroupId) -> Group:
        """Raise GroupNotFound."""
        async with self.reading(actor.require(Permission.CONTACTS_READ)) as look:
            return await look.groups.get(id)

    async def page(
        self,
        actor: Actor,
        search: str = "",
        *,
        cursor: str | None = None,
        limit: int = 50,
        number: int | None = None,
    ) -> Page[Group]:
        """Newest first. Raise Invalid."""
        organization = actor.require(Permission.CONTACTS_READ)
        check_page(limit, number)
        async with self.reading(organization) as look:
            return await look.groups.page(search, cursor=cursor, limit=limit, number=number)

    async def change(self, actor: Actor, id: GroupId, change: GroupChange) -> Group:
        """Raise GroupNotFound, InvalidGroup or GroupNameTaken."""
        async with self.begin(actor.require(Permission.CONTACTS_WRITE)) as work:
            before = await work.groups.get(id)
            name, description = named(
                before.name if change.name is UNSET else change.name,
                before.description if change.description is UNSET else change.description or "",
            )
            group = replace(before, name=name, description=description, updated_at=self.now())
            await work.groups.save(group)
            await note(work, actor, self.now(), "group:changed", id, difference(before, group))
        return group

    async def remove(self, actor: Actor, id: GroupId) -> None:
        """The members stay contacts. Raise GroupNotFound."""
        async with self.begin(actor.require(Permission.CONTACTS_WRITE)) as work:
            before = await work.groups.get(id)
            await work.groups.remove(id)
            await note(work, actor, self.now(), "group:removed", id, difference(before, None))

    async def put_in(self, actor: Actor, id: GroupId, contacts: Sequence[ContactId]) -> Membership:
        """Contacts that are in already, or do not exist, change nothing. Raise GroupNotFound or Invalid."""
        wanted = _distinct(contacts)
        async with self.begin(actor.require(Permission.CONTACTS_WRITE)) as work:
            changed = await work.groups.put_in(id, wanted)
            outcome = await _outcome(work, id, changed, len(wanted))
            await note(work, actor, self.now(), "group:members_added", id, difference(None, outcome))
            return outcome

    async def take_out(self, actor: Actor, id: GroupId, contacts: Sequence[ContactId]) -> Membership:
        """Raise GroupNotFound or Invalid."""
        wanted = _distinct(contacts)
        async with self.begin(actor.require(Permission.CONTACTS_WRITE)) as work:
            changed = await work.groups.take_out(id, wanted)
            outcome = await _outcome(work, id, changed, len(wanted))
            await note(work, actor, self.now(), "group:members_removed", id, difference(None, outcome))
            return outcome

    async def _add(self, work: Work, actor: Actor, group: Group) -> None:
        await work.groups.add(group)
        await note(work, actor, self.now(), "group:created", group.id, difference(None, group))

    def _made(self, organization: OrganizationId, new: NewGroup) -> Group:
        name, description = named(new.name, new.description or "")
        at = self.now()
        return Group(
            id=GroupId(self.new_id()),
            organization_id=organization,
            name=name,
            description=description,
            created_at=at,
            updated_at=at,
        )


async def _outcome(work: Work, id: GroupId, changed: int, asked: int) -> Membership:
    group = await work.groups.get(id)
    return Membership(
        group_id=id, changed=changed, unchanged=asked - changed, contact_count=group.contact_count
    )


def _distinct(contacts: Sequence[ContactId]) -> Sequence[ContactId]:
    if len(contacts) > MAX_AT_ONCE:
        message = f"must be at most {MAX_AT_ONCE} at once"
        raise Invalid("", Fault(field="contactIds", rule="max_items", message=message))
    return list(dict.fromkeys(contacts))
