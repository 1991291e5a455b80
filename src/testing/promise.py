"""The promise, checked on a world: nobody twice, nobody forgotten, no status lost, nothing moved back."""

from dataclasses import dataclass, field

from tidings.application.campaigns import CampaignView
from tidings.domain.campaigns import Outcome, Recipient, State
from tidings.domain.errors import Conflict
from tidings.testing.ledgers import Row, Taken, check
from tidings.testing.world import World

ORDER = (Outcome.ACCEPTED, Outcome.SENT, Outcome.FAILED, Outcome.DELIVERED, Outcome.READ)
"""How far a recipient has come; once here, only further."""
PAGE = 100
TURNS = 80


class Broken(AssertionError):
    """The promise was not kept; the message says how."""


@dataclass
class Promise:
    """Watches one campaign of a world; looks are made without faults."""

    world: World
    campaign: CampaignView
    opted_out: dict[str, int] = field(default_factory=dict[str, int])
    """Who wants nothing more, and how many messages Meta had accepted when they said so."""
    furthest: dict[object, Outcome] = field(default_factory=dict[object, Outcome])

    async def hold(self) -> None:
        """At any moment. Raise Broken."""
        if (most := self.world.meta.most_often()) > 1:
            raise Broken(f"I1: somebody was accepted {most} times")
        for phone, sent in self.opted_out.items():
            if any(message.to == phone for message in self.world.meta.accepted[sent:]):
                raise Broken(f"I6: {phone} had opted out and was written to")
        if self.world.called.late:
            raise Broken("a sender called Meta after its lease had ended")
        report = await self.world.calm.reports.report(self.world.actor, self.campaign.id)
        if not report.consistent:
            raise Broken("I3: the totals differ from a recount of the rows")
        for each in await self._recipients():
            before = self.furthest.get(each.id)
            if before in ORDER and (each.state not in ORDER or ORDER.index(each.state) < ORDER.index(before)):
                raise Broken(f"I5: a recipient moved back from {before} to {each.state}")
            self.furthest[each.id] = each.state

    async def finish(self) -> None:
        """Let everything end, every webhook included; then everybody is accounted for. Raise Broken."""
        world, over = self.world, False
        for _ in range(TURNS):
            campaign = await world.calm.campaigns.get(world.actor, self.campaign.id)
            state = campaign.state
            if state is State.PAUSED:
                await self._resume()
            # A refusal that a frozen sender brings late may put somebody back in line after the end.
            before, over = over, state is State.COMPLETED and not campaign.totals.open
            if before and over and not world.meta.owed and world.quiet:
                break
            await world.settle(2)
            world.clock.seconds += 300
        await world.settle(3)
        await self.hold()
        report = await world.calm.reports.report(world.actor, self.campaign.id)
        if report.campaign.state is not State.COMPLETED:
            raise Broken(f"I2: the campaign did not end: {report.campaign.state.value}")
        recipients = await self._recipients()
        if len(recipients) != len(world.audience.crowd):
            raise Broken(f"I2: {len(world.audience.crowd)} people, {len(recipients)} recipients")
        if not world.crashes:
            # Without a crash nobody may be given up who was never called.
            for each in recipients:
                if each.state is Outcome.UNKNOWN and each.phone not in world.called.people:
                    raise Broken(f"I2: {each.phone} is unknown, though Meta was never called")
        taken = [
            Taken(wamid=wamid, to=message.to or "", status="read")
            for message, wamid in zip(world.meta.accepted, world.meta.wamids, strict=True)
        ]
        rows = [_row(each) for each in recipients]
        totals = {name: getattr(report.totals, name) for name in report.totals.__struct_fields__}
        if breaches := check(taken, rows, totals):
            raise Broken("; ".join(f"{each.invariant}: {each.what}" for each in breaches[:5]))

    async def _recipients(self) -> list[Recipient]:
        found: list[Recipient] = []
        cursor: str | None = None
        while True:
            page = await self.world.calm.reports.recipients(
                self.world.actor, self.campaign.id, cursor=cursor, limit=PAGE
            )
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def _resume(self) -> None:
        try:
            await self.world.calm.campaigns.resume(self.world.actor, self.campaign.id)
        except Conflict:
            return


def _row(each: Recipient) -> Row:
    return Row(phone=each.phone, state=each.state.value, wamid=each.wamid, reason=each.reason, code=each.code)
