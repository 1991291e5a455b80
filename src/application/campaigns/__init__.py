"""Authoring campaigns, running them, and telling what became of everyone."""

from tidings.application.campaigns.authoring import CampaignChange, Campaigns, CampaignView, NewCampaign
from tidings.application.campaigns.reporting import Reports
from tidings.application.campaigns.running import Runner

__all__ = ["CampaignChange", "CampaignView", "Campaigns", "NewCampaign", "Reports", "Runner"]
