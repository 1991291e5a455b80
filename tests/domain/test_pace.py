"""A number's pace: never above the limit, halved by a complaint, and back by itself."""

from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.whatsapp.pace import BURST, Pace


@given(st.lists(st.floats(0.001, 2.0), min_size=1, max_size=200), st.integers(1, 1000))
def test_no_more_leaves_than_the_limit_allows(steps, limit):
    pace, now, sent = Pace(limit=limit, rate=limit, at=0.0), 0.0, 0
    for step in steps:
        now += step
        pace = pace.flow(now)
        batch = int(pace.tokens)
        sent += batch
        pace = pace.spend(batch)
    assert sent <= limit * now + max(limit * BURST, 1)


def test_a_complaint_halves_the_rate_once_for_calls_of_the_same_moment():
    pace = Pace(limit=80, rate=80, at=0.0).slow_down(10.0).slow_down(10.1).slow_down(10.4)
    assert pace.rate == 40


def test_the_rate_climbs_back_and_stops_at_the_limit():
    pace = Pace(limit=80, rate=80, at=0.0).slow_down(0.0)
    for second in range(1, 60):
        pace = pace.flow(float(second))
    assert pace.rate == 80


def test_it_never_falls_to_nothing():
    pace = Pace(limit=80, rate=80, at=0.0)
    for moment in range(100):
        pace = pace.slow_down(moment * 2.0)
    assert pace.rate == 1.0
