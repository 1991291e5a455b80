"""The Inbox port: an event is new to a group once, alone or among others, whoever else listens."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import MetaData

from tests.servers import ENGINES, server_of
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.mysql.outbox import SqlInbox, inbox_table
from tidings.domain.errors import Undone

pytestmark = pytest.mark.anyio
METADATA = MetaData()
INBOX = inbox_table(METADATA, "inbox")


def listening(connection):
    return SqlInbox(connection, INBOX, lambda: datetime(2026, 11, 26, tzinfo=UTC))


@pytest.fixture(params=ENGINES)
async def database(request, tmp_path):
    if request.param == "sqlite":
        made = sqlite_database(tmp_path / "inbox.db")
    else:
        made = server_of(request).database("inbox")
    await made.create(METADATA)
    yield made
    await made.close()


async def test_an_event_is_new_once_to_each_group(database):
    one, two, three = uuid4(), uuid4(), uuid4()
    async with database.begin() as connection:
        assert await listening(connection).first_time("campaigns", one)
    async with database.begin() as connection:
        inbox = listening(connection)
        assert not await inbox.first_time("campaigns", one)
        assert set(await inbox.new_among("campaigns", [one, two, two, three])) == {two, three}
        assert not await inbox.new_among("campaigns", [three, two, one])
        assert set(await inbox.new_among("contacts", [one, two])) == {one, two}
        assert not await inbox.new_among("contacts", [])


async def test_what_was_undone_is_new_again(database):
    event = uuid4()

    async def breaks():
        async with database.begin() as connection:
            await listening(connection).new_among("campaigns", [event])
            raise KeyError

    with pytest.raises(KeyError):
        await breaks()
    async with database.begin() as connection:
        assert set(await listening(connection).new_among("campaigns", [event])) == {event}


async def test_of_two_who_hear_the_same_event_at_once_one_deals_with_it(database):
    event, dealt = uuid4(), []

    async def deal(name):
        async with database.begin() as connection:
            new = await listening(connection).new_among("campaigns", [event, uuid4()])
            await asyncio.sleep(0.2)
        if event in new:
            dealt.append(name)

    ends = await asyncio.gather(deal("one"), deal("other"), return_exceptions=True)
    assert len(dealt) == 1
    assert all(end is None or isinstance(end, Undone) for end in ends)
