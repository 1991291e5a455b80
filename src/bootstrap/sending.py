"""What the settings say of sending."""

from tidings.application.whatsapp.lane import SenderOptions
from tidings.bootstrap.settings import Settings
from tidings.domain.whatsapp.quotas import Quota


def sender_options(settings: Settings) -> SenderOptions:
    """No call begins that could not end within the lease."""
    margin = min(settings.send_timeout + 0.5, settings.lease * 0.7)
    return SenderOptions(lease=settings.lease, margin=margin)


def everybodys_quota(settings: Settings) -> Quota:
    """Of organisations that have none of their own."""
    return Quota(per_day=settings.messages_a_day or None, per_month=settings.messages_a_month or None)
