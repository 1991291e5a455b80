"""What users need beside tables: passwords, tokens, seals, mail, other people's sign-ins, and Meta."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from tidings.domain.errors import Unavailable
from tidings.domain.events import ConnectedNumber
from tidings.domain.kernel import Actor, UserId, WabaId
from tidings.domain.users import (
    Budget,
    SessionId,
)


class Passwords(Protocol):
    """Slow on purpose, and never on the event loop."""

    async def hash(self, password: str) -> str:
        """Raise TooManyHashes."""
        ...

    async def verify(self, password: str, hash: str | None) -> bool:
        """False also without a hash, in the same time. Raise TooManyHashes."""
        ...

    def outdated(self, hash: str) -> bool:
        """Whether the parameters have risen since."""
        ...

    def common(self, password: str) -> bool:
        """Whether it is on the list of passwords that are guessed first."""
        ...


class Tokens(Protocol):
    """Access tokens."""

    def issue(self, actor: Actor, session: SessionId, now: datetime) -> str: ...

    def read(self, token: str, now: datetime) -> tuple[Actor, SessionId, datetime]:
        """Who, in which sign-in, until when. Raise BadToken."""
        ...


class Doorkeeper(Protocol):
    """Who stands behind an access token or an API key; other contexts ask it too."""

    async def identify(self, secret: str) -> tuple[Actor, datetime]:
        """The actor, and until when the secret can be good. Raise BadToken."""
        ...


class Sealer(Protocol):
    """Encryption at rest, bound to the place where the secret is kept."""

    def seal(self, secret: str, place: str) -> bytes: ...

    def open(self, sealed: bytes, place: str) -> str:
        """Raise ValueError when it was sealed elsewhere, or by a key that is gone."""
        ...

    def stale(self, sealed: bytes) -> bool:
        """Whether an older key than the newest sealed it."""
        ...


class OneTimeCodes(Protocol):
    """Codes of authenticator apps (RFC 6238)."""

    def new_secret(self) -> str: ...

    def uri(self, secret: str, email: str) -> str:
        """What the app reads as a QR code."""
        ...

    def step(self, secret: str, code: str, now: datetime) -> int | None:
        """The 30-second step that the code belongs to, when it is this one or a neighbour of it."""
        ...


class Limiter(Protocol):
    """Budgets of tries. When it cannot be asked, the answer is a local one, never yes to all."""

    async def spend(self, budget: Budget, key: str) -> float | None:
        """Take a try; None, or the seconds to wait for one. Of many at once, only as many win as are left."""
        ...

    async def give_back(self, budget: Budget, key: str) -> None:
        """The try turned out to be a rightful one."""


Forget: TypeAlias = Callable[[UserId | None], None]
"""Called after rights were taken from a user (None: perhaps from anybody): what this process remembers of
them is asked anew. Other processes ask anew within five seconds."""


class MailUnavailable(Unavailable):
    """The mail server does not take the letter now."""


class Email(Struct, frozen=True, kw_only=True):
    """A letter as it leaves."""

    to: str
    subject: str
    text: str


class Mail(Protocol):
    async def send(self, email: Email) -> None:
        """Return when the mail server is responsible for it. Raise MailUnavailable."""
        ...


class ExternalProfile(Struct, frozen=True, kw_only=True):
    """Who somebody is, as an OpenID Connect provider says."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str


class IdentityProvider(Protocol):
    """An OpenID Connect provider that is trusted with saying who somebody is."""

    async def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser. Raise Unavailable."""
        ...

    async def redeem(self, *, code: str, nonce: str, verifier: str) -> ExternalProfile:
        """Raise WrongCredentials when its token does not hold, Unavailable when it is away."""
        ...


class ShownAccounts(Struct, frozen=True, kw_only=True):
    """What an Embedded Signup brought: a business token, and the accounts that it may use."""

    access_token: str
    waba_ids: tuple[WabaId, ...]


class MetaNumbers(Protocol):
    """Meta's word on an account and its numbers."""

    async def connected_numbers(self, waba_id: WabaId, token: str) -> Sequence[ConnectedNumber]:
        """Raise the errors of `ports/meta.py` for a token or an account that is none."""
        ...


class MetaSignup(MetaNumbers, Protocol):
    """Meta's side of Embedded Signup."""

    async def redeem(self, code: str) -> ShownAccounts:
        """Exchange the code; raise the errors of `ports/meta.py`."""
        ...

    async def subscribe(self, waba_id: WabaId, token: str) -> None:
        """Have the account's webhooks sent to our app."""
        ...
