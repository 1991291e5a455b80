"""What contacts need from the outside: their tables, phone numbers made canonical, and files of rows."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec import Struct, field

from tidings.application.ports.common import Inbox, Outbox
from tidings.domain.contacts.attributes import Attribute
from tidings.domain.contacts.consent import MARKETING, ConsentEntry, Standing
from tidings.domain.contacts.groups import Group
from tidings.domain.contacts.identities import Alias, Merge, MergeId
from tidings.domain.contacts.people import Contact, ContactView
from tidings.domain.contacts.rows import Number
from tidings.domain.contacts.rules import AnyRule, Happening
from tidings.domain.contacts.segments import Segment, SegmentId
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

    async def save(self, changed: Sequence[Contact]) -> None:
        """Raise PhoneTaken if another contact is that person."""

    async def remove(self, id: ContactId) -> None:
        """Also from its groups, whose counts follow."""


class AliasStore(Protocol):
    """The other numbers and ids of an organisation's contacts, within one transaction."""

    async def of(self, contacts: Collection[ContactId]) -> Sequence[Alias]:
        """In order of the person."""
        ...

    async def among(self, people: Collection[PersonKey]) -> Sequence[Alias]:
        """Those that are noted, also of strangers, whose links have an id that is no contact's yet."""
        ...

    async def put(self, new: Sequence[Alias]) -> None:
        """A number or an id belongs to one contact: to the one it was last put to."""

    async def remove(self, people: Collection[PersonKey]) -> None: ...


class MergeStore(Protocol):
    """The merges of an organisation's contacts, within one transaction."""

    async def add(self, merge: Merge) -> None:
        """The contacts of the merges that it carries now stand for the kept one."""

    async def standing_for(self, contact: ContactId) -> Sequence[MergeId]:
        """Merges whose absorbed contact is this one now."""
        ...

    async def get(self, id: MergeId) -> Merge:
        """Raise MergeNotFound."""
        ...

    async def of(self, contact: ContactId) -> Sequence[Merge]:
        """Merges in which the contact was kept or absorbed, newest first, undone ones too."""
        ...

    async def undo(self, merge: Merge, at: datetime) -> None:
        """What it carried goes back to the absorbed one."""


class GroupStore(Protocol):
    """The groups of one organisation, within one transaction."""

    async def add(self, group: Group) -> None:
        """Raise GroupNameTaken."""

    async def get(self, id: GroupId) -> Group:
        """Locked until the transaction ends. Raise GroupNotFound."""
        ...

    async def named(self, name: str) -> Group | None: ...

    async def save(self, group: Group) -> None:
        """Raise GroupNameTaken."""

    async def remove(self, id: GroupId) -> None:
        """The members stay."""

    async def put_in(self, id: GroupId, contacts: Collection[ContactId]) -> int:
        """How many were not in it before. Contacts that do not exist are left out. Raise GroupNotFound."""
        ...

    async def of_contact(self, contact: ContactId) -> Sequence[GroupId]:
        """The groups that the contact is in."""
        ...

    async def join(self, contact: ContactId, wanted: Collection[GroupId]) -> None:
        """Put one contact into those of the groups that exist."""

    async def leave(self, contact: ContactId, wanted: Collection[GroupId]) -> None:
        """Take one contact out of groups."""

    async def take_out(self, id: GroupId, contacts: Collection[ContactId]) -> int:
        """How many were in it. Raise GroupNotFound."""
        ...


class ConsentStore(Protocol):
    """The wishes of an organisation's people, within one transaction."""

    async def hear(self, entries: Sequence[ConsentEntry]) -> None:
        """Add to the ledger, and fold into the standings."""

    async def standings(self, people: Collection[PersonKey], topic: str = MARKETING) -> Sequence[Standing]:
        """What these people wish now, as far as they ever said something; locked."""
        ...


class AttributeStore(Protocol):
    """The attributes of one organisation, within one transaction."""

    async def all(self) -> dict[str, Attribute]:
        """By their names."""
        ...

    async def define(self, new: Sequence[Attribute]) -> None:
        """Names that are taken stay as they are."""

    async def get(self, key: str) -> Attribute:
        """Locked until the transaction ends. Raise AttributeNotFound."""
        ...

    async def save(self, attribute: Attribute) -> None: ...

    async def remove(self, key: str) -> None: ...


class SegmentStore(Protocol):
    """The segments of one organisation, within one transaction."""

    async def add(self, segment: Segment) -> None:
        """Raise SegmentNameTaken."""

    async def get(self, id: SegmentId) -> Segment:
        """Locked until the transaction ends. Raise SegmentNotFound."""
        ...

    async def all(self) -> Sequence[Segment]: ...

    async def save(self, segment: Segment) -> None:
        """Raise SegmentNameTaken."""

    async def remove(self, id: SegmentId) -> None: ...


