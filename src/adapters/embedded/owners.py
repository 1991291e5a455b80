"""Who holds a lease on this machine, and whether that process still lives.

An owner is written as `boot:pid:start`: the machine's boot, the process, and the moment at which it
started, so that neither a reboot nor a reused pid can be mistaken for it.
"""

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@cache
def _machine() -> str:
    boot = _BOOT.read_text().strip() if _BOOT.exists() else "unknown"
    return f"{socket.gethostname()[:40]}/{boot}"


def _started(pid: int) -> str | None:
    """The start time of a process in clock ticks since boot; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


@dataclass(frozen=True, slots=True)
class LocalOwners:
    """The Owners port by /proc; where there is none, nobody is ever known to be dead."""

    def me(self) -> str:
        return f"{_machine()}:{os.getpid()}:{_started(os.getpid()) or 0}"

    def is_dead(self, owner: str) -> bool:
        machine, _, process = owner.rpartition(":")[0].rpartition(":")
        started = owner.rpartition(":")[2]
        if machine != _machine() or not _BOOT.exists() or not process.isdigit():
            return False
        return _started(int(process)) != started
