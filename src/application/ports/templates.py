"""What templates need from the outside: their own tables, Meta's review, and the organisation's accounts."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from tidings.application.ports.common import Inbox, Outbox
from tidings.domain.kernel import OrganizationId, Page, PhoneNumberId, TemplateId, WabaId
from tidings.domain.templates.components import Category, Component, Draft, ParameterFormat
from tidings.domain.templates.files import FileId, Media, StoredFile
from tidings.domain.templates.template import Quality, Status, Template


class Submitted(Struct, frozen=True, kw_only=True):
    """Meta's answer to a new template; its category may differ from the one asked for."""

    meta_template_id: str
    status: Status
    category: Category


class Edit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to change of a template at Meta; encoded, it is the body of Meta's request."""

    category: Category | None = None
    components: tuple[Component, ...] | None = None
    """Replaced as a whole."""
    message_send_ttl_seconds: int | None = None


class RemoteTemplate(Struct, frozen=True, kw_only=True):
    """A template as Meta holds it."""

    meta_template_id: str
    name: str
    language: str
    category: Category
    status: Status
    """Read with `status_of`."""
    components: tuple[Component, ...] = ()
    parameter_format: ParameterFormat = ParameterFormat.POSITIONAL
    message_send_ttl_seconds: int | None = None
    reason: str | None = None
    """`rejected_reason`."""
    quality: Quality = Quality.UNKNOWN
    next_category: Category | None = None
    """`correct_category`, when it is not the present one."""
    unreadable: str | None = None
    """What `read_components` could not read, in one line; then there are no components."""


class Review(Protocol):
    """What Meta does with templates. Errors are those of `domain/templates/refusals.py` (`refusal`).

    Every method may raise AccountRefused, ReviewThrottled, TokenMissing of the gateway, and
    ReviewUnavailable: no readable answer came, and what was asked may have been done.
    """

    async def submit(self, waba_id: WabaId, draft: Draft) -> Submitted:
        """Raise ReviewRefused, NameTaken, NameBeingDeleted, TooManyTemplates."""
        ...

    async def edit(self, waba_id: WabaId, meta_template_id: str, change: Edit) -> None:
        """Raise ReviewRefused, TemplateNotEditable, GoneAtMeta."""
        ...

    async def delete(self, waba_id: WabaId, name: str, meta_template_id: str) -> None:
        """This language alone. Raise GoneAtMeta, SampleTemplate."""
        ...

    def every(self, waba_id: WabaId, *, name: str | None = None) -> AsyncIterator[RemoteTemplate]:
        """All pages, to the last; with `name`, only templates of exactly that name.

        A page that cannot be had raises: an iteration that ended has seen everything.
        """
        ...


class File(Struct, frozen=True, kw_only=True):
    """A picture, film or document for a header."""

    name: str
    mime_type: str
    content: bytes


class Uploads(Protocol):
    """Files at Meta (fact sheet 3.1, 3.2). Errors as in `Review`."""

    async def sample(self, waba_id: WabaId, file: File) -> str:
        """The handle that a template's example names (resumable upload). Raise ReviewRefused."""
        ...

    async def media(self, waba_id: WabaId, phone_number_id: PhoneNumberId, file: File) -> str:
        """A media id to send with, good for 30 days from this number. Raise ReviewRefused."""
        ...


class TemplateFilter(Struct, frozen=True, kw_only=True):
    """Which templates a list shows; deleted ones only when asked for by status."""

    status: Status | None = None
    category: Category | None = None
    language: str | None = None
    name: str | None = None
    """A part of the name."""
    waba_id: WabaId | None = None


class TemplateReader(Protocol):
    """An organisation's templates, to look at."""

    async def get(self, id: TemplateId) -> Template:
        """Raise TemplateNotFound."""
        ...

    async def named(self, waba_id: WabaId, name: str) -> Sequence[Template]:
        """The family of that name by language, deleted ones aside."""
        ...

    async def page(
        self, wanted: TemplateFilter, *, cursor: str | None, limit: int, number: int | None = None
    ) -> Page[Template]:
        """Newest first, by cursor or by page number (then with a total). Raise BadCursor."""
        ...


