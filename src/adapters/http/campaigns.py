"""Campaigns over HTTP."""

from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from tidings.adapters.http.envelope import Done, Listing, Reply, listing, reply
from tidings.application.campaigns import CampaignChange, Campaigns, CampaignView, NewCampaign, Reports
from tidings.application.campaigns.reporting import Explanation, LiveProgress, Report
from tidings.domain.campaigns import Campaign, Recipient, Schedule
from tidings.domain.kernel import Actor, CampaignId, MessageId, Permission

Limit = Annotated[int, QueryParameter(ge=1, le=100)]
PageNumber = Annotated[int | None, QueryParameter(ge=1, le=10_000)]


class CampaignController(Controller):
    path = "/api/campaigns"
    tags = ["Campaigns"]

    @post("/", permission=Permission.CAMPAIGNS_WRITE)
    async def create(
        self,
        campaigns: NamedDependency[Campaigns],
        actor: NamedDependency[Actor],
        data: JSONBody[NewCampaign],
    ) -> Reply[CampaignView]:
        """Draft a campaign."""
        return reply(await campaigns.create(actor, data), "Campaign created")

    @get("/", permission=Permission.CAMPAIGNS_READ, cached=("campaigns", 300))
    async def page(
        self,
        campaigns: NamedDependency[Campaigns],
        actor: NamedDependency[Actor],
        status: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
        page: PageNumber = None,
        limit: Limit = 10,
    ) -> Listing[Campaign]:
        """List campaigns, newest first."""
        found = await campaigns.page(actor, state=status, cursor=cursor, limit=limit, number=page)
        return listing(found, limit=limit, number=page)

    @get("/{id:uuid}", permission=Permission.CAMPAIGNS_READ, cached=("campaigns", 600))
    async def one(
        self, campaigns: NamedDependency[Campaigns], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[CampaignView]:
        """A campaign with its totals."""
        return reply(await campaigns.get(actor, id))

    @put("/{id:uuid}", permission=Permission.CAMPAIGNS_WRITE)
    async def change(
        self,
        campaigns: NamedDependency[Campaigns],
        actor: NamedDependency[Actor],
        id: FromPath[CampaignId],
        data: JSONBody[CampaignChange],
    ) -> Reply[CampaignView]:
        """Change a draft; what is not mentioned stays."""
        return reply(await campaigns.change(actor, id, data), "Campaign updated")

    @delete("/{id:uuid}", status_code=200, permission=Permission.CAMPAIGNS_WRITE)
    async def remove(
        self, campaigns: NamedDependency[Campaigns], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Done:
        """Delete a campaign that is not under way."""
        await campaigns.remove(actor, id)
        return Done(message="Campaign deleted")

    @post("/{id:uuid}/launch", status_code=200, permission=Permission.CAMPAIGNS_LAUNCH)
    async def launch(
        self, campaigns: NamedDependency[Campaigns], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[CampaignView]:
        """Check everyone, then freeze the audience and start sending."""
        return reply(await campaigns.launch(actor, id), "Campaign launched")

    @post("/{id:uuid}/schedule", status_code=200, permission=Permission.CAMPAIGNS_LAUNCH)
    async def schedule(
        self,
        campaigns: NamedDependency[Campaigns],
        actor: NamedDependency[Actor],
        id: FromPath[CampaignId],
        data: JSONBody[Schedule],
    ) -> Reply[CampaignView]:
        """Start at a time on the wall clock of a zone, once or again and again."""
        return reply(await campaigns.schedule(actor, id, data), "Campaign scheduled")

    @delete("/{id:uuid}/schedule", status_code=200, permission=Permission.CAMPAIGNS_LAUNCH)
    async def unschedule(
        self, campaigns: NamedDependency[Campaigns], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[CampaignView]:
        """Make it a draft again."""
        return reply(await campaigns.unschedule(actor, id), "Campaign is a draft again")

    @post("/{id:uuid}/retry-failed", permission=Permission.CAMPAIGNS_LAUNCH)
    async def retry_failed(
        self, campaigns: NamedDependency[Campaigns], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[CampaignView]:
        """Try only those who failed once more, in a campaign of its own."""
        return reply(await campaigns.retry_failed(actor, id), "Retry launched")

    @post("/{id:uuid}/pause", status_code=200, permission=Permission.CAMPAIGNS_LAUNCH)
    async def pause(
        self, campaigns: NamedDependency[Campaigns], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[CampaignView]:
        """Stop new sends at once; what is on its way finishes."""
        return reply(await campaigns.pause(actor, id), "Campaign paused")

    @post("/{id:uuid}/resume", status_code=200, permission=Permission.CAMPAIGNS_LAUNCH)
    async def resume(
        self, campaigns: NamedDependency[Campaigns], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[CampaignView]:
        """Go on with exactly the rest."""
        return reply(await campaigns.resume(actor, id), "Campaign resumed")

    @post("/{id:uuid}/cancel", status_code=200, permission=Permission.CAMPAIGNS_LAUNCH)
    async def cancel(
        self, campaigns: NamedDependency[Campaigns], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[CampaignView]:
        """Stop for good: nothing more leaves."""
        return reply(await campaigns.cancel(actor, id), "Campaign cancelled")

    @get("/{id:uuid}/report", permission=Permission.CAMPAIGNS_READ)
    async def report(
        self, reports: NamedDependency[Reports], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[Report]:
        """Everyone accounted for: totals, reasons, and whether they equal a recount."""
        return reply(await reports.report(actor, id))

    @get("/{id:uuid}/recipients", permission=Permission.CAMPAIGNS_READ)
    async def recipients(
        self,
        reports: NamedDependency[Reports],
        actor: NamedDependency[Actor],
        id: FromPath[CampaignId],
        status: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> Listing[Recipient]:
        """Who is in the campaign, and what became of each."""
        found = await reports.recipients(actor, id, state=status, cursor=cursor, limit=limit)
        return listing(found, limit=limit)

    @get("/{id:uuid}/recipients/{recipient_id:uuid}", permission=Permission.CAMPAIGNS_READ)
    async def explain(
        self,
        reports: NamedDependency[Reports],
        actor: NamedDependency[Actor],
        id: FromPath[CampaignId],
        recipient_id: FromPath[MessageId],
    ) -> Reply[Explanation]:
        """Why one person stands where they stand, step by step."""
        return reply(await reports.explain(actor, id, recipient_id))

    @get("/{id:uuid}/progress", permission=Permission.CAMPAIGNS_READ)
    async def progress(
        self, reports: NamedDependency[Reports], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> ServerSentEvent:
        """Progress as server-sent events, until the campaign ends."""
        moments = reports.watch(actor, id)
        first = await anext(moments)

        async def stream() -> AsyncGenerator[ServerSentEventMessage]:
            yield _moment(first)
            async for moment in moments:
                yield _moment(moment)

        return ServerSentEvent(stream())


def _moment(progress: LiveProgress) -> ServerSentEventMessage:
    return ServerSentEventMessage(event="progress", data=msgspec.json.encode(progress).decode())
