"""Who becomes a recipient, and why others do not: one path for planning, for dry runs and for trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.campaigns.linking import Links
from tidings.application.ports.campaigns import Line, Person, Progress, SendableTemplate, Templates
from tidings.application.ports.common import NewId, Now
from tidings.domain.campaigns import (
    HOLD_OUT,
    REST,
    Campaign,
    Outcome,
    Recipient,
    assign,
    fill,
    number_of,
)
from tidings.domain.errors import Fault
from tidings.domain.kernel import MessageId, PersonKey, PhoneNumberId


class Ways(Struct, frozen=True, kw_only=True):
    """In which words and from which numbers a campaign goes out."""

    template: SendableTemplate
    arms: Mapping[str, SendableTemplate] = {}
    """The words of each arm of the experiment."""
    numbers: Mapping[PhoneNumberId, float] = {}
    """Messages a second of each number; empty before a number is chosen."""

    @property
    def words(self) -> Sequence[SendableTemplate]:
        """Every template that people may get."""
        if not self.arms:
            return (self.template,)
        return list({each.id: each for each in (*self.arms.values(), self.template)}.values())

    def told(self, arm: str, winner: str | None) -> SendableTemplate:
        """What people of an arm get."""
        return self.arms.get(winner or "" if arm == REST else arm, self.template)


async def ways_of(templates: Templates, line: Line, campaign: Campaign) -> Ways:
    """Look them up. Raise what `sendable` raises for any of the templates, and `capacity` for the numbers."""
    organization = campaign.organization_id
    known = {campaign.template_id: await templates.sendable(organization, campaign.template_id)}
    arms = () if campaign.experiment is None else campaign.experiment.arms
    for arm in arms:
        if arm.template_id is not None and arm.template_id not in known:
            known[arm.template_id] = await templates.sendable(organization, arm.template_id)
    weights = dict.fromkeys(campaign.numbers, 1.0)
    if len(weights) > 1:
        weights = {
            number: float((await line.capacity(organization, number)).per_second) for number in weights
        }
    return Ways(
        template=known[campaign.template_id],
        arms={arm.name: known[arm.template_id or campaign.template_id] for arm in arms},
        numbers=weights,
    )


async def addressed(templates: Templates, line: Line, campaign: Campaign) -> tuple[Campaign, Ways]:
    """With the numbers that it will send from, and its words.

    Raise what stands in the way of a template or a number.
    """
    organization = campaign.organization_id
    template = await templates.sendable(organization, campaign.template_id)
    numbers = await line.choose_numbers(organization, template.waba_id, campaign.numbers)
    campaign = replace(campaign, phone_number_id=numbers[0])
    return campaign, await ways_of(templates, line, campaign)


def by_way(
    campaign: Campaign, ways: Ways, page: Sequence[Recipient]
) -> list[tuple[Campaign, SendableTemplate, list[Recipient]]]:
    """A page by the number and the words of each; the campaign as the line of that number knows it."""
    found: dict[tuple[str | None, str], list[Recipient]] = {}
    for each in page:
        number = each.phone_number_id or campaign.phone_number_id
        found.setdefault((number, ways.told(each.arm, campaign.winner).id.hex), []).append(each)
    return [
        (
            replace(campaign, phone_number_id=some[0].phone_number_id or campaign.phone_number_id),
            ways.told(some[0].arm, campaign.winner),
            some,
        )
        for some in found.values()
    ]


class Draft(Struct, frozen=True, kw_only=True):
    """A page of people drawn up as recipients, and what holds for it."""

    campaign: Campaign
    ways: Ways
    place: Progress
    """What comes before the page."""
    people: Sequence[Person]
    recipients: Sequence[Recipient]


@dataclass(frozen=True, slots=True)
class Planner:
    templates: Templates
    links: Links
    now: Now
    new_id: NewId

    async def with_files(
        self, campaign: Campaign, template: SendableTemplate, recipients: Sequence[Recipient]
    ) -> Sequence[Recipient]:
        """Stored files among the values become the ids that Meta knows for the campaign's number.

        Raise NotFound for a file that is gone, Unavailable.
        """
        files = sorted(
            {value for each in recipients for value in each.values.values() if value.startswith("file:")}
        )
        if not files or campaign.phone_number_id is None:
            return recipients
        ids = await self.templates.media_ids(
            campaign.organization_id, template.waba_id, campaign.phone_number_id, files
        )
        return [
            replace(each, values={key: ids.get(value, value) for key, value in each.values.items()})
            for each in recipients
        ]

    def recipients(
        self, campaign: Campaign, ways: Ways, people: Sequence[Person], taken: set[PersonKey]
    ) -> list[Recipient]:
        """A recipient for each, pending or skipped; `taken` grows by those who are reached."""
        found: list[Recipient] = []
        for person in people:
            recipient = self._recipient(campaign, ways, person, taken)
            if recipient.state is Outcome.PENDING:
                taken.add(person.person)
            found.append(recipient)
        return found

    def faults(self, campaign: Campaign, ways: Ways, person: Person) -> Sequence[Fault]:
        """What stands in the way of writing to somebody in any of the words they may get."""
        links = self.links.of(campaign, MessageId(campaign.id))
        language = (person.language or "") if campaign.in_their_language else ""
        return self._faults(ways, language, fill(campaign.parameters, person.fields, links))

    def _recipient(self, campaign: Campaign, ways: Ways, person: Person, taken: set[PersonKey]) -> Recipient:
        id, before = MessageId(self.new_id()), person.before
        links = self.links.of(campaign, id)
        # Who is tried again gets what was frozen then, whatever the contact is called by now.
        if before is None:
            values = fill(campaign.parameters, person.fields, links)
        else:
            values = {**before.values, **links}
        language = (person.language or "") if campaign.in_their_language else ""
        arm, reason = before.arm if before else "", person.blocked
        if reason is None and person.person in taken:
            reason = "duplicate"
        if reason is None and (faults := self._faults(ways, language, values)):
            reason = f"cannot fill {', '.join(fault.field for fault in faults)}"
        if reason is None and campaign.experiment is not None and before is None:
            # Only among people who could get any of it, so that the arms are alike.
            arm = assign(campaign.experiment, campaign.id, person.person)
            reason = HOLD_OUT if arm == HOLD_OUT else None
        return Recipient(
            id=id,
            campaign_id=campaign.id,
            contact_id=person.contact_id,
            person=person.person,
            phone=person.phone,
            name=person.name,
            country=person.country,
            zone=person.zone,
            language=language,
            phone_number_id=self._number(ways, person),
            arm=arm,
            values=values,
            state=Outcome.PENDING if reason is None else Outcome.SKIPPED,
            reason=reason,
            changed_at=self.now(),
        )

    def _faults(self, ways: Ways, language: str, values: Mapping[str, str]) -> Sequence[Fault]:
        for words in ways.words:
            said = self.templates.for_reader(words, language)
            if faults := self.templates.faults(said, values):
                return faults
        return ()

    def _number(self, ways: Ways, person: Person) -> PhoneNumberId | None:
        before = person.before
        if before is not None and before.phone_number_id in ways.numbers:
            return before.phone_number_id
        return number_of(person.person, ways.numbers) if ways.numbers else None
