"""Making one contact of several, and of what was heard of strangers."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from msgspec.structs import replace

from tidings.application.ports.common import NewId, Now
from tidings.application.ports.contacts import Work
from tidings.domain.contacts.consent import Standing
from tidings.domain.contacts.identities import (
    MAX_NUMBERS,
    Alias,
    CannotMerge,
    Merge,
    MergeId,
    Side,
    as_alias,
    born_with,
    known_by,
    survivor,
    united,
)
from tidings.domain.contacts.people import Contact
from tidings.domain.errors import Fault
from tidings.domain.events import ContactsMerged
from tidings.domain.kernel import PersonKey, UserId

SAME_SENDER = "same sender"


@dataclass(frozen=True, slots=True)
class Unite:
    """Works within one transaction."""

    work: Work
    now: Now
    new_id: NewId

    async def welcome(self, new: Sequence[Contact]) -> bool:
        """Contacts that were just made take over what was heard of them while they were strangers; whether
        anything was.

        Two of them that were heard to be one person become one.
        """
        own = {alias.person: alias for contact in new for alias in born_with(contact)}
        mine = {contact.person: contact for contact in new}
        mine |= {alias.person: each for each in new for alias in born_with(each)}
        heard = await self.work.aliases.among(mine.keys())
        noted = {alias.person for alias in heard}
        await self.work.aliases.put([alias for alias in own.values() if alias.person not in noted])
        rows = await self.work.aliases.of({alias.contact_id for alias in heard})
        for root in dict.fromkeys(alias.contact_id for alias in heard):
            linked = {alias.person: alias for alias in rows if alias.contact_id == root}
            contact = await self.one_of({who: mine[who] for who in linked if who in mine})
            if contact is not None:
                have = {alias.person: alias for alias in await self.work.aliases.of([contact.id])}
                gathered = {**have, **linked}
                now = {who: replace(each, contact_id=contact.id) for who, each in gathered.items()}
                await self.work.aliases.put(list(now.values()))
                await self.learn(contact, now, now.keys() - {contact.person})
        return bool(heard)

    async def one_of(self, known: Mapping[PersonKey, Contact]) -> Contact | None:
        """The one contact that all of these are, merged where they were several."""
        contact: Contact | None = None
        for each in sorted({each.id: each for each in known.values()}.values(), key=lambda each: each.id):
            contact = each if contact is None else await self.merge(contact, each, SAME_SENDER, None)
        return contact

    async def learn(self, contact: Contact, aliases: Mapping[PersonKey, Alias], new: Set[PersonKey]) -> None:
        """What the aliases say of the contact's main number, and what these people had wished before."""
        changed = self.taught(contact, aliases, await self.work.consents.standings(new))
        if changed != contact:
            await self.work.contacts.save([changed])

    def taught(
        self, contact: Contact, aliases: Mapping[PersonKey, Alias], wished: Iterable[Standing]
    ) -> Contact:
        """The contact as it is known by all of these, with what they had wished; itself if nothing is new."""
        changed = known_by(contact, aliases.values())
        for standing in wished:
            changed = changed.recall(standing)
        return contact if changed == contact else replace(changed, updated_at=self.now())

    async def merge(self, one: Contact, other: Contact, reason: str, by: UserId | None) -> Contact:
        """The older one stays. Raise CannotMerge."""
        older, newer = survivor(one, other)
        kept, absorbed = await self._side(older), await self._side(newer)
        if len(kept.people) + len(absorbed.people) > MAX_NUMBERS:
            message = f"together they would have more than {MAX_NUMBERS} numbers"
            raise CannotMerge("", Fault(field="contactId", rule="max_items", message=message))
        at = self.now()
        gathered = {
            alias.person: replace(alias, contact_id=older.id)
            for side in (kept, absorbed)
            for alias in (as_alias(side.contact), *side.aliases)
        }
        merged = united(older, newer, gathered.values(), at)
        await self.work.contacts.remove(newer.id)
        await self.work.aliases.put(list(gathered.values()))
        await self.work.contacts.save([merged])
        await self.work.groups.join(older.id, absorbed.groups)
        await self.work.deeds.note([replace(deed, contact_id=older.id) for deed in absorbed.deeds])
        await self.work.merges.add(
            Merge(
                id=MergeId(self.new_id()),
                organization_id=older.organization_id,
                kept_id=older.id,
                absorbed_id=newer.id,
                current_id=older.id,
                reason=reason,
                at=at,
                by=by,
                kept=kept,
                absorbed=absorbed,
                merged=merged,
                carried=tuple(await self.work.merges.standing_for(newer.id)),
            )
        )
        await self.work.outbox.put(
            ContactsMerged(
                organization_id=older.organization_id, kept_id=older.id, absorbed_id=newer.id, at=at
            )
        )
        return merged

    async def _side(self, contact: Contact) -> Side:
        return Side(
            contact=contact,
            groups=tuple(await self.work.groups.of_contact(contact.id)),
            aliases=tuple(await self.work.aliases.of([contact.id])),
            deeds=tuple(await self.work.deeds.of(contact.id)),
        )
