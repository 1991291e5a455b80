"""The real clock, ids, chance and sleep: the only place that asks the machine for them."""

import asyncio
import random
import secrets
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

_lock = threading.Lock()
_last = 0


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
    global _last
    with _lock:
        _last = tick = max(_last + 1, time.time_ns() * 4096 // 1_000_000)
    value = (tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def chance() -> float:
    return random.random()


async def sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)
