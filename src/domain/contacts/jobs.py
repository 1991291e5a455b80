"""Imports as jobs: they survive the process that runs them, and say how far they have come."""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from msgspec import Struct, field

from tidings.domain.contacts.importing import ImportOptions, ImportReport, Progress
from tidings.domain.errors import Conflict, NotFound
from tidings.domain.kernel import OrganizationId, UserId

ImportId = NewType("ImportId", UUID)


class ImportNotFound(NotFound):
    """The organisation has no such import."""


class ImportOver(Conflict):
    """The import has ended."""


class JobState(StrEnum):
    """Where an import stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """It could not be read to its end; `message` says why. What was brought in before is kept."""
    CANCELLED = "cancelled"


class ImportJob(Struct, frozen=True, kw_only=True, rename="camel"):
    """A file on its way in. `report` tells of the rows that were committed."""

    id: ImportId
    organization_id: OrganizationId
    filename: str
    options: ImportOptions
    state: JobState = JobState.WAITING
    message: str = ""
    total: int
    report: ImportReport = field(default_factory=ImportReport)
    started_by: UserId
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.state not in (JobState.WAITING, JobState.RUNNING)

    @property
    def progress(self) -> Progress:
        told = self.report
        return Progress(
            rows=told.rows, total=self.total, created=told.created, updated=told.updated, failed=told.failed
        )
