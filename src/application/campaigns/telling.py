"""Saving a campaign that took a turn, and telling that it did."""

from tidings.application.ports.campaigns import Begin, Line, Work
from tidings.domain.campaigns import Campaign
from tidings.domain.events import CampaignMoved


async def keep(work: Work, campaign: Campaign) -> None:
    """Store it after a turn; its state is told in the same transaction."""
    await work.campaigns.save(campaign)
    await tell(work, campaign)


async def tell(work: Work, campaign: Campaign) -> None:
    await work.outbox.put(
        CampaignMoved(
            organization_id=campaign.organization_id,
            campaign_id=campaign.id,
            state=campaign.state.value,
            reason=campaign.reason,
            at=campaign.updated_at,
        )
    )


async def tell_line(begin: Begin, line: Line, campaign: Campaign) -> None:
    """Make the line obey the campaign's last turn, and note that it did; the runner repeats it if need be."""
    await line.turn(campaign)
    async with begin(campaign.organization_id) as work:
        await work.campaigns.told(campaign.id, campaign.epoch)
