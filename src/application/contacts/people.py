"""People: add, find, change, favourite, and honour their wish to be left alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from tidings.application.auditing import Told, difference, note
from tidings.application.contacts.adding import Adding
from tidings.application.contacts.checking import DEFAULT_COUNTRY, Check
from tidings.application.contacts.uniting import Unite
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.contacts import Addressee, Begin, ContactFilter, Numbering, Reading
from tidings.domain.contacts.people import Contact, ContactView
from tidings.domain.contacts.privacy import PERSONAL, check_search, shown
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import Actor, ContactId, GroupId, OrganizationId, Page, Permission, PersonKey

__all__ = ["DEFAULT_COUNTRY", "ContactChange", "Contacts", "NewContact", "check_page"]

MAX_DEPTH = 10_000
"""How many rows deep pages by number go; the cursor goes to the end."""


class NewContact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A person to add. A number is needed, or Meta's business-scoped user id (`bsuid`) in its place.

    `countryCode` counts where the number has none.
    """

    phone: str | None = None
    bsuid: str | None = None
    username: str | None = None
    country_code: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    company: str | None = None
    job_title: str | None = None
    notes: str | None = None
    is_favorite: bool = False
    group_id: GroupId | None = None
    attributes: dict[str, str] | None = None


class ContactChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What becomes different about a person; fields that are not mentioned stay, null empties."""

    phone: str | UnsetType = UNSET
    bsuid: str | UnsetType | None = UNSET
    username: str | UnsetType | None = UNSET
    country_code: str | UnsetType | None = UNSET
    first_name: str | UnsetType | None = UNSET
    last_name: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    company: str | UnsetType | None = UNSET
    job_title: str | UnsetType | None = UNSET
    notes: str | UnsetType | None = UNSET
    is_favorite: bool | UnsetType = UNSET
    group_id: GroupId | UnsetType | None = UNSET
    """A group to put the person into as well; taking people out of one is the group's matter."""
    attributes: dict[str, str] | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True)
