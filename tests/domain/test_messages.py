"""A message's life: reports in any order and number end the same, and nothing moves back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.kernel import AttemptId, MessageId, OrganizationId, PersonKey, PhoneNumberId, Wamid
from tidings.domain.whatsapp.content import Text
from tidings.domain.whatsapp.messages import REPORTED, TRANSITIONS, Fact, Message, State

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
ATTEMPT = AttemptId(UUID(int=7))
WAMID = Wamid("wamid.A")

PENDING = Message(
    id=MessageId(UUID(int=1)),
    organization_id=OrganizationId(UUID(int=2)),
    phone_number_id=PhoneNumberId("310"),
    person=PersonKey("447700900001"),
    content=Text(body="hello"),
    created_at=NOON,
    next_attempt_at=NOON,
)
SENDING = PENDING.intend(ATTEMPT, 1, NOON)

reports = st.lists(
    st.tuples(
        st.sampled_from(sorted(REPORTED.values())),
        st.integers(0, 100).map(lambda n: NOON + timedelta(seconds=n)),
        st.sampled_from([131026, 131049]),
    ),
    max_size=8,
)


def fold(message, heard):
    for fact, at, code in heard:
        failed = fact is Fact.SAYS_FAILED
        message = message.hear(
            fact, at, wamid=WAMID, code=code if failed else None, reason=str(code) if failed else None
        )
    return message


def face(message):
    """All that anyone sees of it; only the count of changes may differ."""
    return message.move(NOON).__class__(
        **{f: getattr(message.move(NOON), f) for f in message.move(NOON).__struct_fields__ if f != "version"},
        version=0,
    ), (message.sent_at, message.delivered_at, message.read_at, message.failed_at)


@given(reports, st.randoms())
def test_the_order_of_reports_does_not_matter(heard, random):
    start = SENDING.accept(WAMID, NOON)
    shuffled = random.sample(heard, len(heard))
    assert face(fold(start, heard)) == face(fold(start, shuffled))


@given(reports)
def test_hearing_everything_twice_changes_nothing(heard):
    start = SENDING.accept(WAMID, NOON)
    once = fold(start, heard)
    assert fold(once, heard) == once


@given(reports)
def test_our_own_answer_may_come_before_or_after_the_reports(heard):
    before = fold(SENDING.accept(WAMID, NOON), heard)
    after = fold(SENDING, heard).accept(WAMID, NOON)
    assert face(before) == face(after)


@given(reports)
def test_a_lost_owner_makes_no_difference_once_reports_come(heard):
    lost = SENDING.lose(NOON, "the sender stopped", Fact.OWNER_LOST)
    assert lost.state is State.UNKNOWN
    if any(True for _ in heard):
        assert fold(lost, heard).state is fold(SENDING, heard).state


@given(reports)
def test_every_change_raises_the_version_and_only_changes_do(heard):
    message = SENDING.accept(WAMID, NOON)
    for report in heard:
        after = fold(message, [report])
        assert (after.version > message.version) == (after != message)
        message = after


def test_a_refusal_never_undoes_what_meta_reported():
    delivered = fold(SENDING, [(Fact.SAYS_DELIVERED, NOON, 0)])
    assert delivered.refuse(NOON, code=131026, reason="late").state is State.DELIVERED
    assert delivered.retry(NOON, due=NOON, code=1, reason="late").state is State.DELIVERED


def test_what_never_left_counts_as_no_attempt():
    again = SENDING.not_sent(NOON, "connection refused")
    assert (again.state, again.attempt_no, again.attempt_id) == (State.PENDING, 0, None)


def test_the_table_names_every_state_and_leads_nowhere_unknown():
    assert set(TRANSITIONS) == set(State)
    assert all(after in State for facts in TRANSITIONS.values() for after in facts.values())


def test_nothing_leads_from_an_accepted_message_back_to_the_line():
    reached, edge = {State.ACCEPTED}, {State.ACCEPTED}
    while edge:
        edge = {after for state in edge for after in TRANSITIONS[state].values()} - reached
        reached |= edge
    assert not reached & {State.PENDING, State.SENDING, State.UNKNOWN, State.SKIPPED}
