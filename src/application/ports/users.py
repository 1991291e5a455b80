"""What users need from the outside: their tables, passwords, tokens, seals, and Meta's word on a WABA."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from tidings.application.ports.common import Outbox
from tidings.domain.events import ConnectedNumber
from tidings.domain.kernel import Actor, OrganizationId, UserId, WabaId
from tidings.domain.users import Credential, Membership, Organization, Session, SessionId, User, Waba


class UserStore(Protocol):
    async def add(self, user: User, credential: Credential) -> None:
        """Raise EmailTaken."""

    async def get(self, id: UserId) -> User:
        """Raise UserNotFound."""
        ...

    async def by_email(self, email: str) -> tuple[User, Credential] | None: ...

    async def save(self, user: User) -> None:
        """Raise EmailTaken."""

    async def set_password(self, credential: Credential) -> None: ...


class OrganizationStore(Protocol):
    async def add(self, organization: Organization) -> None: ...

    async def get(self, id: OrganizationId) -> Organization:
        """Raise OrganizationNotFound."""
        ...

    async def save(self, organization: Organization) -> None: ...

    async def join(self, membership: Membership) -> None: ...

    async def has(self, organization: OrganizationId, user: UserId) -> bool:
        """Whether the user is a member."""
        ...

    async def memberships(self, user: UserId) -> Sequence[Membership]:
        """Oldest first."""
        ...

    async def owners(self, organization: OrganizationId | None) -> Sequence[Membership]:
        """Owners of an organisation, or of all."""
        ...


class SessionStore(Protocol):
    async def add(self, session: Session) -> None: ...

    async def end(self, id: SessionId) -> None: ...


class WabaStore(Protocol):
    async def put(self, waba: Waba, sealed_token: bytes) -> None:
        """Raise WabaTaken when another organisation has it."""

    async def of(self, organization: OrganizationId) -> Sequence[Waba]: ...

    async def sealed(self, waba_id: WabaId) -> tuple[Waba, bytes] | None: ...


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction, across organisations: who asks is not known yet when somebody signs in."""

    users: UserStore
    organizations: OrganizationStore
    sessions: SessionStore
    wabas: WabaStore
    outbox: Outbox


Begin: TypeAlias = Callable[[], AbstractAsyncContextManager[Work]]


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


class Tokens(Protocol):
    """Access tokens, and the secret halves of refresh tokens."""

    def issue(self, actor: Actor, session: SessionId, now: datetime) -> str: ...

    def read(self, token: str, now: datetime) -> tuple[Actor, SessionId, datetime]:
        """Who, in which sign-in, until when. Raise BadToken."""
        ...

    def new_refresh(self) -> tuple[str, str]:
        """A refresh token, and its hash to keep."""
        ...


class Sealer(Protocol):
    """Encryption at rest, bound to the place where the secret is kept."""

    def seal(self, secret: str, place: str) -> bytes: ...

    def open(self, sealed: bytes, place: str) -> str:
        """Raise ValueError when it was sealed elsewhere, or by a key that is gone."""
        ...


class MetaNumbers(Protocol):
    """Meta's word on an account and its numbers."""

    async def connected_numbers(self, waba_id: WabaId, token: str) -> Sequence[ConnectedNumber]:
        """Raise the errors of `ports/meta.py` for a token or an account that is none."""
        ...