class DeedStore(Protocol):
    """What has last happened between the organisation and its people, within one transaction."""

    async def note(self, happened: Sequence[Happening]) -> None:
        """Keep the latest moment of each, in whatever order they are heard."""

    async def of(self, contact: ContactId) -> Sequence[Happening]: ...

    async def forget(self, contact: ContactId) -> None: ...


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


class ContactReader(Protocol):
    """Looks at one organisation's contacts that change nothing."""

    async def get(self, id: ContactId) -> ContactView:
        """Raise ContactNotFound."""
        ...

    async def page(
        self, wanted: ContactFilter, *, cursor: str | None, limit: int, number: int | None = None
    ) -> Page[ContactView]:
        """Newest first, by cursor or by page number (then with a total).

        Raise BadCursor, and GroupNotFound for what is neither a group nor a segment.
        """
        ...

    async def of_people(self, wanted: Collection[PersonKey]) -> dict[PersonKey, Contact]:
        """Those of the people who are known, by any of their numbers and ids."""
        ...

    async def people_of(self, id: ContactId) -> Collection[PersonKey]:
        """All the numbers and ids of a contact. Raise ContactNotFound."""
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


class GroupReader(Protocol):
    """Looks at one organisation's groups that change nothing."""

    async def existing(self, ids: Collection[GroupId]) -> Collection[GroupId]:
        """Those that the organisation has."""
        ...

    async def get(self, id: GroupId) -> Group:
        """Raise GroupNotFound."""
        ...

    async def page(
        self, search: str, *, cursor: str | None, limit: int, number: int | None = None
    ) -> Page[Group]:
        """Newest first, by cursor or by page number (then with a total). Raise BadCursor."""
        ...


class AttributeReader(Protocol):
    """Looks at one organisation's attributes that change nothing."""

    async def all(self) -> dict[str, Attribute]:
        """By their names."""
        ...


class SegmentReader(Protocol):
    """Looks at one organisation's segments that change nothing."""

    async def get(self, id: SegmentId) -> Segment:
        """Raise SegmentNotFound."""
        ...

    async def page(self, *, cursor: str | None, limit: int, number: int | None = None) -> Page[Segment]:
        """Newest first, by cursor or by page number (then with a total). Raise BadCursor."""
        ...


class ConsentReader(Protocol):
    """Looks at one organisation's ledger that change nothing."""

    async def standings(self, people: Collection[PersonKey], topic: str = MARKETING) -> Sequence[Standing]:
        """What these people wish now, as far as they ever said something."""
        ...

    async def ledger(
        self, people: Collection[PersonKey], *, cursor: str | None, limit: int
    ) -> Page[ConsentEntry]:
        """What these people ever said, newest first. Raise BadCursor."""
        ...

    async def stopped(self, topic: str, *, cursor: str | None, limit: int) -> Page[Standing]:
        """Everybody who wants no messages of the topic, contacts or not, by person. Raise BadCursor."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction for one organisation. Leaving the block commits it; an exception undoes it."""

    contacts: ContactStore
    aliases: AliasStore
    merges: MergeStore
    groups: GroupStore
    consents: ConsentStore
    attributes: AttributeStore
    segments: SegmentStore
    deeds: DeedStore
    outbox: Outbox
    inbox: Inbox


@dataclass(frozen=True, slots=True)
class Read:
    """One consistent look at one organisation."""

    contacts: ContactReader
    groups: GroupReader
    consents: ConsentReader
    attributes: AttributeReader
    segments: SegmentReader


Begin: TypeAlias = Callable[[OrganizationId], AbstractAsyncContextManager[Work]]
Reading: TypeAlias = Callable[[OrganizationId], AbstractAsyncContextManager[Read]]


class Numbering(Protocol):
    """The world's numbering plans."""

    def parse(self, text: str, country: str) -> Number:
        """The number in E.164, whatever way it was written.

        `country` is a calling code (`+44`) or a country (`GB`) and counts where the text has none.
        Raise NotAPhoneNumber or UnknownCountry, each with one fault.
        """
        ...

    def calling_code(self, country: str) -> str:
        """`GB`, `44` and `+44` as `+44`. Raise UnknownCountry."""
        ...


Source: TypeAlias = Path | AsyncIterable[bytes]
"""A file by its path, or the bytes of an upload as they come."""


class Sheet(Protocol):
    """A table of text that was read through once, so that reading it again finds no surprise."""

    @property
    def header(self) -> Sequence[str]: ...

    @property
    def rows(self) -> int:
        """How many rows follow the header, blank ones not counted."""
        ...

    @property
    def encoding(self) -> str: ...

    @property
    def delimiter(self) -> str: ...

    def batches(self, size: int) -> AsyncIterator[Sequence[tuple[int, Sequence[str]]]]:
        """The rows with their numbers as a spreadsheet shows them (the first line of the file is 1)."""
        ...


class Sheets(Protocol):
    """Files of rows."""

    def open(self, source: Source) -> AbstractAsyncContextManager[Sheet]:
        """Raise UnreadableFile, which says what is wrong with it and where."""
        ...
