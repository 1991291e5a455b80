"""`python -m tidings.testing`: stories by their seeds, or a crash at every point; 1 when a promise broke."""

import argparse
import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console

from tidings.adapters.embedded.system import collect_rarely
from tidings.testing.crashing import counted, points_of
from tidings.testing.simulating import Story, Told, shrink, simulate, stories_of

console = Console()
SPAWNED = multiprocessing.get_context("spawn")
CHUNK, ROUND = 10, 200


def main(told: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tidings.testing", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    jobs = os.cpu_count() or 1
    simulating = commands.add_parser("simulate", help="stories of a campaign, each by its seed")
    simulating.add_argument("--seeds", type=int, default=1000, help="how many")
    simulating.add_argument("--first", type=int, default=0, help="the first seed")
    simulating.add_argument("--seed", type=int, help="tell this one story, and what happened in it")
    simulating.add_argument("--hours", type=float, help="go on for so long, in place of --seeds")
    simulating.add_argument("--jobs", type=int, default=jobs)
    crashing = commands.add_parser("crash-points", help="one campaign, killed once at every point")
    crashing.add_argument("--fault", choices=["kill", "away"], default="kill")
    crashing.add_argument("--every", type=int, default=1, help="only every so manieth point")
    crashing.add_argument("--people", type=int, default=3)
    crashing.add_argument("--jobs", type=int, default=jobs)
    options = parser.parse_args(told)
    if options.command == "crash-points":
        return _crash(options.fault, options.every, options.people, options.jobs)
    if options.seed is not None:
        return _one(options.seed)
    return _many(options.first, options.seeds, options.hours, options.jobs)


def _one(seed: int) -> int:
    told = asyncio.run(simulate(Story(seed=seed)))
    for line in told.said:
        console.print(line, highlight=False)
    console.print(f"{told.points} points, {len(told.faults)} faults, digest {told.digest[:16]}")
    if told.broken:
        console.print(f"[bold red]broken[/]: {told.broken}")
    return 1 if told.broken else 0


def _many(first: int, seeds: int, hours: float | None, jobs: int) -> int:
    began, ends = time.monotonic(), None if hours is None else time.monotonic() + hours * 3600
    stories = points = faults = 0
    with ProcessPoolExecutor(jobs, SPAWNED, collect_rarely) as pool:
        while stories < seeds if ends is None else time.monotonic() < ends:
            left = ROUND if ends is not None else min(ROUND, seeds - stories)
            for batch in pool.map(stories_of, _chunks(first + stories, left)):
                for told in batch:
                    stories, points, faults = stories + 1, points + told.points, faults + len(told.faults)
                    if told.broken:
                        pool.shutdown(cancel_futures=True)
                        return _tell(told)
    seconds = time.monotonic() - began
    said = f"{stories} stories, {points} points, {faults} faults, {seconds:.0f} s"
    console.print(f"{said}: no promise was broken")
    return 0


def _tell(told: Told) -> int:
    console.print(f"[bold red]seed {told.story.seed}[/]: {told.broken}")
    small = asyncio.run(shrink(told))
    console.print(f"Made smaller: {small.story.acts} acts, faults {small.faults}: {small.broken}")
    for line in small.said:
        console.print(line, highlight=False)
    console.print(f"Tell it again: python -m tidings.testing simulate --seed {told.story.seed}")
    return 1


def _crash(fault: str, every: int, people: int, jobs: int) -> int:
    began = time.monotonic()
    names = asyncio.run(counted(people))
    chosen = list(range(0, len(names), every))
    tasks = [(people, fault, chosen[start : start + CHUNK]) for start in range(0, len(chosen), CHUNK)]
    with ProcessPoolExecutor(jobs, SPAWNED, collect_rarely) as pool:
        points = [point for batch in pool.map(points_of, tasks) for point in batch]
    broken = [point for point in points if point.broken]
    for point in broken:
        console.print(f"[bold red]{fault} at {point.name} ({point.number})[/]: {point.broken}")
    seconds = time.monotonic() - began
    console.print(
        f"{fault} at {len(points)} of {len(names)} points, {seconds:.0f} s: {len(broken)} broke the promise"
    )
    return 1 if broken else 0


def _chunks(first: int, count: int) -> list[tuple[int, int]]:
    end = first + count
    return [(start, min(start + CHUNK, end)) for start in range(first, end, CHUNK)]


if __name__ == "__main__":
    sys.exit(main())
