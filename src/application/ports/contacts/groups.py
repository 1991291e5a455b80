"""Groups, attributes and segments: the ways to speak of many contacts at once."""

from collections.abc import Collection, Sequence
from typing import Protocol

from tidings.domain.contacts.attributes import Attribute
from tidings.domain.contacts.groups import Group
from tidings.domain.contacts.segments import Segment, SegmentId
from tidings.domain.kernel import ContactId, GroupId, Page


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


class AttributeReader(Protocol):
    """Looks at one organisation's attributes that change nothing."""

    async def all(self) -> dict[str, Attribute]:
        """By their names."""
        ...


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


class SegmentReader(Protocol):
    """Looks at one organisation's segments that change nothing."""

    async def get(self, id: SegmentId) -> Segment:
        """Raise SegmentNotFound."""
        ...

    async def page(self, *, cursor: str | None, limit: int, number: int | None = None) -> Page[Segment]:
        """Newest first, by cursor or by page number (then with a total). Raise BadCursor."""
        ...
