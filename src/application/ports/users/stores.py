"""The tables of users, within one transaction."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from tidings.application.ports.common import Inbox, Outbox
from tidings.application.ports.users.sealed import SealedStore
from tidings.application.ports.users.subscriptions import DeliveryStore, SubscriptionStore
from tidings.domain.kernel import OrganizationId, Page, UserId, WabaId
from tidings.domain.users import (
    ApiKey,
    ApiKeyId,
    AuditEntry,
    Credential,
    CustomRole,
    ExternalIdentity,
    Invitation,
    InvitationId,
    Letter,
    Membership,
    Organization,
    Proof,
    Purpose,
    RoleId,
    SecondFactor,
    Session,
    SessionId,
    User,
    Waba,
)


class UserStore(Protocol):
    async def add(self, user: User, credential: Credential) -> None:
        """Raise EmailTaken."""

    async def get(self, id: UserId) -> User:
        """Raise UserNotFound."""
        ...

    async def credential(self, id: UserId) -> Credential:
        """Raise UserNotFound."""
        ...

    async def by_email(self, email: str) -> tuple[User, Credential] | None: ...

    async def save(self, user: User) -> None:
        """Raise EmailTaken."""

    async def set_password(self, credential: Credential) -> None: ...

    async def remove(self, id: UserId) -> None:
        """The user and all that proves who they are; not their memberships."""

    async def identity(self, issuer: str, subject: str) -> UserId | None: ...

    async def link(self, identity: ExternalIdentity) -> None: ...


class Standing(Struct, frozen=True, kw_only=True):
    """A membership with what it allows at this moment."""

    membership: Membership
    custom: CustomRole | None = None


class Member(Struct, frozen=True, kw_only=True, rename="camel"):
    """A member as the organisation sees one."""

    user: User
    membership: Membership


class OrganizationStore(Protocol):
    async def add(self, organization: Organization) -> None: ...

    async def get(self, id: OrganizationId) -> Organization:
        """Raise OrganizationNotFound."""
        ...

    async def of_user(self, user: UserId) -> Sequence[Organization]:
        """Where the user is a member, oldest first."""
        ...

    async def save(self, organization: Organization) -> None: ...

    async def close(self, id: OrganizationId) -> None:
        """Remove the organisation with its roles, keys, invitations and WABA links. The audit log stays."""

    async def join(self, membership: Membership) -> None:
        """Add a member; whoever is one already keeps what they are."""

    async def standing(self, organization: OrganizationId, user: UserId) -> Standing | None: ...

    async def set_membership(self, membership: Membership) -> None: ...

    async def leave(self, organization: OrganizationId, user: UserId) -> None:
        """End the membership, its sign-ins and its API keys."""

    async def memberships(self, user: UserId) -> Sequence[Membership]:
        """Oldest first."""
        ...

    async def owners(self, organization: OrganizationId | None) -> Sequence[Membership]:
        """Owners of an organisation (locked, those that are not suspended), or of all."""
        ...

    async def members(self, organization: OrganizationId, *, cursor: str | None, limit: int) -> Page[Member]:
        """In order of joining. Raise BadCursor."""
        ...


class RoleStore(Protocol):
    """The roles that organisations made."""

    async def add(self, role: CustomRole) -> None:
        """Raise RoleNameTaken."""

    async def get(self, organization: OrganizationId, id: RoleId) -> CustomRole:
        """Raise RoleNotFound."""
        ...

    async def save(self, role: CustomRole) -> None:
        """Raise RoleNameTaken."""

    async def remove(self, organization: OrganizationId, id: RoleId) -> None:
        """Raise RoleInUse while a member or a pending invitation has it."""

    async def of(self, organization: OrganizationId) -> Sequence[CustomRole]:
        """By name."""
        ...


class InvitationStore(Protocol):
    async def add(self, invitation: Invitation) -> None: ...

    async def get(self, id: InvitationId, organization: OrganizationId | None = None) -> Invitation:
        """Locked until the transaction ends. Raise InvitationNotFound, also when it is another's."""
        ...

    async def save(self, invitation: Invitation) -> None: ...

    async def open_for(self, organization: OrganizationId, email: str) -> Invitation | None:
        """The one that was neither accepted nor taken back."""
        ...

    async def page(self, organization: OrganizationId, *, cursor: str | None, limit: int) -> Page[Invitation]:
        """Newest first. Raise BadCursor."""
        ...


