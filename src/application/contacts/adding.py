"""Somebody new: those who are added at the same moment are stored in one transaction, with a dozen statements
for all of them, and each is answered for themselves."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from msgspec import Struct

from tidings.application.auditing import Told as Change
from tidings.application.auditing import difference, entry
from tidings.application.contacts.checking import Check, Told
from tidings.application.contacts.uniting import Unite
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.contacts import Begin, Numbering, Work
from tidings.domain.contacts.people import Contact
from tidings.domain.contacts.privacy import PERSONAL
from tidings.domain.errors import Refused, Unavailable
from tidings.domain.kernel import Actor, ContactId, GroupId, OrganizationId, PersonKey

MOST = 100
"""Stored together at most."""


class Newcomer(Told, Protocol):
    """What is told of somebody who is added."""

    @property
    def is_favorite(self) -> bool: ...
    @property
    def group_id(self) -> GroupId | None: ...


class Added(Struct, frozen=True):
    """Somebody who was stored."""

    contact: Contact
    alone: bool
    """Whether the contact is as it stands here: in no group, and nothing was heard of the person before."""


@dataclass(eq=False, slots=True)
class _Wish:
    actor: Actor
    new: Newcomer
    done: asyncio.Future[Added]
    context: Context
    """Of who asks: what comes of it belongs to their trace."""


@dataclass(eq=False, slots=True)
class Adding:
    """Who comes while a transaction is on its way, waits for the next, with all others who do."""

    begin: Begin
    numbering: Numbering
    now: Now
    new_id: NewId
    waiting: dict[OrganizationId, list[_Wish]] = field(default_factory=dict[OrganizationId, list[_Wish]])
    writers: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def add(self, actor: Actor, new: Newcomer) -> Added:
        """Raise InvalidContact, PhoneTaken or GroupNotFound."""
        wish = _Wish(actor, new, asyncio.get_running_loop().create_future(), copy_context())
        known = self.waiting.get(actor.organization_id)
        if known is not None:
            known.append(wish)
        else:
            self.waiting[actor.organization_id] = [wish]
            self._start(self._write(actor.organization_id), wish.context)
        return await wish.done

    async def _write(self, organization: OrganizationId) -> None:
        """All that wait, and all that come meanwhile."""
        try:
            while some := self.waiting[organization][:MOST]:
                self.waiting[organization] = self.waiting[organization][MOST:]
                await self._start(self._together(some), some[0].context)
        finally:
            for wish in self.waiting.pop(organization):
                wish.done.cancel()

    def _start(self, work: Coroutine[Any, Any, None], context: Context) -> "asyncio.Task[None]":
        task = asyncio.create_task(work, context=context)
        self.writers.add(task)
        task.add_done_callback(self.writers.discard)
        return task

    async def _together(self, some: Sequence[_Wish]) -> None:
        try:
            answers = await self._store(some)
        except Unavailable as error:
            # Perhaps it is stored: nobody may try again in their name.
            answers = [error] * len(some)
        except Exception as error:
            if len(some) > 1:
                for wish in some:
                    await self._together([wish])
                return
            answers = [error]
        except asyncio.CancelledError:
            for wish in some:
                wish.done.cancel()
            raise
        for wish, answer in zip(some, answers, strict=True):
            if wish.done.done():
                continue
            if isinstance(answer, Added):
                wish.done.set_result(answer)
            else:
                wish.done.set_exception(answer)

    async def _store(self, some: Sequence[_Wish]) -> Sequence[Added | Exception]:
        organization, at = some[0].actor.organization_id, self.now()
        async with self.begin(organization) as work:
            found = await Check(work, self.numbering, organization, at).all([wish.new for wish in some])
            made: dict[int, Contact] = {}
            for place, (wish, fields) in enumerate(zip(some, found, strict=True)):
                if not isinstance(fields, Refused):
                    made[place] = Contact(
                        **fields,
                        id=ContactId(self.new_id()),
                        organization_id=organization,
                        is_favorite=wish.new.is_favorite,
                        created_at=at,
                        updated_at=at,
                    )
            await self._recalled(work, made)
            contacts = list(made.values())
            await work.contacts.add(contacts)
            heard = await Unite(work, self.now, self.new_id).welcome(contacts)
            groups: dict[GroupId, list[ContactId]] = {}
            for place, contact in made.items():
                if (group := some[place].new.group_id) is not None:
                    groups.setdefault(group, []).append(contact.id)
            for group, members in groups.items():
                await work.groups.put_in(group, members)
            await work.outbox.put(
                *(
                    entry(some[place].actor, at, "contact:created", contact.id, _told(contact))
                    for place, contact in made.items()
                )
            )
        return [
            Added(made[place], alone=not heard and some[place].new.group_id is None)
            if place in made
            else cast("Refused", fields)
            for place, fields in enumerate(found)
        ]

    async def _recalled(self, work: Work, made: dict[int, Contact]) -> None:
        """What they wished when they were strangers, or before they were forgotten, they still wish."""
        theirs = {person: place for place, contact in made.items() for person in _people(contact)}
        for standing in await work.consents.standings(theirs.keys()):
            place = theirs[standing.person]
            made[place] = made[place].recall(standing)


def _people(contact: Contact) -> set[PersonKey]:
    return {contact.person, *([PersonKey(contact.bsuid)] if contact.bsuid else [])}


def _told(contact: Contact) -> Change:
    """The log forgets nobody, so it never learns what says who somebody is."""
    return difference(None, contact, private=PERSONAL)
