"""The real clock, ids, chance, sleep and memory: the only place that asks the machine for them."""

import asyncio
import gc
import os
import random
import secrets
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

_lock = threading.Lock()
_last = 0
_chance = b""
_CHANCE = 8 * 512
"""Bytes of chance that are asked of the machine in one go, eight for each id."""


def utcnow() -> datetime:
    """Raise nothing; aware, in UTC."""
    return datetime.now(UTC)


def boottime() -> float:
    """Seconds since boot, counting the time in which the machine was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def uuid7() -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, 12 of sequence and 62 of chance.

    Ids of one process sort in the order in which they were made: the 12 bits that follow the
    milliseconds are a fraction of them, and never go back.
    """
    global _last, _chance
    with _lock:
        _last = tick = max(_last + 1, time.time_ns() * 4096 // 1_000_000)
        if not _chance:
            _chance = os.urandom(_CHANCE)
        drawn, _chance = _chance[:8], _chance[8:]
    value = (tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62 | int.from_bytes(drawn) >> 2
    return UUID(int=value)


def _forget_chance() -> None:
    global _chance
    _chance = b""


# A forked process must not draw what its parent draws.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_chance)


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def chance() -> float:
    return random.random()


async def sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


def collect_rarely() -> None:
    """What was made until now stays; of the rest, rows by the thousand, next to nothing is a cycle.

    With Python's usual thresholds a seventh of a busy process's time goes into looking for cycles, and a
    quarter of a start, which makes next to none.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
