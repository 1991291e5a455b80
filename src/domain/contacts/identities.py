"""Identities: the numbers and business-scoped ids by which one human is known, and contacts that were two."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NewType
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tidings.domain.contacts.consent import Standing
from tidings.domain.contacts.people import LIMITS, Contact
from tidings.domain.contacts.rules import Happening
from tidings.domain.errors import Conflict, Fault, NotFound
from tidings.domain.kernel import ContactId, GroupId, OrganizationId, PersonKey, Phone, UserId, person_key

MergeId = NewType("MergeId", UUID)


MAX_NUMBERS = 50
"""How many numbers and ids one contact may gather; more are a shared mailbox, not a person."""


class MergeNotFound(NotFound):
    """The organisation has no such merge."""


class CannotMerge(Conflict):
    """These contacts cannot become one."""


class CannotUnmerge(Conflict):
    """This merge cannot be undone any more."""


_BSUID = re.compile(r"[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}")


def bsuid_fault(text: str) -> Fault | None:
    """What is wrong with a business-scoped user id (fact sheet 2.10)."""
    if _BSUID.fullmatch(text):
        return None
    message = "must be a country, a dot and letters or digits, such as GB.7f3Kq0012ab"
    return Fault(field="bsuid", rule="bsuid", message=message)


class Alias(Struct, frozen=True, kw_only=True, rename="camel"):
    """A number or an id that belongs to a contact besides its main one, and when it was last seen at work."""

    organization_id: OrganizationId
    person: PersonKey
    contact_id: ContactId
    phone: Phone | None = None
    """The number as it is dialled; None for a business-scoped id."""
    country_code: str = ""
    seen_at: datetime


def person_of(sender: Phone | None, user_id: str | None) -> PersonKey | None:
    """Who wrote: by number, and where a username hides it by id."""
    if sender is not None:
        return person_key(sender)
    return None if user_id is None else PersonKey(user_id)


class Side(Struct, frozen=True, kw_only=True, rename="camel"):
    """A contact as it was before a merge, with all that hung on it."""

    contact: Contact
    groups: tuple[GroupId, ...] = ()
    aliases: tuple[Alias, ...] = ()
    deeds: tuple[Happening, ...] = ()

    @property
    def people(self) -> frozenset[PersonKey]:
        return frozenset({self.contact.person, *(alias.person for alias in self.aliases)})


class Merge(Struct, frozen=True, kw_only=True, rename="camel"):
    """Two contacts that became one. Both sides are kept as they were, so that it can be undone."""

    id: MergeId
    organization_id: OrganizationId
    kept_id: ContactId
    absorbed_id: ContactId
    current_id: ContactId
    """Where the absorbed one is now: the kept one, or who absorbed that later."""
    reason: str
    at: datetime
    by: UserId | None = None
    undone_at: datetime | None = None
    kept: Side
    absorbed: Side
    merged: Contact
    """What they became."""
    carried: tuple[MergeId, ...] = ()
    """Earlier merges whose absorbed contacts stood for the absorbed one, and moved along."""


def survivor(one: Contact, other: Contact) -> tuple[Contact, Contact]:
    """Who is kept and who is absorbed: the older contact stays, in whatever order merges come."""
    return (one, other) if one.id < other.id else (other, one)


def as_alias(contact: Contact) -> Alias:
    """What the contact is mainly known by. A number counts as seen when the contact was made."""
    return Alias(
        organization_id=contact.organization_id,
        person=contact.person,
        contact_id=contact.id,
        phone=contact.phone,
        country_code=contact.country_code,
        seen_at=contact.created_at,
    )


def born_with(contact: Contact) -> list[Alias]:
    """Nothing for a contact with one number and no id, as nearly all have; else all that it is known by."""
    id = PersonKey(contact.bsuid)
    if not id or id == contact.person:
        return []
    main = as_alias(contact)
    return [main, replace(main, person=id, phone=None, country_code="")]


def known_by(contact: Contact, aliases: Iterable[Alias]) -> Contact:
    """The contact with its main number chosen: the one last seen at work; an id only where there is none."""
    everything = {alias.person: alias for alias in (as_alias(contact), *aliases)}
    latest = sorted(everything.values(), key=lambda alias: (alias.seen_at, alias.person))
    ids = [alias for alias in latest if alias.phone is None]
    main = ([alias for alias in latest if alias.phone is not None] or ids)[-1]
    return replace(
        contact,
        phone=main.phone,
        person=main.person,
        country_code=main.country_code,
        bsuid=ids[-1].person if ids else contact.bsuid,
    )


def united(kept: Contact, absorbed: Contact, aliases: Iterable[Alias], at: datetime) -> Contact:
    """The kept contact with what it lacked from the absorbed one, and the wishes of both."""
    filled = {name: getattr(kept, name) or getattr(absorbed, name) for name in (*LIMITS, "bsuid", "username")}
    contact = replace(
        kept,
        **filled,
        attributes={**absorbed.attributes, **kept.attributes},
        is_favorite=kept.is_favorite or absorbed.is_favorite,
        updated_at=at,
    )
    return known_by(contact.recall(consent_of(absorbed)), aliases)


def consent_of(contact: Contact) -> Standing:
    return Standing(
        organization_id=contact.organization_id,
        person=contact.person,
        opted_out=contact.opted_out,
        opted_out_at=contact.opted_out_at,
        opted_in_at=contact.opted_in_at,
        consent_source=contact.consent_source,
    )


def parted(
    merge: Merge, now: Contact, standings: Sequence[Standing], at: datetime
) -> tuple[Contact, Contact]:
    """The two contacts again: what was edited since the merge stays with the kept one.

    `standings` are the present wishes of everybody on either side.
    """
    before, merged = merge.kept.contact, merge.merged
    names = (*LIMITS, "bsuid", "username", "attributes", "is_favorite", "phone", "person", "country_code")
    back = {name: getattr(before, name) for name in names if getattr(now, name) == getattr(merged, name)}
    kept = replace(now, **back, opted_out=False, opted_out_at=None, opted_in_at=None, consent_source="")
    kept = kept.recall(consent_of(before))
    absorbed = merge.absorbed.contact
    for standing in standings:
        if standing.person in merge.kept.people:
            kept = kept.recall(standing)
        if standing.person in merge.absorbed.people:
            absorbed = absorbed.recall(standing)
    return replace(kept, updated_at=at), replace(absorbed, updated_at=at)