class SessionStore(Protocol):
    """Sign-ins and their refresh tokens. Every refresh token is good once."""

    async def add(self, session: Session, refresh: str) -> None:
        """Raise nothing; `refresh` is a fingerprint."""

    async def get(self, id: SessionId) -> Session | None: ...

    async def spend(self, refresh: str, now: datetime) -> tuple[Session | None, bool]:
        """The sign-in of a refresh token, and whether it was the first use: exactly one of many wins."""
        ...

    async def renew(self, session: Session, refresh: str) -> None:
        """Give the sign-in another refresh token; those that were spent stay known."""

    async def end(self, id: SessionId) -> None: ...

    async def end_of(
        self, user: UserId, *, organization: OrganizationId | None = None, keep: SessionId | None = None
    ) -> None:
        """All of a user's sign-ins (in one organisation), but for one to keep."""

    async def of(self, user: UserId) -> Sequence[Session]:
        """Newest first."""
        ...

    async def familiar(self, email: str, origin: str) -> bool:
        """Whether the user of this e-mail has a sign-in that came from there."""
        ...

    async def sweep(self, before: datetime) -> None:
        """Forget sign-ins and proofs that ended before this moment."""


class FactorStore(Protocol):
    """Second factors and recovery codes."""

    async def get(self, user: UserId) -> SecondFactor | None: ...

    async def put(self, factor: SecondFactor) -> None: ...

    async def advance(self, user: UserId, step: int) -> bool:
        """Note that a code of this step was taken; False when one of it, or of a later one, was before."""
        ...

    async def remove(self, user: UserId) -> None:
        """The factor and its recovery codes."""

    async def set_codes(self, user: UserId, fingerprints: Collection[str]) -> None:
        """Replace the recovery codes."""

    async def spend_code(self, user: UserId, fingerprint: str) -> bool:
        """False when it is none, or no more."""
        ...

    async def codes_left(self, user: UserId) -> int: ...


class KeyStore(Protocol):
    """API keys."""

    async def add(self, key: ApiKey, fingerprint: str) -> None: ...

    async def by_fingerprint(self, fingerprint: str) -> ApiKey | None: ...

    async def touch(self, id: ApiKeyId, at: datetime) -> None: ...

    async def of(self, organization: OrganizationId, user: UserId | None) -> Sequence[ApiKey]:
        """A member's keys, or everybody's; newest first."""
        ...

    async def remove(self, id: ApiKeyId, organization: OrganizationId, user: UserId | None) -> ApiKey | None:
        """Revoke a key (of that member); None when there is none."""
        ...


class ProofStore(Protocol):
    """Secrets that are good once."""

    async def put(self, proof: Proof) -> None:
        """Voids older ones of the same purpose and subject."""

    async def get(self, fingerprint: str, purpose: Purpose, now: datetime) -> Proof | None:
        """Look without spending it."""
        ...

    async def take(self, fingerprint: str, purpose: Purpose, now: datetime) -> Proof | None:
        """Spend it: exactly one of many callers gets it. None when it is none, has ended, or is for else."""
        ...

    async def void(self, purpose: Purpose, subject: str) -> None: ...


class LetterStore(Protocol):
    """Mail that is owed."""

    async def put(self, letter: Letter) -> None: ...

    async def due(self, now: datetime, limit: int) -> Sequence[Letter]: ...

    async def postpone(self, letter: Letter) -> bool:
        """Note another attempt and its next moment; False when somebody else has it."""
        ...

    async def done(self, letter: Letter) -> None: ...


class AuditFilter(Struct, frozen=True, kw_only=True):
    """Which entries to show."""

    user_id: UserId | None = None
    what: str | None = None
    """An action, or a resource ending in `:`."""
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditStore(Protocol):
    """Append only."""

    async def append(self, *entries: AuditEntry) -> None: ...

    async def page(
        self, organization: OrganizationId, wanted: AuditFilter, *, cursor: str | None, limit: int
    ) -> Page[AuditEntry]:
        """Newest first. Raise BadCursor."""
        ...

    async def following(self, organization: OrganizationId, seq: int, limit: int) -> Sequence[AuditEntry]:
        """The entries after this number, in order."""
        ...

    async def length(self, organization: OrganizationId) -> int:
        """How many entries the chain has, by its own count."""
        ...


class WabaStore(Protocol):
    async def put(self, waba: Waba, sealed_token: bytes) -> None:
        """Raise WabaTaken when another organisation has it."""

    async def of(self, organization: OrganizationId) -> Sequence[Waba]: ...

    async def sealed(self, waba_id: WabaId) -> tuple[Waba, bytes] | None: ...

    async def all(self, after: WabaId | None, limit: int) -> Sequence[tuple[Waba, bytes]]:
        """Every account, in order of its id: for sealing anew."""
        ...

    async def remove(self, organization: OrganizationId, waba_id: WabaId) -> None:
        """Raise WabaNotFound."""


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction, across organisations: who asks is not known yet when somebody signs in."""

    users: UserStore
    organizations: OrganizationStore
    roles: RoleStore
    invitations: InvitationStore
    sessions: SessionStore
    factors: FactorStore
    keys: KeyStore
    proofs: ProofStore
    letters: LetterStore
    audit: AuditStore
    wabas: WabaStore
    subscriptions: SubscriptionStore
    deliveries: DeliveryStore
    sealed: SealedStore
    outbox: Outbox
    inbox: Inbox


Begin: TypeAlias = Callable[[], AbstractAsyncContextManager[Work]]
