"""The number's line as campaigns need it, answered by whatsapp in this process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import asdict

from tidings.adapters.peers.templates import mould_of, say
from tidings.application.ports.campaigns import Capacity, Outlook, Person, SendableTemplate
from tidings.application.whatsapp.lines import LineItem, Lines
from tidings.domain.campaigns import Campaign, Recipient, State
from tidings.domain.campaigns.forecasting import Budget, Period
from tidings.domain.kernel import MessageId, OrganizationId, PhoneNumberId, WabaId
from tidings.domain.templates.languages import nearest
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.numbers import NoNumber, Run, RunState
from tidings.domain.whatsapp.pressure import RESERVE
from tidings.domain.whatsapp.quotas import Quota, Usage

_STATES = {
    State.PAUSED: RunState.PAUSED,
    State.PLANNING: RunState.PAUSED,
    State.CANCELLED: RunState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class LocalLine:
    """The Line port of campaigns."""

    lines: Lines

    async def choose_numbers(
        self, organization: OrganizationId, waba: WabaId, wanted: Sequence[PhoneNumberId]
    ) -> Sequence[PhoneNumberId]:
        return [each.phone_number_id for each in await self.lines.numbers(organization, waba, wanted)]

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
        await self.lines.hand_over(
            campaign.organization_id, campaign.id, _number(campaign), _items(template, recipients)
        )

    async def try_out(
        self, campaign: Campaign, template: SendableTemplate, recipients: Sequence[Recipient]
    ) -> None:
        await self.lines.hand_over(
            campaign.organization_id, None, _number(campaign), _items(template, recipients)
        )

    async def capacity(self, organization: OrganizationId, number: PhoneNumberId) -> Capacity:
        room = await self.lines.capacity(organization, number)
        limit = room.number.messaging_limit
        return Capacity(
            phone_number_id=room.number.phone_number_id,
            quality=room.number.quality_rating,
            per_second=room.number.messages_per_second,
            limit=None if limit is None else int(limit * (1 - RESERVE)),
            used=room.used,
            budgets=_budgets(room.quota, room.usage),
        )

    async def outlook(
        self, campaign: Campaign, template: SendableTemplate, people: Sequence[Person]
    ) -> Sequence[Outlook]:
        form = Template(name=template.name, language=template.language, category=template.category)
        items = [
            LineItem(
                id=MessageId(person.contact_id),
                contact_id=person.contact_id,
                person=person.person,
                to=person.phone,
                zone=person.zone,
                content=form,
            )
            for person in people
        ]
        prospects = await self.lines.outlook(campaign.organization_id, _number(campaign), items)
        return [Outlook(**asdict(each)) for each in prospects]

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


def _budgets(quota: Quota, usage: Usage) -> list[Budget]:
    found = [
        (quota.per_day, usage.today, Period.DAY),
        (quota.per_month, usage.this_month, Period.MONTH),
    ]
    return [Budget(most=most, used=used, period=each) for most, used, each in found if most is not None]


def _items(template: SendableTemplate, recipients: Sequence[Recipient]) -> list[LineItem]:
    filling = {each.language: (each, mould_of(each)) for each in (template, *template.translations)}

    def content(recipient: Recipient) -> Template:
        language = nearest(recipient.language, filling, template.language) if recipient.language else None
        return say(*filling[language or template.language], recipient.values)

    return [
        LineItem(
            id=recipient.id,
            contact_id=recipient.contact_id,
            person=recipient.person,
            to=recipient.phone,
            zone=recipient.zone,
            content=content(recipient),
        )
        for recipient in recipients
    ]


def _number(campaign: Campaign) -> PhoneNumberId:
    if campaign.phone_number_id is None:
        raise NoNumber()
    return campaign.phone_number_id
