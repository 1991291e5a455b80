"""`python -m tests.mutants [name...]`: is every deliberate fault found? Each runs in a copy of the package.

A mutant is found when a suite of the harness or a test of the engine fails under it, when a story or a crash
point breaks the promise, or when the engine itself refuses to go on. 1 when one survives, 2 when the
unchanged package does not: then nothing is shown.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from tests.mutants.faults import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
SEEDS = 300
SUITES = [f"tests/contracts/{context}/test_stores.py" for context in ("whatsapp", "campaigns")]
TRIALS = (
    ("pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", "sqlite", *SUITES),
    ("pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/application/test_engine_defects.py"),
    ("tidings.testing", "crash-points", "--every", "9", "--jobs", "1"),
    ("tidings.testing", "crash-points", "--fault", "away", "--every", "9", "--jobs", "1"),
    ("tidings.testing", "simulate", "--seeds", str(SEEDS), "--jobs", "1"),
)
console = Console(width=140)


def mutated(mutant: Mutant | None, folder: Path) -> Path:
    """A copy of the package with the fault in it."""
    package = folder / "tidings"
    shutil.copytree(SRC, package, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    if mutant is not None:
        file = package / mutant.file
        text = file.read_text()
        if text.count(mutant.stands) != 1:
            raise SystemExit(f"{mutant.name}: what should stand in {mutant.file} is there not once")
        file.write_text(text.replace(mutant.stands, mutant.mutated))
    return folder


def found(mutant: Mutant | None) -> tuple[str, float]:
    """What the harness says of it, or nothing; and the seconds that it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as place:
        folder = mutated(mutant, Path(place))
        for trial in TRIALS:
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-m", *trial],
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONPATH": str(folder),
                    "COLUMNS": "200",
                    # What broke under another mutant says nothing of this one.
                    "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "examples"),
                },
                capture_output=True,
                text=True,
                timeout=900,
                check=False,
            )
            if done.returncode:
                lines = (done.stdout or done.stderr).strip().splitlines()
                return _told(lines), time.monotonic() - began
    return "", time.monotonic() - began


def _told(lines: list[str]) -> str:
    """The test that failed, or the invariant that broke."""
    failed = [line for line in lines if line.startswith("FAILED")]
    return next(iter([*failed, *(line for line in lines if "I" in line)]), lines[-1])


def main(names: list[str]) -> int:
    chosen = [each for each in MUTANTS if not names or any(name in each.name for name in names)]
    survivors = 0
    said, seconds = found(None)
    if said:
        console.print(f"[bold red]without any fault this failed already:[/] {said}", highlight=False)
        return 2
    console.print(f"the unchanged package survived all of it ({seconds:.0f} s)", highlight=False)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for mutant, (said, seconds) in zip(chosen, pool.map(found, chosen), strict=True):
            survivors += not said
            mark = "[green]found[/]" if said else "[bold red]SURVIVED[/]"
            console.print(f"{mark} {mutant.name} ({seconds:.0f} s)  [dim]{said[:90]}[/]", highlight=False)
    console.print(f"{len(chosen) - survivors} of {len(chosen)} deliberate faults were found")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
