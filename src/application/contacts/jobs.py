"""Imports as jobs: taken in, run by whichever process is free, gone on with after a kill, watched."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.contacts.importing import Importer, finished
from tidings.application.contacts.people import check_page
from tidings.application.pausing import pause
from tidings.application.ports.common import NewId, Now, Sleep, Tables
from tidings.application.ports.contacts import (
    Begin,
    ImportQueue,
    Reading,
    Sheets,
    Source,
    Work,
)
from tidings.domain.contacts.importing import ImportOptions, ImportReport, Progress, Rules, Tally
from tidings.domain.contacts.jobs import ImportId, ImportJob, ImportOver, JobState
from tidings.domain.contacts.rows import RowError, UnreadableFile
from tidings.domain.errors import Fault, Invalid, NotFound
from tidings.domain.kernel import Actor, OrganizationId, Page, Permission

CHUNK = 1 << 18
MAX_BYTES = 200 * 1024 * 1024
LEASE = timedelta(seconds=15)
"""How long a runner may be silent before another goes on in its place."""
IDLE = 1.0
"""Seconds between two looks for work."""
ERROR_HEADER = ("row", "field", "rule", "message", "value")


class LostLease(Exception):
    """Another runner has taken the import over, or it was cancelled."""


@dataclass(frozen=True, slots=True)
class ImportJobs:
    """Files that come in while one does something else."""

    begin: Begin
    reading: Reading
    sheets: Sheets
    tables: Tables
    importer: Importer
    now: Now
    new_id: NewId
    sleep: Sleep

    async def start(self, actor: Actor, filename: str, source: Source, options: ImportOptions) -> ImportJob:
        """Take a file in and put it in line.

        Raise what `Imports.import_file` raises before it writes; then nothing is kept.
        """
        organization = actor.require(Permission.CONTACTS_WRITE)
        id = ImportId(self.new_id())
        taken = False
        try:
            kept = self._kept(organization, id, source)
            async with self.sheets.open(kept, encoding=options.encoding) as sheet:
                columns = await self.importer.check(organization, sheet, options)
                at = self.now()
                job = ImportJob(
                    id=id,
                    organization_id=organization,
                    filename=filename[:255],
                    options=options,
                    total=sheet.rows,
                    report=finished(Tally(), sheet, columns, options),
                    started_by=actor.user_id,
                    created_at=at,
                    updated_at=at,
                )
            async with self.begin(organization) as work:
                await work.imports.add(job)
                told = difference(None, job, untold=("report", "updated_at"))
                await note(work, actor, at, "import:started", id, told)
            taken = True
        finally:
            if not taken:
                async with self.begin(organization) as work:
                    await work.imports.drop(id)
        return job

    async def get(self, actor: Actor, id: ImportId) -> ImportJob:
        """Raise ImportNotFound."""
        async with self.reading(actor.require(Permission.CONTACTS_READ)) as look:
            return await look.imports.get(id)

    async def page(self, actor: Actor, *, cursor: str | None = None, limit: int = 20) -> Page[ImportJob]:
        """Newest first. Raise Invalid."""
        organization = actor.require(Permission.CONTACTS_READ)
        check_page(limit, None)
        async with self.reading(organization) as look:
            return await look.imports.page(cursor=cursor, limit=limit)

    async def cancel(self, actor: Actor, id: ImportId) -> ImportJob:
        """Stop after the batch in hand; what was brought in stays. Raise ImportNotFound or ImportOver."""
        async with self.begin(actor.require(Permission.CONTACTS_WRITE)) as work:
            job = await work.imports.get(id)
            if job.ended:
                raise ImportOver(f"The import has ended already: it is {job.state}.")
            at = self.now()
            before, job = job, replace(job, state=JobState.CANCELLED, updated_at=at, finished_at=at)
            await work.imports.save(job)
            await work.imports.drop(id)
            await note(work, actor, at, "import:cancelled", id, difference(before, job))
        return job

    async def watch(self, actor: Actor, id: ImportId, *, every: float = 0.5) -> AsyncIterator[ImportJob]:
        """The import each time it has moved on, until it has ended. Raise ImportNotFound."""
        seen: ImportJob | None = None
        while seen is None or not seen.ended:
            job = await self.get(actor, id)
            if job != seen:
                yield job
            seen = job
            if not job.ended:
                await self.sleep(every)

    async def errors(self, actor: Actor, id: ImportId) -> AsyncIterator[bytes]:
        """Every error of every row, as a CSV file. Raise ImportNotFound."""
        organization = actor.require(Permission.CONTACTS_READ)
        async with self.reading(organization) as look:
            await look.imports.get(id)
        return self.tables.write("csv", ERROR_HEADER, self._errors(organization, id))

    async def _errors(
        self, organization: OrganizationId, id: ImportId
    ) -> AsyncIterator[Sequence[Sequence[str]]]:
        after = 0
        while True:
            async with self.reading(organization) as look:
                found = await look.imports.errors(id, after=after, limit=1000)
            if not found:
                return
            yield [(str(e.row), e.field, e.rule, e.message, e.value) for _, e in found]
            after = found[-1][0]

    async def _kept(self, organization: OrganizationId, id: ImportId, source: Source) -> AsyncIterator[bytes]:
        """The bytes as they come, kept piece by piece on the way."""
        place, size, waiting = 0, 0, b""
        async for piece in _pieces(source):
            size += len(piece)
            if size > MAX_BYTES:
                message = f"the file is larger than {MAX_BYTES >> 20} MiB; split it"
                raise UnreadableFile("", Fault(field="file", rule="max_size", message=message))
            waiting += piece
            while len(waiting) >= CHUNK:
                async with self.begin(organization) as work:
                    await work.imports.keep(id, place, waiting[:CHUNK])
                waiting, place = waiting[CHUNK:], place + 1
            yield piece
        if waiting:
            async with self.begin(organization) as work:
                await work.imports.keep(id, place, waiting)


async def _pieces(source: Source) -> AsyncIterator[bytes]:
    if not isinstance(source, Path):
        async for piece in source:
            yield piece
        return
    try:
        with source.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece
    except OSError as error:
        message = f"{source.name} cannot be read: {error.strerror or error}"
        raise UnreadableFile("", Fault(field="file", rule="file", message=message)) from error


@dataclass(frozen=True, slots=True)
class ImportRunner:
    """Runs what waits. Any number of processes may; one that dies is replaced when its lease has run out."""

    queue: ImportQueue
    begin: Begin
    reading: Reading
    sheets: Sheets
    importer: Importer
    now: Now
    new_id: NewId
    owner: str

    async def run(self, stop: asyncio.Event) -> None:
        """Run what comes, until told to stop; what is in hand then is gone on with by the next."""
        while not stop.is_set():
            if not await self.step():
                await pause(stop, IDLE)

    async def step(self) -> bool:
        """Run one import to its end; False when none waits."""
        job = await self.queue.claim(self.owner, self.now(), self.now() + LEASE)
        if job is None:
            return False
        try:
            await self._run(job)
        except LostLease:
            pass
        except (Invalid, NotFound) as error:
            await self._end(job, JobState.FAILED, str(error))
        return True

    async def _run(self, job: ImportJob) -> None:
        """From where it was committed. A dry run commits nothing, and so begins again."""
        tally = Tally() if job.options.dry_run else Tally.of(job.report)
        async with self.sheets.open(self._file(job), encoding=job.options.encoding) as sheet:
            columns = await self.importer.check(job.organization_id, sheet, job.options)
            rules = Rules(
                job.organization_id, columns, job.options, job.created_at, self.new_id, job.started_by
            )

            async def note(work: Work, after: Tally, wrong: Sequence[Sequence[RowError]]) -> None:
                await self._note(work, job, after, wrong)

            await self.importer.run(sheet, columns, rules, tally, note, _nobody)
        await self._end(job, JobState.DONE, "", tally)

    async def _note(
        self, work: Work, job: ImportJob, tally: Tally, wrong: Sequence[Sequence[RowError]]
    ) -> None:
        """The checkpoint, in the batch's own transaction: all of it happened, or none. Raise LostLease."""
        now = await work.imports.get(job.id)
        if now.state is not JobState.RUNNING or not await work.imports.is_run_by(job.id, self.owner):
            raise LostLease
        report = _counted(now, tally)
        await work.imports.save(replace(now, report=report, updated_at=self.now()))
        await work.imports.renew(job.id, self.owner, self.now() + LEASE)
        await work.imports.note(job.id, [error for errors in wrong for error in errors])

    async def _end(self, job: ImportJob, state: JobState, message: str, tally: Tally | None = None) -> None:
        async with self.begin(job.organization_id) as work:
            now = await work.imports.get(job.id)
            if now.state is not JobState.RUNNING or not await work.imports.is_run_by(job.id, self.owner):
                return
            report = now.report if tally is None else _counted(now, tally)
            if job.options.dry_run and tally is not None:
                await work.imports.note(job.id, tally.errors)
            at = self.now()
            ended = replace(now, state=state, message=message, report=report, updated_at=at, finished_at=at)
            await work.imports.save(ended)
            await work.imports.drop(job.id)

    async def _file(self, job: ImportJob) -> AsyncIterator[bytes]:
        place = 0
        while True:
            async with self.reading(job.organization_id) as look:
                chunk = await look.imports.chunk(job.id, place)
            if chunk is None:
                return
            yield chunk
            place += 1


def _counted(job: ImportJob, tally: Tally) -> ImportReport:
    """The job's report with the tally's counts; its errors are kept in a table of their own."""
    told = tally.report()
    return replace(
        job.report,
        **{
            name: getattr(told, name)
            for name in ("rows", "created", "updated", "unchanged", "skipped", "failed")
        },
    )


def _nobody(progress: Progress) -> None:
    """Progress is read from the checkpoints."""
