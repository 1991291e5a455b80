"""Consent: wishes noted down by users, said by people, reported by Meta; all into one ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.contacts.people import DEFAULT_COUNTRY, check_page
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.contacts import Begin, Numbering, Reading, Work
from tidings.domain.contacts.consent import (
    MARKETING,
    ConsentEntry,
    InvalidWish,
    Standing,
    faults_of_wish,
)
from tidings.domain.contacts.identities import person_of
from tidings.domain.contacts.people import Contact, ContactView
from tidings.domain.contacts.privacy import shown
from tidings.domain.contacts.wishes import Heard, Wish, confirmation, wish_in
from tidings.domain.errors import Fault, Invalid
from tidings.domain.events import (
    ContactOptedIn,
    ContactOptedOut,
    Event,
    MessageReceived,
    PreferenceReported,
    ReplyWanted,
)
from tidings.domain.kernel import (
    Actor,
    ContactId,
    OrganizationId,
    Page,
    Permission,
    PersonKey,
    UserId,
    masked_person,
)

GROUP = "contacts.consent"
"""The durable consumer group in which wishes are heard."""
MAX_AT_ONCE = 10_000
_PROOF = frozenset({"proof"})
"""It may be the person's own words."""


class WishTold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A wish that somebody notes down: where it was heard, what shows it, and when it was."""

    source: str = "api"
    proof: str = ""
    topic: str = MARKETING
    at: datetime | None = None
    """When the person wished it; now, when it is not said."""


class Suppression(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Numbers that are to get no marketing, whether they are contacts or not."""

    phones: list[str]
    country_code: str = DEFAULT_COUNTRY
    source: str = "suppression list"
    proof: str = ""


class Suppressed(Struct, frozen=True, kw_only=True, rename="camel"):
    """What putting numbers on the list, or taking them off, came to."""

    people: int
    contacts: int
    """How many of them are contacts whose standing has changed."""


