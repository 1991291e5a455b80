"""Row `plan`: an audience frozen into recipients, beside bare inserts of the same rows."""

import asyncio
import random
import time
from uuid import uuid4

from dependency_injector import providers
from msgspec.structs import asdict
from sqlalchemy import insert

from bench.figures import Row, Side, own_memory, per_one
from bench.growth import load, platform
from bench.stage import asked
from tidings.adapters.embedded.system import collect_rarely, uuid7
from tidings.adapters.mysql.campaigns import recipients
from tidings.application.campaigns.checking import check_everyone
from tidings.application.campaigns.planning import ways_of
from tidings.bootstrap.container import Container
from tidings.domain.campaigns import Act, Campaign, Fill, State
from tidings.domain.kernel import (
    Actor,
    CampaignId,
    MessageId,
    OrganizationId,
    PhoneNumberId,
    Role,
    TemplateId,
    UserId,
)
from tidings.testing.neighbours import FakeTemplates

PAGE = 1000


def planning(people: int) -> Row:
    return asyncio.run(_measured(people))


async def _measured(people: int) -> Row:
    actor = Actor(user_id=UserId(uuid4()), organization_id=OrganizationId(uuid4()), role=Role.OWNER)
    # As in a service, which is where campaigns are planned.
    collect_rarely()
    async with platform() as container:
        await load(container, actor.organization_id, people, random.Random(people), searched=False)
        container.sendable.override(providers.Object(FakeTemplates()))
        campaign = await _launched(container, actor.organization_id)
        began = time.perf_counter()
        ways = await ways_of(container.sendable(), container.line(), campaign)
        await check_everyone(container.audience(), container.planner(), campaign, ways)
        checked = time.perf_counter() - began
        before, queries, cpu, began = own_memory(), asked(), time.process_time(), time.perf_counter()
        while (await _now(container, campaign)).state is State.PLANNING:
            await container.runner().step()
        took, used = time.perf_counter() - began, time.process_time() - cpu
        ours = Side(
            rate=people / took,
            cpu=used / people * 1e6,
            memory=own_memory(),
            queries=per_one(queries, asked(), people),
            done=people,
        )
        bare = await _bare(container, campaign, people)
    return Row(
        name="plan",
        unit="people/s",
        ours=ours,
        bare=bare,
        ratio=ours.rate / bare.rate,
        what="consent, values and everybody once; bare: the same rows inserted",
        more={
            "checked before the launch, people/s": people / checked,
            "MiB more at the end": own_memory() - before,
            "seconds for a million": 1e6 / ours.rate,
        },
    )


async def _launched(container: Container, organization: OrganizationId) -> Campaign:
    now = container.now()()
    campaign = Campaign(
        id=CampaignId(uuid7()),
        organization_id=organization,
        name="Bench",
        template_id=TemplateId(uuid7()),
        phone_number_id=PhoneNumberId("310000000000202"),
        parameters={"body.1": Fill(field="firstName")},
        created_at=now,
        updated_at=now,
    ).turn(Act.LAUNCH, now)
    async with container.campaigns_begin()(organization) as work:
        await work.campaigns.add(campaign)
    return campaign


async def _now(container: Container, campaign: Campaign) -> Campaign:
    async with container.campaigns_read()(campaign.organization_id) as work:
        return await work.campaigns.get(campaign.id)


async def _bare(container: Container, campaign: Campaign, people: int) -> Side:
    """What planning wrote, written once more for another campaign."""
    async with container.campaigns_read()(campaign.organization_id) as work:
        page = (await work.recipients.page(campaign.id, state=None, cursor=None, limit=PAGE)).items
    database, done = container.campaigns_database(), 0
    began = time.perf_counter()
    while done < people:
        other = CampaignId(uuid7())
        rows = [
            {**asdict(each), "id": MessageId(uuid7()), "campaign_id": other, "contact_id": uuid7()}
            for each in page[: people - done]
        ]
        async with database.begin() as connection:
            await connection.execute(insert(recipients), rows)
        done += len(rows)
    return Side(rate=people / (time.perf_counter() - began), done=people)
