"""The harness itself: stories repeat, crash points keep the promise, and deliberate faults are found."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.__main__ import mutated
from tests.mutants.faults import MUTANTS
from tidings.testing import Story, simulate
from tidings.testing.__main__ import main

pytestmark = pytest.mark.anyio


async def test_the_same_seed_tells_the_same_story():
    first, again, other = [await simulate(Story(seed=seed)) for seed in (7, 7, 8)]
    assert (first.digest, first.faults, first.said) == (again.digest, again.faults, again.said)
    assert first.digest != other.digest
    replayed = await simulate(Story(seed=7, faults=first.faults))
    assert replayed.digest == first.digest


def test_a_kill_or_a_lost_answer_at_points_of_all_kinds_breaks_no_promise():
    assert main(["crash-points", "--every", "13"]) == 0
    assert main(["crash-points", "--fault", "away", "--every", "13"]) == 0


def test_stories_of_many_seeds_keep_the_promise():
    assert main(["simulate", "--seeds", "60"]) == 0


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_still_fits_the_code(mutant, tmp_path):
    mutated(mutant, tmp_path)


def test_a_fault_is_found_told_again_and_made_smaller(tmp_path):
    (mutant,) = [each for each in MUTANTS if each.name == "a lost answer counts as not sent"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tidings.testing", "simulate", "--seeds", "50", "--jobs", "1"],
        env={"PYTHONPATH": str(mutated(mutant, tmp_path)), "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "I1" in done.stdout
    assert "Made smaller" in done.stdout
    assert "Tell it again: python -m tidings.testing simulate --seed" in done.stdout
