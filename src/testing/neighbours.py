"""Who stands around whatsapp and campaigns in a world of tests: contacts, templates, teams, Meta's files."""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from tidings.adapters.peers.templates import RemoteTemplates
from tidings.application.ports.campaigns import Person, SendableTemplate, Slot
from tidings.domain.errors import Fault
from tidings.domain.kernel import (
    ContactId,
    GroupId,
    OrganizationId,
    Phone,
    PhoneNumberId,
    TeamId,
    TemplateId,
    UserId,
    WabaId,
    Wamid,
    person_key,
)
from tidings.domain.teams import TeamNotFound
from tidings.domain.whatsapp.conversations import Sight
from tidings.testing.meta import WABA


def people(count: int, new_id: Callable[[], UUID]) -> list[Person]:
    """So many people with numbers and first names, in order of their ids."""
    ids = sorted(new_id() for _ in range(count))
    return [
        Person(
            contact_id=ContactId(ids[n]),
            phone=Phone(f"+4477009{n:05}"),
            person=person_key(Phone(f"+4477009{n:05}")),
            name=f"Person {n}",
            fields={"firstName": f"P{n}"},
            country="GB",
        )
        for n in range(count)
    ]


@dataclass
class FakeAudience:
    """Everybody in `crowd`, whatever the group."""

    crowd: list[Person]

    async def page(
        self, organization: OrganizationId, group: GroupId | None, *, after: ContactId | None, limit: int
    ) -> Sequence[Person]:
        later = [p for p in self.crowd if after is None or p.contact_id > after]
        return later[:limit]

    async def people(self, organization: OrganizationId, ids: Collection[ContactId]) -> Sequence[Person]:
        return [person for person in self.crowd if person.contact_id in set(ids)]


@dataclass
class FakeTemplates:
    """One approved template with one slot, or `refusal`."""

    refusal: Exception | None = None
    quality: str = "GREEN"
    names: dict[TemplateId, str] = field(default_factory=dict[TemplateId, str])
    """Of templates that are not called `hello`."""

    async def sendable(self, organization: OrganizationId, id: TemplateId) -> SendableTemplate:
        if self.refusal:
            raise self.refusal
        return SendableTemplate(
            id=id,
            waba_id=WABA,
            name=self.names.get(id, "hello"),
            language="en",
            category="MARKETING",
            slots=(Slot(key="body.1", what="body {{1}}"),),
            quality=self.quality,
            components=msgspec.Raw(b'[{"type":"BODY","text":"Hello {{1}}, how are you?"}]'),
        )

    async def media_ids(
        self, organization: OrganizationId, waba: WabaId, number: PhoneNumberId, values: Sequence[str]
    ) -> dict[str, str]:
        return {value: str(int.from_bytes(value.encode()) % 10**15) for value in values}

    def for_reader(self, template: SendableTemplate, language: str | None) -> SendableTemplate:
        return RemoteTemplates(self).for_reader(template, language)

    def faults(self, template: SendableTemplate, values: Mapping[str, str]) -> Sequence[Fault]:
        return RemoteTemplates(self).faults(template, values)

    def filled(self, template: SendableTemplate, values: Mapping[str, str]) -> msgspec.Raw:
        return RemoteTemplates(self).filled(template, values)


@dataclass
class FakeConsent:
    """Contacts in `refused` want no marketing."""

    refused: set[ContactId] = field(default_factory=set[ContactId])

    async def blocked(
        self, organization: OrganizationId, contacts: Collection[ContactId]
    ) -> Collection[ContactId]:
        return self.refused & set(contacts)


@dataclass
class FakeDesks:
    """Teams whose members take turns as they are listed here."""

    teams: dict[TeamId, list[UserId]] = field(default_factory=dict[TeamId, list[UserId]])
    leads: dict[UserId, tuple[TeamId, ...]] = field(default_factory=dict[UserId, tuple[TeamId, ...]])
    capacity: int = 100

    async def sight(self, organization: OrganizationId, user: UserId) -> Sight:
        theirs = tuple(team for team, members in self.teams.items() if user in members)
        return Sight(user=user, teams=theirs, leads=self.leads.get(user, ()))

    async def require(self, organization: OrganizationId, team: TeamId | None, user: UserId | None) -> None:
        """Raise TeamNotFound."""
        if team is not None and (team not in self.teams or user not in (None, *self.teams[team])):
            raise TeamNotFound()

    async def turn(
        self, organization: OrganizationId, team: TeamId, loads: Mapping[UserId, int]
    ) -> UserId | None:
        free = [user for user in self.teams.get(team, []) if loads.get(user, 0) < self.capacity]
        return min(free, key=lambda user: loads.get(user, 0), default=None)


@dataclass
class FakeReceipts:
    """Remembers what was marked as read."""

    read: list[tuple[Wamid, bool]] = field(default_factory=list[tuple[Wamid, bool]])

    async def mark_read(
        self, waba_id: WabaId, phone_number_id: PhoneNumberId, wamid: Wamid, *, typing: bool = False
    ) -> None:
        self.read.append((wamid, typing))


@dataclass
class FakeMedia:
    """Files at Meta, by their ids."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def download(self, waba_id: WabaId, id: str) -> AsyncGenerator[bytes]:
        yield self.files[id]

    async def send_up(
        self, waba_id: WabaId, phone_number_id: PhoneNumberId, *, name: str, mime_type: str, content: bytes
    ) -> str:
        self.files[name] = content
        return name


@dataclass
class FakeOwners:
    """Every incarnation is an owner of its own; the crashed ones are dead."""

    name: str
    dead: set[str]

    def me(self) -> str:
        return self.name

    def is_dead(self, owner: str) -> bool:
        return owner in self.dead
