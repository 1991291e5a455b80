"""Accounts: the WABAs and numbers that the sandbox plays, with their tokens and secrets."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from tidings.adapters.sandbox.dice import Dice
from tidings.adapters.sandbox.limits import Calls, Marketing, Reach


class Account(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one must know to send from a number of the sandbox."""

    waba_id: str
    phone_number_id: str
    display_phone_number: str
    access_token: str
    app_secret: str


class Access(StrEnum):
    """What a token is good for."""

    VALID = "valid"
    EXPIRED = "expired"
    NO_MESSAGING = "no_messaging"
    NO_MANAGEMENT = "no_management"


@dataclass(slots=True)
class Standing:
    """How a number stands with Meta and what it says of itself."""

    verified_name: str = "Sandbox"
    verified: bool = True
    registered: bool = True
    pin: str | None = None
    quality: str = "GREEN"
    tier: str = "TIER_UNLIMITED"
    registrations: list[float] = field(default_factory=list[float])
    """When it was registered or deregistered."""
    profile: dict[str, object] = field(default_factory=dict[str, object])


@dataclass(slots=True)
class Waba:
    """A WhatsApp Business Account, its one token, and where its webhooks go."""

    id: str
    access_token: str
    app_secret: str
    app_id: str
    webhook: str | None = None
    """The app's; `override` stands before it."""
    override: str | None = None
    verify_token: str | None = None
    subscribed: bool = True
    access: Access = Access.VALID
    reach: Reach = field(default_factory=Reach)
    marketing: Marketing = field(default_factory=Marketing)
    calls: Calls = field(default_factory=Calls)
    creations: deque[float] = field(default_factory=deque[float])
    """When templates were handed in, within an hour."""
    refuses: int | None = None
    """The code with which every message is refused, such as 131031 or 368."""
    fails: int | None = None
    """The code with which every message fails after it was accepted, such as 131042."""
    allowed: frozenset[str] | None = None
    """The only digits that may be dialled, as with Meta's test numbers (131030)."""

    def url(self, line: "Line | None" = None) -> str | None:
        """Where webhooks go. About messages, a number's own address stands before the account's, and that
        before the app's; notices go to the app's (fact sheet 5.3).
        """
        if not self.subscribed:
            return None
        if line is None:
            return self.webhook or self.override
        return line.override or self.override or self.webhook


class Entry(Struct):
    """A free entry point: somebody wrote from an advertisement, and perhaps was answered."""

    wrote_at: float
    until: float = 0.0


@dataclass(slots=True)
class Line:
    """A number that messages are sent from, with its token bucket."""

    id: str
    display: str
    waba: Waba
    index: int
    rate: float
    tokens: float
    filled: float
    standing: Standing = field(default_factory=Standing)
    talked: dict[str, float] = field(default_factory=dict[str, float])
    """When a person last wrote to it, by business-scoped id."""
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    """People who came through an advertisement, by business-scoped id."""
    given: dict[str, int] = field(default_factory=dict[str, int])
    """Free-form messages that cost nothing, by month."""
    blocked: dict[str, str] = field(default_factory=dict[str, str])
    """People whom the business has blocked: WhatsApp's ids by business-scoped id."""
    override: str | None = None
    """Where webhooks about messages go, before the account's address."""
    refuses: int | None = None
    upgraded_at: float = 0.0
    """Until then its throughput is being raised (131057)."""

    @property
    def digits(self) -> str:
        return "".join(c for c in self.display if c.isdigit())

    @property
    def account(self) -> Account:
        return Account(
            waba_id=self.waba.id,
            phone_number_id=self.id,
            display_phone_number=self.display,
            access_token=self.waba.access_token,
            app_secret=self.waba.app_secret,
        )

    def take(self, now: float) -> bool:
        """One message of the throughput; at most one second's worth is saved up."""
        self.tokens = min(self.rate, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


def new_waba(dice: Dice, n: int, id: str | None, token: str | None, secret: str | None) -> Waba:
    return Waba(
        id=id or dice.number(f"waba {n}", 15),
        access_token=token or f"EAA{dice.hex(f'token {n}', 60)}",
        app_secret=secret or dice.hex(f"secret {n}", 32),
        app_id=dice.number("app", 15),
    )


def display_number(dice: Dice, n: int) -> str:
    """A number for use in fiction (Ofcom's range): nobody is rung by it."""
    digits = dice.number(f"display {n}", 3)
    return f"+44 20 7946 {(int(digits) + n) % 1000:04d}"
