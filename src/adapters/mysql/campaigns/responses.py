"""What people did after campaigns reached them, and what an organisation settled for all of them, in SQL."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.campaigns.tables import campaigns, recipients, responses, settings
from tidings.adapters.mysql.dialect import insert_missing, upsert
from tidings.adapters.mysql.rows import structs
from tidings.domain.campaigns import HOLD_OUT, Kind, Outcome, RateCard, Recipient, Response
from tidings.domain.kernel import CampaignId, ContactId, MessageId, OrganizationId, PersonKey

r = recipients.c
_REACHED = (Outcome.ACCEPTED, Outcome.SENT, Outcome.DELIVERED, Outcome.READ)
RECENT = timedelta(days=30)
"""How long after its launch a campaign is asked whether a response belongs to it."""


@dataclass(frozen=True, slots=True)
class SqlResponses:
    connection: AsyncConnection
    organization: OrganizationId

    async def reached(
        self,
        people: Collection[PersonKey],
        contacts: Collection[ContactId],
        *,
        since: datetime,
        until: datetime,
        held_out: bool = False,
    ) -> Sequence[Recipient]:
        recent = select(campaigns.c.id).where(
            campaigns.c.organization_id == self.organization,
            campaigns.c.launched_at > since - RECENT,
            campaigns.c.launched_at <= until,
        )
        ids = (await self.connection.execute(recent)).scalars().all()
        counts = r.state.in_(_REACHED)
        if held_out:
            counts = or_(counts, and_(r.state == Outcome.SKIPPED, r.reason == HOLD_OUT))
        found: list[Recipient] = []
        for column, wanted in ((r.person, people), (r.contact_id, contacts)):
            if not (ids and wanted):
                continue
            query = select(recipients).where(
                r.campaign_id.in_(ids), column.in_(list(wanted)), counts, r.changed_at > since
            )
            found += structs(Recipient, await self.connection.execute(query))
        return sorted(found, key=lambda each: (each.changed_at, each.id), reverse=True)

    async def note(self, new: Sequence[Response]) -> None:
        rows = [{**asdict(response), "detail": response.detail[:500]} for response in new]
        await insert_missing(self.connection, responses, rows)

    async def counts(self, campaign: CampaignId) -> Mapping[Kind, int]:
        c = responses.c
        query = select(c.kind, func.count()).where(c.campaign_id == campaign).group_by(c.kind)
        return {kind: count for kind, count in await self.connection.execute(query)}

    async def by_arm(self, campaign: CampaignId) -> Mapping[tuple[str, Kind], int]:
        c = responses.c
        query = (
            select(r.arm, c.kind, func.count())
            .join(recipients, r.id == c.recipient_id)
            .where(c.campaign_id == campaign, r.arm != "")
            .group_by(r.arm, c.kind)
        )
        return {(arm, kind): count for arm, kind, count in await self.connection.execute(query)}

    async def of(self, recipients: Collection[MessageId]) -> Sequence[Response]:
        query = select(responses).where(responses.c.recipient_id.in_(recipients))
        found = structs(Response, await self.connection.execute(query))
        return sorted(found, key=lambda each: (each.at, list(Kind).index(each.kind)))


@dataclass(frozen=True, slots=True)
class SqlSettings:
    connection: AsyncConnection
    organization: OrganizationId

    async def card(self) -> RateCard | None:
        query = select(settings.c.currency, settings.c.rates).where(self._mine)
        row = (await self.connection.execute(query)).one_or_none()
        return (
            None if row is None or row.currency is None else RateCard(currency=row.currency, rates=row.rates)
        )

    async def put_card(self, card: RateCard) -> None:
        await self._put(
            {"approval": False, "currency": card.currency, "rates": card.rates}, "currency", "rates"
        )

    async def needs_approval(self) -> bool:
        query = select(settings.c.approval).where(self._mine)
        return bool((await self.connection.execute(query)).scalar_one_or_none())

    async def put_approval(self, needed: bool) -> None:
        await self._put({"approval": needed, "currency": None, "rates": None}, "approval")

    @property
    def _mine(self) -> ColumnElement[bool]:
        return settings.c.organization_id == self.organization

    async def _put(self, row: Mapping[str, object], *change: str) -> None:
        whole = {**row, "organization_id": self.organization}
        await upsert(self.connection, settings, [whole], keys=["organization_id"], change=list(change))
