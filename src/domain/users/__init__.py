"""People who sign in, the organisations they work for, and an organisation's link to Meta."""

from datetime import datetime, timedelta
from typing import NewType
from uuid import UUID

from msgspec import Struct

from tidings.domain.errors import Conflict, Fault, Invalid, NotFound, Throttled, Unauthenticated
from tidings.domain.kernel import OrganizationId, Role, UserId, WabaId

SessionId = NewType("SessionId", UUID)

ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=30)
PASSWORD_LENGTH = (10, 128)


class WrongCredentials(Unauthenticated):
    """The e-mail or the password is wrong."""


class BadToken(Unauthenticated):
    """The token is missing, unreadable or has ended; sign in again."""


class EmailTaken(Conflict):
    """An account with this e-mail exists already."""


class BadAccount(Invalid):
    """The account cannot be made like this."""


class UserNotFound(NotFound):
    """There is no such user."""


class OrganizationNotFound(NotFound):
    """There is no such organisation."""


class SeveralOrganizations(Conflict):
    """There are several organisations: say which one."""


class WabaTaken(Conflict):
    """This WhatsApp Business Account is connected to another organisation."""


class TooManyHashes(Throttled):
    """Too many people sign in at this moment; try again."""


class User(Struct, frozen=True, kw_only=True, rename="camel"):
    """A person who signs in."""

    id: UserId
    email: str
    name: str
    created_at: datetime
    updated_at: datetime


class Credential(Struct, frozen=True, kw_only=True):
    """How a user proves who they are; never part of a reply."""

    user_id: UserId
    password_hash: str


class Organization(Struct, frozen=True, kw_only=True, rename="camel"):
    """A tenant: everything belongs to one."""

    id: OrganizationId
    name: str
    physical_address: str = ""
    city: str = ""
    state: str = ""
    zip_code: str = ""
    country: str = ""
    created_at: datetime
    updated_at: datetime


class Membership(Struct, frozen=True, kw_only=True):
    """A user's role in an organisation."""

    organization_id: OrganizationId
    user_id: UserId
    role: Role


class Session(Struct, frozen=True, kw_only=True):
    """A sign-in, which lasts as long as its refresh token."""

    id: SessionId
    user_id: UserId
    organization_id: OrganizationId
    refresh_hash: str
    created_at: datetime
    ends_at: datetime


class Waba(Struct, frozen=True, kw_only=True, rename="camel"):
    """A WhatsApp Business Account that an organisation linked. Its token is kept apart, sealed."""

    waba_id: WabaId
    organization_id: OrganizationId
    connected_at: datetime


def tidy_email(text: str) -> str:
    """The e-mail as it is compared: trimmed, and in lower case."""
    return text.strip().lower()


def faults_of_account(email: str, password: str, name: str) -> tuple[Fault, ...]:
    """What is wrong with a new account: every field at once."""
    return (*faults_of_email(email), *faults_of_password(password), *faults_of_name(name))


def faults_of_email(email: str) -> tuple[Fault, ...]:
    local, at, domain = tidy_email(email).rpartition("@")
    good = at and local and "." in domain.strip(".") and not any(c.isspace() for c in email.strip())
    if good and len(email) <= 254 and email.isascii():
        return ()
    return (Fault(field="email", rule="email", message="must be an e-mail address"),)


def faults_of_password(password: str, field: str = "password") -> tuple[Fault, ...]:
    shortest, longest = PASSWORD_LENGTH
    if shortest <= len(password) <= longest:
        return ()
    return (Fault(field=field, rule="length", message=f"must have {shortest} to {longest} characters"),)


def faults_of_name(name: str) -> tuple[Fault, ...]:
    if 1 <= len(name.strip()) <= 200:
        return ()
    return (Fault(field="name", rule="length", message="must have 1 to 200 characters"),)
