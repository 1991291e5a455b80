"""Our own stores of campaigns, on every engine."""

from tidings.testing.contracts.campaign_recipients import RecipientsContract
from tidings.testing.contracts.campaign_responses import ResponsesContract
from tidings.testing.contracts.campaigns import CampaignsContract


class TestCampaigns(CampaignsContract):
    pass


class TestRecipients(RecipientsContract):
    pass


class TestResponses(ResponsesContract):
    pass
