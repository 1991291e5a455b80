"""The contacts themselves, as they are stored, listed and asked for."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct, field

from tidings.domain.contacts.people import Contact, ContactView
from tidings.domain.contacts.rules import AnyRule
from tidings.domain.kernel import ContactId, GroupId, OrganizationId, Page, PersonKey, Phone


class ContactStore(Protocol):
    """The contacts of one organisation, within one transaction. What is read is locked until its end."""

    async def add(self, new: Sequence[Contact]) -> None:
        """Raise PhoneTaken if one of the people is known already."""

    async def get(self, id: ContactId) -> Contact:
        """Raise ContactNotFound."""
        ...

    async def of_people(self, wanted: Collection[PersonKey]) -> dict[PersonKey, Contact]:
        """Those of the people who are known, by any of their numbers and ids."""
        ...

    async def find(self, ids: Collection[ContactId]) -> Sequence[Contact]:
        """Those that exist, in order of their id."""
        ...

    async def having(self, attribute: str, *, after: ContactId | None, limit: int) -> Sequence[Contact]:
        """The next contacts that have a value of the attribute, in order of their id."""
        ...

    async def idle(self, before: datetime, *, limit: int) -> Sequence[ContactId]:
        """Contacts with whom nothing happened since, and who were not changed since."""
        ...

    async def save(self, changed: Sequence[Contact]) -> None:
        """Raise PhoneTaken if another contact is that person."""

    async def remove(self, id: ContactId) -> None:
        """Also from its groups, whose counts follow."""


class ContactFilter(Struct, frozen=True, kw_only=True):
    """Which contacts a list shows; what is None does not matter."""

    search: str = ""
    favorite: bool | None = None
    group_id: GroupId | None = None
    """A group; or a segment, which may stand wherever a group may."""
    opted_out: bool | None = None
    rule: AnyRule | None = None
    """A rule that was checked."""
    at: datetime | None = None
    """The moment from which rules count their days; needed where there may be some."""


class Addressee(Struct, frozen=True, kw_only=True):
    """A contact as those who write to people see one."""

    contact_id: ContactId
    phone: Phone
    person: PersonKey
    name: str = ""
    fields: dict[str, str] = field(default_factory=dict[str, str])
    """What templates can be filled with; empty fields are absent."""
    blocked: str | None = None
    """Why this person may not be written to, such as `opted_out`."""


class ContactSearch(Protocol):
    """What makes search in a very large organisation as fast as in a small one."""

    async def outgrown(self, size: int) -> Sequence[OrganizationId]:
        """Organisations with so many contacts that have no index."""
        ...

    async def begin(self, organization: OrganizationId) -> None:
        """From now on the organisation has an index, which is to be made."""

    async def behind(self) -> Sequence[OrganizationId]:
        """Organisations whose index lacks contacts."""
        ...

    async def grow(self, organization: OrganizationId, *, limit: int) -> int:
        """Take in the next contacts; how many there were."""
        ...


class ContactReader(Protocol):
    """Looks at one organisation's contacts that change nothing."""

    async def get(self, id: ContactId) -> ContactView:
        """Raise ContactNotFound."""
        ...

    async def page(
        self,
        wanted: ContactFilter,
        *,
        cursor: str | None,
        limit: int,
        number: int | None = None,
        thorough: bool = True,
    ) -> Page[ContactView]:
        """Newest first, by cursor or by page number (then with a total).

        Not `thorough` leaves the total out where counting takes long.

        Raise BadCursor, and GroupNotFound for what is neither a group nor a segment.
        """
        ...

    async def of_people(self, wanted: Collection[PersonKey]) -> dict[PersonKey, Contact]:
        """Those of the people who are known, by any of their numbers and ids."""
        ...

    async def stream(
        self, wanted: ContactFilter, *, after: ContactId | None, limit: int
    ) -> Sequence[ContactView]:
        """The next contacts in order of their id. Raise GroupNotFound."""
        ...

    async def people_of(self, id: ContactId) -> Collection[PersonKey]:
        """All the numbers and ids of a contact. Raise ContactNotFound."""
        ...

    async def addressed(self, ids: Collection[ContactId]) -> Sequence[Addressee]:
        """Those of these who exist, in order of their id."""
        ...

    async def addressees(
        self, wanted: ContactFilter, *, after: ContactId | None, limit: int
    ) -> Sequence[Addressee]:
        """The next people in order of their id. Raise GroupNotFound."""
        ...

    async def size(self, wanted: ContactFilter) -> int:
        """How many people there are. Raise GroupNotFound."""
        ...

    async def reachable(self, ids: Collection[ContactId]) -> Collection[ContactId]:
        """Those that exist and have not opted out. Who was absorbed counts as who they are now."""
        ...
