"""Single messages, answers and webhooks in any order, any number, any batches, across restarts (I4, I5).

The model: what Meta was told "200" for, and nothing else. Against it stand the messages (each as far as the
furthest of its reports), the threads (every letter once, in the one conversation of its writer) and what is
unread.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tidings.application.ports.gateway import NotSent, Rejected, Verdict
from tidings.application.ports.meta import BadSignature, InboundUpdate, StatusError, StatusUpdate
from tidings.application.whatsapp.conversations import ConversationWish
from tidings.application.whatsapp.saying import NewMessage
from tidings.domain.kernel import Phone, PhoneNumberId, Wamid
from tidings.domain.whatsapp.content import Template, Text
from tidings.domain.whatsapp.conversations import WindowClosed
from tidings.domain.whatsapp.messages import State
from tidings.testing.meta import NUMBER
from tidings.testing.world import World

WRITERS = ["447700900001", "447700900002", "447700900003"]
RANK = {"accepted": 1, "sent": 2, "failed": 3, "delivered": 4, "read": 5}
"""Meta's reports in the order in which they win: proof of delivery beats a failure."""
ANSWERS = st.sampled_from(
    [
        None,
        None,
        "lost",
        NotSent(reason="connection refused"),
        Rejected(code=131016, verdict=Verdict.RETRY, wait=1.0),
        Rejected(code=131026, verdict=Verdict.GIVE_UP),
    ]
)
RAW = msgspec.Raw(b"{}")
RAM = "/dev/shm" if Path("/dev/shm").is_dir() else None


class MessageMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(dir=RAM))
        self.world = None
        self.furthest: dict = {}
        self.owed: list[StatusUpdate | InboundUpdate] = []
        self.acknowledged: list[StatusUpdate | InboundUpdate] = []
        self.waiting = 0
        """Bodies that were acknowledged since everything was last applied."""

    def run(self, awaitable):
        return self.runner.run(awaitable)

    @initialize()
    def begin(self):
        self.world = World.on_sqlite(self.folder, count=0)
        self.run(self.world.start())

    @rule(who=st.sampled_from(WRITERS), text=st.sampled_from(["Hello", "", "STOP", "\N{WAVING HAND SIGN}"]))
    def somebody_writes(self, who, text):
        self.owed.append(self.world.letter(who, text))

    @rule(who=st.sampled_from(WRITERS), free=st.booleans())
    def we_write(self, who, free):
        content = Text(body="At nine.") if free else Template(name="hello", language="en")
        new = NewMessage(to=Phone(f"+{who}"), content=content)
        try:
            self.run(self.world.messages.send(self.world.actor, new))
        except WindowClosed:
            assert free
            newest = max((u.at for u in self.letters(who)), default=None)
            assert newest is None or self.waiting or newest <= self.world.clock.now() - timedelta(hours=24)

    @rule(answers=st.lists(ANSWERS, max_size=6), seconds=st.sampled_from([0.1, 1.0, 7.0, 90_000.0]))
    def the_sender_works(self, answers, seconds):
        self.world.clock.seconds += seconds
        self.world.meta.answers = answers
        self.run(self.world.beat())
        self.collect()

    @precondition(lambda self: self.world.meta.wamids)
    @rule(which=st.integers(0, 1000))
    def meta_reports_a_failure(self, which):
        """Of any message, whatever was said of it before: Meta does so, late and early."""
        wamid = self.world.meta.wamids[which % len(self.world.meta.wamids)]
        error = StatusError(code=131049, title="Not now", verdict=Verdict.GIVE_UP)
        at = self.world.clock.now()
        self.owed.append(
            StatusUpdate(phone_number_id=NUMBER, wamid=wamid, status="failed", at=at, error=error, raw=RAW)
        )

    @rule(
        count=st.integers(1, 12),
        times=st.integers(1, 10),
        portion=st.integers(1, 5),
        seed=st.integers(0, 2**32),
        old=st.integers(0, 5),
    )
    def webhooks_come(self, count, times, portion, seed, old):
        """In any order, each up to ten times, some of long ago once more, in bodies of any size."""
        # Not Hypothesis's own, which takes longer to shuffle than the platform to apply.
        shuffle = Random(seed)
        shuffle.shuffle(self.owed)
        taken, self.owed = self.owed[:count], self.owed[count:]
        again = shuffle.sample(self.acknowledged, min(old, len(self.acknowledged)))
        bodies = (taken + again) * times
        shuffle.shuffle(bodies)
        for start in range(0, len(bodies), portion):
            self.run(self.world.webhook(bodies[start : start + portion]))
            self.waiting += 1
        self.acknowledged += taken

    @rule(number=st.sampled_from([NUMBER, "999999999999999"]))
    def strangers_are_spoken_of(self, number):
        """A number of nobody, a message that is not ours: nothing of ours moves."""
        wamid = Wamid(f"wamid.{self.world.new_id().hex}")
        at, phone = self.world.clock.now(), PhoneNumberId(number)
        status = StatusUpdate(phone_number_id=phone, wamid=wamid, status="read", at=at, raw=RAW)
        letters = [] if number == NUMBER else [self.world.letter("15550100000", "Hi", phone_number_id=phone)]
        self.run(self.world.webhook([status, *letters]))
        self.waiting += 1

    @rule(signature=st.sampled_from([None, "", "sha256=00"]))
    def somebody_forges(self, signature):
        forged = msgspec.json.encode([self.world.letter(WRITERS[0], "Forged")])
        with pytest.raises(BadSignature):
            self.run(self.world.webhooks.receive(signature, forged))

    @rule(most=st.integers(1, 200))
    def bodies_are_applied(self, most):
        if not self.run(self.world.webhooks.apply_batch(most)):
            self.all_is_applied()

    @rule()
    def kill(self):
        self.run(self.world.crash())
        self.collect()

    @rule(who=st.sampled_from(WRITERS))
    def somebody_reads(self, who):
        for each in self.conversations():
            if each.person.endswith(who[-10:]):
                self.run(self.world.conversations.mark_read(self.world.actor, each.id))

    def collect(self):
        """What Meta owes for what it accepted."""
        self.owed += self.world.meta.owed
        self.world.meta.owed = []

    def letters(self, who=None):
        """What was written and acknowledged, each once."""
        heard = {u.wamid: u for u in self.acknowledged if isinstance(u, InboundUpdate)}
        return [u for u in heard.values() if who in (None, u.sender)]

    def conversations(self):
        return self.run(self.world.conversations.page(self.world.actor, ConversationWish(), limit=100)).items

    def messages(self):
        return self.run(self.world.messages.page(self.world.actor, limit=200)).items

    @invariant()
    def no_status_moves_back(self):
        if self.world is None:
            return
        for message in self.messages():
            before = self.furthest.get(message.id, 0)
            now = RANK.get(message.state, 0)
            assert now >= before, (message.state, before)
            self.furthest[message.id] = now

    def all_is_applied(self):
        """Every acknowledged report counts, every acknowledged letter stands in its thread, once."""
        self.waiting = 0
        reported: dict[str, int] = {}
        for update in self.acknowledged:
            if isinstance(update, StatusUpdate):
                reported[update.wamid] = max(reported.get(update.wamid, 0), RANK[update.status])
        known = {message.wamid: RANK.get(message.state, 0) for message in self.messages() if message.wamid}
        behind = {wamid: rank for wamid, rank in reported.items() if known.get(wamid, rank) < rank}
        assert not behind, behind
        written = Counter(letter.sender for letter in self.letters())
        heard: Counter[str] = Counter()
        for conversation in self.conversations():
            thread = self.run(
                self.world.conversations.thread(self.world.actor, conversation.id, limit=200)
            ).items
            letters = [entry.heard for entry in thread if entry.heard]
            assert len({letter.id for letter in letters}) == len(letters)
            assert conversation.unread <= len(letters)
            heard[conversation.person.lstrip("+")] += len(letters)
        assert heard == written, (heard, written)

    def teardown(self):
        try:
            if self.world is not None:
                self.finish()
                self.run(self.world.close())
        finally:
            self.runner.close()
            shutil.rmtree(self.folder)

    def finish(self):
        """Everything that is owed comes; then each message is where Meta's last word puts it."""
        self.world.meta.answers = []
        for _ in range(12):
            self.world.clock.seconds += 300
            self.run(self.world.beat())
            self.collect()
            self.run(self.world.webhook(self.owed))
            self.acknowledged += self.owed
            self.owed = []
            while self.run(self.world.webhooks.apply_batch(200)):
                pass
        self.all_is_applied()
        assert self.world.meta.most_often() <= len(self.messages())
        # One call that Meta took for each message at most: every attempt has an id of its own.
        assert len({call.attempt_id for call in self.world.meta.accepted}) == len(self.world.meta.accepted)
        taken = set(self.world.meta.wamids)
        for message in self.messages():
            assert message.state not in (State.SENDING, State.PENDING), message
            assert message.wamid is None or message.wamid in taken
        assert {message.wamid for message in self.messages() if message.wamid} == taken


TestMessages = MessageMachine.TestCase
TestMessages.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
