"""No statement of a hot path reads a large table from end to end: EXPLAIN of what really runs says so."""

from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace as with_
from sqlalchemy import Column, Integer, MetaData, String, Table, event, insert, select, text

from tests.contracts.contacts.conftest import stores_on
from tidings.adapters.mysql.contacts.tables import metadata as contact_tables
from tidings.adapters.mysql.whatsapp.archive import SqlArchivist
from tidings.application.ports.contacts import ContactFilter
from tidings.application.whatsapp.conversations import ConversationWish
from tidings.application.whatsapp.saying import NewMessage
from tidings.domain.kernel import OrganizationId, Phone
from tidings.domain.whatsapp.content import Template
from tidings.testing.contracts.contact_stores import a_contact
from tidings.testing.meta import NUMBER
from tidings.testing.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.mysql]
PEOPLE = 4000
MANY = 1500
"""Rows from which reading all of them counts as a full scan."""


@contextmanager
def watched(database, kept):
    """Every statement that the engine runs, with its parameters, once each."""

    def note(connection, cursor, statement, parameters, context, executemany):
        words = statement.lstrip(" (").split(None, 1)[0].upper()
        if words in ("SELECT", "UPDATE", "DELETE") and statement not in kept:
            kept[statement] = parameters[0] if executemany else parameters

    engines = [database.write.sync_engine, database.read.sync_engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


async def scans(database, kept):
    """Statements whose plan reads many rows of a table without an index, or a whole index."""
    found = []
    async with database.begin() as connection:
        tables = (await connection.execute(text("SHOW TABLES"))).scalars().all()
        await connection.execute(text(f"ANALYZE TABLE {', '.join(f'`{table}`' for table in tables)}"))
    async with database.begin() as connection:
        for statement, parameters in kept.items():
            if "information_schema" in statement.lower() or "get_lock" in statement.lower():
                continue
            plan = await connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", parameters)
            for step in plan.mappings():
                if step["type"] in ("ALL", "index") and (step["rows"] or 0) >= MANY:
                    found.append(
                        f"{step['table']} ({step['type']}, {step['rows']} rows): {_short(statement)}"
                    )
    return found


def _short(statement):
    words = " ".join(statement.split())
    return words[max(words.find(" FROM "), 0) :][:600]


@pytest.mark.parametrize(("numbers", "mps"), [(1, 1000), (3, 300)])
async def test_sending_hearing_and_looking_read_no_large_table_whole(mysql_server, numbers, mps):
    databases = mysql_server.database("plans_whatsapp"), mysql_server.database("plans_campaigns")
    world = World(*databases, count=PEOPLE, mps=mps, numbers=numbers)
    await world.start()
    try:
        campaign = await world.launch()
        for _ in range(12):
            await world.turn(0.5)
        whatsapp, campaigns = {}, {}
        with watched(world.whatsapp, whatsapp), watched(world.campaigns_db, campaigns):
            for _ in range(6):
                # Small beside the table, as Meta's deliveries are.
                await world.bring(150)
                await world.turn(0.5)
            await world.hear(world.letter("447700900001", "Hello"), world.letter("447700900002", "Hi"))
            await world.messages.send(
                world.actor,
                NewMessage(
                    to=Phone("+447700900003"),
                    content=Template(name="hello", language="en"),
                    phone_number_id=NUMBER,
                ),
            )
            page = await world.messages.page(world.actor, limit=20)
            await world.messages.page(world.actor, cursor=page.next_cursor, limit=20)
            await world.messages.page(world.actor, to=Phone("+447700900001"))
            await world.messages.page(world.actor, campaign_id=campaign.id)
            await world.messages.get(world.actor, page.items[0].id)
            (first, *_) = (await world.conversations.page(world.actor, ConversationWish())).items
            await world.conversations.thread(world.actor, first.id)
            await world.conversations.take_next(world.actor)
            people = await world.reports.recipients(world.actor, campaign.id, limit=20)
            await world.reports.explain(world.actor, campaign.id, people.items[0].id)
            await world.campaigns.get(world.actor, campaign.id)
        assert len(whatsapp) > 30
        assert len(campaigns) > 10
        found = await scans(world.whatsapp, whatsapp)
        assert found == [], "\n".join(found)
        assert await scans(world.campaigns_db, campaigns) == []
        late, world.meta.owed = world.meta.owed[-50:], world.meta.owed[:-50]
        await world.settle(20)
        world.clock.seconds += timedelta(days=91).total_seconds()
        archive = {}
        with watched(world.whatsapp, archive):
            archivist = SqlArchivist(world.whatsapp, world.clock.now, timedelta(days=90), timedelta(days=900))
            assert await archivist.tidy() > PEOPLE / 2
            page = await world.messages.page(world.actor, limit=20)
            await world.messages.page(world.actor, cursor=page.next_cursor, limit=20)
            await world.messages.page(world.actor, to=Phone("+447700900001"))
            await world.messages.get(world.actor, page.items[0].id)
            await world.conversations.thread(world.actor, first.id)
            await world.webhook([with_(update, callback_data=None) for update in late])
            await world.turn(0.5)
        found = await scans(world.whatsapp, archive)
        assert found == [], "\n".join(found)
        assert sum("FROM whatsapp_archive" in statement for statement in archive) > 5
    finally:
        await world.close()


async def test_lists_and_searches_of_people_read_one_organisation_and_no_more(mysql_server):
    stores = stores_on(mysql_server.database("plans_contacts"))
    await stores.database.create(contact_tables)
    us = OrganizationId(uuid4())
    for other in (us, *(OrganizationId(uuid4()) for _ in range(20))):
        async with stores.begin(other) as work:
            many = [a_contact(other, f"+4477009{n:05}") for n in range(PEOPLE // 20)]
            await work.contacts.add(many)
    kept = {}
    with watched(stores.database, kept):
        async with stores.reading(us) as look:
            page = await look.contacts.page(ContactFilter(), cursor=None, limit=20, number=None)
            await look.contacts.page(ContactFilter(), cursor=page.next_cursor, limit=20, number=None)
            await look.contacts.page(ContactFilter(), cursor=None, limit=20, number=3)
            await look.contacts.page(ContactFilter(search="00123"), cursor=None, limit=20, number=None)
            await look.contacts.page(ContactFilter(favorite=True), cursor=None, limit=20, number=None)
            await look.contacts.get(page.items[0].id)
        async with stores.begin(us) as work:
            await work.contacts.of_people([page.items[0].person])
            await work.contacts.find([each.id for each in page.items])
    found = await scans(stores.database, kept)
    assert found == [], "\n".join(found)
    assert len(kept) > 5
    await stores.database.close()


async def test_a_full_scan_would_be_seen(mysql_server):
    database = mysql_server.database("plans_seen")
    metadata = MetaData()
    things = Table("things", metadata, Column("id", Integer, primary_key=True), Column("name", String(20)))
    await database.create(metadata)
    kept = {}
    async with database.begin() as connection:
        await connection.execute(insert(things), [{"id": n, "name": f"{n % 7}"} for n in range(1, 2 * MANY)])
    with watched(database, kept):
        async with database.begin() as connection:
            await connection.execute(select(things).where(things.c.name == "3"))
            await connection.execute(select(things).where(things.c.id == 3))
    (found,) = await scans(database, kept)
    assert found.startswith("things (ALL")
    await database.close()
