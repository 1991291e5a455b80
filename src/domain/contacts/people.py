"""A contact: a person, known once per organisation, and whether they may still be written to."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from msgspec import Struct, field
from msgspec.structs import replace

from tidings.domain.contacts.consent import Standing, changes
from tidings.domain.contacts.wishes import Wish
from tidings.domain.errors import Conflict, Fault, Invalid, NotFound
from tidings.domain.kernel import ContactId, GroupId, OrganizationId, PersonKey, Phone

OPTED_OUT = "opted_out"
NO_PHONE = "no_phone"
"""Why somebody is not reachable, as campaigns show it."""


class ContactNotFound(NotFound):
    """The organisation has no such contact."""


class PhoneTaken(Conflict):
    """The organisation already has a contact with this phone number, perhaps in another spelling."""


class InvalidContact(Invalid):
    """Some fields of the contact are not right."""


class Details(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one may say about a person; none of it is required."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    company: str = ""
    job_title: str = ""
    notes: str = ""
    attributes: dict[str, str] = field(default_factory=dict[str, str])


LIMITS: Mapping[str, int] = {
    "first_name": 100,
    "last_name": 100,
    "email": 254,
    "company": 100,
    "job_title": 100,
    "notes": 5000,
}
"""The text fields, and how many characters each may have."""
MAX_ATTRIBUTES = 64
MAX_ATTRIBUTE_KEY = 64
MAX_ATTRIBUTE_VALUE = 1000


class Known(Details, frozen=True, kw_only=True, rename="camel"):
    """What those who write to people need of one. `person` is what makes two spellings of a number the same
    human."""

    id: ContactId
    phone: Phone | None = None
    """None for somebody of whom only a business-scoped id is known."""
    person: PersonKey
    country_code: str = ""
    username: str = ""
    opted_out: bool = False

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def blocked(self) -> str | None:
        """Why this person may not be written to, or None."""
        if self.opted_out:
            return OPTED_OUT
        return NO_PHONE if self.phone is None else None

    @property
    def fields(self) -> dict[str, str]:
        """What templates can be filled with; a field that is empty is absent, so that its lack shows."""
        known = {
            **self.attributes,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "name": self.name,
            "email": self.email,
            "phone": self.phone or "",
            "username": self.username,
            "countryCode": self.country_code,
            "company": self.company,
            "jobTitle": self.job_title,
        }
        return {key: value for key, value in known.items() if value}


class Contact(Known, frozen=True, kw_only=True, rename="camel"):
    """A person."""

    organization_id: OrganizationId
    bsuid: str = ""
    """Meta's id of this person for this business; it is there when a username hides the number."""
    is_favorite: bool = False
    opted_out_at: datetime | None = None
    opted_in_at: datetime | None = None
    consent_source: str = ""
    created_at: datetime
    updated_at: datetime

    def opt_out(self, at: datetime, source: str) -> "Contact":
        """Stop marketing to this person."""
        return replace(self, **changes(self.opted_out_at, self.opted_in_at, Wish.STOP, at, source))

    def opt_in(self, at: datetime, source: str) -> "Contact":
        """Take the wish back, unless a stop of that moment or later is known."""
        return replace(self, **changes(self.opted_out_at, self.opted_in_at, Wish.START, at, source))

    def recall(self, standing: Standing) -> "Contact":
        """A person who comes back still wishes what they wished."""
        contact = self
        if standing.opted_in_at is not None:
            contact = contact.opt_in(standing.opted_in_at, standing.consent_source)
        if standing.opted_out_at is not None:
            contact = contact.opt_out(standing.opted_out_at, standing.consent_source)
        return contact


class GroupName(Struct, frozen=True, kw_only=True, rename="camel"):
    """A group as its members show it."""

    id: GroupId
    name: str


class ContactView(Contact, frozen=True, kw_only=True, rename="camel"):
    """A contact as readers see it: with the groups it is in."""

    groups: tuple[GroupName, ...] = ()


