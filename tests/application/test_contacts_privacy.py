"""What people may ask of an organisation, and what is shown to whom."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from tests.application.test_contacts import NOON, a_file, a_message, database, hears, owner, somebody, world
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql.contacts import tables
from tidings.adapters.mysql.contacts.privacy import SqlRetentionQueue
from tidings.adapters.numbering import WorldNumbering
from tidings.adapters.sheets.writing import FileTables
from tidings.application.contacts.activity import Activity
from tidings.application.contacts.consent import Suppression, WishTold
from tidings.application.contacts.exporting import Exports
from tidings.application.contacts.groups import NewGroup
from tidings.application.contacts.identities import Identities, MergeWith
from tidings.application.contacts.people import NewContact
from tidings.application.contacts.privacy import Privacy, RetentionChange, RetentionSweeper
from tidings.application.contacts.segments import Segments
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.people import ContactNotFound
from tidings.domain.contacts.privacy import InvalidRetention, InvalidSearch, masked_contact
from tidings.domain.contacts.rules import OfField, Op
from tidings.domain.contacts.wishes import Wish
from tidings.domain.kernel import NotPermitted, Role

pytestmark = pytest.mark.anyio

__all__ = ["database", "owner", "world"]

PHONE = "+447700900123"
ERASED = "+447700900777"


class Messages:
    """Another context, as privacy asks it."""

    name = "messages"

    async def of(self, organization, contact, people):
        return {"people": list(people)}


@pytest.fixture
def privacy(world):
    return Privacy(world.contacts.begin, world.contacts.reading, world.now, [Messages()])


async def test_everything_of_one_person_comes_in_one_document(world, privacy, owner):
    identities = Identities(world.contacts.begin, world.contacts.reading, WorldNumbering(), world.now, uuid7)
    activity = Activity(world.contacts.begin)
    one = await world.contacts.add(owner, NewContact(phone=PHONE, first_name="Asha"))
    two = await world.contacts.add(owner, NewContact(phone="+447700900124"))
    await identities.merge(owner, one.id, MergeWith(contact_id=two.id))
    await world.consent.note(owner, one.id, Wish.STOP, WishTold(proof="letter 7"))
    await hears(activity, a_message(owner, "hello", NOON, PHONE))
    told = await privacy.export(owner, one.id)
    assert told.contact.first_name == "Asha"
    assert {alias.phone for alias in told.numbers} == {PHONE, "+447700900124"}
    assert [entry.proof for entry in told.consent] == ["letter 7"]
    assert len(told.activity) == len(told.merges) == 1
    assert told.elsewhere == {"messages": {"people": ["447700900123", "447700900124"]}}
    assert msgspec.json.encode(told)
    with pytest.raises(ContactNotFound):
        await privacy.export(somebody(), one.id)


async def test_who_is_erased_leaves_no_trace_but_the_wish_to_be_left_alone(world, privacy, owner, tmp_path):
    identities = Identities(world.contacts.begin, world.contacts.reading, WorldNumbering(), world.now, uuid7)
    group = await world.groups.add(owner, NewGroup(name="VIP"))
    one = await world.contacts.add(
        owner, NewContact(phone=ERASED, first_name="Unmistakable", group_id=group.id, notes="secret note")
    )
    two = await world.contacts.add(owner, NewContact(phone="+447700900778", last_name="Unforgettable"))
    await world.consent.note(owner, one.id, Wish.STOP, WishTold(proof=f"call from {ERASED}"))
    await identities.merge(owner, one.id, MergeWith(contact_id=two.id))
    await privacy.erase(owner, one.id)
    with pytest.raises(ContactNotFound):
        await privacy.erase(owner, one.id)
    async with world.database.reading() as connection:
        for table in tables.metadata.sorted_tables:
            rows = select(table)
            if table.name == "contacts_outbox":
                rows = rows.where(table.c.type == "audit.change_made.v1")
            for row in await connection.execute(rows):
                for trace in ("7700900777", "7700900778", "Unmistakable", "Unforgettable", "secret note"):
                    assert trace not in str(row), (table.name, trace)
    assert (await world.groups.get(owner, group.id)).contact_count == 0
    assert (await world.events())[-1] == "contacts.erased.v1"
    back = await world.contacts.add(owner, NewContact(phone=ERASED))
    assert back.opted_out
    await world.contacts.remove(owner, back.id)
    await world.imports.import_file(owner, a_file(tmp_path, [{"phone": ERASED}]))
    (again,) = (await world.contacts.page(owner, ContactFilter())).items
    assert again.opted_out


async def test_people_of_whom_nothing_is_heard_are_forgotten_in_time(world, privacy, database):
    owner = somebody()
    activity = Activity(world.contacts.begin)
    for n in range(3):
        await world.contacts.add(owner, NewContact(phone=f"+44770090000{n}"))
    with pytest.raises(InvalidRetention):
        await privacy.retain(owner, RetentionChange(days=1))
    with pytest.raises(NotPermitted):
        await privacy.retain(replace(owner, role=Role.MEMBER), RetentionChange(days=30))
    assert (await privacy.retention(owner)).days is None
    await privacy.retain(owner, RetentionChange(days=30))
    sweeper = RetentionSweeper(SqlRetentionQueue(database), privacy, world.now)
    assert await sweeper.step() == 0
    world.at += timedelta(days=31)
    await hears(activity, a_message(owner, "hello", world.at - timedelta(days=1), "+447700900001"))
    assert await sweeper.step() == 2
    world.at += timedelta(hours=1)
    assert await sweeper.step() == 0
    (left,) = (await world.contacts.page(owner, ContactFilter())).items
    assert left.phone == "+447700900001"
    await privacy.retain(owner, RetentionChange(days=None))
    world.at += timedelta(days=400)
    assert await sweeper.step() == 0


async def test_who_may_not_see_numbers_sees_them_nowhere(world, owner):
    viewer = replace(owner, role=Role.VIEWER)
    begin, reading = world.contacts.begin, world.contacts.reading
    identities = Identities(begin, reading, WorldNumbering(), world.now, uuid7)
    segments = Segments(begin, reading, world.now, uuid7)
    exports = Exports(reading, FileTables(), world.now)
    one = await world.contacts.add(
        owner, NewContact(phone=PHONE, email="asha@example.org", bsuid="GB.abcdef")
    )
    two = await world.contacts.add(owner, NewContact(phone="+447700900124"))
    await identities.merge(owner, one.id, MergeWith(contact_id=two.id))
    await world.consent.suppress(owner, Suppression(phones=[PHONE]))
    seen = [
        await world.contacts.get(viewer, one.id),
        (await world.contacts.page(viewer, ContactFilter())).items,
        (await world.consent.ledger(viewer, one.id)).items,
        (await world.consent.suppressed(viewer)).items,
        await identities.history(viewer, one.id),
        b"".join([piece async for piece in await exports.export(viewer, ContactFilter())]).decode(),
    ]
    shown = msgspec.json.encode(seen).decode()
    for secret in ("7700900123", "7700900124", "asha@", "abcdef"):
        assert secret not in shown
    assert "+44" in shown
    assert "@example.org" in shown
    full = await world.contacts.get(owner, one.id)
    assert (full.phone in (PHONE, two.phone), full.email) == (True, "asha@example.org")
    assert (await world.contacts.get(viewer, one.id)) == masked_contact(full)
    for search in ("9001", "+44 7700", "rao 123"):
        with pytest.raises(InvalidSearch):
            await world.contacts.page(viewer, ContactFilter(search=search))
        with pytest.raises(InvalidSearch):
            await exports.export(viewer, ContactFilter(search=search))
    with pytest.raises(NotPermitted):
        await segments.try_out(viewer, OfField(name="phone", op=Op.STARTS_WITH, value="+44770"))
