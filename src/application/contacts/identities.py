"""Identities: one human, however many numbers and ids; merges by rule and by hand, with the way back."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from tidings.application.auditing import Told, difference, note
from tidings.application.contacts.checking import DEFAULT_COUNTRY
from tidings.application.contacts.linking import Linking, Seen
from tidings.application.contacts.uniting import Unite
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.contacts import Begin, Numbering, Reading, Work
from tidings.domain.contacts.identities import (
    CannotMerge,
    CannotUnmerge,
    Merge,
    MergeId,
    parted,
)
from tidings.domain.contacts.people import ContactNotFound, ContactView
from tidings.domain.contacts.privacy import shown
from tidings.domain.errors import Fault, Invalid
from tidings.domain.events import ContactsParted, MessageReceived
from tidings.domain.kernel import (
    Actor,
    ContactId,
    Permission,
    PersonKey,
    Phone,
    UserId,
    person_key,
)

GROUP = "contacts.identities"
"""The durable consumer group in which identities are heard."""


class MergeWith(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The contact that turned out to be the same person."""

    contact_id: ContactId
    reason: str = "by hand"


class MergeView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A merge as its history shows it."""

    id: MergeId
    kept_id: ContactId
    absorbed_id: ContactId
    absorbed_name: str
    absorbed_phone: Phone | None
    reason: str
    at: datetime
    by: UserId | None
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Identities:
    """Who is who among an organisation's people."""

    begin: Begin
    reading: Reading
    numbering: Numbering
    now: Now
    new_id: NewId

    async def merge(self, actor: Actor, id: ContactId, told: MergeWith) -> ContactView:
        """Make two contacts one; the older stays, and is returned. Raise ContactNotFound or CannotMerge."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        if id == told.contact_id:
            message = "must be another contact"
            raise CannotMerge("", Fault(field="contactId", rule="different", message=message))
        async with self.begin(organization) as work:
            found = await work.contacts.find([id, told.contact_id])
            if len(found) < 2:
                raise ContactNotFound()
            unite = Unite(work, self.now, self.new_id)
            kept = await unite.merge(found[0], found[1], told.reason[:100], actor.user_id)
            await note(work, actor, self.now(), "contact:merged", kept.id, difference(None, told))
        async with self.reading(organization) as look:
            return shown(actor, await look.contacts.get(kept.id))

    async def undo(self, actor: Actor, id: MergeId) -> ContactView:
        """Make them two again; the one that had been absorbed is returned.

        What was edited since stays with the kept one. Raise MergeNotFound or CannotUnmerge.
        """
        organization = actor.require(Permission.CONTACTS_WRITE)
        async with self.begin(organization) as work:
            merge = await work.merges.get(id)
            await self._part(work, merge)
            await note(work, actor, self.now(), "contact:parted", merge.kept_id, _parted(merge))
        async with self.reading(organization) as look:
            return shown(actor, await look.contacts.get(merge.absorbed_id))

    async def history(self, actor: Actor, id: ContactId) -> Sequence[MergeView]:
        """The merges of a contact, newest first, undone ones too; also of one that was absorbed.

        Raise ContactNotFound.
        """
        organization = actor.require(Permission.CONTACTS_READ)
        async with self.reading(organization) as look:
            merges = await look.merges.of(id)
            if not merges:
                await look.contacts.get(id)
            return [_view(actor, merge) for merge in merges]

    async def messages_received(self, work: Work, events: Sequence[MessageReceived]) -> None:
        """Messages that carry a number and an id say that both are one person.

        Hearing one again changes nothing, so it needs no inbox. Numbers that are none are passed over. All
        events are of the organisation whose transaction `work` is.
        """
        told = [(seen, event.at) for event in events if len(seen := self._seen(event)) > 1]
        if told:
            unite = Unite(work, self.now, self.new_id)
            await Linking(work, unite, self.numbering, events[0].organization_id).hear(told)

    def _seen(self, event: MessageReceived) -> Seen:
        seen: dict[PersonKey, Phone | None] = {}
        if event.sender is not None:
            seen[person_key(event.sender)] = event.sender
        if event.sender_user_id is not None:
            seen[PersonKey(event.sender_user_id)] = None
        if moved_to := event.payload.get("wa_id") if event.kind == "system" else None:
            seen[person_key(Phone(f"+{moved_to}"))] = Phone(f"+{moved_to}")
        return {person: phone for person, phone in seen.items() if phone is None or self._is_number(phone)}

    def _is_number(self, phone: Phone) -> bool:
        with suppress(Invalid):
            return bool(self.numbering.parse(phone, DEFAULT_COUNTRY))
        return False

    async def _part(self, work: Work, merge: Merge) -> None:
        newer = [m for m in await work.merges.of(merge.kept_id) if m.id > merge.id and m.undone_at is None]
        if merge.undone_at is not None or newer or merge.current_id != merge.kept_id:
            message = "was undone already, or a later merge must be undone first"
            raise CannotUnmerge("", Fault(field="id", rule="latest", message=message))
        at = self.now()
        now = await work.contacts.get(merge.kept_id)
        people = merge.kept.people | merge.absorbed.people
        kept, absorbed = parted(merge, now, await work.consents.standings(people), at)
        await work.aliases.remove(merge.absorbed.people)
        await work.contacts.save([kept])
        await work.contacts.add([absorbed])
        await work.aliases.put(merge.absorbed.aliases)
        await work.groups.leave(kept.id, set(merge.absorbed.groups) - set(merge.kept.groups))
        await work.groups.join(absorbed.id, merge.absorbed.groups)
        since = [deed for deed in await work.deeds.of(kept.id) if deed.at > merge.at]
        await work.deeds.forget(kept.id)
        await work.deeds.note([*merge.kept.deeds, *since])
        await work.deeds.note(merge.absorbed.deeds)
        await work.merges.undo(merge, at)
        await work.outbox.put(
            ContactsParted(
                organization_id=kept.organization_id, kept_id=kept.id, absorbed_id=absorbed.id, at=at
            )
        )


def _parted(merge: Merge) -> Told:
    return Told(after={"absorbed_id": str(merge.absorbed_id)})


def _view(actor: Actor, merge: Merge) -> MergeView:
    absorbed = shown(actor, merge.absorbed.contact)
    return MergeView(
        id=merge.id,
        kept_id=merge.kept_id,
        absorbed_id=merge.absorbed_id,
        absorbed_name=absorbed.name,
        absorbed_phone=absorbed.phone,
        reason=merge.reason,
        at=merge.at,
        by=merge.by,
        undone_at=merge.undone_at,
    )
