"""The watchful eye on a campaign under way: its guard, and the steps of its canary."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from tidings.application.ports.campaigns import Begin, Line, SendableTemplate, Work
from tidings.application.ports.common import Now
from tidings.domain.campaigns import Campaign, Kind, Seen, breach, next_step, totals, worst
from tidings.domain.kernel import PhoneNumberId

EVERYONE = 1 << 62
QUALITY_LIFE = timedelta(seconds=5)
"""For so long a number's rating is believed."""


@dataclass(frozen=True, slots=True)
class Watch:
    read: Begin
    line: Line
    now: Now
    qualities: dict[PhoneNumberId, tuple[datetime, str]] = field(
        default_factory=dict[PhoneNumberId, tuple[datetime, str]]
    )

    async def breach(self, campaign: Campaign, words: Sequence[SendableTemplate]) -> str | None:
        """Why the campaign must stop by its own guard; None when it may go on.

        Of several templates and numbers the worst counts.
        """
        guard = campaign.guard
        if guard is None:
            return None
        async with self.read(campaign.organization_id) as work:
            so_far = totals(list(await work.recipients.tallies(campaign.id)))
            did = await work.responses.counts(campaign.id)
        seen = Seen(
            totals=so_far,
            opted_out=did.get(Kind.OPTED_OUT, 0),
            template_quality=worst(template.quality for template in words),
            number_quality=await self._quality(campaign) if guard.quality is not None else "",
        )
        return breach(guard, seen)

    async def room(self, work: Work, campaign: Campaign) -> int:
        """How many more people this step of the canary lets go; a step that was watched long enough ends."""
        rollout = campaign.rollout
        if rollout is None or campaign.step >= len(rollout.steps):
            return EVERYONE
        so_far = totals(list(await work.recipients.tallies(campaign.id)))
        people = so_far.planned - so_far.skipped
        left = rollout.target(campaign.step, people) - await work.recipients.handed(campaign.id)
        if left > 0:
            return left
        now = self.now()
        settled = not await work.recipients.in_line(campaign.id, asleep=True)
        since = (campaign.settled_since or now) if settled else None
        if next_step(rollout, step=campaign.step, since=since, now=now):
            await work.campaigns.save(replace(campaign, step=campaign.step + 1, settled_since=None))
        elif since != campaign.settled_since:
            await work.campaigns.save(replace(campaign, settled_since=since))
        return 0

    async def _quality(self, campaign: Campaign) -> str:
        return worst([await self._rating(campaign, number) for number in campaign.numbers])

    async def _rating(self, campaign: Campaign, number: PhoneNumberId) -> str:
        known = self.qualities.get(number)
        if known is not None and self.now() < known[0] + QUALITY_LIFE:
            return known[1]
        quality = (await self.line.capacity(campaign.organization_id, number)).quality
        self.qualities[number] = (self.now(), quality)
        return quality
