"""How long a message waits for its next try."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.whatsapp.messages import backoff


@given(st.floats(1, 300_000), st.integers(1, 12), st.floats(0, 0.999))
def test_a_wait_that_meta_named_is_never_cut_short(wait, attempt_no, chance):
    waited = backoff(wait, attempt_no, chance)
    assert timedelta(seconds=wait) <= waited
    assert waited <= timedelta(seconds=max(wait, 900.0) + 450)


@given(st.floats(1, 60), st.integers(1, 11), st.floats(0, 0.999))
def test_each_further_try_waits_no_less_than_the_one_before(wait, attempt_no, chance):
    assert backoff(wait, attempt_no, chance) <= backoff(wait, attempt_no + 1, chance)


def test_messages_that_failed_together_are_spread():
    assert backoff(1, 1, 0.0) < backoff(1, 1, 0.9)
    assert backoff(64, 1, 0.0) < backoff(64, 1, 0.9)
