"""Campaigns themselves in SQL, and which of them ask for work."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import (
    RowMapping,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.campaigns.tables import campaigns, planning, recipients, responses, tallies
from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.engine import Database
from tidings.domain.campaigns import (
    Campaign,
    CampaignNotFound,
    Origin,
    Recipient,
    State,
)
from tidings.domain.kernel import CampaignId, MessageId, OrganizationId, Page, TemplateId


@dataclass(frozen=True, slots=True)
class SqlCampaigns:
    connection: AsyncConnection
    organization: OrganizationId
    locking: bool

    async def add(self, campaign: Campaign) -> None:
        await self.connection.execute(insert(campaigns).values(_row(campaign)))

    async def get(self, id: CampaignId) -> Campaign:
        query = select(campaigns).where(
            campaigns.c.id == id, campaigns.c.organization_id == self.organization
        )
        if self.locking:
            query = query.with_for_update()
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise CampaignNotFound()
        return _campaign(row)

    async def ours(self, ids: Collection[CampaignId]) -> Collection[CampaignId]:
        mine = campaigns.c.organization_id == self.organization
        query = select(campaigns.c.id).where(campaigns.c.id.in_(list(ids)), mine)
        return {CampaignId(id) for id in (await self.connection.execute(query)).scalars()}

    async def save(self, campaign: Campaign) -> None:
        values = {**_row(campaign), "reason": campaign.reason and campaign.reason[:500]}
        values.pop("told")
        mine = (campaigns.c.id == campaign.id, campaigns.c.organization_id == self.organization)
        await self.connection.execute(update(campaigns).where(*mine).values(values))

    async def told(self, id: CampaignId, epoch: int) -> None:
        mine = (campaigns.c.id == id, campaigns.c.organization_id == self.organization)
        await self.connection.execute(
            update(campaigns).where(*mine, campaigns.c.told < epoch).values(told=epoch)
        )

    async def retry_of(self, id: CampaignId, origin: Origin = Origin.RETRY) -> CampaignId | None:
        query = select(campaigns.c.id).where(
            campaigns.c.organization_id == self.organization,
            campaigns.c.parent_id == id,
            campaigns.c.origin == origin,
        )
        return (await self.connection.execute(query)).scalars().first()

    async def sending(self, template: TemplateId) -> Sequence[Campaign]:
        query = (
            select(campaigns)
            .where(
                campaigns.c.state.in_([State.PLANNING, State.RUNNING]),
                campaigns.c.organization_id == self.organization,
                or_(campaigns.c.template_id == template, campaigns.c.experiment.is_not(None)),
            )
            .order_by(campaigns.c.id)
            .with_for_update()
        )
        found = [_campaign(row) for row in (await self.connection.execute(query)).mappings()]
        return [campaign for campaign in found if template in campaign.templates]

    async def remove(self, id: CampaignId) -> None:
        mine = (campaigns.c.id == id, campaigns.c.organization_id == self.organization)
        if (await self.connection.execute(delete(campaigns).where(*mine))).rowcount:
            for table in (recipients, responses, tallies, planning):
                await self.connection.execute(delete(table).where(table.c.campaign_id == id))

    async def page(
        self, *, state: str | None, cursor: str | None, limit: int, number: int | None = None
    ) -> Page[Campaign]:
        chosen = campaigns.c.organization_id == self.organization
        if state is not None:
            chosen = and_(chosen, campaigns.c.state == State(state))
        query = select(campaigns).where(chosen).order_by(campaigns.c.id.desc()).limit(limit + 1)
        total: int | None = None
        if number is not None:
            query = query.offset((number - 1) * limit)
            counted = select(func.count()).select_from(campaigns).where(chosen)
            total = (await self.connection.execute(counted)).scalar_one()
        elif cursor is not None:
            query = query.where(campaigns.c.id < decode_cursor(cursor))
        found = [_campaign(row) for row in (await self.connection.execute(query)).mappings()]
        more = len(found) > limit
        return Page(
            items=found[:limit],
            next_cursor=encode_cursor(found[limit - 1].id) if more else None,
            total=total,
        )


@dataclass(frozen=True, slots=True)
class SqlActiveCampaigns:
    """The runner's question, across organisations."""

    database: Database

    async def unfinished(self) -> Sequence[Campaign]:
        query = (
            select(campaigns)
            .where(
                or_(
                    campaigns.c.state.in_([State.PLANNING, State.RUNNING]),
                    and_(
                        campaigns.c.state.not_in([State.DRAFT, State.SCHEDULED]),
                        campaigns.c.told < campaigns.c.epoch,
                    ),
                )
            )
            .order_by(campaigns.c.id)
        )
        async with self.database.reading() as connection:
            return [_campaign(row) for row in (await connection.execute(query)).mappings()]

    async def due(self, at: datetime) -> Sequence[Campaign]:
        query = (
            select(campaigns)
            .where(campaigns.c.due_at <= at, campaigns.c.state.in_([State.SCHEDULED, State.COMPLETED]))
            .order_by(campaigns.c.due_at, campaigns.c.id)
            .limit(100)
        )
        async with self.database.reading() as connection:
            return [_campaign(row) for row in (await connection.execute(query)).mappings()]


@dataclass(frozen=True, slots=True)
class SqlLinkReader:
    """Tracked links lead to a campaign and a recipient, whoever opens them."""

    database: Database

    async def of(
        self, campaign: CampaignId, recipient: MessageId
    ) -> tuple[Campaign, Recipient | None] | None:
        r = recipients.c
        async with self.database.reading() as connection:
            query = select(campaigns).where(campaigns.c.id == campaign)
            row = (await connection.execute(query)).mappings().one_or_none()
            if row is None:
                return None
            query = select(recipients).where(r.id == recipient, r.campaign_id == campaign)
            theirs = (await connection.execute(query)).mappings().one_or_none()
        return _campaign(row), None if theirs is None else Recipient(**theirs)


def _row(campaign: Campaign) -> dict[str, Any]:
    return {**asdict(campaign), "phone_number_ids": list(campaign.phone_number_ids) or None}


def _campaign(row: RowMapping) -> Campaign:
    fields: dict[str, Any] = {**row}
    fields["phone_number_ids"] = tuple(fields["phone_number_ids"] or ())
    return Campaign(**fields)
