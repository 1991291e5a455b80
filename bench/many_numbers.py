"""Row `numbers`: campaigns from one number, from ten and from a hundred, of 80 messages a second each.

Meta gives a number 80 messages a second (fact sheet 6.1). Both sides are ours: what a message costs from a
hundred numbers, each with a lane of its own, beside what it costs from one; and whether all that the numbers
may send is sent, as long as the machine can. A hundred may send more than two cores can: then the lanes must
share what there is, and two senders the lanes.
"""

import math

from bench.figures import Row
from bench.sending import Ran, run
from bench.stage import staged
from tidings.application.campaigns.authoring import NUMBERS

EACH = 80
"""Messages a second of a number."""
LASTING = 20
"""Seconds that it shall take at least."""
MOST = 24_000
"""Messages, however many could be sent in that time."""
PLANS = ((1, 1), (10, 1), (100, 1), (100, 2))
"""Numbers, and senders."""


def numbers() -> Row:
    """Ratio of the CPU of a message, senders and service: from a hundred numbers by from one."""
    found = {plan: _ran(*plan) for plan in PLANS}
    one, many = found[1, 1], found[100, 1]
    more = dict[str, float]()
    for (count, senders), ran in found.items():
        name = f"{count} numbers, {senders} senders" if count > 1 else "1 number"
        more[f"{name}: messages/s"] = ran.rate
        more[f"{name}: of what they may"] = ran.rate / (count * EACH)
        more[f"{name}: last status after"] = ran.late
        told = {"sender CPU": ran.worker_cpu, "service CPU": ran.service_cpu, "statements": ran.queries}
        more |= {f"{name}: {what}": each for what, each in told.items() if each is not None}
    return Row(
        name="numbers",
        unit="messages/s",
        ours=many.side,
        bare=one.side,
        ratio=_cpu(many) / _cpu(one) if _cpu(one) else 0.0,
        what="above: a hundred numbers, below: one; ratio of CPU of a message, less is better",
        more=more,
    )


def _ran(count: int, senders: int) -> Ran:
    with staged(workers=senders, numbers=count, throughput=EACH) as stage:
        stage.sign_up()
        stage.connect()
        campaigns = math.ceil(count / NUMBERS)
        stage.people(min(count * EACH * LASTING, MOST) // campaigns)
        return run(stage)


def _cpu(ran: Ran) -> float:
    return (ran.worker_cpu or 0.0) + (ran.service_cpu or 0.0)
