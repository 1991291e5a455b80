"""What a batch of rows does to the people who are known: pure, so that a dry run and a real one agree."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from dataclasses import replace as replace_
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from tidings.domain.contacts.columns import Columns
from tidings.domain.contacts.consent import ConsentEntry, Standing
from tidings.domain.contacts.people import LIMITS, Contact, Details
from tidings.domain.contacts.rows import Entry, RowError
from tidings.domain.contacts.wishes import Wish
from tidings.domain.kernel import ContactId, GroupId, OrganizationId, PersonKey, Phone, UserId

MAX_ERRORS = 10_000
"""How many errors a report lists; the rest is counted."""
SOURCE = "import"


class Policy(StrEnum):
    """What happens to somebody who is known already."""

    SKIP = "skip"
    """They stay as they are."""
    UPDATE = "update"
    """What the row says replaces what we have; what it leaves empty stays."""
    MERGE = "merge"
    """The row only fills in what we lack."""


class ImportOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """How a file is to be brought in."""

    mapping: dict[str, str | None] = msgspec.field(default_factory=dict[str, str | None])
    """Header to field, where the guess is not right; None leaves a column out."""
    group_id: GroupId | None = None
    """Everybody whose row makes sense is put into this group."""
    policy: Policy = Policy.SKIP
    encoding: str = ""
    """How the file's text is encoded, where the guess is not right."""
    country: str = "+1"
    """Where numbers without a country code belong, as a calling code or a country's two letters."""
    dry_run: bool = False
    """Only say what would happen."""


class Progress(Struct, frozen=True, kw_only=True, rename="camel"):
    """How far an import has come."""

    rows: int
    total: int
    created: int
    updated: int
    failed: int


class ImportReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """What came of a file. Every row is in exactly one count: rows = created + ... + failed."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    errors: tuple[RowError, ...] = ()
    errors_left_out: int = 0
    """Errors beyond the first ten thousand, which are counted and not listed."""
    columns: dict[str, str | None] = msgspec.field(default_factory=dict[str, str | None])
    """How the columns were understood: header to field."""
    encoding: str = ""
    delimiter: str = ""
    dry_run: bool = False


@dataclass(slots=True)
class Tally:
    """Counts and errors as they grow."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    errors: list[RowError] = field(default_factory=list[RowError])
    left_out: int = 0

    def copy(self) -> "Tally":
        return replace_(self, errors=list(self.errors))

    def become(self, other: "Tally") -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))

    @property
    def rows(self) -> int:
        return self.created + self.updated + self.unchanged + self.skipped + self.failed

    def add(self, other: "Tally") -> None:
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.skipped += other.skipped

    def refuse(self, wrong: Sequence[Sequence[RowError]]) -> None:
        """Count rows that were left out, each with all its errors."""
        self.failed += len(wrong)
        for errors in wrong:
            fitting = errors[: max(MAX_ERRORS - len(self.errors), 0)]
            self.errors += fitting
            self.left_out += len(errors) - len(fitting)

    def progress(self, total: int) -> Progress:
        return Progress(
            rows=self.rows, total=total, created=self.created, updated=self.updated, failed=self.failed
        )

    @classmethod
    def of(cls, report: ImportReport) -> "Tally":
        """To go on from what was committed; the errors are kept elsewhere."""
        return cls(
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
            skipped=report.skipped,
            failed=report.failed,
        )

    def report(self) -> ImportReport:
        return ImportReport(
            rows=self.rows,
            created=self.created,
            updated=self.updated,
            unchanged=self.unchanged,
            skipped=self.skipped,
            failed=self.failed,
            errors=tuple(self.errors),
            errors_left_out=self.left_out,
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """How one import reads and decides."""

    organization: OrganizationId
    columns: Columns
    options: ImportOptions
    at: datetime
    new_id: Callable[[], UUID]
    by: UserId | None = None

    @property
    def remembers(self) -> bool:
        """Whether it matters who was in earlier batches: the first row counts, or nothing was written."""
        return self.options.dry_run or self.options.policy is Policy.UPDATE


Seen = dict[int, int]
"""The people of earlier rows, each with the bits of the fields that those rows filled.

A dry run writes nothing, and knows by these bits what later rows of a person would still find empty.
"""


@dataclass(slots=True)
class Plan:
    """What a batch comes to."""

    new: dict[PersonKey, Contact] = field(default_factory=dict[PersonKey, Contact])
    changed: dict[PersonKey, Contact] = field(default_factory=dict[PersonKey, Contact])
    stopped: list[Contact] = field(default_factory=list[Contact])
    """Known people whose opt-out is news."""
    wishes: list[ConsentEntry] = field(default_factory=list[ConsentEntry])
    """The opt-outs that this batch adds to the ledger."""
    members: list[ContactId] = field(default_factory=list[ContactId])
    """Everybody whose row made sense."""
    seen: Seen = field(default_factory=dict[int, int])
    tally: Tally = field(default_factory=Tally)


def plan_batch(
    rules: Rules,
    entries: Sequence[Entry],
    known: Mapping[PersonKey, Contact],
    standings: Mapping[PersonKey, Standing],
    seen: Mapping[int, int],
) -> Plan:
    """Decide on every row in order, as if each was written before the next was read."""
    plan = Plan()
    known = {**known, **{contact.person: contact for contact in known.values()}}
    people: dict[PersonKey, None] = {}
    for entry in entries:
        asked = entry.number.person
        person = known[asked].person if asked in known else asked
        place = _place(person, asked)
        people[person] = None
        contact = plan.new.get(person) or plan.changed.get(person) or known.get(person)
        if contact is None:
            plan.new[person] = contact = _begun(rules, entry, standings.get(person))
            plan.tally.created += 1
        else:
            again = place in seen or place in plan.seen
            changed = _heard(contact, entry, _policy(rules.options.policy, again=again), rules.at)
            if changed != contact:
                contact = replace(changed, updated_at=rules.at)
                (plan.new if person in plan.new else plan.changed)[person] = contact
                plan.tally.updated += 1
            elif rules.options.policy is Policy.SKIP:
                plan.tally.skipped += 1
            else:
                plan.tally.unchanged += 1
        plan.seen[place] = _filled_bits(contact, rules.columns) if rules.options.dry_run else 0
    plan.wishes = [
        _wish(rules, contact)
        for contact in (*plan.new.values(), *plan.changed.values())
        if contact.opted_out and contact.opted_out_at == rules.at and contact.consent_source == SOURCE
    ]
    everybody = {**known, **plan.changed, **plan.new}
    plan.members = [everybody[person].id for person in people]
    plan.stopped = [c for c in plan.changed.values() if c.opted_out and not known[c.person].opted_out]
    return plan


def _place(main: PersonKey, asked: PersonKey) -> int:
    """What remembers a person: the main number, whichever of their numbers the row has."""
    return int(main if main.isdecimal() else asked)


def _policy(policy: Policy, *, again: bool) -> Policy:
    return Policy.MERGE if again and policy is Policy.UPDATE else policy


def _begun(rules: Rules, entry: Entry, standing: Standing | None) -> Contact:
    contact = Contact(
        **asdict(entry.details),
        id=ContactId(rules.new_id()),
        organization_id=rules.organization,
        phone=entry.number.phone,
        person=entry.number.person,
        country_code=entry.number.country_code,
        is_favorite=entry.is_favorite,
        created_at=rules.at,
        updated_at=rules.at,
    )
    if standing is not None:
        contact = contact.recall(standing)
    return contact.opt_out(rules.at, SOURCE) if entry.opted_out and not contact.opted_out else contact


def _wish(rules: Rules, contact: Contact) -> ConsentEntry:
    return ConsentEntry(
        id=rules.new_id(),
        organization_id=rules.organization,
        person=contact.person,
        contact_id=contact.id,
        wish=Wish.STOP,
        source=SOURCE,
        at=rules.at,
        heard_at=rules.at,
        by=rules.by,
    )


def _heard(contact: Contact, entry: Entry, policy: Policy, at: datetime) -> Contact:
    """The contact after the row. An opt-out counts under every policy; a file never takes one back."""
    changed = enriched(contact, entry, policy)
    return changed.opt_out(at, SOURCE) if entry.opted_out and not contact.opted_out else changed


def enriched(contact: Contact, entry: Entry, policy: Policy) -> Contact:
    """The contact with what the row says of it."""
    if policy is Policy.SKIP:
        return contact
    ours, theirs = _filled(contact), _filled(entry.details)
    mine, told = contact.attributes, entry.details.attributes
    update = policy is Policy.UPDATE
    return replace(
        contact,
        **({**ours, **theirs} if update else {**theirs, **ours}),
        attributes={**mine, **told} if update else {**told, **mine},
        is_favorite=contact.is_favorite or entry.is_favorite,
    )


def _filled(details: Details) -> dict[str, str]:
    return {name: value for name in LIMITS if (value := getattr(details, name))}


_FLAGS = ("is_favorite", "opted_out")
_FIRST_ATTRIBUTE = len(LIMITS) + len(_FLAGS)


def _filled_bits(contact: Contact, columns: Columns) -> int:
    present = [bool(getattr(contact, name)) for name in (*LIMITS, *_FLAGS)]
    present += [key in contact.attributes for key in columns.attributes]
    return sum(1 << place for place, there in enumerate(present) if there)


def imagined(
    rules: Rules, people: Iterable[PersonKey], known: Mapping[PersonKey, Contact], seen: Mapping[int, int]
) -> dict[PersonKey, Contact]:
    """The people as a real run would have left them after the batches that a dry run has seen."""
    found = dict(known)
    for person in people:
        main = known[person].person if person in known else person
        if (bits := seen.get(_place(main, person))) is not None:
            contact = found.get(main) or found.get(person) or _nobody(rules, person)
            found[person] = found[main] = _dressed(contact, bits, rules.columns)
    return found


def _nobody(rules: Rules, person: PersonKey) -> Contact:
    return Contact(
        id=ContactId(rules.new_id()),
        organization_id=rules.organization,
        phone=Phone(f"+{person}"),
        person=person,
        country_code="",
        created_at=rules.at,
        updated_at=rules.at,
    )


def _dressed(contact: Contact, bits: int, columns: Columns) -> Contact:
    filled = [place for place in range(bits.bit_length()) if bits >> place & 1]
    texts, flags, keys = list(LIMITS), list(_FLAGS), columns.attributes
    said = {texts[place]: "?" for place in filled if place < len(LIMITS)}
    true = {flags[place - len(LIMITS)]: True for place in filled if len(LIMITS) <= place < _FIRST_ATTRIBUTE}
    told = {keys[place - _FIRST_ATTRIBUTE]: "?" for place in filled if place >= _FIRST_ATTRIBUTE}
    return replace(contact, **{**said, **_filled(contact)}, **true, attributes={**told, **contact.attributes})
