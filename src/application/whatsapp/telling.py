"""How the other contexts hear that messages moved: one event a campaign and transaction."""

from collections.abc import Iterable
from datetime import datetime

from tidings.domain.events import MessagesMoved
from tidings.domain.kernel import CampaignId
from tidings.domain.whatsapp.messages import Message


def moved_events(messages: Iterable[Message], at: datetime) -> list[MessagesMoved]:
    """What to put in the outbox for these messages; single messages belong to no campaign and say nothing."""
    runs: dict[CampaignId, list[Message]] = {}
    for message in messages:
        if message.run_id is not None:
            runs.setdefault(message.run_id, []).append(message)
    return [
        MessagesMoved(
            organization_id=of_run[0].organization_id,
            campaign_id=run,
            moves=tuple(message.move(at) for message in of_run),
        )
        for run, of_run in runs.items()
    ]
