"""`python -m bench.compare [before.json [now.json]]`: two saved runs beside each other.

Without names: the last run in bench/results, and the one before it on the same kind of tables. Ratios can be
compared between machines, rates only between runs on one.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.__main__ import RESULTS, Result
from bench.figures import Row


class NothingToCompare(RuntimeError):
    """There are no two runs."""


def read(path: Path) -> Result:
    """Raise OSError and msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=Result)


def chosen(named: Sequence[Path], folder: Path = RESULTS) -> tuple[Path, Path]:
    """The run before, and the one of now. Raise NothingToCompare."""
    kept = sorted(folder.glob("*.json"))
    if len(named) == 2:
        return named[0], named[1]
    if not kept:
        raise NothingToCompare(f"there is no run in {folder}: make bench")
    now = kept[-1]
    if named:
        return named[0], now
    on = read(now).on
    before = [path for path in kept[:-1] if read(path).on == on]
    if not before:
        raise NothingToCompare(f"{now} is the only run on {on}: run it again, or name a file")
    return before[-1], now


def table(before: Result, now: Result) -> Table:
    """A line for each row that both have."""
    shown = Table(
        title=f"{before.at:%Y-%m-%d %H:%M} on {before.on} and {now.at:%Y-%m-%d %H:%M} on {now.on}",
        title_justify="left",
    )
    shown.add_column("row")
    for name in ("before", "now", "", "ratio before", "now", "", "CPU us", "now", "queries", "now"):
        shown.add_column(name, justify="right")
    for old, new in _both(before, now):
        shown.add_row(
            old.name,
            f"{old.ours.rate:,.0f}",
            f"{new.ours.rate:,.0f} {new.unit}",
            _change(old.ours.rate, new.ours.rate),
            f"{old.ratio:.2f}",
            f"{new.ratio:.2f}",
            _change(old.ratio, new.ratio),
            _number(old.ours.cpu, 0),
            _number(new.ours.cpu, 0),
            _number(old.ours.queries, 3),
            _number(new.ours.queries, 3),
        )
    return shown


def _both(before: Result, now: Result) -> Iterator[tuple[Row, Row]]:
    known = {row.name: row for row in before.rows}
    for row in now.rows:
        if row.name in known:
            yield known[row.name], row


def _change(old: float, new: float) -> str:
    return f"{(new / old - 1) * 100:+.0f} %" if old else ""


def _number(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:,.{places}f}"


def main(told: Sequence[str] | None = None) -> int:
    """Print the comparison; 2 when there is nothing to compare."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="before, and now")
    options = parser.parse_args(told)
    if len(options.files) > 2:
        parser.error("two runs can be compared")
    try:
        before, now = (read(path) for path in chosen(options.files))
    except (NothingToCompare, OSError, msgspec.ValidationError) as error:
        parser.error(str(error))
    console = Console(width=max(Console().width, 120))
    console.print(table(before, now))
    if before.sizes != now.sizes:
        console.print("The runs differ in how much there was to do.", style="dim")
    if (before.machine, before.cores) != (now.machine, now.cores):
        console.print("The runs are of two kinds of machine: compare ratios alone.", style="dim")
    return 0


if __name__ == "__main__":
    sys.exit(main())
