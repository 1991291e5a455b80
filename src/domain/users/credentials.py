"""How people and programs prove who they are. Secrets are kept as fingerprints or sealed."""

import base64
import hashlib
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from msgspec import Struct

from tidings.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from tidings.domain.kernel import OrganizationId, Permission, UserId

SessionId = NewType("SessionId", UUID)
ApiKeyId = NewType("ApiKeyId", UUID)


class SessionNotFound(NotFound):
    """There is no such sign-in."""


class SessionNeeded(Forbidden):
    """A person must do this, not an API key."""


class SecondFactorNeeded(Unauthenticated):
    """The password is right; send the code of the authenticator app, or a recovery code, along with it."""


class BadSecondFactor(Unauthenticated):
    """The code is wrong or was used before."""


class SpentProof(Invalid):
    """The link was used before, has ended, or never existed; ask for a new one."""


class BadApiKey(Invalid):
    """The API key cannot be made like this."""


class Credential(Struct, frozen=True, kw_only=True):
    """How a user proves who they are; never part of a reply."""

    user_id: UserId
    password_hash: str | None
    """None for who signs in elsewhere."""


class Session(Struct, frozen=True, kw_only=True, rename="camel"):
    """A sign-in, which lasts until it ends or is ended: a row that is gone admits nobody."""

    id: SessionId
    user_id: UserId
    organization_id: OrganizationId
    """Where the next refresh leads."""
    origin: str = ""
    created_at: datetime
    ends_at: datetime


class SecondFactor(Struct, frozen=True, kw_only=True):
    """A user's authenticator app. It counts from when a first code confirmed it."""

    user_id: UserId
    sealed_secret: bytes
    confirmed_at: datetime | None = None
    last_step: int = 0
    """The 30-second step of the last code that was taken: none is taken twice."""


class ExternalIdentity(Struct, frozen=True, kw_only=True):
    """Who a user is at an OpenID Connect provider."""

    issuer: str
    subject: str
    user_id: UserId
    linked_at: datetime


class ApiKey(Struct, frozen=True, kw_only=True, rename="camel"):
    """A program's key: it may do what its scopes say, and never more than its maker may at that moment."""

    id: ApiKeyId
    organization_id: OrganizationId
    user_id: UserId
    name: str
    prefix: str
    """The first letters, to recognise it by."""
    scopes: tuple[Permission, ...]
    created_at: datetime
    ends_at: datetime
    last_used_at: datetime | None = None


class Purpose(StrEnum):
    """What a secret that was sent or lent is good for, and for nothing else."""

    RESET = "reset"
    INVITATION = "invitation"
    SIGN_IN = "sign_in"


class Proof(Struct, frozen=True, kw_only=True):
    """A secret that is good once. A new one for the same purpose and subject voids the old."""

    fingerprint: str
    purpose: Purpose
    subject: str
    """Whom or what it is about: a user's or an invitation's id, or what the way back needs, sealed."""
    ends_at: datetime


def fingerprint(secret: str) -> str:
    """What is kept of a secret of 256 bits of chance; a fast hash is enough for those."""
    return hashlib.sha256(secret.encode()).hexdigest()


def recovery_code(chance: str) -> str:
    """80 bits of a secret as `abcd-efgh-ijkl-mnop`, for people to write down."""
    text = base64.b32encode(hashlib.sha256(chance.encode()).digest()[:10]).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))
