"""Who becomes a recipient, and why others do not: one path for planning, for dry runs and for trials."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from tidings.application.ports.campaigns import Person, SendableTemplate, Templates
from tidings.application.ports.common import NewId, Now
from tidings.domain.campaigns import Campaign, Origin, Outcome, Recipient, fill
from tidings.domain.kernel import MessageId, PersonKey


@dataclass(frozen=True, slots=True)
class Planner:
    templates: Templates
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
        self,
        campaign: Campaign,
        template: SendableTemplate,
        people: Sequence[Person],
        taken: set[PersonKey],
    ) -> list[Recipient]:
        """A recipient for each, pending or skipped; `taken` grows by those who are reached."""
        found: list[Recipient] = []
        for person in people:
            recipient = self._recipient(campaign, template, person, taken)
            if recipient.state is Outcome.PENDING:
                taken.add(person.person)
            found.append(recipient)
        return found

    def _recipient(
        self, campaign: Campaign, template: SendableTemplate, person: Person, taken: set[PersonKey]
    ) -> Recipient:
        # A retry says what was frozen then, whatever the contact is called by now.
        frozen = campaign.origin is Origin.RETRY
        values = person.fields if frozen else fill(campaign.parameters, person.fields)
        reason = person.blocked
        if reason is None and person.person in taken:
            reason = "duplicate"
        language = (person.language or "") if campaign.in_their_language else ""
        said = self.templates.for_reader(template, language)
        if reason is None and (faults := self.templates.faults(said, values)):
            reason = f"cannot fill {', '.join(fault.field for fault in faults)}"
        return Recipient(
            id=MessageId(self.new_id()),
            campaign_id=campaign.id,
            contact_id=person.contact_id,
            person=person.person,
            phone=person.phone,
            name=person.name,
            country=person.country,
            zone=person.zone,
            language=language,
            values=values,
            state=Outcome.PENDING if reason is None else Outcome.SKIPPED,
            reason=reason,
            changed_at=self.now(),
        )
