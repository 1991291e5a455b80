"""Import: a file of people, streamed in batches, that may be repeated without harm."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.contacts.consent import wish_changed
from tidings.application.contacts.uniting import Unite
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.contacts import Begin, Numbering, Reading, Sheet, Sheets, Source, Work
from tidings.domain.contacts.attributes import defined
from tidings.domain.contacts.columns import Columns, columns_of
from tidings.domain.contacts.importing import (
    ImportOptions,
    ImportReport,
    Plan,
    Progress,
    Rules,
    Seen,
    Tally,
    imagined,
    plan_batch,
)
from tidings.domain.contacts.people import PhoneTaken
from tidings.domain.contacts.rows import Entry, Reader, RowError, UnknownCountry, plain, read_row
from tidings.domain.kernel import Actor, OrganizationId, Permission

BATCH = 1000
TRIES = 3

EXAMPLES = 5

Told: TypeAlias = Callable[[Progress], None]
Note: TypeAlias = Callable[[Work, Tally, Sequence[Sequence[RowError]]], Awaitable[None]]
"""Told of each batch within its transaction: the tally with it, and the errors of its rows."""
Batch: TypeAlias = tuple[list[Entry], list[list[RowError]]]
"""The rows that make sense, and the errors of each that does not."""
_DEFAULT = ImportOptions()
_NO_ROWS: Sequence[tuple[int, Sequence[str]]] = ()


def _nobody(progress: Progress) -> None:
    """Nobody watches."""


async def _nothing(work: Work, tally: Tally, wrong: Sequence[Sequence[RowError]]) -> None:
    """Nothing is noted."""


class Column(Struct, frozen=True, kw_only=True, rename="camel"):
    """A column of a file: its header, what it is taken for, and some of what it holds."""

    header: str
    field: str | None
    examples: tuple[str, ...]


class Preview(Struct, frozen=True, kw_only=True, rename="camel"):
    """A file before it is brought in, so that the guess can be seen and changed."""

    rows: int
    encoding: str
    delimiter: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Importer:
    """Brings the rows of a sheet in, batch by batch, each in one transaction."""

    begin: Begin
    reading: Reading
    numbering: Numbering
    now: Now
    new_id: NewId
    batch: int = BATCH

    async def check(self, organization: OrganizationId, sheet: Sheet, options: ImportOptions) -> Columns:
        """Everything that can be known to be wrong before a row is read.

        Raise MissingColumn, UnknownCountry, GroupNotFound, and Invalid for a mapping that does not fit.
        """
        try:
            self.numbering.calling_code(options.country)
        except UnknownCountry as error:
            faults = (replace(fault, field="country") for fault in error.faults)
            raise UnknownCountry("", *faults) from error
        columns = columns_of(sheet.header, options.mapping)
        if options.group_id is not None:
            async with self.reading(organization) as look:
                await look.groups.get(options.group_id)
        return columns

    async def run(
        self, sheet: Sheet, columns: Columns, rules: Rules, tally: Tally, note: Note, progress: Told
    ) -> None:
        """Go on after the rows that the tally has counted already."""
        reader = await self._reader(rules, columns)
        seen: Seen = await self._seen(sheet, reader, tally.rows) if rules.remembers else {}
        async for entries, wrong in self._batches(sheet, reader, tally.rows):
            after = tally.copy()
            after.refuse(wrong)
            if rules.options.dry_run:
                plan = await self._look(rules, entries, seen)
                after.add(plan.tally)
            else:
                plan = await self._write(rules, entries, seen, _Step(after, wrong, note))
            if rules.remembers:
                seen |= plan.seen
            tally.become(after)
            progress(tally.progress(sheet.rows))

    async def _reader(self, rules: Rules, columns: Columns) -> Reader:
        """How rows are understood; columns that are new to the organisation become attributes."""
        async with self.reading(rules.organization) as look:
            known = await look.attributes.all()
        new = defined(rules.organization, columns.attributes, known, self.now())
        if new and not rules.options.dry_run:
            async with self.begin(rules.organization) as work:
                await work.attributes.define(new)
        country = self.numbering.calling_code(rules.options.country)
        return Reader(columns=columns, country=country, definitions=known, parse=self.numbering.parse)

    async def _seen(self, sheet: Sheet, reader: Reader, rows: int) -> Seen:
        """The people of the rows that are done already."""
        seen: Seen = {}
        async for batch in sheet.batches(self.batch):
            if rows <= 0:
                break
            entries, _ = await asyncio.to_thread(_read, batch[:rows], reader)
            seen |= {int(entry.number.person): 0 for entry in entries}
            rows -= len(batch)
        return seen

    async def _batches(self, sheet: Sheet, reader: Reader, skip: int) -> AsyncIterator[Batch]:
        """The rows understood, one batch ahead of the writing."""
        ahead: asyncio.Task[Batch] | None = None
        async for rows in sheet.batches(self.batch, skip=skip):
            before, ahead = ahead, asyncio.create_task(asyncio.to_thread(_read, rows, reader))
            if before is not None:
                yield await before
        if ahead is not None:
            yield await ahead

    async def _look(self, rules: Rules, entries: Sequence[Entry], seen: Seen) -> Plan:
        """What the batch would come to."""
        people = {entry.number.person for entry in entries}
        async with self.reading(rules.organization) as look:
            known = await look.contacts.of_people(people)
            standings = await look.consents.standings(people - known.keys())
        found = imagined(rules, people, known, seen)
        return plan_batch(rules, entries, found, {each.person: each for each in standings}, seen)

    async def _write(self, rules: Rules, entries: Sequence[Entry], seen: Seen, step: "_Step") -> Plan:
        """One batch in one transaction; planned again when somebody else added one of them."""
        for _ in range(TRIES - 1):
            with suppress(PhoneTaken):
                return await self._once(rules, entries, seen, step)
        return await self._once(rules, entries, seen, step)

    async def _once(self, rules: Rules, entries: Sequence[Entry], seen: Seen, step: "_Step") -> Plan:
        people = {entry.number.person for entry in entries}
        async with self.begin(rules.organization) as work:
            known = await work.contacts.of_people(people)
            told = await work.consents.standings(people - known.keys())
            plan = plan_batch(rules, entries, known, {each.person: each for each in told}, seen)
            await work.contacts.add(list(plan.new.values()))
            await work.contacts.save(list(plan.changed.values()))
            if (group := rules.options.group_id) is not None and plan.members:
                await work.groups.put_in(group, plan.members)
            await Unite(work, self.now, self.new_id).welcome(list(plan.new.values()))
            await work.consents.hear(plan.wishes)
            await work.outbox.put(*(wish_changed(contact, rules.at) for contact in plan.stopped))
            counted = step.after.copy()
            counted.add(plan.tally)
            await step.note(work, counted, step.wrong)
        step.after.become(counted)
        return plan


@dataclass(frozen=True, slots=True)
class _Step:
    """What a batch adds to the tally besides its plan, and who is told of it in the same transaction."""

    after: Tally
    wrong: Sequence[Sequence[RowError]]
    note: Note


@dataclass(frozen=True, slots=True)
class Imports:
    """Files into contacts, while one waits."""

    begin: Begin
    reading: Reading
    sheets: Sheets
    numbering: Numbering
    now: Now
    new_id: NewId
    batch: int = BATCH

    async def import_file(
        self,
        actor: Actor,
        source: Source,
        options: ImportOptions = _DEFAULT,
        progress: Told = _nobody,
    ) -> ImportReport:
        """Bring a file's people in; rows that make no sense are listed and the rest is kept.

        The first row of a person decides by the policy against what is known; later rows of the same person
        only fill in what is still empty (with SKIP they are skipped). An opt-out in any row counts. So the
        same file again changes nothing.

        Before anything is written: raise UnreadableFile, MissingColumn, UnknownCountry, GroupNotFound, and
        Invalid for a mapping that does not fit.
        """
        organization = actor.require(Permission.CONTACTS_WRITE)
        importer = self.importer
        async with self.sheets.open(source, encoding=options.encoding) as sheet:
            columns = await importer.check(organization, sheet, options)
            rules = Rules(organization, columns, options, self.now(), self.new_id, actor.user_id)
            tally = Tally()
            await importer.run(sheet, columns, rules, tally, _nothing, progress)
            report = finished(tally, sheet, columns, options)
        if not options.dry_run:
            async with self.begin(organization) as work:
                told = difference(None, report, untold=("errors", "columns"))
                await note(work, actor, self.now(), "import:done", organization, told)
        return report

    async def preview(self, actor: Actor, source: Source, options: ImportOptions = _DEFAULT) -> Preview:
        """How a file would be understood. Raise as `import_file` does, but for the number's column."""
        actor.require(Permission.CONTACTS_READ)
        async with self.sheets.open(source, encoding=options.encoding) as sheet:
            columns = columns_of(sheet.header, options.mapping, needed=False)
            rows = _NO_ROWS
            # Not `anext` with a default, which CPython 3.11 and 3.12 turn into a SystemError at the end.
            async for batch in sheet.batches(EXAMPLES):
                rows = batch
                break
            shown = list(columns.shown.items())
            return Preview(
                rows=sheet.rows,
                encoding=sheet.encoding,
                delimiter=sheet.delimiter,
                columns=tuple(
                    Column(
                        header=header,
                        field=field,
                        examples=tuple(plain(cells[place]) for _, cells in rows if place < len(cells)),
                    )
                    for place, (header, field) in enumerate(shown)
                ),
            )

    @property
    def importer(self) -> Importer:
        return Importer(self.begin, self.reading, self.numbering, self.now, self.new_id, self.batch)


def finished(tally: Tally, sheet: Sheet, columns: Columns, options: ImportOptions) -> ImportReport:
    """The report of all that was done."""
    return replace(
        tally.report(),
        columns=columns.shown,
        encoding=sheet.encoding,
        delimiter=sheet.delimiter,
        dry_run=options.dry_run,
    )


def _read(rows: Sequence[tuple[int, Sequence[str]]], reader: Reader) -> Batch:
    entries: list[Entry] = []
    wrong: list[list[RowError]] = []
    for row, cells in rows:
        read = read_row(row, cells, reader)
        if isinstance(read, Entry):
            entries.append(read)
        else:
            wrong.append(read)
    return entries, wrong