class Contacts:
    """An organisation's people."""

    begin: Begin
    reading: Reading
    numbering: Numbering
    now: Now
    new_id: NewId
    adding: Adding = field(init=False)

    def __post_init__(self) -> None:
        adding = Adding(self.begin, self.numbering, self.now, self.new_id)
        object.__setattr__(self, "adding", adding)

    async def add(self, actor: Actor, new: NewContact) -> ContactView:
        """Raise InvalidContact, PhoneTaken or GroupNotFound."""
        actor.require(Permission.CONTACTS_WRITE)
        added = await self.adding.add(actor, new)
        if added.alone:
            return shown(actor, ContactView(**asdict(added.contact)))
        return await self._view(actor, added.contact.id)

    async def get(self, actor: Actor, id: ContactId) -> ContactView:
        """Raise ContactNotFound."""
        actor.require(Permission.CONTACTS_READ)
        return await self._view(actor, id)

    async def page(
        self,
        actor: Actor,
        wanted: ContactFilter,
        *,
        cursor: str | None = None,
        limit: int = 10,
        number: int | None = None,
        thorough: bool = True,
    ) -> Page[ContactView]:
        """Newest first; by cursor, or by page number, which also counts.

        Not `thorough` leaves the total out where counting takes long. Raise Invalid or GroupNotFound.
        """
        organization = actor.require(Permission.CONTACTS_READ)
        check_page(limit, number)
        check_search(actor, wanted.search)
        async with self.reading(organization) as look:
            wanted = replace(wanted, at=self.now())
            found = await look.contacts.page(
                wanted, cursor=cursor, limit=limit, number=number, thorough=thorough
            )
        return replace(found, items=[shown(actor, each) for each in found.items])

    async def change(self, actor: Actor, id: ContactId, change: ContactChange) -> ContactView:
        """Raise ContactNotFound, InvalidContact, PhoneTaken or GroupNotFound."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        at = self.now()
        async with self.begin(organization) as work:
            contact = await work.contacts.get(id)
            fields = await Check(work, self.numbering, organization, at).fields(change, contact)
            marked = contact.is_favorite if change.is_favorite is UNSET else change.is_favorite
            changed = replace(contact, **fields, is_favorite=marked, updated_at=at)
            await work.contacts.save([changed])
            gone = {contact.person, *_ids(contact)} - {changed.person, *_ids(changed)}
            await work.aliases.remove(gone)
            if changed.person != contact.person or _ids(changed) != _ids(contact):
                await Unite(work, self.now, self.new_id).welcome([changed])
            if change.group_id is not UNSET and change.group_id is not None:
                await work.groups.put_in(change.group_id, [id])
            await note(work, actor, at, "contact:changed", id, _told(contact, changed))
        return await self._view(actor, id)

    async def remove(self, actor: Actor, id: ContactId) -> None:
        """Raise ContactNotFound."""
        async with self.begin(actor.require(Permission.CONTACTS_WRITE)) as work:
            contact = await work.contacts.get(id)
            await work.contacts.remove(id)
            await note(work, actor, self.now(), "contact:removed", id, _told(contact, None))

    async def favorite(self, actor: Actor, id: ContactId, wanted: bool | None = None) -> ContactView:
        """Mark as favourite or not; None turns what is into the opposite. Raise ContactNotFound."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        async with self.begin(organization) as work:
            contact = await work.contacts.get(id)
            marked = not contact.is_favorite if wanted is None else wanted
            if marked != contact.is_favorite:
                changed = replace(contact, is_favorite=marked, updated_at=self.now())
                await work.contacts.save([changed])
                await note(work, actor, self.now(), "contact:favorite_set", id, _told(contact, changed))
        return await self._view(actor, id)

    async def blocked(self, organization: OrganizationId, ids: Collection[ContactId]) -> frozenset[ContactId]:
        """Who of these may not be written to: opted out, or a contact no more. The sender's last look."""
        async with self.reading(organization) as look:
            return frozenset(ids) - frozenset(await look.contacts.reachable(ids))

    async def addressees(
        self,
        organization: OrganizationId,
        group: GroupId | None,
        *,
        after: ContactId | None,
        limit: int = 1000,
    ) -> Sequence[Addressee]:
        """The next people of a group, a segment, or all, in order of their id. Raise GroupNotFound."""
        wanted = ContactFilter(group_id=group, at=self.now())
        async with self.reading(organization) as look:
            return await look.contacts.addressees(wanted, after=after, limit=limit)

    async def addressed(
        self, organization: OrganizationId, ids: Collection[ContactId]
    ) -> Sequence[Addressee]:
        """Those of these contacts who exist, in order of their id."""
        async with self.reading(organization) as look:
            return await look.contacts.addressed(ids)

    async def audience_size(self, organization: OrganizationId, group: GroupId | None) -> int:
        """How many people `addressees` would give, reachable or not. Raise GroupNotFound."""
        async with self.reading(organization) as look:
            return await look.contacts.size(ContactFilter(group_id=group, at=self.now()))

    async def _view(self, actor: Actor, id: ContactId) -> ContactView:
        return shown(actor, await self.reading.person(actor.organization_id, id))


def _told(before: Contact | None, after: Contact | None) -> Told:
    """The log forgets nobody, so it never learns what says who somebody is."""
    return difference(before, after, private=PERSONAL)


def _ids(contact: Contact) -> frozenset[PersonKey]:
    return frozenset({PersonKey(contact.bsuid)}) if contact.bsuid else frozenset()


def check_page(limit: int, number: int | None) -> None:
    """Raise Invalid for pages that do not exist or go too deep."""
    faults: list[Fault] = []
    if not 1 <= limit <= 100:
        faults.append(Fault(field="limit", rule="range", message="must be from 1 to 100"))
    if number is not None and (number < 1 or number * max(limit, 1) > MAX_DEPTH):
        message = f"page x limit must be from 1 to {MAX_DEPTH}; go deeper with cursor"
        faults.append(Fault(field="page", rule="range", message=message))
    if faults:
        raise Invalid("There is no such page.", *faults)
