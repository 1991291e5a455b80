"""One transaction, or one look, over everything that contacts keep."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from tidings.application.ports.common import Inbox, Outbox
from tidings.application.ports.contacts.files import ImportReader, ImportStore
from tidings.application.ports.contacts.groups import (
    AttributeReader,
    AttributeStore,
    GroupReader,
    GroupStore,
    SegmentReader,
    SegmentStore,
)
from tidings.application.ports.contacts.history import (
    AliasStore,
    ConsentReader,
    ConsentStore,
    DeedStore,
    MergeReader,
    MergeStore,
    RetentionStore,
)
from tidings.application.ports.contacts.people import ContactReader, ContactStore
from tidings.domain.contacts.people import ContactView
from tidings.domain.kernel import ContactId, OrganizationId


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
    imports: ImportStore
    retention: RetentionStore
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
    imports: ImportReader
    merges: MergeReader


Begin: TypeAlias = Callable[[OrganizationId], AbstractAsyncContextManager[Work]]


class Reading(Protocol):
    """Looks that change nothing and wait for nobody."""

    def __call__(self, organization: OrganizationId) -> AbstractAsyncContextManager[Read]: ...

    async def person(self, organization: OrganizationId, id: ContactId) -> ContactView:
        """One person, as they are after this was asked; many who are asked for at once are one look.

        Raise ContactNotFound.
        """
        ...
