"""Any operations in any order, through the library, do what the model of the platform says.

Over HTTP: `test_a_platform_at_an_address_does_what_the_model_says` in tests/test_examples.py.
"""

import asyncio
from contextlib import AsyncExitStack

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.test_library import PASSWORD, approved
from tidings import Tidings
from tidings.testing.machine import Place, machine_of

HOW = settings(
    max_examples=3,
    stateful_step_count=15,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


def test_a_library_does_what_the_model_says(tmp_path):
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        t = runner.run(stack.enter_async_context(Tidings.embedded(tmp_path)))
        try:
            actor = runner.run(t.sign_up("Rowan", "rowan@example.org", PASSWORD))
            place = Place(runner.run, t, actor, runner.run(approved(t, actor)).id)
            run_state_machine_as_test(machine_of(place), settings=HOW)
        finally:
            runner.run(stack.aclose())
