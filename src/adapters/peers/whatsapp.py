"""The number's line as campaigns need it, answered by whatsapp in this process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidings.adapters.peers.templates import mould_of, say
from tidings.application.ports.campaigns import SendableTemplate
from tidings.application.whatsapp.lines import LineItem, Lines
from tidings.domain.campaigns import Campaign, Recipient, State
from tidings.domain.kernel import MessageId, OrganizationId, PhoneNumberId
from tidings.domain.whatsapp.numbers import NoNumber, Run, RunState

_STATES = {
    State.PAUSED: RunState.PAUSED,
    State.PLANNING: RunState.PAUSED,
    State.CANCELLED: RunState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class LocalLine:
    """The Line port of campaigns."""

    lines: Lines

    async def choose_number(
        self, organization: OrganizationId, wanted: PhoneNumberId | None
    ) -> PhoneNumberId:
        return (await self.lines.number(organization, wanted)).phone_number_id

    async def turn(self, campaign: Campaign) -> None:
        await self.lines.turn(
            Run(
                campaign_id=campaign.id,
                organization_id=campaign.organization_id,
                phone_number_id=_number(campaign),
                state=_STATES.get(campaign.state, RunState.RUNNING),
                epoch=campaign.epoch,
                reason=campaign.reason,
            )
        )

    async def hand_over(
        self, campaign: Campaign, template: SendableTemplate, recipients: Sequence[Recipient]
    ) -> None:
        form = mould_of(template)
        await self.lines.hand_over(
            campaign.organization_id,
            campaign.id,
            _number(campaign),
            [
                LineItem(
                    id=recipient.id,
                    contact_id=recipient.contact_id,
                    person=recipient.person,
                    to=recipient.phone,
                    zone=recipient.zone,
                    content=say(template, form, recipient.values),
                )
                for recipient in recipients
            ],
        )

    async def waiting(self, campaign: Campaign) -> str:
        return await self.lines.waiting(campaign.id)

    async def explain(self, organization: OrganizationId, id: MessageId) -> Sequence[Mapping[str, str]]:
        return [
            {
                "at": entry.at.isoformat(),
                "what": entry.what,
                **({"detail": entry.detail} if entry.detail else {}),
            }
            for entry in await self.lines.explain(organization, id)
        ]


def _number(campaign: Campaign) -> PhoneNumberId:
    if campaign.phone_number_id is None:
        raise NoNumber()
    return campaign.phone_number_id
