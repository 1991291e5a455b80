"""Linking: messages that carry a number and an id say that both are one person."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from tidings.application.contacts.checking import DEFAULT_COUNTRY
from tidings.application.contacts.uniting import Unite
from tidings.application.ports.contacts import Numbering, Work
from tidings.domain.contacts.consent import Standing
from tidings.domain.contacts.identities import MAX_NUMBERS, Alias, CannotMerge, as_alias
from tidings.domain.contacts.people import Contact
from tidings.domain.kernel import ContactId, OrganizationId, PersonKey, Phone

Seen = Mapping[PersonKey, Phone | None]
"""Who one message says is one person: numbers with how they are dialled, and ids."""


@dataclass(slots=True)
class Linking:
    """What is known of everybody whom a batch of messages concerns, and what the messages add to it.

    It is read once and written once, within one transaction; only where two contacts turn out to be one is
    it written, and read again, in between.
    """

    work: Work
    unite: Unite
    numbering: Numbering
    organization: OrganizationId
    contacts: dict[ContactId, Contact] = field(default_factory=dict[ContactId, Contact])
    holders: dict[PersonKey, ContactId] = field(default_factory=dict[PersonKey, ContactId])
    """Whose contact a person is."""
    roots: dict[PersonKey, ContactId] = field(default_factory=dict[PersonKey, ContactId])
    """Under which id a person is linked to others, whether a contact has it or not."""
    linked: dict[ContactId, dict[PersonKey, Alias]] = field(
        default_factory=dict[ContactId, dict[PersonKey, Alias]]
    )
    standings: dict[PersonKey, Standing] = field(default_factory=dict[PersonKey, Standing])
    aliases: dict[PersonKey, Alias] = field(default_factory=dict[PersonKey, Alias])
    """To be written."""
    learnt: dict[ContactId, Contact] = field(default_factory=dict[ContactId, Contact])
    """To be written."""

    async def hear(self, told: Sequence[tuple[Seen, datetime]]) -> None:
        """Everybody known by one of these becomes one contact, which is known by all of them.

        Strangers are linked too, under an id that a contact of any of these takes over when it is made. Who
        would have too many numbers then is left alone.
        """
        everybody = {person for seen, _ in told for person in seen}
        await self._read(everybody)
        for seen, at in told:
            mine = {person: self.contacts[self.holders[person]] for person in seen if person in self.holders}
            one = len({contact.id for contact in mine.values()}) <= 1
            if one or await self._unite(mine, everybody):
                self._link(seen, at)
        await self._write()

    async def _unite(self, contacts: Mapping[PersonKey, Contact], everybody: Iterable[PersonKey]) -> bool:
        await self._write()
        try:
            await self.unite.one_of(contacts)
        except CannotMerge:
            return False
        finally:
            await self._read(everybody)
        return True

    def _link(self, seen: Seen, at: datetime) -> None:
        contact = next((self.contacts[self.holders[who]] for who in seen if who in self.holders), None)
        noted = {self.roots[who] for who in seen if who in self.roots}
        root = contact.id if contact else min(noted, default=ContactId(self.unite.new_id()))
        kept = {who: each for id in {*noted, root} for who, each in self.linked.get(id, {}).items()}
        have = {contact.person: as_alias(contact), **kept} if contact else kept
        if len(have) + len(seen) > MAX_NUMBERS:
            return
        now = {person: replace(alias, contact_id=root) for person, alias in have.items()}
        for person, phone in seen.items():
            alias = now.get(person) or self._alias(root, person, phone, at)
            now[person] = replace(alias, seen_at=max(alias.seen_at, at))
        if now == kept:
            return
        self.aliases |= {person: alias for person, alias in now.items() if kept.get(person) != alias}
        self.linked = {id: rows for id, rows in self.linked.items() if id not in noted} | {root: now}
        self.roots |= dict.fromkeys(now, root)
        if contact is not None:
            self.holders |= dict.fromkeys(now, root)
            self._learn(contact, now)

    def _learn(self, contact: Contact, now: Mapping[PersonKey, Alias]) -> None:
        new = now.keys() - {contact.person}
        standings = [self.standings[who] for who in sorted(new) if who in self.standings]
        changed = self.unite.taught(contact, now, standings)
        if changed != contact:
            self.contacts[contact.id] = self.learnt[contact.id] = changed

    async def _read(self, people: Iterable[PersonKey]) -> None:
        found = await self.work.contacts.of_people(set(people))
        self.contacts = {contact.id: contact for contact in found.values()}
        self.holders = {person: contact.id for person, contact in found.items()}
        self.roots = {alias.person: alias.contact_id for alias in await self.work.aliases.among(set(people))}
        self.linked = {}
        for alias in await self.work.aliases.of({*self.roots.values(), *self.contacts}):
            self.linked.setdefault(alias.contact_id, {})[alias.person] = alias
        if self.contacts:
            wished = {*people, *(who for rows in self.linked.values() for who in rows)}
            wished |= {contact.person for contact in self.contacts.values()}
            self.standings = {each.person: each for each in await self.work.consents.standings(wished)}

    async def _write(self) -> None:
        await self.work.aliases.put([self.aliases[person] for person in sorted(self.aliases)])
        await self.work.contacts.save([self.learnt[id] for id in sorted(self.learnt)])
        self.aliases, self.learnt = {}, {}

    def _alias(self, root: ContactId, person: PersonKey, phone: Phone | None, at: datetime) -> Alias:
        number = None if phone is None else self.numbering.parse(phone, DEFAULT_COUNTRY)
        return Alias(
            organization_id=self.organization,
            person=person,
            contact_id=root,
            phone=number and number.phone,
            country_code=number.country_code if number else "",
            seen_at=at,
        )
