"""A small Meta in memory with the domain's own rules, and templates on SQLite before it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
from msgspec.structs import replace

from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import SqlOutboxReader
from tidings.adapters.mysql.templates import (
    SqlDueAccounts,
    metadata,
    outbox,
    templates_in,
    templates_read_from,
)
from tidings.application.ports.templates import Edit, File, RemoteTemplate, Submitted
from tidings.application.templates import Approved, Keeper, Templates
from tidings.domain.errors import Refused
from tidings.domain.events import AnyEvent, Event
from tidings.domain.kernel import Actor, OrganizationId, PhoneNumberId, Role, UserId, WabaId
from tidings.domain.templates.components import Draft
from tidings.domain.templates.refusals import (
    GoneAtMeta,
    NameTaken,
    NoWaba,
    ReviewUnavailable,
    refusal,
)
from tidings.domain.templates.rules import check
from tidings.domain.templates.template import Status

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
WABA = WabaId("920000000000101")


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Meta:
    """The Review port: what Meta holds, and the accidents that are to happen."""

    held: dict[str, RemoteTemplate] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    verdict: Status = Status.PENDING
    made: int = 0
    before: list[BaseException] = field(default_factory=list)
    """Raised instead of doing what is asked."""
    after: list[BaseException] = field(default_factory=list)
    """Raised when it has been done."""

    async def submit(self, waba_id: WabaId, draft: Draft) -> Submitted:
        self._begin("submit")
        if any((t.name, t.language) == (draft.name, draft.language) for t in self.held.values()):
            raise NameTaken()
        for fault in check(draft):
            raise refusal(fault.code, fault.subcode, fault.message)
        self.made += 1
        id = str(1200000000000000 + self.made)
        self.put(
            RemoteTemplate(
                meta_template_id=id,
                name=draft.name,
                language=draft.language,
                category=draft.category,
                status=self.verdict,
                components=draft.components,
                parameter_format=draft.parameter_format,
                message_send_ttl_seconds=draft.message_send_ttl_seconds,
            )
        )
        self._end()
        return Submitted(meta_template_id=id, status=self.verdict, category=draft.category)

    async def edit(self, waba_id: WabaId, meta_template_id: str, change: Edit) -> None:
        self._begin("edit")
        remote = self._get(meta_template_id)
        self.put(
            replace(
                remote,
                components=change.components or remote.components,
                category=change.category or remote.category,
                message_send_ttl_seconds=change.message_send_ttl_seconds or remote.message_send_ttl_seconds,
                status=Status.PENDING,
            )
        )
        self._end()

    async def delete(self, waba_id: WabaId, name: str, meta_template_id: str) -> None:
        self._begin("delete")
        self._get(meta_template_id)
        del self.held[meta_template_id]
        self._end()

    async def every(self, waba_id: WabaId, *, name: str | None = None) -> AsyncIterator[RemoteTemplate]:
        self._begin("every")
        for remote in list(self.held.values()):
            if name in (None, remote.name):
                yield remote
        self._end()

    def put(self, remote: RemoteTemplate) -> None:
        self.held[remote.meta_template_id] = remote

    def _get(self, id: str) -> RemoteTemplate:
        if id not in self.held:
            raise GoneAtMeta()
        return self.held[id]

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        if self.before:
            raise self.before.pop(0)

    def _end(self) -> None:
        if self.after:
            raise self.after.pop(0)


@dataclass
class Clock:
    at: datetime = NOON

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def pass_(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class OneWaba:
    """The Wabas port."""

    async def only(self, organization_id: OrganizationId) -> WabaId:
        return WABA

    async def require(self, organization_id: OrganizationId, waba_id: WabaId) -> None:
        if waba_id != WABA:
            raise NoWaba()


@dataclass
class World:
    database: Database
    meta: Meta
    clock: Clock
    organization: OrganizationId = field(default_factory=lambda: OrganizationId(uuid4()))

    def actor(self, role: Role = Role.MEMBER) -> Actor:
        return Actor(user_id=UserId(uuid4()), organization_id=self.organization, role=role)

    @property
    def begin(self):
        return templates_in(self.database, now=self.clock, new_id=uuid7)

    @property
    def templates(self) -> Templates:
        reading = templates_read_from(self.database)
        return Templates(self.begin, reading, self.meta, OneWaba(), self.clock, uuid7)

    @property
    def keeper(self) -> Keeper:
        due = SqlDueAccounts(self.database)
        return Keeper(self.begin, self.meta, OneWaba(), due, self.clock, uuid7)

    @property
    def approved(self) -> Approved:
        return Approved(templates_read_from(self.database))

    async def told(self) -> list[Event]:
        """The events that have been committed, taken out."""
        reader = SqlOutboxReader(self.database, outbox)
        found = await reader.waiting(1000)
        await reader.published([position for position, _ in found])
        return [msgspec.json.decode(envelope.body, type=AnyEvent) for _, envelope in found]


async def a_world(folder) -> World:
    database = sqlite_database(folder / "templates.db")
    await database.create(metadata)
    return World(database, Meta(), Clock())


def no_answer() -> Refused:
    return ReviewUnavailable()


def event_id() -> UUID:
    return uuid4()


@dataclass
class Files:
    """The Uploads port: what was uploaded, and for whom."""

    samples: list[File] = field(default_factory=list)
    media_ids: dict[str, tuple[PhoneNumberId, bytes]] = field(default_factory=dict)

    async def sample(self, waba_id: WabaId, file: File) -> str:
        self.samples.append(file)
        return f"4::{len(self.samples)}"

    async def media(self, waba_id: WabaId, phone_number_id: PhoneNumberId, file: File) -> str:
        id = str(880011223344000 + len(self.media_ids))
        self.media_ids[id] = (phone_number_id, file.content)
        return id
