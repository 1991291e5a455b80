"""The faults: a sentence, a file, what stands there, and what a careless hand would have written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One careless change."""

    name: str
    file: str
    stands: str
    mutated: str


LANE = "application/whatsapp/lane.py"
ROUNDS = "application/whatsapp/rounds.py"
SENDER = "application/whatsapp/sender.py"
HEARING = "application/whatsapp/hearing.py"
MESSAGES = "domain/whatsapp/messages.py"
SETTLING = "application/whatsapp/settling.py"
LINES = "application/whatsapp/lines.py"
RUNNING = "application/campaigns/running.py"
LEASES = "adapters/mysql/whatsapp/lanes.py"
ROWS = "adapters/mysql/whatsapp/messages.py"
RECIPIENTS = "adapters/mysql/campaigns/recipients.py"
OUTBOX = "adapters/mysql/outbox.py"

MUTANTS = [
    Mutant(
        "calls leave before the intent is committed",
        ROUNDS,
        "                await self._work(work, parts)\n        except",
        "                await self._work(work, parts)\n"
        "                await self._call(parts)\n        except",
    ),
    Mutant(
        "the intent is not written ahead",
        ROUNDS,
        "        await work.messages.save(intents + skipped)\n",
        "        await work.messages.save(skipped)\n",
    ),
    Mutant(
        "the fence is forgotten when intents are written",
        ROUNDS,
        "if part.lane.lease.name not in held:",
        "if False:",
    ),
    Mutant(
        "the lease's time is not looked at before the call",
        LANE,
        "if self.ports.boottime() > self.leased_until - self.options.margin:",
        "if False:",
    ),
    Mutant(
        "a lost answer counts as not sent",
        SETTLING,
        "            return message.lose(settled.at, reason)\n",
        "            return message.not_sent(settled.at, reason)\n",
    ),
    Mutant(
        "what a dead sender left in the air is sent again",
        SENDER,
        'message.lose(now, "the sender stopped before the answer came", Fact.OWNER_LOST)',
        'message.not_sent(now, "the sender stopped before the answer came")',
    ),
    Mutant(
        "a new owner forgets what was left in the air",
        SENDER,
        "            await self._inherit(work, lease, lane)\n",
        "",
    ),
    Mutant(
        "outcomes are dropped when their transaction fails",
        ROUNDS,
        "        self.lane.outcomes[:0] = [*self.outcomes, *undone]\n",
        "",
    ),
    Mutant(
        "intents of a commit of unknown outcome are forgotten",
        ROUNDS,
        "[*self.outcomes, *undone]",
        "list(self.outcomes)",
    ),
    Mutant(
        "paused campaigns go on",
        ROUNDS,
        "if message.id not in pending or state is not RunState.RUNNING:",
        "if message.id not in pending:",
    ),
    Mutant(
        "who is no longer pending is attempted all the same",
        ROUNDS,
        "if message.id not in pending or state is not RunState.RUNNING:",
        "if state is not RunState.RUNNING:",
    ),
    Mutant(
        "the wish to be left alone is asked once, at planning",
        ROUNDS,
        "            if contact in blocked:\n",
        "            if False:\n",
    ),
    Mutant(
        "webhooks are answered before they are durable",
        HEARING,
        "        await stored\n\n",
        "        asyncio.ensure_future(stored).add_done_callback(lambda done: done.exception())\n\n",
    ),
    Mutant(
        "webhook bodies are ticked off before they are applied",
        HEARING,
        "            await self._apply(work, updates)\n            await work.webhooks.applied(",
        "            async with self.begin() as early:\n"
        "                pass\n            await work.webhooks.applied(",
    ),
    Mutant(
        "early statuses are not kept for the answer",
        HEARING,
        "        await work.webhooks.park(waiting)\n",
        "",
    ),
    Mutant(
        "statuses move a message back",
        MESSAGES,
        "        moved = self._move(fact) or self\n        if fact is Fact.SAYS_FAILED",
        "        moved = replace(\n"
        "            self,\n"
        "            state={'sent_at': State.SENT}.get(_STAMPS[fact], State.DELIVERED),\n"
        "            version=self.version + 1,\n"
        "        )\n"
        "        if fact is Fact.SAYS_FAILED",
    ),
    Mutant(
        "news of messages is not told when a sender is replaced",
        SENDER,
        "        await work.outbox.put(*moved_events(lost, now))\n",
        "",
    ),
    Mutant(
        "news of statuses is not told",
        HEARING,
        "        await work.outbox.put(*moved_events(changed, self.now()), *wishes)\n",
        "        await work.outbox.put(*wishes)\n",
    ),
    Mutant(
        "news that comes twice is counted twice",
        RECIPIENTS,
        "if recipient.version < newest[recipient.id].version]",
        "]",
    ),
    Mutant(
        "older news overwrites newer",
        RECIPIENTS,
        "recipient.version < newest[recipient.id].version]",
        "recipient.version != newest[recipient.id].version]",
    ),
    Mutant(
        "planning notes how far it came in another transaction",
        RUNNING,
        "            await work.recipients.plan(campaign.id, recipients, done)\n",
        "            await work.recipients.plan(campaign.id, recipients, progress)\n",
    ),
    Mutant(
        "people are marked as handed over before they stand in line",
        RUNNING,
        "            for sent_by, words, some in by_way(current, ways, page):\n",
        "            async with self.begin(campaign.organization_id) as work:\n"
        "                await work.recipients.handed_over(campaign.id, [each.id for each in page])\n"
        "            for sent_by, words, some in by_way(current, ways, page):\n",
    ),
    Mutant(
        "a campaign is done although some are open",
        RUNNING,
        "            and not totals(list(await work.recipients.tallies(campaign.id))).open\n",
        "            and await work.recipients.in_line(campaign.id, asleep=True) < 3\n",
    ),
    Mutant(
        "a lease can be taken from who holds it",
        LEASES,
        "or_(leases.c.until <= self._in(0), leases.c.owner.in_(list(dead)))",
        "or_(leases.c.until <= self._in(0), leases.c.name == name)",
    ),
    Mutant(
        "a replaced owner may renew",
        LEASES,
        "and_(leases.c.name == lease.name, leases.c.epoch == lease.epoch, leases.c.owner == lease.owner)",
        "and_(leases.c.name == lease.name)",
    ),
]
