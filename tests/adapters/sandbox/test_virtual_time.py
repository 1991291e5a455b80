"""Virtual time: a day passes in seconds, and the same seed tells the same day."""

import time

import pytest

from tests.adapters.sandbox.day import BEGIN, DAY, Simulation
from tidings.adapters.sandbox.clock import Clock

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_the_same_seed_tells_the_same_day_and_another_seed_another():
    traces = []
    for seed in (1, 1, 2):
        day = Simulation(seed, 2_000)
        traces.append(await day.run())
        assert day.codes == {200: 2_000}
        assert day.items >= 2_000 * 2.5
        assert BEGIN + DAY - 100 <= day.now <= BEGIN + DAY + 3600
    assert traces[0] == traces[1] != traces[2]


def test_a_clock_untouched_is_the_callers_and_never_goes_back():
    now = [100.0]
    clock = Clock(lambda: now[0])
    assert clock() == 100.0
    assert clock.turn(advance=50.0, speed=10.0) == 150.0
    now[0] = 101.0
    assert clock() == 160.0
    for wrong in ({"advance": -1.0}, {"speed": 0.0}, {"speed": -2.0}, {"advance": float("nan")}):
        with pytest.raises(ValueError, match="must"):
            clock.turn(**wrong)
    assert clock() == 160.0


def measured(messages: int = 100_000) -> str:
    """`python -m tests.adapters.sandbox.test_virtual_time`: a whole day, timed."""
    import asyncio

    began = time.perf_counter()
    day = Simulation(1, messages)
    trace = asyncio.run(day.run())
    spent = time.perf_counter() - began
    return f"{messages:,} messages, {day.items:,} statuses, {spent:.1f} s, trace {trace[:16]}"


if __name__ == "__main__":
    print(measured())
