"""Import: a file of people, streamed in batches, that may be repeated without harm."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from msgspec.structs import replace

from tidings.application.contacts.consent import wish_changed
from tidings.application.contacts.uniting import Unite
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.contacts import Begin, Numbering, Reading, Sheet, Sheets, Source
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
from tidings.domain.contacts.rows import Entry, Reader, RowError, read_row
from tidings.domain.kernel import Actor, OrganizationId, Permission, PersonKey

BATCH = 1000
TRIES = 3

Told: TypeAlias = Callable[[Progress], None]
Batch: TypeAlias = tuple[list[Entry], list[list[RowError]]]
"""The rows that make sense, and the errors of each that does not."""
_DEFAULT = ImportOptions()


@dataclass(frozen=True, slots=True)
class Imports:
    """Files into contacts."""

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
        progress: Told | None = None,
    ) -> ImportReport:
        """Bring a file's people in; rows that make no sense are listed and the rest is kept.

        The first row of a person decides by the policy against what is known; later rows of the same person
        only fill in what is still empty (with SKIP they are skipped). An opt-out in any row counts. So the
        same file again changes nothing.

        Before anything is written: raise UnreadableFile, MissingColumn, UnknownCountry, GroupNotFound, and
        Invalid for a mapping that does not fit.
        """
        organization = actor.require(Permission.CONTACTS_WRITE)
        country = self.numbering.calling_code(options.country)
        async with self.sheets.open(source) as sheet:
            columns = columns_of(sheet.header, options.mapping)
            if options.group_id is not None:
                async with self.reading(organization) as look:
                    await look.groups.get(options.group_id)
            reader = await self._reader(organization, columns, country, dry_run=options.dry_run)
            rules = Rules(organization, columns, options, self.now(), self.new_id, actor.user_id)
            tally = Tally()
            seen: Seen = {}
            async for entries, wrong in self._batches(sheet, reader):
                handle = self._look if options.dry_run else self._write
                plan = await handle(rules, entries, seen)
                if rules.remembers:
                    seen |= plan.seen
                tally.add(plan.tally)
                tally.refuse(wrong)
                if progress is not None:
                    progress(tally.progress(sheet.rows))
            return replace(
                tally.report(),
                columns=columns.shown,
                encoding=sheet.encoding,
                delimiter=sheet.delimiter,
                dry_run=options.dry_run,
            )

    async def _reader(
        self, organization: OrganizationId, columns: Columns, country: str, *, dry_run: bool
    ) -> Reader:
        """How rows are understood; columns that are new to the organisation become attributes."""
        async with self.reading(organization) as look:
            known = await look.attributes.all()
        new = defined(organization, columns.attributes, known, self.now())
        if new and not dry_run:
            async with self.begin(organization) as work:
                await work.attributes.define(new)
        return Reader(columns=columns, country=country, definitions=known, parse=self.numbering.parse)

    async def _batches(self, sheet: Sheet, reader: Reader) -> AsyncIterator[Batch]:
        """The rows understood, one batch ahead of the writing."""
        ahead: asyncio.Task[Batch] | None = None
        async for rows in sheet.batches(self.batch):
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

    async def _write(self, rules: Rules, entries: Sequence[Entry], seen: Seen) -> Plan:
        """One batch in one transaction; planned again when somebody else added one of them."""
        people = {entry.number.person for entry in entries}
        for _ in range(TRIES - 1):
            with suppress(PhoneTaken):
                return await self._once(rules, entries, people, seen)
        return await self._once(rules, entries, people, seen)

    async def _once(self, rules: Rules, entries: Sequence[Entry], people: Set[PersonKey], seen: Seen) -> Plan:
        async with self.begin(rules.organization) as work:
            known = await work.contacts.of_people(people)
            told = await work.consents.standings(people - known.keys())
            plan = plan_batch(rules, entries, known, {each.person: each for each in told}, seen)
            await work.contacts.add(list(plan.new.values()))
            await work.contacts.save(list(plan.changed.values()))
            await Unite(work, self.now, self.new_id).welcome(list(plan.new.values()))
            if (group := rules.options.group_id) is not None and plan.members:
                await work.groups.put_in(group, plan.members)
            await work.consents.hear(plan.wishes)
            await work.outbox.put(*(wish_changed(contact, rules.at) for contact in plan.stopped))
        return plan


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