class TemplateStore(Protocol):
    """An organisation's templates, within one transaction. What is read is locked until its end."""

    async def add(self, *templates: Template) -> None:
        """Raise NameTaken: one template for each account, name and language, deleted ones aside."""

    async def save(self, *templates: Template) -> None:
        """Raise NameTaken when a deleted one would come back to a name that is in use."""

    async def get(self, id: TemplateId) -> Template:
        """Raise TemplateNotFound."""
        ...

    async def find(self, waba_id: WabaId, name: str, language: str) -> Template | None:
        """The one of that name and language, unless it is deleted."""
        ...

    async def known(self, waba_id: WabaId, meta_template_id: str) -> Template | None:
        """The one that Meta calls so, deleted or not."""
        ...

    async def twin(self, waba_id: WabaId, language: str, wording: str) -> Template | None:
        """One that Meta has not refused, with this `likeness.wording`."""
        ...

    async def submitted_since(self, waba_id: WabaId, at: datetime) -> int:
        """How many templates were first written after this moment."""
        ...

    async def of_account(self, waba_id: WabaId) -> Sequence[Template]:
        """All of an account's, deleted ones too."""
        ...


class FileReader(Protocol):
    """An organisation's files for headers, to look at."""

    async def newest(self, limit: int) -> Sequence[StoredFile]: ...

    async def which(self, ids: Collection[FileId]) -> Collection[FileId]:
        """Those that are there."""
        ...

    async def content(self, id: FileId) -> tuple[StoredFile, bytes]:
        """Raise FileNotFound."""
        ...

    async def media(self, phone_number_id: PhoneNumberId, ids: Collection[FileId]) -> Sequence[Media]:
        """How Meta has these files for a number, as far as they were uploaded for it."""
        ...


class FileStore(Protocol):
    """An organisation's files for headers, within one transaction."""

    async def add(self, file: StoredFile, content: bytes) -> StoredFile:
        """The file, or the one that is there with the same content and type."""
        ...

    async def uploaded(self, media: Media) -> None:
        """In place of what was there for the same file and number."""

    async def remove(self, id: FileId) -> None:
        """With all that is known of its uploads. Raise FileNotFound."""


class Account(Struct, frozen=True, kw_only=True):
    """A WhatsApp Business Account whose templates are kept in step with Meta."""

    organization_id: OrganizationId
    waba_id: WabaId
    due_at: datetime
    synced_at: datetime | None = None


class AccountStore(Protocol):
    """When an organisation's accounts are to be synced, within one transaction."""

    async def want(self, waba_id: WabaId, at: datetime) -> None:
        """Sync at `at` at the latest; an account that is new here is noted."""

    async def synced(self, waba_id: WabaId, at: datetime, due_at: datetime) -> None:
        """It was in step at `at`. A sync that was wanted since is not put off."""

    async def postpone(self, waba_id: WabaId, until: datetime) -> None:
        """Meta would not: sync not before `until`."""


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction for one organisation. Leaving the block commits it; an exception undoes it."""

    templates: TemplateStore
    files: FileStore
    accounts: AccountStore
    outbox: Outbox
    inbox: Inbox


@dataclass(frozen=True, slots=True)
class Look:
    """A consistent look that changes nothing."""

    templates: TemplateReader
    files: FileReader


Begin: TypeAlias = Callable[[OrganizationId], AbstractAsyncContextManager[Work]]
"""Opens a writing transaction for an organisation."""
Reading: TypeAlias = Callable[[OrganizationId], AbstractAsyncContextManager[Look]]
"""Opens a look at an organisation's templates."""


class DueAccounts(Protocol):
    """The loop's question, across organisations."""

    async def claim(self, now: datetime, until: datetime, limit: int) -> Sequence[Account]:
        """Accounts whose sync is due, held by nobody else until `until`."""
        ...


class Wabas(Protocol):
    """The accounts an organisation has connected; answered by users."""

    async def only(self, organization_id: OrganizationId) -> WabaId:
        """The one there is. Raise NoWaba or SeveralWabas."""
        ...

    async def require(self, organization_id: OrganizationId, waba_id: WabaId) -> None:
        """Raise NoWaba unless the organisation has connected it."""
        ...
