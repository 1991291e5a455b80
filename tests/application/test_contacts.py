"""What an organisation can do with its contacts, over real SQLite."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import select

from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql.contacts.tables import metadata, outbox
from tidings.adapters.mysql.contacts.work import contacts_in, contacts_read_from
from tidings.adapters.mysql.engine import Database
from tidings.adapters.numbering import WorldNumbering
from tidings.adapters.sheets.files import FileSheets
from tidings.application.contacts.consent import Consent, Suppressed, Suppression, WishTold
from tidings.application.contacts.groups import GroupChange, Groups, NewGroup
from tidings.application.contacts.importing import Imports
from tidings.application.contacts.people import ContactChange, Contacts, NewContact
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.columns import MissingColumn
from tidings.domain.contacts.consent import InvalidWish
from tidings.domain.contacts.groups import GroupNotFound, InvalidGroup
from tidings.domain.contacts.importing import ImportOptions, ImportReport, Policy, Progress
from tidings.domain.contacts.people import ContactNotFound, InvalidContact, PhoneTaken
from tidings.domain.contacts.rows import UnknownCountry, UnreadableFile
from tidings.domain.contacts.wishes import Wish
from tidings.domain.errors import Invalid
from tidings.domain.events import MessageReceived, PreferenceReported
from tidings.domain.kernel import (
    Actor,
    GroupId,
    MessageId,
    NotPermitted,
    OrganizationId,
    Phone,
    PhoneNumberId,
    Role,
    UserId,
    Wamid,
)

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "examples" / "contacts.csv"


@dataclass
class World:
    database: Database
    contacts: Contacts
    groups: Groups
    imports: Imports
    consent: Consent
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    async def events(self) -> list[str]:
        """What the other contexts are told of people; what the audit log is told is seen elsewhere."""
        told = outbox.c.type != "audit.change_made.v1"
        async with self.database.reading() as connection:
            found = await connection.execute(select(outbox.c.type).where(told).order_by(outbox.c.position))
            return list(found.scalars())


@pytest.fixture(scope="module")
async def database(tmp_path_factory):
    database = sqlite_database(tmp_path_factory.mktemp("contacts") / "contacts.db")
    await database.create(metadata)
    yield database
    await database.close()


@pytest.fixture
def world(database):
    world = World(database, None, None, None, None)  # type: ignore[arg-type]
    begin = contacts_in(database, now=world.now, new_id=uuid7)
    reading = contacts_read_from(database)
    numbering = WorldNumbering()
    world.contacts = Contacts(begin, reading, numbering, world.now, uuid7)
    world.groups = Groups(begin, reading, world.now, uuid7)
    world.imports = Imports(begin, reading, FileSheets(), numbering, world.now, uuid7)
    world.consent = Consent(begin, reading, numbering, world.now, uuid7)
    return world


def somebody(role: Role = Role.OWNER) -> Actor:
    return Actor(user_id=UserId(uuid4()), organization_id=OrganizationId(uuid4()), role=role)


@pytest.fixture
def owner():
    return somebody()


async def test_only_the_number_is_needed(world, owner):
    contact = await world.contacts.add(owner, NewContact(phone="(202) 555-0143"))
    assert (contact.phone, contact.country_code, contact.name) == ("+12025550143", "+1", "")
    assert await world.contacts.get(owner, contact.id) == contact


async def test_everything_wrong_with_a_contact_is_said_at_once(world, owner):
    with pytest.raises(InvalidContact) as refused:
        await world.contacts.add(owner, NewContact(phone="12", email="nowhere", first_name="x" * 101))
    assert {fault.field for fault in refused.value.faults} == {"phone", "email", "firstName"}


async def test_the_same_number_in_another_spelling_is_taken(world, owner):
    await world.contacts.add(owner, NewContact(phone="+55 11 98765-4321"))
    with pytest.raises(PhoneTaken):
        await world.contacts.add(owner, NewContact(phone="11 8765-4321", country_code="+55"))


async def test_a_change_leaves_what_it_does_not_mention(world, owner):
    contact = await world.contacts.add(
        owner, NewContact(phone="07700 900123", country_code="+44", first_name="Asha", email="A@B.org")
    )
    world.at += timedelta(minutes=1)
    changed = await world.contacts.change(owner, contact.id, ContactChange(last_name="Rao", email=None))
    assert changed == replace(contact, last_name="Rao", email="", updated_at=world.at)
    moved = await world.contacts.change(owner, contact.id, ContactChange(phone="07700 900124"))
    assert moved.phone == "+447700900124"


async def test_a_contact_joins_its_group_in_the_same_breath_or_not_at_all(world, owner):
    group = await world.groups.add(owner, NewGroup(name="VIP"))
    contact = await world.contacts.add(owner, NewContact(phone="+12025550143", group_id=group.id))
    assert [each.id for each in contact.groups] == [group.id]
    with pytest.raises(GroupNotFound):
        await world.contacts.add(owner, NewContact(phone="+12025550144", group_id=GroupId(uuid4())))
    page = await world.contacts.page(owner, ContactFilter(), number=1)
    assert page.total == 1


async def test_favourites_are_set_unset_and_toggled(world, owner):
    contact = await world.contacts.add(owner, NewContact(phone="+12025550143"))
    for wanted, marked in ((True, True), (True, True), (False, False), (None, True), (None, False)):
        assert (await world.contacts.favorite(owner, contact.id, wanted)).is_favorite is marked


async def test_viewers_look_and_touch_nothing(world, owner):
    contact = await world.contacts.add(owner, NewContact(phone="+12025550143"))
    viewer = replace(owner, role=Role.VIEWER)
    assert (await world.contacts.get(viewer, contact.id)).id == contact.id
    for attempt in (
        world.contacts.add(viewer, NewContact(phone="+12025550144")),
        world.contacts.change(viewer, contact.id, ContactChange()),
        world.contacts.remove(viewer, contact.id),
        world.contacts.favorite(viewer, contact.id),
        world.consent.note(viewer, contact.id, Wish.STOP, WishTold()),
        world.consent.suppress(viewer, Suppression(phones=[])),
        world.groups.add(viewer, NewGroup(name="x")),
        world.groups.put_in(viewer, GroupId(uuid4()), []),
        world.imports.import_file(viewer, EXAMPLE),
    ):
        with pytest.raises(NotPermitted):
            await attempt


async def test_strangers_find_nothing(world, owner):
    contact = await world.contacts.add(owner, NewContact(phone="+12025550143"))
    stranger = somebody()
    for attempt in (
        world.contacts.get(stranger, contact.id),
        world.contacts.change(stranger, contact.id, ContactChange()),
        world.contacts.remove(stranger, contact.id),
        world.contacts.favorite(stranger, contact.id),
        world.consent.note(stranger, contact.id, Wish.STOP, WishTold()),
        world.consent.ledger(stranger, contact.id),
    ):
        with pytest.raises(ContactNotFound):
            await attempt


@pytest.mark.parametrize(("limit", "number"), [(0, None), (101, None), (10, 0), (100, 101), (10, -1)])
async def test_pages_that_do_not_exist_are_refused(world, owner, limit, number):
    with pytest.raises(Invalid):
        await world.contacts.page(owner, ContactFilter(), limit=limit, number=number)


async def test_groups_need_a_name_of_their_own(world, owner):
    with pytest.raises(InvalidGroup):
        await world.groups.add(owner, NewGroup(name="  "))
    group = await world.groups.ensure(owner, "Friends")
    assert await world.groups.ensure(owner, " Friends ") == group
    changed = await world.groups.change(owner, group.id, GroupChange(description="near"))
    assert (changed.name, changed.description) == ("Friends", "near")


async def test_an_opt_out_blocks_and_is_told_once(world, owner):
    contact = await world.contacts.add(owner, NewContact(phone="+12025550143"))
    before = await world.events()
    await world.consent.note(owner, contact.id, Wish.STOP, WishTold(source="phone call", proof="call 17"))
    stopped = await world.consent.note(owner, contact.id, Wish.STOP, WishTold())
    assert stopped.opted_out
    assert await world.contacts.blocked(owner.organization_id, [contact.id]) == {contact.id}
    world.at += timedelta(minutes=1)
    await world.consent.note(owner, contact.id, Wish.START, WishTold())
    assert await world.contacts.blocked(owner.organization_id, [contact.id]) == frozenset()
    assert (await world.events())[len(before) :] == ["contacts.opted_out.v1", "contacts.opted_in.v1"]
    ledger = await world.consent.ledger(owner, contact.id)
    assert [(e.wish, e.source, e.proof, e.by) for e in ledger.items] == [
        (Wish.START, "api", "", owner.user_id),
        (Wish.STOP, "api", "", owner.user_id),
        (Wish.STOP, "phone call", "call 17", owner.user_id),
    ]


async def test_other_topics_are_kept_and_block_nothing(world, owner):
    contact = await world.contacts.add(owner, NewContact(phone="+12025550143"))
    noted = await world.consent.note(owner, contact.id, Wish.STOP, WishTold(topic="newsletter"))
    assert not noted.opted_out
    with pytest.raises(InvalidWish) as refused:
        await world.consent.note(
            owner,
            contact.id,
            Wish.STOP,
            WishTold(topic="No!", at=world.at + timedelta(days=1), proof="x" * 1001),
        )
    assert {fault.field for fault in refused.value.faults} == {"topic", "at", "proof"}


async def test_who_stopped_is_left_alone_when_they_come_back(world, owner, tmp_path):
    contact = await world.contacts.add(owner, NewContact(phone="+5511987654321"))
    await world.consent.note(owner, contact.id, Wish.STOP, WishTold(source="letter"))
    await world.contacts.remove(owner, contact.id)
    again = await world.contacts.add(owner, NewContact(phone="+551187654321"))
    assert (again.opted_out, again.consent_source) == (True, "letter")
    await world.contacts.remove(owner, again.id)
    await world.imports.import_file(owner, a_file(tmp_path, [{"phone": "+5511987654321"}]))
    (back,) = (await world.contacts.page(owner, ContactFilter())).items
    assert (back.opted_out, back.consent_source) == (True, "letter")


async def test_a_stop_from_a_stranger_holds_when_the_stranger_becomes_a_contact(world, owner):
    await hears(world.consent, a_message(owner, "STOP", NOON, "+447700900123"))
    contact = await world.contacts.add(owner, NewContact(phone="+447700900123"))
    assert contact.opted_out


async def test_the_suppression_list_holds_numbers_of_contacts_and_strangers(world, owner):
    contact = await world.contacts.add(owner, NewContact(phone="+447700900123"))
    told = Suppression(phones=["07700 900123", "07700 900124", "+447700900124"], country_code="+44")
    assert await world.consent.suppress(owner, told) == Suppressed(people=2, contacts=1)
    assert (await world.contacts.get(owner, contact.id)).opted_out
    listed = await world.consent.suppressed(owner, limit=1)
    assert [each.person for each in listed.items] == ["447700900123"]
    rest = await world.consent.suppressed(owner, cursor=listed.next_cursor)
    assert [each.person for each in rest.items] == ["447700900124"]
    world.at += timedelta(minutes=1)
    assert (await world.consent.suppress(owner, told, Wish.START)).contacts == 1
    assert (await world.consent.suppressed(owner)).items == []
    with pytest.raises(InvalidWish) as refused:
        await world.consent.suppress(owner, Suppression(phones=["+447700900123", "12", "x"]))
    assert [fault.field for fault in refused.value.faults] == ["phones[1]", "phones[2]"]
    assert (await world.consent.suppressed(owner)).items == []


async def test_what_meta_reports_of_a_wish_counts(world, owner):
    contact = await world.contacts.add(owner, NewContact(phone="+447700900123"))
    report = PreferenceReported(
        organization_id=owner.organization_id,
        sender=Phone("+447700900123"),
        wish="stop",
        source="131050",
        at=NOON,
    )
    event_id = uuid4()
    for _ in range(2):
        await world.consent.preference_reported(event_id, report)
    assert (await world.contacts.get(owner, contact.id)).consent_source == "131050"
    assert len((await world.consent.ledger(owner, contact.id)).items) == 1


async def hears(part, *events, id=None):
    """One of the parts that hear messages, all of them in one transaction."""
    async with part.begin(events[0].organization_id) as work:
        told = [(id or uuid4(), event) for event in events] if isinstance(part, Consent) else events
        await part.messages_received(work, told)


def a_message(actor: Actor, text: str, at: datetime, sender: str = "+551187654321") -> MessageReceived:
    return MessageReceived(
        organization_id=actor.organization_id,
        message_id=MessageId(uuid4()),
        wamid=Wamid("wamid.x"),
        phone_number_id=PhoneNumberId("310000000000202"),
        sender=Phone(sender),
        kind="text",
        text=text,
        at=at,
    )


async def test_wishes_that_come_together_are_heard_one_after_the_other(world, owner):
    contacts = [await world.contacts.add(owner, NewContact(phone=f"+44770090012{n}")) for n in range(3)]
    before = await world.events()
    told = [
        a_message(owner, text, NOON + timedelta(minutes=minute), contacts[who].phone)
        for minute, (who, text) in enumerate(
            [(0, "STOP"), (1, "hello"), (2, "stop"), (0, "START"), (2, "STOP")]
        )
    ]
    await hears(world.consent, *told)
    known = [await world.contacts.get(owner, contact.id) for contact in contacts]
    assert [contact.opted_out for contact in known] == [False, False, True]
    entries = [len((await world.consent.ledger(owner, contact.id)).items) for contact in contacts]
    assert entries == [2, 0, 2]
    news = (await world.events())[len(before) :]
    assert sorted(news) == [
        "contacts.opted_in.v1",
        "contacts.opted_out.v1",
        "contacts.opted_out.v1",
        "contacts.reply_wanted.v1",
        "contacts.reply_wanted.v1",
        "contacts.reply_wanted.v1",
    ]


async def test_stop_is_heard_in_any_language_and_from_any_variant_of_the_number(world, owner):
    contact = await world.contacts.add(owner, NewContact(phone="+5511987654321"))
    before = await world.events()
    stop = uuid4()
    await hears(world.consent, a_message(owner, "please stop that", NOON))
    await hears(world.consent, a_message(owner, "PARAR", NOON, "+551111111111"))
    assert not (await world.contacts.get(owner, contact.id)).opted_out
    for _ in range(2):
        await hears(world.consent, a_message(owner, " parar ", NOON), id=stop)
    assert (await world.contacts.get(owner, contact.id)).opted_out
    await hears(world.consent, a_message(owner, "start", NOON - timedelta(hours=1)))
    assert (await world.contacts.get(owner, contact.id)).opted_out
    await hears(world.consent, a_message(owner, "START", NOON + timedelta(hours=1)))
    assert not (await world.contacts.get(owner, contact.id)).opted_out
    assert (await world.events())[len(before) :] == [
        "contacts.reply_wanted.v1",
        "contacts.opted_out.v1",
        "contacts.reply_wanted.v1",
        "contacts.opted_in.v1",
        "contacts.reply_wanted.v1",
    ]


def counts(report: ImportReport) -> dict[str, int]:
    names = ("rows", "created", "updated", "unchanged", "skipped", "failed")
    return {name: getattr(report, name) for name in names}


async def test_the_example_file_comes_in_whole_and_again_without_effect(world, owner):
    steps: list[Progress] = []
    group = await world.groups.ensure(owner, "Everyone")
    options = ImportOptions(group_id=group.id)
    report = await world.imports.import_file(owner, EXAMPLE, options, steps.append)
    assert report.rows == report.created + report.updated + report.unchanged + report.skipped + report.failed
    assert report.rows == 2000 == steps[-1].total == steps[-1].rows
    assert report.failed == len({error.row for error in report.errors}) > 10
    assert report.created > 1800
    assert report.skipped > 50
    assert (report.encoding, report.delimiter) == ("utf-8-sig", ";")
    assert (await world.groups.get(owner, group.id)).contact_count == report.created
    assert await world.contacts.audience_size(owner.organization_id, group.id) == report.created
    people = await world.contacts.addressees(owner.organization_id, group.id, after=None)
    assert len({one.person for one in people}) == len(people) == 1000
    assert 10 < sum(one.blocked == "opted_out" for one in people) < 100
    assert "city" in people[0].fields
    again = await world.imports.import_file(owner, EXAMPLE, options)
    assert counts(again) == {
        **counts(report), "created": 0, "updated": 0, "skipped": report.rows - report.failed
    }  # fmt: skip
    assert again.errors == report.errors


SPELLINGS = ["+447700900001", "07700 900001", "+447700900002", "+5511987654321", "+551187654321", "x"]
cells = st.fixed_dictionaries(
    {
        "phone": st.sampled_from(SPELLINGS),
        "countryCode": st.sampled_from(["+44", "GB"]),
        "firstName": st.sampled_from(["", "Asha", "Ben"]),
        "company": st.sampled_from(["", "A; B", 'C "D"']),
        "city": st.sampled_from(["", "London"]),
        "email": st.sampled_from(["", "a@b.org", "nowhere"]),
        "optedOut": st.sampled_from(["", "no", "yes"]),
    }
)


def a_file(folder: Path, rows: list[dict[str, str]]) -> Path:
    out = StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["phone"])
    writer.writeheader()
    writer.writerows(rows)
    path = folder / f"{uuid4()}.csv"
    path.write_text(out.getvalue(), newline="")
    return path


async def known(world: World, actor: Actor) -> list[tuple[object, ...]]:
    page = await world.contacts.page(actor, ContactFilter(), limit=100)
    return sorted(
        (c.person, c.phone, c.first_name, c.company, c.email, tuple(c.attributes.items()), c.opted_out)
        for c in page.items
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(cells, max_size=4),
    rows=st.lists(cells, min_size=1, max_size=12),
    policy=st.sampled_from(Policy),
    batch=st.integers(1, 5),
)
async def test_imports_are_idempotent_and_agree_with_their_dry_run_at_any_batch_size(
    world, tmp_path, before, rows, policy, batch
):
    one, two = somebody(), somebody()
    options = ImportOptions(policy=policy)
    for actor in (one, two):
        await world.imports.import_file(actor, a_file(tmp_path, before))
    path = a_file(tmp_path, rows)
    small = Imports(
        world.imports.begin, world.imports.reading, FileSheets(), WorldNumbering(), world.now, uuid7, batch
    )
    foretold = await small.import_file(one, path, replace(options, dry_run=True))
    report = await small.import_file(one, path, options)
    assert counts(foretold) == counts(report)
    assert report.rows == len(rows) == sum(counts(report).values()) - report.rows
    assert counts(await world.imports.import_file(two, path, options)) == counts(report)
    assert await known(world, one) == await known(world, two)
    again = await small.import_file(one, path, options)
    assert (again.created, again.updated) == (0, 0)
    assert await known(world, one) == await known(world, two)


async def test_a_dry_run_writes_nothing(world, owner):
    report = await world.imports.import_file(owner, EXAMPLE, ImportOptions(dry_run=True))
    assert report.dry_run
    assert report.created > 1800
    assert (await world.contacts.page(owner, ContactFilter(), number=1)).total == 0


@pytest.mark.parametrize(
    ("policy", "name", "company", "counted"),
    [
        (Policy.SKIP, "Old", "", "skipped"),
        (Policy.UPDATE, "New", "Firm", "updated"),
        (Policy.MERGE, "Old", "Firm", "updated"),
    ],
)
async def test_policies_decide_who_wins(world, owner, tmp_path, policy, name, company, counted):
    await world.contacts.add(owner, NewContact(phone="+447700900001", first_name="Old", email="a@b.org"))
    row = {"phone": "+44 7700 900001", "firstName": "New", "company": "Firm", "email": ""}
    report = await world.imports.import_file(owner, a_file(tmp_path, [row]), ImportOptions(policy=policy))
    (contact,) = (await world.contacts.page(owner, ContactFilter())).items
    assert (contact.first_name, contact.company, contact.email) == (name, company, "a@b.org")
    assert counts(report)[counted] == 1


async def test_an_opt_out_in_a_file_counts_under_every_policy_and_no_file_takes_one_back(
    world, owner, tmp_path
):
    await world.contacts.add(owner, NewContact(phone="+447700900001"))
    before = len(await world.events())
    yes = a_file(tmp_path, [{"phone": "+447700900001", "optedOut": "yes"}])
    no = a_file(tmp_path, [{"phone": "+447700900001", "optedOut": "no"}])
    assert (await world.imports.import_file(owner, yes)).updated == 1
    for policy in Policy:
        assert (await world.imports.import_file(owner, no, ImportOptions(policy=policy))).updated == 0
    (contact,) = (await world.contacts.page(owner, ContactFilter())).items
    assert (contact.opted_out, contact.consent_source) == (True, "import")
    assert (await world.events())[before:] == ["contacts.opted_out.v1"]


async def refused(world: World, actor: Actor, content: bytes, kind: type[Invalid]) -> str:
    async def upload():
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    with pytest.raises(kind) as error:
        await world.imports.import_file(actor, upload())
    assert error.value.faults
    assert (await world.contacts.page(actor, ContactFilter(), number=1)).total == 0
    return str(error.value)


async def test_what_is_no_table_is_refused_before_anything_is_written(world, owner):
    many = "phone\n" + "\n".join(f"+4477009{n:05}" for n in range(3000))
    assert "empty" in await refused(world, owner, b"  \n ", UnreadableFile)
    assert "`phone` is missing" in await refused(world, owner, b"name,town\nA,B\n", MissingColumn)
    assert "quote" in await refused(world, owner, f'{many}\n"+447700900001\n'.encode(), UnreadableFile)
    assert "workbook" in await refused(world, owner, b"PK\x03\x04" + b"x" * 100, UnreadableFile)
    assert "not text" in await refused(world, owner, b"phone\n\x00\x01\x02" + b"a" * 50, UnreadableFile)
    assert "longer than" in await refused(world, owner, many.encode() + b"," * 2_000_000, UnreadableFile)
    with pytest.raises(UnreadableFile):
        await world.imports.import_file(owner, Path("/no/such/file.csv"))
    with pytest.raises(UnknownCountry):
        await world.imports.import_file(owner, EXAMPLE, ImportOptions(country="Atlantis"))
    with pytest.raises(GroupNotFound):
        await world.imports.import_file(owner, EXAMPLE, ImportOptions(group_id=GroupId(uuid4())))


@pytest.mark.parametrize(
    ("encoding", "newline", "delimiter"),
    [
        ("utf-8", "\n", ","),
        ("utf-8-sig", "\r\n", ";"),
        ("utf-16", "\n", "\t"),
        ("utf-16-le", "\r\n", ","),
        ("utf-16-be", "\n", ","),
        ("utf-32", "\n", "|"),
        ("cp1252", "\r", ";"),
    ],
)
async def test_encodings_line_ends_and_delimiters_are_found(
    world, owner, tmp_path, encoding, newline, delimiter
):
    lines = [("phone", "firstName", "company"), ("+447700900001", "Zoë", f'"A{delimiter} B"'), ("", "", ""),
             ("+447700900002", "José", "")]  # fmt: skip
    path = tmp_path / "file.csv"
    path.write_bytes(newline.join(delimiter.join(line) for line in lines).encode(encoding))
    report = await world.imports.import_file(owner, path)
    found = (await world.contacts.page(owner, ContactFilter())).items
    assert (report.created, report.delimiter) == (2, delimiter)
    assert [contact.first_name for contact in found] == ["José", "Zoë"]
    assert found[1].company == " ".join(f"A{delimiter} B".split())


async def test_rows_are_numbered_as_a_spreadsheet_shows_them(world, owner, tmp_path):
    path = tmp_path / "file.csv"
    path.write_text('sep=;\nphone;notes\nbad;"two\nlines"\n\nworse;\n', newline="")
    report = await world.imports.import_file(owner, path)
    assert [error.row for error in report.errors] == [2, 4]
