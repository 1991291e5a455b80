"""Privacy: numbers shown in part, one person's data in one document, and what is left after forgetting."""

from datetime import datetime
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tidings.domain.contacts.consent import ConsentEntry
from tidings.domain.contacts.identities import Alias, Merge
from tidings.domain.contacts.people import Contact, ContactView, Details, search_terms
from tidings.domain.contacts.rules import Happening
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import Actor, OrganizationId, Permission, PersonKey, masked_person, masked_phone

MIN_DAYS, MAX_DAYS = 30, 36_500
PERSONAL = frozenset({*Details.__struct_fields__, "phone", "person", "bsuid", "username"})
"""What says who somebody is: a log that forgets nobody must not learn it."""

C = TypeVar("C", bound=Contact)


class InvalidRetention(Invalid):
    """This is no length of time for which contacts can be kept."""


class InvalidSearch(Invalid):
    """This cannot be searched for."""


class Retention(Struct, frozen=True, kw_only=True, rename="camel"):
    """How long an organisation keeps people of whom nothing is heard; None: for ever."""

    organization_id: OrganizationId
    days: int | None = None
    swept_at: datetime | None = None


class PersonalData(Struct, frozen=True, kw_only=True, rename="camel"):
    """Everything that is kept of one person."""

    contact: ContactView
    numbers: tuple[Alias, ...]
    consent: tuple[ConsentEntry, ...]
    activity: tuple[Happening, ...]
    merges: tuple[Merge, ...]
    elsewhere: dict[str, object]
    """What the other contexts keep, by their names."""
    at: datetime


def masked_email(email: str) -> str:
    name, at, domain = email.partition("@")
    return f"{name[:1]}•••{at}{domain}" if email else ""


def masked_contact(contact: C) -> C:
    """The contact as it is shown to those who may not see numbers."""
    return replace(
        contact,
        phone=masked_phone(contact.phone),
        person=masked_person(contact.person),
        email=masked_email(contact.email),
        bsuid=masked_person(PersonKey(contact.bsuid)) if contact.bsuid else "",
    )


def shown(actor: Actor, contact: C) -> C:
    """The contact as this actor may see it."""
    return contact if actor.may(Permission.CONTACTS_REVEAL) else masked_contact(contact)


def check_search(actor: Actor, search: str) -> None:
    """Who may not see numbers may not find them out by searching for their digits. Raise InvalidSearch."""
    if not actor.may(Permission.CONTACTS_REVEAL) and any(t.isdecimal() for t in search_terms(search)):
        message = f"to search for numbers needs the permission {Permission.CONTACTS_REVEAL}"
        raise InvalidSearch("", Fault(field="search", rule="permission", message=message))


def checked_days(days: int | None) -> int | None:
    """Raise InvalidRetention."""
    if days is not None and not MIN_DAYS <= days <= MAX_DAYS:
        message = f"must be from {MIN_DAYS} to {MAX_DAYS}, or null for ever"
        raise InvalidRetention("", Fault(field="days", rule="range", message=message))
    return days
