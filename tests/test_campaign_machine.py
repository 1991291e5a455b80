"""Any sequence of launches, pauses, kills, freezes, lost answers and shuffled webhooks keeps the promise.

The model is small: what Meta accepted. Against it stand the rows and the totals (I1 to I5 of the promise):
nobody is accepted twice, everyone planned is in one state, totals equal a recount, every acknowledged
update is applied, and no status moves backwards.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tidings.application.ports.gateway import NotSent, Rejected, Verdict
from tidings.domain.campaigns import Outcome, State
from tidings.testing.world import World

PEOPLE = 12
ORDER = [
    Outcome.ACCEPTED,
    Outcome.SENT,
    Outcome.FAILED,
    Outcome.DELIVERED,
    Outcome.READ,
]
"""How far a recipient has come; once here, only further."""

ANSWERS = st.sampled_from(
    [
        None,
        "lost",
        NotSent(reason="connection refused"),
        Rejected(code=131016, verdict=Verdict.RETRY, wait=1.0),
        Rejected(code=130429, verdict=Verdict.SLOW_DOWN, wait=1.0),
        Rejected(code=131056, verdict=Verdict.PAIR_WAIT),
        Rejected(code=131026, verdict=Verdict.GIVE_UP),
        Rejected(code=132015, verdict=Verdict.STOP_TEMPLATE),
        Rejected(code=190, verdict=Verdict.RENEW_TOKEN),
    ]
)

RAM = "/dev/shm" if Path("/dev/shm").is_dir() else None


class CampaignMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(dir=RAM))
        self.campaign = None
        self.frozen = []
        self.furthest: dict = {}
        self.applied: set[tuple[str, str]] = set()

    def run(self, awaitable):
        return self.runner.run(awaitable)

    @initialize(mps=st.sampled_from([20, 100, 1000]))
    def begin(self, mps):
        self.world = World.on_sqlite(self.folder, count=PEOPLE, mps=mps)
        self.run(self.world.start())
        self.campaign = self.run(self.world.launch())
        self.run(self.world.turn())

    def state(self) -> State:
        return self.run(self.world.campaigns.get(self.world.actor, self.campaign.id)).state

    @rule(
        answers=st.lists(ANSWERS, max_size=8),
        moments=st.lists(st.sampled_from([0.02, 0.1, 0.1, 1.0, 7.0]), min_size=1, max_size=4),
    )
    def go_on(self, answers, moments):
        """Everything works for some moments, and Meta answers as told."""
        self.world.meta.answers = answers
        for seconds in moments:
            self.run(self.world.turn(seconds))

    @rule(seconds=st.sampled_from([0.02, 0.1]))
    def only_the_sender(self, seconds):
        self.world.clock.seconds += seconds
        self.run(self.world.beat())

    @rule(answers=st.lists(st.just("lost"), min_size=1, max_size=8))
    def only_the_sender_and_the_answers_get_lost(self, answers):
        self.world.meta.answers = answers
        self.only_the_sender(0.1)

    @rule(count=st.integers(0, 40), repeat=st.integers(1, 3), shuffle=st.randoms())
    def webhooks(self, count, repeat, shuffle):
        owed = self.world.meta.owed
        shuffle.shuffle(owed)
        taken, self.world.meta.owed = owed[:count], owed[count:]
        for _ in range(repeat):
            shuffle.shuffle(taken)
            if taken:
                self.run(self.world.webhook(taken))
        self.applied |= {(update.wamid, update.status) for update in taken}

    @rule()
    def kill(self):
        self.run(self.world.crash())

    @rule()
    def freeze(self):
        """The sender stops, long enough to be replaced; it may wake later."""
        self.frozen.append(self.world.sender)
        self.world.clock.seconds += 30
        self.world.crashes += 1
        self.world.boot()

    @precondition(lambda self: self.frozen)
    @rule()
    def wake(self):
        calls = self.world.meta.calls
        successor = self.run(self.holder())
        for sender in self.frozen:
            owners = {lane.lease.owner for lane in sender.lanes.values()}
            self.run(sender.beat())
            if successor not in (None, *owners):
                assert self.world.meta.calls == calls, "a replaced sender called Meta"
        self.frozen = []

    async def holder(self):
        async with self.world.sender.ports.begin() as work:
            return await work.leases.holder("310000000000202")

    @rule()
    def answers_come_late(self):
        """The runner alone works: planning and handing over without any sending."""
        self.run(self.world.plan())

    @rule(twice=st.booleans())
    def relay(self, twice):
        self.run(self.world.relay(twice))

    @precondition(lambda self: self.state() in (State.PLANNING, State.RUNNING))
    @rule()
    def pause(self):
        self.run(self.world.campaigns.pause(self.world.actor, self.campaign.id))
        calls = self.world.meta.calls
        self.run(self.world.beat())
        assert self.world.meta.calls == calls, "a paused campaign sent"

    @precondition(lambda self: self.state() is State.PAUSED)
    @rule()
    def resume(self):
        self.run(self.world.campaigns.resume(self.world.actor, self.campaign.id))

    @rule(who=st.integers(0, PEOPLE - 1))
    def opts_out(self, who):
        person = self.world.audience.crowd[who]
        self.world.consent.refused.add(person.contact_id)

    @invariant()
    def nobody_got_two(self):
        if self.campaign:
            assert self.world.meta.most_often() <= 1

    @invariant()
    def totals_equal_the_recount_and_nothing_moves_back(self):
        if not self.campaign:
            return
        report = self.run(self.world.reports.report(self.world.actor, self.campaign.id))
        assert report.consistent
        page = self.run(self.world.reports.recipients(self.world.actor, self.campaign.id, limit=100))
        assert len(page.items) == report.totals.planned
        for recipient in page.items:
            before = self.furthest.get(recipient.id)
            if before in ORDER:
                assert recipient.state in ORDER[ORDER.index(before) :], (before, recipient.state)
            self.furthest[recipient.id] = recipient.state

    def teardown(self):
        try:
            if self.campaign:
                self.finish()
        finally:
            if self.campaign:
                self.run(self.world.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    def finish(self):
        """Let it end, with every webhook delivered; then everyone is accounted for."""
        self.world.meta.answers = []
        for _ in range(40):
            if self.state() is State.PAUSED:
                self.run(self.world.campaigns.resume(self.world.actor, self.campaign.id))
            self.run(self.world.settle(2))
            self.world.clock.seconds += 300
            if self.state() is State.COMPLETED and not self.world.meta.owed:
                break
        self.run(self.world.settle(3))
        report = self.run(self.world.reports.report(self.world.actor, self.campaign.id))
        accepted = {message.to for message in self.world.meta.accepted}
        assert report.campaign.state is State.COMPLETED
        assert (report.totals.planned, report.totals.open) == (PEOPLE, 0)
        assert report.totals.read == len(accepted)
        assert self.world.meta.most_often() <= 1


TestCampaigns = CampaignMachine.TestCase
TestCampaigns.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
