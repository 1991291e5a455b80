"""Attributes: which there are, and what becomes of values when one changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.ports.common import Now
from tidings.application.ports.contacts import Begin, Reading
from tidings.domain.contacts.attributes import (
    MAX_DEFINITIONS,
    Attribute,
    AttributeInUse,
    AttributeTaken,
    InvalidAttribute,
    Kind,
    canonical,
    checked,
)
from tidings.domain.contacts.people import Contact
from tidings.domain.contacts.rows import masked
from tidings.domain.contacts.segments import attributes_in
from tidings.domain.errors import Fault
from tidings.domain.kernel import Actor, ContactId, OrganizationId, Permission

BATCH = 1000
EXAMPLES = 5


class NewAttribute(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An attribute to define."""

    key: str
    kind: Kind = Kind.TEXT
    label: str | None = None
    choices: list[str] = []


class AttributeChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What becomes different about an attribute; its values must fit."""

    kind: Kind | UnsetType = UNSET
    label: str | UnsetType = UNSET
    choices: list[str] | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an organisation wants to know of its people."""

    begin: Begin
    reading: Reading
    now: Now

    async def all(self, actor: Actor) -> Sequence[Attribute]:
        """In order of their names."""
        async with self.reading(actor.require(Permission.CONTACTS_READ)) as look:
            return list((await look.attributes.all()).values())

    async def define(self, actor: Actor, new: NewAttribute) -> Attribute:
        """Raise InvalidAttribute or AttributeTaken."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        attribute = checked(
            Attribute(
                organization_id=organization,
                key=new.key,
                kind=new.kind,
                label=new.label or new.key,
                choices=tuple(new.choices),
                created_at=self.now(),
            )
        )
        async with self.begin(organization) as work:
            known = await work.attributes.all()
            if attribute.key in known:
                raise AttributeTaken("", Fault(field="key", rule="unique", message="is defined already"))
            if len(known) >= MAX_DEFINITIONS:
                message = f"an organisation can have at most {MAX_DEFINITIONS} attributes"
                raise InvalidAttribute("", Fault(field="key", rule="max_items", message=message))
            await work.attributes.define([attribute])
            told = difference(None, attribute)
            await note(work, actor, self.now(), "attribute:defined", attribute.key, told)
        return attribute

    async def change(self, actor: Actor, key: str, change: AttributeChange) -> Attribute:
        """Raise AttributeNotFound, InvalidAttribute, or AttributeInUse when values would not fit."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        async with self.begin(organization) as work:
            before = await work.attributes.get(key)
        after = checked(
            replace(
                before,
                kind=before.kind if change.kind is UNSET else change.kind,
                label=before.label if change.label is UNSET else change.label,
                choices=before.choices if change.choices is UNSET else tuple(change.choices),
            )
        )
        if (after.kind, after.choices) != (before.kind, before.choices):
            await self._verify(organization, after)
        async with self.begin(organization) as work:
            await work.attributes.save(after)
            await note(work, actor, self.now(), "attribute:changed", key, difference(before, after))
        await self._rewrite(organization, key, lambda value: _fitted(after, value))
        return after

    async def remove(self, actor: Actor, key: str) -> None:
        """With all its values. Raise AttributeNotFound, or AttributeInUse when a segment asks for it."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        async with self.begin(organization) as work:
            before = await work.attributes.get(key)
            asking = [each.name for each in await work.segments.all() if key in attributes_in(each.rule)]
            if asking:
                message = f"is asked for by the segments: {', '.join(asking)[:300]}"
                raise AttributeInUse("", Fault(field="key", rule="in_use", message=message))
        await self._rewrite(organization, key, lambda value: "")
        async with self.begin(organization) as work:
            await work.attributes.remove(key)
            await note(work, actor, self.now(), "attribute:removed", key, difference(before, None))

    async def _verify(self, organization: OrganizationId, attribute: Attribute) -> None:
        """Raise AttributeInUse if there are values that do not fit."""
        unfit: list[str] = []
        after: ContactId | None = None
        while True:
            async with self.begin(organization) as work:
                found = await work.contacts.having(attribute.key, after=after, limit=BATCH)
            if not found:
                break
            values = [contact.attributes[attribute.key] for contact in found]
            unfit += [value for value in values if isinstance(canonical(attribute, value), Fault)]
            after = found[-1].id
        if unfit:
            examples = ", ".join(masked(value) for value in unfit[:EXAMPLES])
            message = f"{len(unfit)} contacts have values that do not fit, such as {examples}"
            raise AttributeInUse("", Fault(field="kind", rule="in_use", message=message))

    async def _rewrite(self, organization: OrganizationId, key: str, told: Callable[[str], str]) -> None:
        """Every value of the attribute anew, in batches; empty ones go. Doing it again changes nothing."""
        after: ContactId | None = None
        while True:
            async with self.begin(organization) as work:
                found = await work.contacts.having(key, after=after, limit=BATCH)
                changed = [_with(contact, key, told(contact.attributes[key])) for contact in found]
                await work.contacts.save([c for c, was in zip(changed, found, strict=True) if c != was])
            if not found:
                return
            after = found[-1].id


def _fitted(attribute: Attribute, value: str) -> str:
    told = canonical(attribute, value)
    return value if isinstance(told, Fault) else told


def _with(contact: Contact, key: str, value: str) -> Contact:
    others = {name: text for name, text in contact.attributes.items() if name != key}
    return replace(contact, attributes={**others, key: value} if value else others)