@dataclass(frozen=True, slots=True)
class Consent:
    """The ledger of an organisation's people."""

    begin: Begin
    reading: Reading
    numbering: Numbering
    now: Now
    new_id: NewId

    async def note(self, actor: Actor, id: ContactId, wish: Wish, told: WishTold) -> ContactView:
        """Note a person's wish, and tell the other contexts. Raise ContactNotFound or InvalidWish."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        self._check(told.topic, told.source, told.proof, told.at)
        async with self.begin(organization) as work:
            contact = await work.contacts.get(id)
            entry = self._entry(contact.organization_id, contact.person, wish, told, actor.user_id)
            await self._hear(work, [entry], {contact.person: contact})
            heard = difference(None, told, private=_PROOF, always=("topic",))
            await note(work, actor, self.now(), f"consent:{wish.value}", id, heard)
        async with self.reading(organization) as look:
            return shown(actor, await look.contacts.get(id))

    async def ledger(
        self, actor: Actor, id: ContactId, *, cursor: str | None = None, limit: int = 50
    ) -> Page[ConsentEntry]:
        """All that a person ever wished, newest first. Raise ContactNotFound or Invalid."""
        organization = actor.require(Permission.CONTACTS_READ)
        check_page(limit, None)
        async with self.reading(organization) as look:
            people = await look.contacts.people_of(id)
            page = await look.consents.ledger(people, cursor=cursor, limit=limit)
        return page if actor.may(Permission.CONTACTS_REVEAL) else _masked(page)

    async def suppress(self, actor: Actor, told: Suppression, wish: Wish = Wish.STOP) -> Suppressed:
        """Put numbers on the list of those who get nothing, or with START take them off.

        Raise InvalidWish with every number that is none; then nothing was done.
        """
        organization = actor.require(Permission.CONTACTS_WRITE)
        self._check(MARKETING, told.source, told.proof, None)
        people = self._people(told)
        wished = WishTold(source=told.source, proof=told.proof)
        async with self.begin(organization) as work:
            contacts = await work.contacts.of_people(people)
            entries = [self._entry(organization, each, wish, wished, actor.user_id) for each in people]
            changed = await self._hear(work, entries, contacts)
            done = Suppressed(people=len(people), contacts=changed)
            await note(
                work, actor, self.now(), f"suppression:{wish.value}", told.source, difference(None, done)
            )
        return done

    async def suppressed(
        self, actor: Actor, *, topic: str = MARKETING, cursor: str | None = None, limit: int = 50
    ) -> Page[Standing]:
        """Everybody who gets nothing, contacts or not. Raise Invalid."""
        organization = actor.require(Permission.CONTACTS_READ)
        check_page(limit, None)
        async with self.reading(organization) as look:
            page = await look.consents.stopped(topic, cursor=cursor, limit=limit)
        return page if actor.may(Permission.CONTACTS_REVEAL) else _masked(page)

    async def messages_received(self, work: Work, events: Sequence[tuple[UUID, MessageReceived]]) -> None:
        """Messages that are nothing but a wish are honoured and confirmed once; the rest is for others.

        All are of the organisation whose transaction `work` is.
        """
        wishes = {
            id: _Wished(person, heard, event)
            for id, event in events
            if (heard := wish_in(event.text)) and (person := person_of(event.sender, event.sender_user_id))
        }
        new = await work.inbox.new_among(GROUP, list(wishes))
        left: list[_Wished] = [each for id, each in wishes.items() if id in new]
        while left:
            # Who wished twice is heard twice: each time is confirmed by what it changed.
            first = {each.person: each for each in reversed(left)}
            await self._wished(work, first)
            left = [each for each in left if first[each.person] is not each]

    async def _wished(self, work: Work, wishes: "Mapping[PersonKey, _Wished]") -> None:
        contacts = await work.contacts.of_people(wishes)
        before = {each.person: each.opted_out for each in await work.consents.standings(wishes)}
        await self._hear(work, [self._said(each) for each in wishes.values()], contacts)
        after = {each.person: each.opted_out for each in await work.consents.standings(wishes)}
        changed = [each for person, each in wishes.items() if after.get(person) != before.get(person)]
        await work.outbox.put(*(_reply(each.event, confirmation(each.heard)) for each in changed))

    def _said(self, wished: "_Wished") -> ConsentEntry:
        event = wished.event
        told = WishTold(source="message", proof=event.wamid, at=event.at)
        return self._entry(event.organization_id, wished.person, wished.heard.wish, told, None)

    async def preference_reported(self, event_id: UUID, event: PreferenceReported) -> None:
        """What Meta says of a person's wish counts as their own word."""
        person = person_of(event.sender, event.sender_user_id)
        if person is None:
            return
        told = WishTold(source=event.source, proof=event.detail, at=event.at)
        async with self.begin(event.organization_id) as work:
            if not await work.inbox.first_time(GROUP, event_id):
                return
            contacts = await work.contacts.of_people([person])
            entry = self._entry(event.organization_id, person, Wish(event.wish), told, None)
            await self._hear(work, [entry], contacts)

    async def _hear(
        self, work: Work, entries: Sequence[ConsentEntry], known: Mapping[PersonKey, Contact]
    ) -> int:
        """Into the ledger, onto the contacts, out to the other contexts; how many contacts changed sides."""
        entries = [replace(e, contact_id=known[e.person].id) if e.person in known else e for e in entries]
        await work.consents.hear(entries)
        now = {contact.id: contact for contact in known.values()}
        before = dict(now)
        for entry in entries:
            contact = None if entry.contact_id is None else now.get(entry.contact_id)
            if contact is not None and entry.topic == MARKETING:
                told = contact.opt_out if entry.wish is Wish.STOP else contact.opt_in
                now[contact.id] = told(entry.at, entry.source)
        heard = [replace(c, updated_at=self.now()) for id, c in now.items() if c != before[id]]
        events: list[Event] = [
            wish_changed(contact, self.now())
            for contact in heard
            if contact.opted_out != before[contact.id].opted_out
        ]
        await work.contacts.save(heard)
        await work.outbox.put(*events)
        return len(events)

    def _entry(
        self, organization: OrganizationId, person: PersonKey, wish: Wish, told: WishTold, by: UserId | None
    ) -> ConsentEntry:
        at = self.now()
        return ConsentEntry(
            id=self.new_id(),
            organization_id=organization,
            person=person,
            topic=told.topic,
            wish=wish,
            source=told.source,
            proof=told.proof[:1000],
            at=told.at or at,
            heard_at=at,
            by=by,
        )

    def _check(self, topic: str, source: str, proof: str, at: datetime | None) -> None:
        faults = faults_of_wish(topic, source, proof)
        if at is not None and (at.tzinfo is None or at > self.now()):
            message = "must be a past moment with its time zone, such as 2026-01-31T09:00:00Z"
            faults.append(Fault(field="at", rule="past", message=message))
        if faults:
            raise InvalidWish("", *faults)

    def _people(self, told: Suppression) -> Sequence[PersonKey]:
        faults: list[Fault] = []
        if len(told.phones) > MAX_AT_ONCE:
            message = f"must be at most {MAX_AT_ONCE} at once"
            raise InvalidWish("", Fault(field="phones", rule="max_items", message=message))
        people: dict[PersonKey, None] = {}
        for place, text in enumerate(told.phones):
            try:
                people[self.numbering.parse(text, told.country_code).person] = None
            except Invalid as error:
                faults += [replace(fault, field=f"phones[{place}]") for fault in error.faults]
        if faults:
            raise InvalidWish("", *faults)
        return list(people)


P = TypeVar("P", ConsentEntry, Standing)


def _masked(page: Page[P]) -> Page[P]:
    """The page for those who may not see numbers."""
    return replace(page, items=[replace(each, person=masked_person(each.person)) for each in page.items])


def wish_changed(contact: Contact, at: datetime) -> ContactOptedOut | ContactOptedIn:
    """The news that a contact has changed sides."""
    kind = ContactOptedOut if contact.opted_out else ContactOptedIn
    return kind(
        organization_id=contact.organization_id, contact_id=contact.id, at=at, source=contact.consent_source
    )


@dataclass(frozen=True, slots=True)
class _Wished:
    person: PersonKey
    heard: Heard
    event: MessageReceived


def _reply(event: MessageReceived, text: str) -> ReplyWanted:
    return ReplyWanted(
        organization_id=event.organization_id,
        phone_number_id=event.phone_number_id,
        to=event.sender,
        to_user_id=event.sender_user_id,
        wamid=event.wamid,
        text=text,
    )
