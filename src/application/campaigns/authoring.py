"""Drafting, launching, pausing, resuming and cancelling campaigns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from tidings.application.ports.campaigns import Audience, Begin, Line, Person, SendableTemplate, Templates
from tidings.application.ports.common import NewId, Now, Signal
from tidings.domain.campaigns import (
    Act,
    Campaign,
    CannotFill,
    Fill,
    Missing,
    NobodyToReach,
    State,
    Totals,
    WrongState,
    check_parameters,
    fill,
    totals,
)
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import (
    Actor,
    CampaignId,
    GroupId,
    OrganizationId,
    Page,
    Permission,
    PhoneNumberId,
    TemplateId,
)

PAGE = 1000
"""People looked at in one go."""
SHOWN = 20
"""Faults named at most; the rest are counted."""


class BadParameters(Invalid):
    """The campaign's parameters do not fit its template."""


class NewCampaign(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a campaign is made of."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Annotated[str, Meta(max_length=2000)] = ""
    template_id: TemplateId
    group_id: GroupId | None = None
    phone_number_id: PhoneNumberId | None = None
    parameters: dict[str, Fill] = {}
    missing: Missing = Missing.REFUSE


class CampaignChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What to change of a draft; what is not mentioned stays."""

    name: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET
    template_id: TemplateId | UnsetType = UNSET
    group_id: GroupId | UnsetType | None = UNSET
    phone_number_id: PhoneNumberId | UnsetType | None = UNSET
    parameters: dict[str, Fill] | UnsetType = UNSET
    missing: Missing | UnsetType = UNSET


class CampaignView(Campaign, frozen=True, kw_only=True, rename="camel"):
    """A campaign with how far it has come."""

    totals: Totals


@dataclass(frozen=True, slots=True)
class Campaigns:
    begin: Begin
    read: Begin
    audience: Audience
    templates: Templates
    line: Line
    signal: Signal
    now: Now
    new_id: NewId

    async def create(self, actor: Actor, new: NewCampaign) -> CampaignView:
        """Make a draft. Raise what `Templates.sendable` raises for a template that does not exist."""
        organization = actor.require(Permission.CAMPAIGNS_WRITE)
        now = self.now()
        campaign = Campaign(
            id=CampaignId(self.new_id()),
            organization_id=organization,
            name=new.name,
            description=new.description,
            template_id=new.template_id,
            group_id=new.group_id,
            phone_number_id=new.phone_number_id,
            parameters=new.parameters,
            missing=new.missing,
            created_at=now,
            updated_at=now,
        )
        async with self.begin(organization) as work:
            await work.campaigns.add(campaign)
        return view(campaign, Totals())

    async def change(self, actor: Actor, id: CampaignId, change: CampaignChange) -> CampaignView:
        """Change a draft. Raise CampaignNotFound, WrongState."""
        organization = actor.require(Permission.CAMPAIGNS_WRITE)
        wanted = {
            name: value
            for name in CampaignChange.__struct_fields__
            if (value := getattr(change, name)) is not UNSET
        }
        async with self.begin(organization) as work:
            campaign = (await work.campaigns.get(id)).turn(Act.EDIT, self.now())
            campaign = replace(campaign, **wanted)
            await work.campaigns.save(campaign)
        return view(campaign, Totals())

    async def remove(self, actor: Actor, id: CampaignId) -> None:
        """Delete a campaign that is not under way. Raise CampaignNotFound, WrongState."""
        organization = actor.require(Permission.CAMPAIGNS_WRITE)
        async with self.begin(organization) as work:
            campaign = await work.campaigns.get(id)
            campaign.turn(Act.DELETE, self.now())
            if campaign.state is State.CANCELLED and campaign.told < campaign.epoch:
                # Without the campaign nobody would stop its line any more.
                raise WrongState("The campaign is still being cancelled; delete it in a moment.")
            await work.campaigns.remove(id)

    async def get(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Raise CampaignNotFound."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
            return view(campaign, totals(list(await work.recipients.tallies(id))))

    async def page(
        self,
        actor: Actor,
        *,
        state: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
        number: int | None = None,
    ) -> Page[Campaign]:
        """Newest first."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        if state is not None and state not in list(State):
            message = f"must be one of {', '.join(State)}"
            raise Invalid("", Fault(field="state", rule="choice", message=message))
        async with self.read(organization) as work:
            return await work.campaigns.page(state=state, cursor=cursor, limit=limit, number=number)

    async def launch(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Check that everyone can be reached with every value filled, then set out.

        From here on the audience is being frozen; whoever joins the group later is not part of it. Raise
        WrongState, BadParameters, CannotFill, NobodyToReach, or what stands in the way of the template or
        the number; then nothing has changed.
        """
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
        if not campaign.may(Act.LAUNCH):
            campaign.turn(Act.LAUNCH, self.now())
        template = await self.templates.sendable(organization, campaign.template_id)
        number = await self.line.choose_number(organization, campaign.phone_number_id)
        await self._check(organization, campaign, template)
        async with self.begin(organization) as work:
            current = await work.campaigns.get(id)
            if current.updated_at != campaign.updated_at:
                raise WrongState("The campaign was changed at the same moment; look at it and launch again.")
            campaign = replace(current.turn(Act.LAUNCH, self.now()), phone_number_id=number)
            await work.campaigns.save(campaign)
        self.signal.wake()
        return view(campaign, Totals())

    async def pause(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Stop new calls at once; what is on its way finishes."""
        return await self._turn(actor, id, Act.PAUSE)

    async def resume(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Go on with exactly the rest. Raise what stands in the way of the template."""
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        async with self.read(organization) as work:
            campaign = await work.campaigns.get(id)
        await self.templates.sendable(organization, campaign.template_id)
        return await self._turn(actor, id, Act.RESUME)

    async def cancel(self, actor: Actor, id: CampaignId) -> CampaignView:
        """Nothing more leaves, for good."""
        return await self._turn(actor, id, Act.CANCEL)

    async def _turn(self, actor: Actor, id: CampaignId, act: Act) -> CampaignView:
        organization = actor.require(Permission.CAMPAIGNS_LAUNCH)
        async with self.begin(organization) as work:
            campaign = (await work.campaigns.get(id)).turn(act, self.now())
            await work.campaigns.save(campaign)
            so_far = totals(list(await work.recipients.tallies(id)))
        if act is Act.CANCEL:
            # Told only by the runner, once those who never stood in line are skipped too.
            await self.line.turn(campaign)
        else:
            await tell_line(self.begin, self.line, campaign)
        self.signal.wake()
        return view(campaign, so_far)

    async def _check(
        self, organization: OrganizationId, campaign: Campaign, template: SendableTemplate
    ) -> None:
        """Everyone's values, before anything is written."""
        required = {slot.key: slot.what for slot in template.slots}
        optional = {slot.key: slot.what for slot in template.optional}
        if wrong := check_parameters(required, optional, campaign.parameters):
            raise BadParameters("", *wrong)
        reachable, lacking, after = 0, 0, None
        faults: list[Fault] = []
        while people := await self.audience.page(organization, campaign.group_id, after=after, limit=PAGE):
            after = people[-1].contact_id
            for person in people:
                if person.blocked:
                    continue
                reachable += 1
                found = self.templates.faults(template, fill(campaign.parameters, person.fields))
                if found and campaign.missing is Missing.REFUSE:
                    lacking += 1
                    if len(faults) < SHOWN:
                        faults += _named(person, campaign, found)
        if lacking:
            raise CannotFill(
                f"{lacking} of {reachable} people lack a value that the template needs; nothing was sent. "
                'Fill it in, give the parameter a fallback, or set "missing" to "skip".',
                *faults,
            )
        if not reachable:
            raise NobodyToReach()


async def tell_line(begin: Begin, line: Line, campaign: Campaign) -> None:
    """Make the line obey the campaign's last turn, and note that it did; the runner repeats it if need be."""
    await line.turn(campaign)
    async with begin(campaign.organization_id) as work:
        await work.campaigns.told(campaign.id, campaign.epoch)


def _named(person: Person, campaign: Campaign, faults: Sequence[Fault]) -> list[Fault]:
    """The faults with the row and the contact's field that they come from."""
    who = person.name or person.phone
    return [
        Fault(
            field=f"{who}: {source.field}" if (source := campaign.parameters.get(fault.field)) else who,
            rule=fault.rule,
            message=f"{fault.field} {fault.message}",
        )
        for fault in faults
    ]


def view(campaign: Campaign, so_far: Totals) -> CampaignView:
    fields = {name: getattr(campaign, name) for name in Campaign.__struct_fields__}
    return CampaignView(**fields, totals=so_far)
