"""Campaigns' lines of messages: what the campaigns context asks, having asked its actor."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import Now, Signal
from tidings.application.ports.pressure import Zones
from tidings.application.ports.whatsapp import Begin, Consent, MessageReader, Work
from tidings.application.whatsapp.admission import Admission, Prospect, is_marketing
from tidings.application.whatsapp.saying import TimelineEntry, choose_number, timeline
from tidings.application.whatsapp.telling import moved_events
from tidings.domain.errors import Fault
from tidings.domain.kernel import (
    CampaignId,
    ContactId,
    MessageId,
    OrganizationId,
    PersonKey,
    Phone,
    PhoneNumberId,
    WabaId,
)
from tidings.domain.whatsapp.content import Content
from tidings.domain.whatsapp.messages import Message, MessageNotFound
from tidings.domain.whatsapp.numbers import Number, OtherAccount, Run, RunState
from tidings.domain.whatsapp.quotas import Quota, Usage, day_of


class LineItem(Struct, frozen=True, kw_only=True):
    """One campaign message as it is handed over: the recipient's id is the message's id."""

    id: MessageId
    contact_id: ContactId
    person: PersonKey
    to: Phone
    zone: str | None = None
    content: Content


class Room(Struct, frozen=True, kw_only=True):
    """A number, and how much of its limits is used up."""

    number: Number
    used: int
    """People who count against the messaging limit."""
    quota: Quota
    """What campaigns may use of it."""
    usage: Usage


@dataclass(frozen=True, slots=True)
class Lines:
    """Campaigns' lines of messages: what the campaigns context asks, having asked its actor."""

    begin: Begin
    read: Begin
    reader: MessageReader
    consent: Consent
    zones: Zones
    signal: Signal
    now: Now

    async def explain(self, organization: OrganizationId, id: MessageId) -> list[TimelineEntry]:
        """What happened to a message, in order; empty when it never stood in line."""
        try:
            message = await self.reader.get(organization, id)
        except MessageNotFound:
            return []
        return timeline(message, await self.reader.attempts(id))

    async def waiting(self, campaign: CampaignId) -> str:
        """What the line waits for although it runs; empty when nothing holds it."""
        async with self.read() as work:
            return await work.runs.waiting(campaign)

    async def numbers(
        self, organization: OrganizationId, waba: WabaId, wanted: Sequence[PhoneNumberId]
    ) -> list[Number]:
        """The numbers a campaign will send from, which are of its template's account.

        Raise NoNumber, SeveralNumbers, NumberNotFound, OtherAccount.
        """
        async with self.read() as work:
            known = await work.numbers.of(organization)
        if not wanted:
            theirs = [number for number in known if number.waba_id == waba]
            return [choose_number(theirs, None)]
        chosen = [choose_number(known, each) for each in wanted]
        if strangers := [number for number in chosen if number.waba_id != waba]:
            raise OtherAccount(
                "",
                *(
                    Fault(
                        field="phoneNumberId",
                        rule="account",
                        message=f"{number.display_phone_number} is not of the template's account {waba}",
                    )
                    for number in strangers
                ),
            )
        return chosen

    async def capacity(self, organization: OrganizationId, number: PhoneNumberId) -> Room:
        """How much of a number's limits is used up. Raise NumberNotFound."""
        now = self.now()
        async with self.read() as work:
            quotas = await work.quotas.of([organization])
            return Room(
                number=choose_number(await work.numbers.of(organization), number),
                used=await work.pressure.reached_in(organization, now),
                quota=quotas[organization].for_campaigns(),
                usage=(await work.quotas.usage([organization], day_of(now)))[organization],
            )

    async def outlook(
        self, organization: OrganizationId, number: PhoneNumberId, items: Sequence[LineItem]
    ) -> list[Prospect]:
        """What the sender would say of these people now, in their order."""
        now = self.now()
        messages = [_message(organization, None, number, item, now) for item in items]
        async with self.read() as work:
            prospects = await Admission(self.zones).foresee(work, organization, messages, now)
        blocked = await self._blocked(organization, messages)
        return [
            each
            if each.never or message.contact_id not in blocked
            else replace(each, never=True, why="opted_out")
            for message, each in zip(messages, prospects, strict=True)
        ]

    async def _blocked(
        self, organization: OrganizationId, messages: Sequence[Message]
    ) -> Collection[ContactId]:
        asked = [m.contact_id for m in messages if m.contact_id is not None and is_marketing(m)]
        return await self.consent.blocked(organization, asked) if asked else ()

    async def turn(self, run: Run) -> None:
        """Make the line, or pause, resume or cancel it; older epochs than the known one change nothing.

        Once a pause or cancel returned, no attempt of this line is written down; what is on its way
        finishes. A cancelled line never leaves that state: what waited is skipped, page by page.
        """
        async with self.begin() as work:
            await work.runs.turn(run)
        self.signal.wake()
        while run.state is RunState.CANCELLED:
            async with self.begin() as work:
                if not await self._skip_some(work, run.campaign_id):
                    return

    async def hand_over(
        self,
        organization: OrganizationId,
        campaign: CampaignId | None,
        number: PhoneNumberId,
        items: Sequence[LineItem],
    ) -> None:
        """Put messages in line, of a campaign or (None) as single ones.

        Idempotent: the same items again, or the same person again in a campaign, add nothing.
        """
        now = self.now()
        async with self.begin() as work:
            await work.messages.add([_message(organization, campaign, number, item, now) for item in items])
            run = None
            if campaign is not None:
                await work.runs.stand(campaign, number)
                run = await work.runs.get(campaign)
            if run is not None and run.state is RunState.CANCELLED:
                while await self._skip_some(work, run.campaign_id):
                    pass
        self.signal.wake()

    async def _skip_some(self, work: Work, campaign: CampaignId) -> int:
        waiting = await work.messages.pending_of(campaign, limit=1000)
        skipped = [message.skip("cancelled") for message in waiting]
        await work.messages.save(skipped)
        await work.outbox.put(*moved_events(skipped, self.now()))
        return len(skipped)


def _message(
    organization: OrganizationId,
    campaign: CampaignId | None,
    number: PhoneNumberId,
    item: LineItem,
    now: datetime,
) -> Message:
    return Message(
        id=item.id,
        organization_id=organization,
        phone_number_id=number,
        run_id=campaign,
        contact_id=item.contact_id,
        person=item.person,
        to=item.to,
        zone=item.zone,
        content=item.content,
        created_at=now,
        next_attempt_at=now,
    )
