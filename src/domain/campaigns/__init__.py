"""Campaigns: one approved template, sent once to each of many people, everyone accounted for."""

from tidings.domain.campaigns.filling import CannotFill, Fill, Missing, check_parameters, fill
from tidings.domain.campaigns.life import (
    LIFE,
    Act,
    AlreadyRetried,
    Campaign,
    CampaignNotFound,
    Kind,
    NobodyFailed,
    NobodyToReach,
    State,
    WrongState,
)
from tidings.domain.campaigns.recipients import (
    OPEN,
    NoSuchRecipient,
    Outcome,
    Recipient,
    Tally,
    Totals,
    totals,
    why,
)
from tidings.domain.campaigns.scheduling import BadSchedule, Missed, Repeat, Schedule, check_schedule

__all__ = [
    "LIFE",
    "OPEN",
    "Act",
    "AlreadyRetried",
    "BadSchedule",
    "Campaign",
    "CampaignNotFound",
    "CannotFill",
    "Fill",
    "Kind",
    "Missed",
    "Missing",
    "NoSuchRecipient",
    "NobodyFailed",
    "NobodyToReach",
    "Outcome",
    "Recipient",
    "Repeat",
    "Schedule",
    "State",
    "Tally",
    "Totals",
    "WrongState",
    "check_parameters",
    "check_schedule",
    "fill",
    "totals",
    "why",
]
