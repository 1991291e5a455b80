"""By lot: who is in which arm, which number writes to whom, and who wins a comparison by mistake."""

from collections import Counter
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tidings.adapters.statistics import ScipyStatistics
from tidings.domain.campaigns import (
    HOLD_OUT,
    REST,
    Arm,
    BadExperiment,
    Count,
    Experiment,
    Rollout,
    assign,
    check_experiment,
    number_of,
    winner,
)
from tidings.domain.kernel import CampaignId, PersonKey, PhoneNumberId

A, B, C = Arm(name="A"), Arm(name="B", share=3), Arm(name="C")
CAMPAIGN = CampaignId(UUID(int=7))


def everybody(count):
    return [PersonKey(f"+4477009{n:05}") for n in range(count)]


def test_arms_have_their_shares_and_everybody_keeps_theirs():
    experiment = Experiment(arms=(A, B), hold_out=0.1, sample=0.5)
    lots = {person: assign(experiment, CAMPAIGN, person) for person in everybody(40_000)}
    counted = Counter(lots.values())
    expected = {HOLD_OUT: 0.1, "A": 0.9 * 0.5 / 4, "B": 0.9 * 0.5 * 3 / 4, REST: 0.9 * 0.5}
    for name, share in expected.items():
        low, high = binom.interval(1 - 1e-6, len(lots), share)
        assert low <= counted[name] <= high, name
    assert all(assign(experiment, CAMPAIGN, person) == lot for person, lot in lots.items())
    others = sum(assign(experiment, CampaignId(uuid4()), person) != lot for person, lot in lots.items())
    assert others > 10_000, "another campaign draws other lots"


@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=6, unique=True), st.integers(0, 5))
def test_a_number_that_joins_or_leaves_moves_only_its_own_people(names, which):
    numbers = {PhoneNumberId(name): 80.0 for name in names}
    gone = PhoneNumberId(names[which % len(names)])
    fewer = {name: speed for name, speed in numbers.items() if name != gone}
    for person in everybody(300):
        before = number_of(person, numbers)
        assert number_of(person, fewer) == before or before == gone
        assert number_of(person, dict(reversed(numbers.items()))) == before


def test_faster_numbers_write_to_more_people():
    numbers = {PhoneNumberId("slow"): 20.0, PhoneNumberId("fast"): 80.0}
    counted = Counter(number_of(person, numbers) for person in everybody(20_000))
    low, high = binom.interval(1 - 1e-6, 20_000, 0.8)
    assert low <= counted[PhoneNumberId("fast")] <= high


@pytest.mark.parametrize(
    ("experiment", "rollout", "fields"),
    [
        (Experiment(arms=(A,)), None, ["experiment.arms"]),
        (Experiment(arms=(A,), hold_out=0.1, sample=0.5), None, ["experiment.sample"]),
        (Experiment(arms=(A, A)), None, ["experiment.arms[1].name"]),
        (Experiment(arms=(A, Arm(name=REST))), None, ["experiment.arms[1].name"]),
        (Experiment(arms=(A, B)), Rollout(), ["rollout"]),
    ],
)
def test_an_experiment_that_makes_no_sense_says_where(experiment, rollout, fields):
    with pytest.raises(BadExperiment) as refused:
        check_experiment(experiment, rollout)
    assert [fault.field for fault in refused.value.faults] == fields


def look(counts, confidence=0.95):
    statistics = ScipyStatistics()
    differ = [[statistics.differ(one, other) for other in counts] for one in counts]
    return winner(counts, differ, confidence)


def test_a_clear_lead_wins_and_a_hair_does_not():
    assert look([Count(people=1000, did=50), Count(people=1000, did=100)]) == 1
    assert look([Count(people=1000, did=50), Count(people=1000, did=51)]) is None
    assert look([Count(people=0, did=0), Count(people=10, did=1)]) is None
    assert look([Count(people=1000, did=100), Count(people=1000, did=100)]) is None


@pytest.mark.parametrize("arms", [2, 4])
def test_arms_that_are_alike_have_a_winner_no_oftener_than_was_said(arms):
    chance, looks, people, share = Random(1), 1500, 400, 0.08
    wrong = 0
    for _ in range(looks):
        did = [int(binom.ppf(chance.random(), people, share)) for _ in range(arms)]
        wrong += look([Count(people=people, did=each) for each in did]) is not None
    assert wrong <= binom.ppf(1 - 1e-4, looks, 0.05), wrong


def test_bounds_hold_the_truth_as_often_as_they_say():
    statistics, chance, base, share = ScipyStatistics(), Random(2), 0.05, 0.09
    held, looks = 0, 1500
    for _ in range(looks):
        one = Count(people=600, did=int(binom.ppf(chance.random(), 600, base)))
        other = Count(people=600, did=int(binom.ppf(chance.random(), 600, share)))
        low, high = statistics.lift(one, other, 0.95)
        held += low <= share - base <= high
    assert held >= binom.ppf(1e-4, looks, 0.95), held
    assert statistics.bounds(Count(people=0, did=0), 0.95) == (0.0, 1.0)
