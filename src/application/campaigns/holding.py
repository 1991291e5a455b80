"""Holding everything back that would start by itself, until somebody has looked."""

from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.campaigns.telling import keep, tell_line
from tidings.application.ports.campaigns import ActiveCampaigns, Begin, Line
from tidings.application.ports.common import Now
from tidings.domain.campaigns import Act


class Held(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many campaigns were paused, and how many starts that had come due were taken back."""

    paused: int = 0
    unscheduled: int = 0


@dataclass(frozen=True, slots=True)
class Holding:
    begin: Begin
    active: ActiveCampaigns
    line: Line
    now: Now

    async def hold(self, reason: str) -> Held:
        """Pause what is under way, and make drafts of what is due; nothing more leaves for them."""
        paused = unscheduled = 0
        while found := await self.active.due(self.now()):
            for due in found:
                async with self.begin(due.organization_id) as work:
                    campaign = await work.campaigns.get(due.id)
                    if campaign.may(Act.UNSCHEDULE):
                        campaign = campaign.turn(Act.UNSCHEDULE, self.now(), reason)
                    await keep(work, replace(campaign, schedule=None, due_at=None, starts=0))
                unscheduled += 1
        for each in await self.active.unfinished():
            async with self.begin(each.organization_id) as work:
                campaign = await work.campaigns.get(each.id)
                if campaign.may(Act.PAUSE):
                    campaign = campaign.turn(Act.PAUSE, self.now(), reason)
                    await keep(work, campaign)
                    paused += 1
            await tell_line(self.begin, self.line, campaign)
        return Held(paused=paused, unscheduled=unscheduled)
