"""Privacy: one person's data in one document, forgetting, and how long people are kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.pausing import pause
from tidings.application.ports.common import Now
from tidings.application.ports.contacts import Begin, Reading, RetentionQueue, Work
from tidings.domain.contacts.people import ContactNotFound
from tidings.domain.contacts.privacy import PersonalData, Retention, checked_days
from tidings.domain.events import ContactErased
from tidings.domain.kernel import Actor, ContactId, OrganizationId, Permission, PersonKey

LEDGER = 1000
BATCH = 100
BETWEEN_SWEEPS = timedelta(hours=24)
IDLE = 600.0
"""Seconds between two looks at which organisations are due."""


class Elsewhere(Protocol):
    """What another context keeps of a person."""

    @property
    def name(self) -> str: ...

    async def of(
        self, organization: OrganizationId, contact: ContactId, people: Sequence[PersonKey]
    ) -> object:
        """Something that can be written as JSON. Raise Unavailable: half of it is not all of it."""
        ...


class RetentionChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """For how many days people are kept of whom nothing is heard; null keeps them for ever."""

    days: int | None


@dataclass(frozen=True, slots=True)
class Privacy:
    """What people may ask of an organisation, and what it decides by itself."""

    begin: Begin
    reading: Reading
    now: Now
    elsewhere: Sequence[Elsewhere] = ()

    async def export(self, actor: Actor, id: ContactId) -> PersonalData:
        """Everything that is kept of one person. Raise ContactNotFound."""
        organization = actor.require(Permission.CONTACTS_REVEAL)
        async with self.reading(organization) as look:
            contact = await look.contacts.get(id)
            people = sorted(await look.contacts.people_of(id))
            ledger = await look.consents.ledger(people, cursor=None, limit=LEDGER)
        async with self.begin(organization) as work:
            numbers = await work.aliases.of([id])
            activity = await work.deeds.of(id)
            merges = await work.merges.of(id)
        return PersonalData(
            contact=contact,
            numbers=tuple(numbers),
            consent=tuple(ledger.items),
            activity=tuple(activity),
            merges=tuple(merges),
            elsewhere={each.name: await each.of(organization, id, people) for each in self.elsewhere},
            at=self.now(),
        )

    async def erase(self, actor: Actor, id: ContactId) -> None:
        """Forget a person here, and tell the other contexts. Only the wish to be left alone is kept.

        Raise ContactNotFound.
        """
        async with self.begin(actor.require(Permission.CONTACTS_WRITE)) as work:
            await self._erase(work, actor.organization_id, [id])
            await note(work, actor, self.now(), "contact:erased", id)

    async def retention(self, actor: Actor) -> Retention:
        """How long people are kept of whom nothing is heard."""
        async with self.begin(actor.require(Permission.CONTACTS_READ)) as work:
            return await work.retention.get()

    async def retain(self, actor: Actor, change: RetentionChange) -> Retention:
        """Decide how long people are kept. Raise InvalidRetention."""
        organization = actor.require(Permission.ORGANIZATION_WRITE)
        days = checked_days(change.days)
        async with self.begin(organization) as work:
            before = await work.retention.get()
            told = replace(before, days=days)
            await work.retention.save(told)
            await note(work, actor, self.now(), "retention:set", organization, difference(before, told))
        return told

    async def sweep(self, told: Retention) -> int:
        """Forget an organisation's people of whom nothing was heard for too long; how many there were."""
        if told.days is None:
            return 0
        before = self.now() - timedelta(days=told.days)
        erased = 0
        while True:
            async with self.begin(told.organization_id) as work:
                idle = await work.contacts.idle(before, limit=BATCH)
                await self._erase(work, told.organization_id, idle)
                erased += len(idle)
                if len(idle) < BATCH:
                    await work.retention.save(replace(await work.retention.get(), swept_at=self.now()))
                    return erased

    async def _erase(self, work: Work, organization: OrganizationId, ids: Sequence[ContactId]) -> None:
        found = await work.contacts.find(ids)
        if len(found) < len(ids):
            raise ContactNotFound()
        aliases = await work.aliases.of(ids) if ids else ()
        for contact in found:
            people = {contact.person, *(a.person for a in aliases if a.contact_id == contact.id)}
            await work.consents.forget(people)
            await work.merges.forget(contact.id)
            await work.contacts.remove(contact.id)
            await work.outbox.put(
                ContactErased(
                    organization_id=organization,
                    contact_id=contact.id,
                    people=tuple(sorted(people)),
                    at=self.now(),
                )
            )


@dataclass(frozen=True, slots=True)
class RetentionSweeper:
    """Sweeps every organisation that does not keep people for ever, once a day."""

    queue: RetentionQueue
    privacy: Privacy
    now: Now

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.step()
            await pause(stop, IDLE)

    async def step(self) -> int:
        """How many people were forgotten."""
        due = await self.queue.due(self.now() - BETWEEN_SWEEPS)
        return sum([await self.privacy.sweep(told) for told in due])
