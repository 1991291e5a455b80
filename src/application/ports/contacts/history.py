"""What is known of people over time: wishes, deeds, other numbers, and who was merged with whom."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from tidings.domain.contacts.consent import MARKETING, ConsentEntry, Standing
from tidings.domain.contacts.identities import Alias, Merge, MergeId
from tidings.domain.contacts.privacy import Retention
from tidings.domain.contacts.rules import Happening
from tidings.domain.kernel import ContactId, Page, PersonKey


class ConsentStore(Protocol):
    """The wishes of an organisation's people, within one transaction."""

    async def hear(self, entries: Sequence[ConsentEntry]) -> None:
        """Add to the ledger, and fold into the standings."""

    async def standings(self, people: Collection[PersonKey], topic: str = MARKETING) -> Sequence[Standing]:
        """What these people wish now, as far as they ever said something; locked.

        Also what they said before they were forgotten.
        """
        ...

    async def forget(self, people: Collection[PersonKey]) -> None:
        """Keep their wishes under names that only the same number leads to; what was proof goes."""


class RetentionStore(Protocol):
    """How long an organisation keeps its people, within one transaction."""

    async def get(self) -> Retention: ...

    async def save(self, told: Retention) -> None: ...


class RetentionQueue(Protocol):
    """The organisations whose people are not kept for ever."""

    async def due(self, before: datetime) -> Sequence[Retention]:
        """Those that were not swept since."""
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


class MergeReader(Protocol):
    """A look at the merges of an organisation's contacts."""

    async def of(self, contact: ContactId) -> Sequence[Merge]:
        """Merges in which the contact was kept or absorbed, newest first, undone ones too."""
        ...


class MergeStore(MergeReader, Protocol):
    """The merges of an organisation's contacts, within one transaction."""

    async def add(self, merge: Merge) -> None:
        """The contacts of the merges that it carries now stand for the kept one."""

    async def standing_for(self, contact: ContactId) -> Sequence[MergeId]:
        """Merges whose absorbed contact is this one now."""
        ...

    async def get(self, id: MergeId) -> Merge:
        """Raise MergeNotFound."""
        ...

    async def forget(self, contact: ContactId) -> None:
        """Remove the merges that the contact was part of, with what they kept of it."""

    async def undo(self, merge: Merge, at: datetime) -> None:
        """What it carried goes back to the absorbed one."""


class DeedStore(Protocol):
    """What has last happened between the organisation and its people, within one transaction."""

    async def note(self, happened: Sequence[Happening]) -> None:
        """Keep the latest moment of each, in whatever order they are heard."""

    async def of(self, contact: ContactId) -> Sequence[Happening]: ...

    async def forget(self, contact: ContactId) -> None: ...
