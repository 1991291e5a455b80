"""What a row of the bench is, and what the operating system knows of a process."""

import math
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

TICKS = os.sysconf("SC_CLK_TCK")


class Side(Struct, frozen=True, kw_only=True):
    """One of the two that are compared: ours, or the bare loop."""

    rate: float
    """A second."""
    p50: float | None = None
    """Milliseconds."""
    p99: float | None = None
    cpu: float | None = None
    """Microseconds of the measured process for each piece of work."""
    memory: float | None = None
    """MiB that the measured process held at most."""
    queries: float | None = None
    """Statements of the database server for each piece of work; None on SQLite."""
    done: int = 0
    """Pieces of work."""


class Row(Struct, frozen=True, kw_only=True):
    """One thing that was measured, beside the bare loop in the same run."""

    name: str
    unit: str
    ours: Side
    bare: Side
    ratio: float
    """Ours by bare: of rates, or of CPU where the row is about CPU."""
    what: str
    """What ratio means, and what else there is to say."""
    more: dict[str, float] = {}


def percentiles(seconds: Sequence[float]) -> tuple[float | None, float | None]:
    """p50 and p99 in milliseconds."""
    if not seconds:
        return None, None
    ordered = sorted(seconds)
    at = [ordered[min(math.ceil(len(ordered) * share) - 1, len(ordered) - 1)] for share in (0.5, 0.99)]
    return at[0] * 1000, at[1] * 1000


def cpu_of(pid: int) -> float | None:
    """Seconds of CPU that a process has used; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid: int) -> float | None:
    """MiB that a process held at most; None where the system does not tell."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


def own_memory() -> float:
    """MiB that this process held at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def per_piece(before: float | None, after: float | None, done: int) -> float | None:
    """Microseconds for each piece."""
    return None if before is None or after is None or not done else (after - before) / done * 1e6


def per_one(before: float | None, after: float | None, done: int) -> float | None:
    """How many for each piece."""
    return None if before is None or after is None or not done else (after - before) / done


def median_of(rows: Sequence[Row]) -> Row:
    """The run in the middle by its ratio, with the ratios and rates of all."""
    if len(rows) == 1:
        return rows[0]
    ordered = sorted(rows, key=lambda row: row.ratio)
    chosen = ordered[(len(ordered) - 1) // 2]
    spread = {f"ratio {n}": row.ratio for n, row in enumerate(rows, 1)}
    spread |= {f"rate {n}": row.ours.rate for n, row in enumerate(rows, 1)}
    return replace(chosen, more={**chosen.more, **spread})
