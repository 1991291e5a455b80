"""Tracked links: an address of ours for each person and slot, that leads on and tells who followed it."""

import base64
import binascii
from dataclasses import dataclass
from uuid import UUID

from tidings.application.ports.campaigns import Begin, LinkReader
from tidings.application.ports.common import Now
from tidings.domain.campaigns import Campaign, Kind, Outcome, Response
from tidings.domain.errors import NotFound
from tidings.domain.kernel import CampaignId, MessageId

PATH = "/r/"
"""Where the addresses are answered; a template's button is `https://.../r/{{1}}`."""
MACHINES = ("whatsapp/", "facebookexternalhit", "facebot", "bot/", "crawler", "spider", "preview")
"""What programs call themselves that look at a link before a person does, as WhatsApp does itself."""


class LinkNotFound(NotFound):
    """There is no such link, or its campaign was deleted."""


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses themselves."""

    base_url: str
    """Where people find the platform."""

    def of(self, campaign: Campaign, id: MessageId) -> dict[str, str]:
        """The values of the slots that are links, for one recipient."""
        return {
            key: self._value(key, _token(campaign.id, id, key))
            for key, source in campaign.parameters.items()
            if source.link
        }

    def _value(self, key: str, token: str) -> str:
        return token if key.startswith("button.") else f"{self.base_url.rstrip('/')}{PATH}{token}"


@dataclass(frozen=True, slots=True)
class Following:
    """What happens when somebody opens one."""

    reader: LinkReader
    begin: Begin
    now: Now

    async def follow(self, token: str, agent: str) -> str:
        """Where the link leads; a recipient who follows it has clicked. Raise LinkNotFound.

        Links of a trial, and of people who were forgotten since, lead on as well and count for nobody.
        """
        campaign_id, id, key = _read(token)
        found = await self.reader.of(campaign_id, id)
        if found is None:
            raise LinkNotFound()
        campaign, recipient = found
        source = campaign.parameters.get(key)
        if source is None or source.link is None:
            raise LinkNotFound()
        if recipient is not None and recipient.state is not Outcome.SKIPPED and not _is_machine(agent):
            async with self.begin(campaign.organization_id) as work:
                await work.responses.note(
                    [
                        Response(
                            recipient_id=recipient.id,
                            campaign_id=campaign.id,
                            contact_id=recipient.contact_id,
                            kind=Kind.CLICKED,
                            at=self.now(),
                            detail=source.link,
                        )
                    ]
                )
        return source.link


def _token(campaign: CampaignId, id: MessageId, key: str) -> str:
    """Campaign, recipient and slot; 74 bits of an id are random, so nobody guesses another's."""
    return base64.urlsafe_b64encode(campaign.bytes + id.bytes + key.encode()).rstrip(b"=").decode()


def _read(token: str) -> tuple[CampaignId, MessageId, str]:
    try:
        told = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return CampaignId(UUID(bytes=told[:16])), MessageId(UUID(bytes=told[16:32])), told[32:].decode()
    except (ValueError, binascii.Error) as error:
        raise LinkNotFound() from error


def _is_machine(agent: str) -> bool:
    told = agent.lower()
    return not told or any(word in told for word in MACHINES)
