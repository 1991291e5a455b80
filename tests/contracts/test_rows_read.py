"""A page costs what is on it, however large the table: MySQL's own count of the rows it read says so.

EXPLAIN does not: it calls an index lookup good that reads all of an organisation and sorts it for each page.
"""

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.contracts.contacts.conftest import stores_on
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql.campaigns.recipients import SqlRecipients
from tidings.adapters.mysql.campaigns.tables import metadata as campaign_tables
from tidings.adapters.mysql.contacts.tables import metadata as contact_tables
from tidings.application.ports.campaigns import Progress
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.campaigns import Outcome, Recipient
from tidings.domain.kernel import CampaignId, ContactId, MessageId, OrganizationId, PersonKey, Phone
from tidings.testing.contracts.contact_stores import a_contact

pytestmark = [pytest.mark.anyio, pytest.mark.mysql]
MANY, PAGE = 6000, 200
US = OrganizationId(uuid4())
OWN = 50
"""Rows of the count itself."""


@asynccontextmanager
async def counted(connection, most):
    """Fail when the block reads more rows than these."""
    before = await _read(connection)
    yield
    read = await _read(connection) - before
    assert read <= most + OWN, f"{read} rows were read where {most} would do"


async def _read(connection):
    found = await connection.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
    return sum(int(value) for _, value in found)


async def test_an_audience_is_walked_page_by_page(mysql_server):
    stores = stores_on(mysql_server.database("rows_contacts"))
    await stores.database.create(contact_tables)
    for start in range(0, MANY, 1000):
        async with stores.begin(US) as work:
            await work.contacts.add([a_contact(US, f"+4477009{n:05}") for n in range(start, start + 1000)])
    async with stores.reading(US) as look:
        after = None
        for _ in range(MANY // PAGE // 2):
            async with counted(look.contacts.connection, PAGE):
                page = await look.contacts.addressees(ContactFilter(), after=after, limit=PAGE)
            assert len(page) == PAGE
            after = page[-1].contact_id
        async with counted(look.contacts.connection, 3 * 20):
            await look.contacts.page(ContactFilter(), cursor=None, limit=20)
    await stores.database.close()


async def test_planning_and_handing_over_read_no_more_than_their_page(mysql_server):
    database = mysql_server.database("rows_campaigns")
    await database.create(campaign_tables)
    campaign = CampaignId(uuid7())
    for start in range(0, MANY, 1000):
        page = [_recipient(campaign, n) for n in range(start, start + 1000)]
        async with database.begin() as connection:
            await SqlRecipients(connection, US).plan(campaign, page, Progress(after=page[-1].contact_id))
    async with database.begin() as connection:
        recipients = SqlRecipients(connection, US)
        for start in range(0, 3 * PAGE, PAGE):
            people = [PersonKey(f"447700{n:06}") for n in range(start, start + PAGE)]
            async with counted(connection, 2 * PAGE):
                assert len(await recipients.taken(campaign, people)) == PAGE
            async with counted(connection, start):
                assert await recipients.in_line(campaign, asleep=False) == start
            async with counted(connection, PAGE):
                page = await recipients.to_hand_over(campaign, arms=[""], limit=PAGE)
            await recipients.handed_over(campaign, [each.id for each in page])
    await database.close()


def _recipient(campaign, n):
    return Recipient(
        id=MessageId(uuid7()),
        campaign_id=campaign,
        contact_id=ContactId(uuid7()),
        person=PersonKey(f"447700{n:06}"),
        phone=Phone(f"+447700{n:06}"),
        name="",
        country="GB",
        values={},
        state=Outcome.PENDING,
        changed_at=datetime(2026, 11, 26, tzinfo=UTC),
    )
