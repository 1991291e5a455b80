"""How the other contexts hear that messages moved: one event a campaign and transaction."""

from collections.abc import Iterable
from datetime import datetime

from tidings.domain.events import Event, MessagesMoved, SinglesMoved
from tidings.domain.kernel import CampaignId, OrganizationId
from tidings.domain.whatsapp.messages import Message


def moved_events(messages: Iterable[Message], at: datetime) -> list[Event]:
    """What to put in the outbox for these messages, of campaigns and single ones."""
    runs: dict[CampaignId, list[Message]] = {}
    singles: dict[OrganizationId, list[Message]] = {}
    for message in messages:
        if message.run_id is not None:
            runs.setdefault(message.run_id, []).append(message)
        else:
            singles.setdefault(message.organization_id, []).append(message)
    told: list[Event] = [
        MessagesMoved(
            organization_id=of_run[0].organization_id,
            campaign_id=run,
            moves=tuple(message.move(at) for message in of_run),
        )
        for run, of_run in runs.items()
    ]
    told += [
        SinglesMoved(organization_id=organization, moves=tuple(message.move(at) for message in theirs))
        for organization, theirs in singles.items()
    ]
    return told