_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def faults_of(details: Details) -> list[Fault]:
    """Everything that is wrong with these details."""
    faults = [
        Fault(field=camel(name), rule="max_length", message=f"must have at most {limit} characters")
        for name, limit in LIMITS.items()
        if len(getattr(details, name)) > limit
    ]
    if details.email and not _EMAIL.fullmatch(details.email):
        faults.append(
            Fault(field="email", rule="email", message="must be an e-mail address, such as a@b.org")
        )
    return [*faults, *_attribute_faults(details.attributes)]


def _attribute_faults(attributes: Mapping[str, str]) -> Iterable[Fault]:
    if len(attributes) > MAX_ATTRIBUTES:
        yield Fault(field="attributes", rule="max_items", message=f"must be at most {MAX_ATTRIBUTES}")
    for key, value in attributes.items():
        if not is_attribute_key(key):
            message = f"names must have 1 to {MAX_ATTRIBUTE_KEY} letters, digits and _"
            yield Fault(field=f"attributes.{key[:MAX_ATTRIBUTE_KEY]}", rule="name", message=message)
        if len(value) > MAX_ATTRIBUTE_VALUE:
            message = f"must have at most {MAX_ATTRIBUTE_VALUE} characters"
            yield Fault(field=f"attributes.{key}", rule="max_length", message=message)


def is_word(char: str) -> bool:
    """Whether the character can be part of a name; the marks of Indic scripts are."""
    return char.isalnum() or char == "_" or unicodedata.category(char)[0] == "M"


def is_attribute_key(key: str) -> bool:
    return 0 < len(key) <= MAX_ATTRIBUTE_KEY and _is_name(key)


@lru_cache(maxsize=1024)
def _is_name(key: str) -> bool:
    """Of a file's rows each asks the same few."""
    return all(is_word(char) for char in key)


def tidied(details: Details) -> Details:
    """The same details without stray white space and control characters."""
    tidy = {name: tidy_text(getattr(details, name)) for name in LIMITS if name != "notes"}
    return replace(
        details,
        **tidy | {"email": tidy["email"].lower()},
        notes="\n".join(tidy_text(line) for line in details.notes.splitlines()).strip(),
        attributes={tidy_text(key): tidy_text(value) for key, value in details.attributes.items()},
    )


def tidy_text(text: str) -> str:
    """One line, composed characters, single spaces; marks of text direction stay."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    shown = "".join(" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)
    return unicodedata.normalize("NFC", " ".join(shown.split()))


def camel(name: str) -> str:
    """`first_name` as it is called on the wire."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


class _Bare(dict[int, str | None]):
    """What becomes of a decomposed character: marks go, letters that do not decompose are spelled out."""

    def __missing__(self, char: int) -> str | None:
        self[char] = bare = None if unicodedata.combining(chr(char)) else chr(char)
        return bare


_BARE = _Bare(
    str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})
)
SEARCH_TEXT_LENGTH = 512


def folded(text: str) -> str:
    """Text as it is compared when people search: without case and accents."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", text).casefold().translate(_BARE))


def search_text(contact: Contact) -> str:
    """What search looks at: name, e-mail, username and the digits of the number."""
    said = f"{contact.first_name} {contact.last_name} {contact.email} {contact.username}".rstrip()
    return f"{(contact.phone or '').removeprefix('+')} {folded(said)}"[:SEARCH_TEXT_LENGTH]


_DIALLED = re.compile(r"[+(]?[\d][\d\s().\-/]*")


def search_terms(asked: str) -> tuple[str, ...]:
    """The pieces that must all occur. A number may be written with spaces, signs and a leading zero."""
    asked = asked.strip()
    if _DIALLED.fullmatch(asked) and any(sign in asked for sign in " +(-./"):
        digits = "".join(char for char in asked if char.isdigit())
        return (digits.lstrip("0") or digits,)
    return tuple(dict.fromkeys(folded(asked).split()))[:8]
