"""What other contexts ask of contacts, answered in this process."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from tidings.application.contacts.people import Contacts
from tidings.application.ports.campaigns import Person
from tidings.application.ports.contacts.people import Addressee
from tidings.domain.kernel import ContactId, GroupId, OrganizationId, Phone


@dataclass(frozen=True, slots=True)
class LocalAudience:
    """The Audience port of campaigns."""

    contacts: Contacts
    country_of: Callable[[Phone], str]

    async def page(
        self, organization: OrganizationId, group: GroupId | None, *, after: ContactId | None, limit: int
    ) -> Sequence[Person]:
        found = await self.contacts.addressees(organization, group, after=after, limit=limit)
        return [self._person(each) for each in found]

    async def people(self, organization: OrganizationId, ids: Collection[ContactId]) -> Sequence[Person]:
        return [self._person(each) for each in await self.contacts.addressed(organization, ids)]

    def _person(self, each: Addressee) -> Person:
        return Person(
            contact_id=each.contact_id,
            phone=each.phone,
            person=each.person,
            name=each.name,
            fields=each.fields,
            country=self.country_of(each.phone),
            language=language_named(each.fields.get("language")),
            zone=zone_named(each.fields.get("timeZone")),
            blocked=each.blocked,
        )


def zone_named(name: str | None) -> str | None:
    """A time zone that exists, or None."""
    return name if name in available() else None


def language_named(code: str | None) -> str | None:
    """A code such as `pt`, `pt_BR` or `pt-br`, or None."""
    return code if code and re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?", code) else None


@cache
def available() -> frozenset[str]:
    return frozenset(available_timezones())


@dataclass(frozen=True, slots=True)
class LocalConsent:
    """The Consent port of whatsapp."""

    contacts: Contacts

    async def blocked(
        self, organization: OrganizationId, contacts: Collection[ContactId]
    ) -> Collection[ContactId]:
        return await self.contacts.blocked(organization, contacts)
