"""Authoring campaigns, running them, and telling what became of everyone."""

from tidings.application.campaigns.authoring import (
    CampaignChange,
    Campaigns,
    CampaignView,
    Choice,
    NewCampaign,
)
from tidings.application.campaigns.crediting import Crediting, NewConversion
from tidings.application.campaigns.experimenting import Experimenting
from tidings.application.campaigns.linking import Following, Links
from tidings.application.campaigns.live import Moments
from tidings.application.campaigns.planning import Planner
from tidings.application.campaigns.rehearsing import Approval, Forecast, Rehearsal, Trial, Verdict
from tidings.application.campaigns.reporting import Reports
from tidings.application.campaigns.running import Runner
from tidings.application.campaigns.watching import Watch

__all__ = [
    "Approval",
    "CampaignChange",
    "CampaignView",
    "Campaigns",
    "Choice",
    "Crediting",
    "Experimenting",
    "Following",
    "Forecast",
    "Links",
    "Moments",
    "NewCampaign",
    "NewConversion",
    "Planner",
    "Rehearsal",
    "Reports",
    "Runner",
    "Trial",
    "Verdict",
    "Watch",
]
