"""Campaigns that were over on the platform before ours: taken over with what became of each person.

They are history: nobody is written to, and who still stood in line there is `skipped` here.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from msgspec.structs import replace

from tidings.adapters.mysql.seed import Row
from tidings.adapters.numbering import country_of
from tidings.application.ports.campaigns import Begin, Progress
from tidings.bootstrap.container import Container
from tidings.bootstrap.steady import LONG_AGO, id_of_row, moment_of, sent_at, steady_id
from tidings.domain.campaigns import Campaign, Outcome, Recipient, State
from tidings.domain.kernel import (
    Actor,
    BadPhone,
    CampaignId,
    ContactId,
    MessageId,
    Phone,
    PhoneNumberId,
    person_key,
    phone_of,
)
from tidings.domain.templates.template import Template
from tidings.domain.whatsapp.messages import Message

LOG = "campaign_logs"
LEFT = "was not sent on the platform before"


class PastCampaigns:
    def __init__(self, container: Container, actor: Actor, number: PhoneNumberId) -> None:
        self._begin = cast("Begin", container.campaigns_begin())
        self._contacts = container.contacts_read()
        self._organization, self._number = actor.organization_id, number
        self._ours: dict[int, CampaignId] = {}

    async def add(self, row: Row, template: Template) -> None:
        """The campaign itself, completed or cancelled; one that is here already stays as it is."""
        at = moment_of(row["created_at"]) or LONG_AGO
        id = CampaignId(steady_id(f"{self._organization}/campaigns/{row['id']}", at))
        self._ours[row["id"]] = id
        started = moment_of(row["started_at"]) or at
        ended = max(moment_of(row["updated_at"]) or started, started)
        done = row["status"] == "completed"
        async with self._begin(self._organization) as work:
            if await work.campaigns.ours([id]):
                return
            await work.campaigns.add(
                Campaign(
                    id=id,
                    organization_id=self._organization,
                    name=row["name"],
                    description=row["description"] or "",
                    template_id=template.id,
                    phone_number_id=self._number,
                    state=State.COMPLETED if done else State.CANCELLED,
                    reason=None if done else f"was {row['status']} on the platform before",
                    created_at=at,
                    updated_at=ended,
                    launched_at=started,
                    planned_at=started,
                    finished_at=ended,
                )
            )

    async def take(self, rows: Sequence[Row], messages: Sequence[Message | None]) -> list[Message | None]:
        """Rows of the campaigns' log and the message of each; those with whom and which campaign they are of.

        Somebody who was twice in a campaign is its recipient once, as here everybody is; the other message
        stays in the history by itself.
        """
        phones = [_phone(row) for row in rows]
        people = await self._people([phone for phone in phones if phone is not None])
        places: dict[CampaignId, dict[ContactId, int]] = {}
        for n, (row, phone) in enumerate(zip(rows, phones, strict=True)):
            campaign = self._ours.get(row["campaign_id"])
            if campaign is not None and phone is not None:
                places.setdefault(campaign, {}).setdefault(people[phone], n)
        taken = list(messages)
        for campaign, by_contact in places.items():
            async with self._begin(self._organization) as work:
                known = await work.recipients.known(campaign, list(by_contact))
                new: list[Recipient] = []
                for contact, n in by_contact.items():
                    message = messages[n]
                    id = MessageId(id_of_row(self._organization, LOG, rows[n]))
                    if message is not None and known.get(contact, id) == id:
                        taken[n] = replace(message, run_id=campaign, contact_id=contact)
                    if contact not in known:
                        new.append(_recipient(id, campaign, contact, rows[n], message))
                await work.recipients.plan(campaign, new, Progress())
        return taken

    async def _people(self, phones: Sequence[Phone]) -> Mapping[Phone, ContactId]:
        """Who has these numbers; who is nobody's contact any more gets an id that means nobody."""
        async with self._contacts(self._organization) as look:
            found = await look.contacts.of_people([person_key(phone) for phone in phones])
        nobody = {phone: ContactId(steady_id(f"{self._organization}/{phone}")) for phone in phones}
        return {
            phone: found[person_key(phone)].id if person_key(phone) in found else nobody[phone]
            for phone in phones
        }


def _recipient(
    id: MessageId, campaign: CampaignId, contact: ContactId, row: Row, message: Message | None
) -> Recipient:
    phone = phone_of(row["phone_number"], "phone_number")
    moments = [moment_of(row[name]) for name in ("sent_at", "delivered_at", "read_at")]
    return Recipient(
        id=id,
        campaign_id=campaign,
        contact_id=contact,
        person=person_key(phone),
        phone=phone,
        name=(row["contact_name"] or "")[:200],
        country=country_of(phone),
        state=Outcome.SKIPPED if message is None else Outcome(message.state.value),
        handed=message is not None,
        version=0 if message is None else message.version,
        wamid=None if message is None else message.wamid,
        attempts=0 if message is None else 1,
        reason=LEFT if message is None else message.reason,
        changed_at=max([at for at in moments if at is not None], default=sent_at(row)),
    )


def _phone(row: Row) -> Phone | None:
    try:
        return phone_of(row["phone_number"] or "", "phone_number")
    except BadPhone:
        return None
