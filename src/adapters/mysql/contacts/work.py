"""One transaction, or one look, over the context's tables."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tidings.adapters.mysql.contacts.consents import SqlConsentReader, SqlConsents
from tidings.adapters.mysql.contacts.groups import SqlGroupReader, SqlGroups
from tidings.adapters.mysql.contacts.identities import SqlAliases, SqlMerges
from tidings.adapters.mysql.contacts.imports import SqlImportReader, SqlImports
from tidings.adapters.mysql.contacts.people import SqlContacts
from tidings.adapters.mysql.contacts.privacy import Pseudonyms, SqlRetention
from tidings.adapters.mysql.contacts.reading import Lookups, SqlContactReader
from tidings.adapters.mysql.contacts.segments import (
    SqlAttributes,
    SqlDeeds,
    SqlSegmentReader,
    SqlSegments,
)
from tidings.adapters.mysql.contacts.tables import inbox, outbox
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.contacts import Begin, Read, Reading, Work
from tidings.domain.contacts.people import ContactView
from tidings.domain.kernel import ContactId, OrganizationId

_UNKEYED = Pseudonyms()


def contacts_in(database: Database, *, now: Now, new_id: NewId, pseudonyms: Pseudonyms = _UNKEYED) -> Begin:
    """Open writing transactions over the contacts context's tables."""

    @asynccontextmanager
    async def begin(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.begin() as connection:
            yield Work(
                contacts=SqlContacts(connection, organization),
                aliases=SqlAliases(connection, organization),
                merges=SqlMerges(connection, organization),
                groups=SqlGroups(connection, organization),
                consents=SqlConsents(connection, organization, pseudonyms),
                attributes=SqlAttributes(connection, organization),
                segments=SqlSegments(connection, organization),
                deeds=SqlDeeds(connection),
                imports=SqlImports(connection, organization),
                retention=SqlRetention(connection, organization),
                outbox=SqlOutbox(connection, outbox, now, new_id),
                inbox=SqlInbox(connection, inbox, now),
            )

    return begin


@dataclass(frozen=True, slots=True)
class SqlReading:
    """The Reading port: looks at the contacts context's tables."""

    database: Database
    pseudonyms: Pseudonyms
    lookups: Lookups

    @asynccontextmanager
    async def __call__(self, organization: OrganizationId) -> AsyncGenerator[Read]:
        async with self.database.reading() as connection:
            yield Read(
                contacts=SqlContactReader(connection, organization),
                groups=SqlGroupReader(connection, organization),
                consents=SqlConsentReader(connection, organization, self.pseudonyms),
                attributes=SqlAttributes(connection, organization),
                segments=SqlSegmentReader(connection, organization),
                imports=SqlImportReader(connection, organization),
                merges=SqlMerges(connection, organization),
            )

    async def person(self, organization: OrganizationId, id: ContactId) -> ContactView:
        return await self.lookups.person(organization, id)


def contacts_read_from(database: Database, *, pseudonyms: Pseudonyms = _UNKEYED) -> Reading:
    """Looks at the contacts context's tables."""
    return SqlReading(database, pseudonyms, Lookups(database))
