"""Who becomes a recipient, and why others do not: one path for planning, for dry runs and for trials."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidings.application.ports.campaigns import Person, SendableTemplate, Templates
from tidings.application.ports.common import NewId, Now
from tidings.domain.campaigns import Campaign, Origin, Outcome, Recipient, fill
from tidings.domain.kernel import MessageId, PersonKey


@dataclass(frozen=True, slots=True)
class Planner:
    templates: Templates
    now: Now
    new_id: NewId

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
        if reason is None and (faults := self.templates.faults(template, values)):
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
            values=values,
            state=Outcome.PENDING if reason is None else Outcome.SKIPPED,
            reason=reason,
            changed_at=self.now(),
        )
