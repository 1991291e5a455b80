"""The library's face, as its README shows it: from nothing to a read message in one process."""

import asyncio

import pytest
from sqlalchemy import make_url

from tidings import Tidings
from tidings.application.campaigns import NewCampaign
from tidings.application.contacts.people import NewContact
from tidings.application.templates import NewTemplate
from tidings.bootstrap.settings import DATABASES
from tidings.domain.campaigns import Fill, State
from tidings.domain.templates.components import Body, Category, Example
from tidings.domain.users import EmailTaken

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery staple"


async def soon(question, seconds=20):
    """The first answer that is something, within a while."""
    async with asyncio.timeout(seconds):
        while not (answer := await question()):
            await asyncio.sleep(0.05)
    return answer


async def approved(t, actor, waba=True):
    if waba:
        await soon(lambda: t.messages.numbers(actor))
    body = Body(text="Hello {{1}}, we open at nine.", example=Example(body_text=(("Ada",),)))
    new = NewTemplate(name="opening", language="en", category=Category.UTILITY, components=(body,))
    template = await t.templates.create(actor, new)

    async def is_approved():
        return (await t.templates.get(actor, template.id)).status == "APPROVED"

    await soon(is_approved)
    return template


async def test_ten_lines_send_a_campaign_that_is_read(tmp_path):
    async with Tidings.embedded(tmp_path) as t:
        actor = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
        template = await approved(t, actor)
        for n in range(3):
            await t.contacts.add(
                actor, NewContact(phone=f"+4477009000{n:02}", country_code="+44", first_name=f"P{n}")
            )
        new = NewCampaign(
            name="News", template_id=template.id, parameters={"body.1": Fill(field="firstName")}
        )
        campaign = await t.campaigns.create(actor, new)
        await t.campaigns.launch(actor, campaign.id)
        moments = [moment async for moment in t.reports.watch(actor, campaign.id)]
        assert moments[-1].state is State.COMPLETED

        async def settled():
            report = await t.reports.report(actor, campaign.id)
            totals = report.totals
            return report if totals.read + totals.delivered + totals.failed == 3 else None

        assert (await soon(settled)).consistent


async def test_what_was_there_is_there_again(tmp_path):
    async with Tidings.embedded(tmp_path) as t:
        await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
    async with Tidings.embedded(tmp_path, work=False) as t:
        actor = await t.sign_in("rowan@example.org", PASSWORD)
        assert actor == await t.operator()
        with pytest.raises(EmailTaken):
            await t.sign_up("Rowan", "ROWAN@example.org", PASSWORD)


@pytest.mark.mysql
async def test_the_same_ten_lines_on_servers_of_ones_own(tmp_path, mysql_server, redis_server):
    for name in DATABASES.values():
        mysql_server.database(name)
    server = make_url(mysql_server.url)
    at = {"db_host": server.host, "db_port": server.port, "db_user": server.username}
    more = {"redis_url": redis_server.url, "data": str(tmp_path)}
    async with Tidings.on_servers(**at, **more) as t:
        actor = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
        template = await approved(t, actor)
        await t.contacts.add(actor, NewContact(phone="+447700900000", country_code="+44", first_name="Ada"))
        new = NewCampaign(
            name="News", template_id=template.id, parameters={"body.1": Fill(field="firstName")}
        )
        campaign = await t.campaigns.create(actor, new)
        await t.campaigns.launch(actor, campaign.id)
        moments = [moment async for moment in t.reports.watch(actor, campaign.id)]
        assert (moments[-1].state, moments[-1].totals.planned) == (State.COMPLETED, 1)
