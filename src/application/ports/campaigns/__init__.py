"""What campaigns need from the outside: their own tables, and questions to other contexts."""

from tidings.application.ports.campaigns.outside import (
    Audience,
    Capacity,
    Line,
    Outlook,
    Person,
    SendableTemplate,
    Slot,
    Templates,
)
from tidings.application.ports.campaigns.stores import (
    ActiveCampaigns,
    Begin,
    CampaignStore,
    Counted,
    HourCount,
    Progress,
    RecipientStore,
    ResponseStore,
    SettingsStore,
    Work,
)

__all__ = [
    "ActiveCampaigns",
    "Audience",
    "Begin",
    "CampaignStore",
    "Capacity",
    "Counted",
    "HourCount",
    "Line",
    "Outlook",
    "Person",
    "Progress",
    "RecipientStore",
    "ResponseStore",
    "SendableTemplate",
    "SettingsStore",
    "Slot",
    "Templates",
    "Work",
]
