"""A person who signs in: e-mail, name, and what a password must be."""

import unicodedata
from datetime import datetime

from msgspec import Struct

from tidings.domain.errors import Conflict, Fault, Invalid, NotFound, Throttled, Unauthenticated
from tidings.domain.kernel import UserId

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


class TooManyHashes(Throttled):
    """Too many people sign in at this moment; try again."""


class User(Struct, frozen=True, kw_only=True, rename="camel"):
    """A person who signs in."""

    id: UserId
    email: str
    name: str
    verified_at: datetime | None = None
    """When the person proved that the e-mail is theirs, by using what was sent to it."""
    created_at: datetime
    updated_at: datetime


def tidy_email(text: str) -> str:
    """The e-mail as it is compared: trimmed, and in lower case."""
    return text.strip().lower()


def tidy_password(text: str) -> str:
    """The password in one spelling (NFKC), however the keyboard composed it."""
    return unicodedata.normalize("NFKC", text)


def faults_of_account(email: str, password: str, name: str, *, common: bool = False) -> tuple[Fault, ...]:
    """What is wrong with a new account: every field at once. `common` is what the list of passwords says."""
    return (
        *faults_of_email(email),
        *faults_of_password(password, common=common),
        *faults_of_name(name),
    )


def faults_of_email(email: str) -> tuple[Fault, ...]:
    local, at, domain = tidy_email(email).rpartition("@")
    good = at and local and "." in domain.strip(".") and email.strip().isascii()
    if good and len(email) <= 254 and not any(c.isspace() or not c.isprintable() for c in email.strip()):
        return ()
    return (Fault(field="email", rule="email", message="must be an e-mail address"),)


def faults_of_password(password: str, field: str = "password", *, common: bool = False) -> tuple[Fault, ...]:
    shortest, longest = PASSWORD_LENGTH
    if not shortest <= len(password) <= longest:
        return (Fault(field=field, rule="length", message=f"must have {shortest} to {longest} characters"),)
    if common:
        return (Fault(field=field, rule="common", message="is among the passwords that are guessed first"),)
    return ()


def faults_of_name(name: str) -> tuple[Fault, ...]:
    if 1 <= len(name.strip()) <= 200:
        return ()
    return (Fault(field="name", rule="length", message="must have 1 to 200 characters"),)
