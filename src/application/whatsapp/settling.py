"""What the outcome of an attempt makes of its message: the one place that reads a verdict."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from tidings.application.ports.gateway import Accepted, NotSent, Rejected, SendResult, Unclear, Verdict
from tidings.domain.kernel import AttemptId, CampaignId
from tidings.domain.whatsapp.messages import Message, backoff, pair_wait


class Withheld(Struct, frozen=True, kw_only=True, tag=True):
    """The last look before the call said no."""

    reason: str


Outcome: TypeAlias = SendResult | Withheld


class Settled(Struct, frozen=True, kw_only=True):
    """An attempt and what became of it."""

    attempt_id: AttemptId
    run_id: CampaignId | None = None
    outcome: Outcome
    at: datetime


HALTS = frozenset({Verdict.STOP_TEMPLATE, Verdict.STOP_NUMBER, Verdict.STOP_ACCOUNT, Verdict.RENEW_TOKEN})
"""Verdicts that would meet every message of a campaign: it waits for people instead of failing one by one."""

REST = 1.0
"""Seconds before what never left is tried again."""

WHOLE_LANE = HALTS - {Verdict.STOP_TEMPLATE}
"""Verdicts that concern every campaign behind the number."""


def settle(message: Message, settled: Settled, chance: float) -> Message:
    """The message after the outcome. Outcomes may come late and twice; the transitions decide what counts."""
    match settled.outcome:
        case Accepted(wamid=wamid):
            return message.accept(wamid, settled.at)
        case Rejected() as rejected:
            return _rejected(message, rejected, settled.at, chance)
        case NotSent(reason=reason):
            # What keeps us from calling at all is seldom gone at once: a moment's rest instead of a spin.
            return message.not_sent(settled.at + backoff(REST, 1, chance), reason)
        case Unclear(reason=reason):
            return message.lose(settled.at, reason)
        case Withheld(reason=reason):
            return message.skip(reason)


def _rejected(message: Message, said: Rejected, at: datetime, chance: float) -> Message:
    reason = said.details or said.message
    if said.verdict in HALTS and message.run_id is not None:
        return message.retry(at, due=at, code=said.code, reason=reason)
    match said.verdict:
        case Verdict.RETRY if message.attempt_no < said.max_attempts:
            due = at + backoff(said.wait or 1.0, message.attempt_no, chance)
        case Verdict.SLOW_DOWN:
            due = at + backoff(said.wait or 1.0, min(message.attempt_no, 3), chance)
        case Verdict.PAIR_WAIT:
            due = at + pair_wait(message.attempt_no)
        case _:
            return message.refuse(at, code=said.code, reason=reason)
    return message.retry(at, due=due, code=said.code, reason=reason)
