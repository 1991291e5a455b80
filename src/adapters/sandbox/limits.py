"""How much Meta lets one do: to one person, to how many people, and in managing an account (fact sheet 6)."""

from collections import deque

from tidings.adapters.sandbox.errors import GraphError

PAIR_SECONDS = 6.0
PAIR_BURST = 45
DAY = 86400.0
HOUR = 3600.0
_TIDY = 50_000
"""Pairs that are kept before those without debts are dropped."""

TIERS = {"TIER_50": 50, "TIER_250": 250, "TIER_2K": 2000, "TIER_10K": 10_000, "TIER_100K": 100_000}


class Pairs:
    """One number to one person: a message in 6 seconds, 45 at once on credit."""

    def __init__(self) -> None:
        self._paid_off: dict[tuple[int, str], float] = {}
        self._tidy_at = _TIDY

    def take(self, line: int, phone: str, now: float) -> None:
        """Raise GraphError."""
        until = max(self._paid_off.get((line, phone), now), now)
        if until + PAIR_SECONDS > now + PAIR_SECONDS * PAIR_BURST:
            raise GraphError(
                131056,
                "Message failed to send because there were too many messages sent from this phone number "
                "to the same phone number in a short period of time.",
            )
        self._paid_off[line, phone] = until + PAIR_SECONDS
        if len(self._paid_off) > self._tidy_at:
            self._paid_off = {pair: end for pair, end in self._paid_off.items() if end > now}
            self._tidy_at = max(_TIDY, 2 * len(self._paid_off))


class Reach:
    """How many people an account wrote to first within a moving day."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._order: deque[tuple[float, str]] = deque()

    def may(self, phone: str, most: int, now: float) -> bool:
        """Whether this person may be reached too; if so, it counts."""
        while self._order and self._order[0][0] <= now - DAY:
            at, gone = self._order.popleft()
            if self._last.get(gone) == at:
                del self._last[gone]
        if phone not in self._last and len(self._last) >= most:
            return False
        self._last[phone] = now
        self._order.append((now, phone))
        return True


class Marketing:
    """How much marketing one person gets in a day."""

    def __init__(self) -> None:
        self._got: dict[str, list[float]] = {}

    def may(self, phone: str, most: int, now: float) -> bool:
        recent = [at for at in self._got.get(phone, ()) if at > now - DAY]
        allowed = len(recent) < most
        self._got[phone] = [*recent, now] if allowed else recent
        return allowed


class Calls:
    """Calls that manage an account, within a moving hour."""

    def __init__(self) -> None:
        self._made: deque[float] = deque()

    def take(self, most: int, now: float) -> int:
        """The share that is used, in percent. Raise GraphError when it is used up."""
        while self._made and self._made[0] <= now - HOUR:
            self._made.popleft()
        if len(self._made) >= most:
            raise GraphError(80007, "There have been too many calls to this WhatsApp Business account.")
        self._made.append(now)
        return len(self._made) * 100 // most

    def regain(self, now: float) -> int:
        """Minutes until a call is allowed again."""
        return int((self._made[0] + HOUR - now) // 60) + 1 if self._made else 0
