"""Old messages stand apart: looked at as before, back when Meta speaks of them, gone by whole months."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace as with_
from sqlalchemy import func, select, text

from tidings.adapters.mysql.engine import mysql_database
from tidings.adapters.mysql.pruning import first_id_of
from tidings.adapters.mysql.whatsapp import archive as archiving
from tidings.adapters.mysql.whatsapp.archive import SqlArchivist
from tidings.adapters.mysql.whatsapp.messages import SqlMessageReader
from tidings.adapters.mysql.whatsapp.tables import archive, messages
from tidings.application.whatsapp.conversations import ConversationWish
from tidings.application.whatsapp.lines import LineItem
from tidings.domain.events import ContactErased
from tidings.domain.kernel import ContactId, MessageId, PersonKey, Phone, Wamid
from tidings.domain.whatsapp.messages import State
from tidings.testing.meta import NUMBER

pytestmark = pytest.mark.anyio
DAY = 86_400.0
AFTER = timedelta(days=90)


def archivist_of(world, kept=None):
    return SqlArchivist(world.whatsapp, world.clock.now, AFTER, kept)


async def counts(world):
    """Rows among those that move, and in the archive."""
    async with world.whatsapp.reading() as connection:
        found = [
            await connection.scalar(select(func.count()).select_from(table)) for table in (messages, archive)
        ]
    return tuple(found)


async def history(world, **wanted):
    """Every message of the organisation, by pages of seven."""
    found, cursor = [], None
    while True:
        page = await world.messages.page(world.actor, limit=7, cursor=cursor, **wanted)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.fixture
def small_portions(monkeypatch):
    monkeypatch.setattr(archiving, "PORTION", 6)


async def a_campaign_of_long_ago(make_world):
    """Twenty people; one is unknown, and what Meta knows of reading is not told yet."""
    world = await make_world(count=20)
    world.meta.answers = [None, "lost"]
    campaign = await world.launch()
    for _ in range(6):
        await world.turn()
    held = [update for update in world.meta.owed if update.status == "read"]
    lost = world.meta.wamids[1]
    world.meta.owed = [
        each for each in world.meta.owed if each.status in ("sent", "delivered") and each.wamid != lost
    ]
    await world.settle()
    world.meta.owed = [each for each in held if each.wamid != lost]
    world.clock.seconds += 91 * DAY
    return world, campaign


async def test_what_is_old_and_over_moves_and_is_looked_at_as_before(make_world, small_portions):
    world, campaign = await a_campaign_of_long_ago(make_world)
    await world.hear(world.letter("447700900003", "Hello"))
    (conversation,) = (await world.conversations.page(world.actor, ConversationWish())).items
    before = await history(world)
    assert {each.state for each in before} == {State.DELIVERED, State.UNKNOWN}
    thread = await world.conversations.thread(world.actor, conversation.id)
    one = await world.messages.get(world.actor, before[5].id)
    assert await archivist_of(world).tidy() == 19
    assert await counts(world) == (1, 19)
    assert await archivist_of(world).tidy() == 0
    assert await history(world) == before
    assert await history(world, campaign_id=campaign.id) == before
    assert await history(world, state="unknown") == [m for m in before if m.state is State.UNKNOWN]
    assert await world.messages.get(world.actor, before[5].id) == one
    assert await world.conversations.thread(world.actor, conversation.id) == thread
    assert await history(world, to=Phone("+447700900003")) == [m for m in before if m.to == "+447700900003"]
    totals = (await world.campaigns.get(world.actor, campaign.id)).totals
    assert (totals.planned, totals.unknown) == (20, 1)


async def test_what_meta_still_reports_of_an_old_message_is_applied(make_world):
    world, campaign = await a_campaign_of_long_ago(make_world)
    await archivist_of(world).tidy()
    # Some by our callback data, some by their wamid alone.
    world.meta.owed = [
        with_(update, callback_data=None) if number % 2 else update
        for number, update in enumerate(world.meta.owed[:8])
    ]
    await world.settle()
    states = [each.state for each in await history(world)]
    assert (states.count(State.READ), states.count(State.DELIVERED)) == (8, 11)
    assert (await world.campaigns.get(world.actor, campaign.id)).totals.read == 8
    assert await counts(world) == (9, 11)
    assert await archivist_of(world).tidy() == 8


async def test_who_is_erased_is_erased_there_as_well(make_world):
    world, _ = await a_campaign_of_long_ago(make_world)
    await archivist_of(world).tidy()
    organization = world.actor.organization_id
    reader = SqlMessageReader(world.whatsapp)
    whom = await reader.get(organization, (await history(world))[4].id)
    erased = ContactErased(
        organization_id=organization,
        contact_id=ContactId(uuid4()),
        people=(whom.person,),
        at=world.clock.now(),
    )
    await world.desk.contact_erased(uuid4(), erased)
    found = await reader.get(organization, whom.id)
    assert (found.to, found.recipient) == (None, None)
    assert found.person.startswith("erased:")
    assert found.content.body == "[erased]"
    assert sum(each.to is None for each in await history(world)) == 1


async def test_nobody_gets_a_second_message_of_a_campaign_that_takes_months(make_world):
    world, campaign = await a_campaign_of_long_ago(make_world)
    await archivist_of(world).tidy()
    organization, reader = world.actor.organization_id, SqlMessageReader(world.whatsapp)
    first, second, *_ = [
        await reader.get(organization, each.id)
        for each in await history(world)
        if each.state is State.DELIVERED
    ]
    once_more = LineItem(
        id=first.id, contact_id=first.contact_id, person=first.person, to=first.to, content=first.content
    )
    # Another entry of the same person, and somebody new.
    other = LineItem(
        id=MessageId(world.new_id()),
        contact_id=ContactId(uuid4()),
        person=second.person,
        to=second.to,
        content=second.content,
    )
    new = LineItem(
        id=MessageId(world.new_id()),
        contact_id=ContactId(uuid4()),
        person=PersonKey("wa:447700909999"),
        to=Phone("+447700909999"),
        content=second.content,
    )
    before = len(world.meta.accepted)
    await world.lines.hand_over(organization, campaign.id, NUMBER, [once_more, other, new])
    assert await counts(world) == (2, 19)
    await world.settle()
    assert [each.to for each in world.meta.accepted[before:]] == ["+447700909999"]


async def test_what_is_young_stays(make_world):
    world, _ = await a_campaign_of_long_ago(make_world)
    world.clock.seconds -= 2 * DAY
    assert await archivist_of(world).tidy() == 0
    assert await counts(world) == (20, 0)
    never = replace(archivist_of(world), after=None)
    world.clock.seconds += 900 * DAY
    assert await never.tidy() == 0


async def test_several_processes_move_each_message_once(make_world, small_portions):
    world, _ = await a_campaign_of_long_ago(make_world)
    moved = await asyncio.gather(*(archivist_of(world).tidy() for _ in range(4)))
    assert sum(moved) == 19
    assert await counts(world) == (1, 19)


async def in_months(world, *moments):
    """A message that was read, of each of these moments."""
    (read, *_) = [each for each in await history(world) if each.state is State.DELIVERED]
    like = await SqlMessageReader(world.whatsapp).get(world.actor.organization_id, read.id)
    added = [
        with_(
            like,
            id=MessageId(UUID(int=first_id_of(moment).int | 0x7 << 76 | 0b10 << 62 | number)),
            person=PersonKey(f"wa:{number}"),
            run_id=None,
            attempt_id=None,
            wamid=Wamid(f"wamid.{number}"),
        )
        for number, moment in enumerate(moments)
    ]
    async with world.whatsapp_write() as work:
        await work.messages.add(added)
    return [each.id for each in added]


async def partitions(world):
    query = text(
        "SELECT partition_name FROM information_schema.partitions WHERE table_schema = DATABASE()"
        " AND table_name = 'whatsapp_archive' ORDER BY partition_ordinal_position"
    )
    async with world.whatsapp.reading() as connection:
        return (await connection.execute(query)).scalars().all()


async def test_what_is_too_old_goes_by_whole_months(make_world):
    world, _ = await a_campaign_of_long_ago(make_world)
    sqlite = world.whatsapp.write.dialect.name == "sqlite"
    world.clock.seconds = 0.0
    of_months = [datetime(2026, month, 20, tzinfo=UTC) for month in range(1, 9)]
    ids = await in_months(world, *of_months)
    assert await archivist_of(world).tidy() == 8
    if not sqlite:
        assert await partitions(world) == [f"m20260{month}" for month in range(1, 9)] + ["later"]
    # Four months, at the 25th of November: on files what is of the 26th of July stays, elsewhere all of July.
    await archivist_of(world, timedelta(days=122)).tidy()
    left = {each.id for each in await history(world)} & set(ids)
    assert left == set(ids[7:] if sqlite else ids[6:])
    # Half a year later there are months since, and what comes late goes with the oldest that there is.
    late = await in_months(world, datetime(2025, 3, 1, tzinfo=UTC))
    world.clock.seconds = 180 * DAY
    assert await archivist_of(world).tidy() == 20
    if not sqlite:
        names = await partitions(world)
        assert (names[0], names[-2:], len(names)) == ("m202607", ["m202702", "later"], 9)
    assert late[0] in {each.id for each in await history(world)}
    await archivist_of(world, timedelta(days=400)).tidy()
    assert len(await history(world)) == 29 - 6 - (1 if sqlite else 0) - (1 if sqlite else 0)


async def test_a_month_in_use_is_seen_to_later(make_world, monkeypatch):
    monkeypatch.setattr(archiving, "PATIENCE", 1)
    world, _ = await a_campaign_of_long_ago(make_world)
    if world.whatsapp.write.dialect.name == "sqlite":
        pytest.skip("files have no months")
    stop = asyncio.Event()
    async with world.whatsapp.begin() as connection:
        # Who looks at the table in a transaction keeps its shape until the end of it.
        await connection.execute(select(archive.c.id))
        at_work = asyncio.create_task(archivist_of(world).run(stop))
        await asyncio.sleep(2)
        assert not at_work.done()
    stop.set()
    await at_work
    assert await counts(world) == (20, 0)
    assert await archivist_of(world).tidy() == 19


async def test_who_may_not_change_the_months_leaves_messages_where_they_are(make_world):
    """As a service whose rights are those of an earlier version."""
    world, _ = await a_campaign_of_long_ago(make_world)
    url = world.whatsapp.write.url
    if url.get_backend_name() == "sqlite":
        pytest.skip("files have no users")
    async with world.whatsapp.begin() as connection:
        for said in (
            "CREATE USER IF NOT EXISTS 'narrow'@'%'",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{url.database}`.* TO 'narrow'@'%'",
        ):
            await connection.execute(text(said))
    theirs = mysql_database(url.set(username="narrow", password=None).render_as_string(hide_password=False))
    stop = asyncio.Event()
    at_work = asyncio.create_task(replace(archivist_of(world), database=theirs).run(stop))
    await asyncio.sleep(1)
    assert not at_work.done()
    stop.set()
    await at_work
    await theirs.close()
    assert await counts(world) == (20, 0)
