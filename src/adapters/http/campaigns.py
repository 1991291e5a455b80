"""Campaigns over HTTP."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Redirect, ServerSentEvent, ServerSentEventMessage, Stream

from tidings.adapters.http.contact_files import MEDIA as FILE_TYPES
from tidings.adapters.http.envelope import Done, Listing, Reply, listing, reply
from tidings.application.campaigns import (
    Approval,
    CampaignChange,
    Campaigns,
    CampaignView,
    Choice,
    Crediting,
    Following,
    Forecast,
    NewCampaign,
    NewConversion,
    Rehearsal,
    Reports,
    Trial,
    Verdict,
)
from tidings.application.campaigns.live import LiveProgress
from tidings.application.campaigns.reporting import Explanation, Report
from tidings.domain.campaigns import Campaign, RateCard, Recipient, Response, Schedule
from tidings.domain.kernel import Actor, CampaignId, ContactId, MessageId, Permission

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

    @post("/{id:uuid}/winner", status_code=200, permission=Permission.CAMPAIGNS_LAUNCH)
    async def winner(
        self,
        campaigns: NamedDependency[Campaigns],
        actor: NamedDependency[Actor],
        id: FromPath[CampaignId],
        data: JSONBody[Choice],
    ) -> Reply[CampaignView]:
        """Choose the arm that the rest of an experiment's people get."""
        return reply(await campaigns.choose_winner(actor, id, data), "Winner chosen")

    @post("/{id:uuid}/retry-failed", permission=Permission.CAMPAIGNS_LAUNCH)
    async def retry_failed(
        self, campaigns: NamedDependency[Campaigns], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[CampaignView]:
        """Try only those who failed once more, in a campaign of its own."""
        return reply(await campaigns.retry_failed(actor, id), "Retry launched")

    @get("/{id:uuid}/forecast", permission=Permission.CAMPAIGNS_READ)
    async def forecast(
        self, rehearsal: NamedDependency[Rehearsal], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[Forecast]:
        """What it would do, cost and take if it were launched now, without a call."""
        return reply(await rehearsal.forecast(actor, id))

    @get("/{id:uuid}/dry-run", permission=Permission.CAMPAIGNS_READ)
    async def dry_run(
        self,
        rehearsal: NamedDependency[Rehearsal],
        actor: NamedDependency[Actor],
        id: FromPath[CampaignId],
        cursor: FromQuery[ContactId | None] = None,
        limit: Limit = 50,
    ) -> Listing[Verdict]:
        """Person by person: the exact message, or why there would be none."""
        return listing(await rehearsal.dry_run(actor, id, after=cursor, limit=limit), limit=limit)

    @post("/{id:uuid}/test", status_code=200, permission=Permission.CAMPAIGNS_LAUNCH)
    async def test(
        self,
        rehearsal: NamedDependency[Rehearsal],
        actor: NamedDependency[Actor],
        id: FromPath[CampaignId],
        data: JSONBody[Trial],
    ) -> Reply[list[Recipient]]:
        """Send its message to some contacts now; it counts for nothing and nobody."""
        return reply(list(await rehearsal.try_out(actor, id, data)), "Test sent")

    @post("/{id:uuid}/approve", status_code=200, permission=Permission.CAMPAIGNS_LAUNCH)
    async def approve(
        self, rehearsal: NamedDependency[Rehearsal], actor: NamedDependency[Actor], id: FromPath[CampaignId]
    ) -> Reply[Campaign]:
        """Let a colleague's campaign start as it stands now."""
        return reply(await rehearsal.approve(actor, id), "Campaign approved")

    @get("/approval", permission=Permission.CAMPAIGNS_READ)
    async def approval(
        self, rehearsal: NamedDependency[Rehearsal], actor: NamedDependency[Actor]
    ) -> Reply[Approval]:
        """Whether campaigns need a second person."""
        return reply(await rehearsal.approval(actor))

    @put("/approval", permission=Permission.ORGANIZATION_WRITE)
    async def set_approval(
        self, rehearsal: NamedDependency[Rehearsal], actor: NamedDependency[Actor], data: JSONBody[Approval]
    ) -> Reply[Approval]:
        """Say whether campaigns need a second person from now on."""
        return reply(await rehearsal.set_approval(actor, data), "Approval set")

    @post("/conversions", permission=Permission.CAMPAIGNS_WRITE)
    async def convert(
        self,
        crediting: NamedDependency[Crediting],
        actor: NamedDependency[Actor],
        data: JSONBody[NewConversion],
    ) -> Reply[Response]:
        """Credit a success to the campaign that reached the person last, within 72 hours."""
        return reply(await crediting.convert(actor, data), "Conversion credited")

    @get("/{id:uuid}/recipients/export", permission=Permission.CAMPAIGNS_READ)
    async def export(
        self,
        reports: NamedDependency[Reports],
        actor: NamedDependency[Actor],
        id: FromPath[CampaignId],
        kind: Annotated[str, QueryParameter(name="format")] = "csv",
    ) -> Stream:
        """Everyone with what became of them, as CSV or XLSX."""
        return Stream(
            await reports.export(actor, id, kind),
            media_type=FILE_TYPES[kind],
            headers={"content-disposition": f'attachment; filename="campaign-{id}.{kind}"'},
        )

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


class RateController(Controller):
    path = "/api/prices"
    tags = ["Prices"]

    @get("/", permission=Permission.CAMPAIGNS_READ)
    async def card(
        self, rehearsal: NamedDependency[Rehearsal], actor: NamedDependency[Actor]
    ) -> Reply[RateCard | None]:
        """The organisation's rates; nothing until it loads some."""
        return reply(await rehearsal.card(actor))

    @put("/", permission=Permission.CAMPAIGNS_WRITE)
    async def put_card(
        self, rehearsal: NamedDependency[Rehearsal], actor: NamedDependency[Actor], data: JSONBody[RateCard]
    ) -> Reply[RateCard]:
        """Replace all rates: Meta's rate card, as dated data (see docs/prices.sample.json)."""
        return reply(await rehearsal.put_card(actor, data), "Prices set")


class LinkController(Controller):
    path = "/r"
    tags = ["Links"]

    @get("/{token:str}", status_code=302, public=True, permission=None)
    async def follow(
        self, request: Request[Any, Any, Any], following: NamedDependency[Following], token: FromPath[str]
    ) -> Redirect:
        """Lead whoever opens a tracked link on to where it points, and count the click."""
        there = await following.follow(token, request.headers.get("user-agent", ""))
        return Redirect(there, status_code=302, headers={"cache-control": "no-store"})
