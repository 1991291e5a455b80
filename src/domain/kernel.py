"""The words every context shares: ids, who is asking, and how a person is reached."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Generic, NewType, TypeVar
from uuid import UUID

from msgspec import Struct

from tidings.domain.errors import Fault, Forbidden, Invalid

T = TypeVar("T")

OrganizationId = NewType("OrganizationId", UUID)
UserId = NewType("UserId", UUID)
ContactId = NewType("ContactId", UUID)
GroupId = NewType("GroupId", UUID)
TemplateId = NewType("TemplateId", UUID)
CampaignId = NewType("CampaignId", UUID)
MessageId = NewType("MessageId", UUID)
"""Also the id of a campaign's recipient: one recipient is at most one message."""
AttemptId = NewType("AttemptId", UUID)
TeamId = NewType("TeamId", UUID)
ConversationId = NewType("ConversationId", UUID)

WabaId = NewType("WabaId", str)
PhoneNumberId = NewType("PhoneNumberId", str)
"""Meta's id of the number that messages are sent *from*; never a phone number."""
Wamid = NewType("Wamid", str)
Phone = NewType("Phone", str)
"""A person's number in E.164, with its leading `+`."""
PersonKey = NewType("PersonKey", str)
"""What makes two spellings of a person's number one person: see `person_key`."""


class Role(StrEnum):
    """What a member of an organisation is. Each later role may do less."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"
    CUSTOM = "custom"
    """A role that the organisation made itself: exactly the permissions it names."""


class Permission(StrEnum):
    """`resource:action`, the unit in which rights are given and checked."""

    ORGANIZATION_READ = "organization:read"
    ORGANIZATION_WRITE = "organization:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    WABAS_READ = "wabas:read"
    WABAS_WRITE = "wabas:write"
    TEAMS_READ = "teams:read"
    TEAMS_WRITE = "teams:write"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    CONTACTS_REVEAL = "contacts:reveal"
    """To see numbers and e-mail addresses in full; without it they are masked, also in exports."""
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    CAMPAIGNS_LAUNCH = "campaigns:launch"
    MESSAGES_READ = "messages:read"
    MESSAGES_SEND = "messages:send"
    CONVERSATIONS_READ = "conversations:read"
    CONVERSATIONS_WRITE = "conversations:write"
    CONVERSATIONS_ALL = "conversations:all"
    """To see and steer everybody's conversations, not only one's own and what waits in one's teams."""
    AUDIT_READ = "audit:read"
    SUBSCRIPTIONS_READ = "subscriptions:read"
    """To see which endpoints are told of what, and everything that they were told."""
    SUBSCRIPTIONS_WRITE = "subscriptions:write"


_READS = frozenset(p for p in Permission if p.endswith(":read"))
_ADMINS_ONLY = frozenset(
    {
        Permission.ORGANIZATION_WRITE,
        Permission.MEMBERS_WRITE,
        Permission.WABAS_WRITE,
        Permission.CONVERSATIONS_ALL,
        Permission.AUDIT_READ,
        Permission.SUBSCRIPTIONS_READ,
        Permission.SUBSCRIPTIONS_WRITE,
    }
)

RIGHTS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission),
    Role.MEMBER: frozenset(Permission) - _ADMINS_ONLY,
    Role.VIEWER: _READS - _ADMINS_ONLY,
    Role.CUSTOM: frozenset(),
}


class NotPermitted(Forbidden):
    """Your role does not allow this."""


class Actor(Struct, frozen=True, kw_only=True):
    """Who is asking now. The organisation comes from the token, never from a header or a body."""

    user_id: UserId
    organization_id: OrganizationId
    role: Role
    permissions: frozenset[Permission] | None = None
    """What a custom role or an API key allows; None: what the role allows."""
    session_id: UUID | None = None
    """The sign-in; None for an API key, and for who works on the machine itself."""
    origin: str = ""
    """The network address of the request."""

    @property
    def rights(self) -> frozenset[Permission]:
        return RIGHTS[self.role] if self.permissions is None else self.permissions

    def may(self, permission: Permission) -> bool:
        return permission in self.rights

    def require(self, permission: Permission) -> OrganizationId:
        """The organisation to work in; raise NotPermitted."""
        if not self.may(permission):
            raise NotPermitted(
                f"This needs the permission {permission.value}; your role is {self.role.value}."
            )
        return self.organization_id


_BETWEEN_DIGITS = str.maketrans("", "", " -().\u00a0")
_E164 = re.compile(r"[1-9][0-9]{6,14}")
_BRAZIL = re.compile(r"\+55(\d{2})9([6-9]\d{7})")
_MEXICO = re.compile(r"\+521(\d{10})")
_ARGENTINA = re.compile(r"\+549(\d{8,})")


class BadPhone(Invalid):
    """That is no number in the international form."""


def phone_of(text: str, field: str) -> Phone:
    """A number as somebody wrote it, with or without `+`, spaces and hyphens, in E.164. Raise BadPhone."""
    digits = text.strip().removeprefix("+").translate(_BETWEEN_DIGITS)
    if not _E164.fullmatch(digits):
        message = "must be a number with its country's code, such as +442079460958"
        raise BadPhone("", Fault(field=field, rule="phone", message=message))
    return Phone(f"+{digits}")


def person_key(phone: Phone) -> PersonKey:
    """One key for the national variants of one person's number (fact sheet section 10).

    Brazil's ninth digit, Mexico's 1 and Argentina's 9 come and go between what is dialled and what Meta
    reports as `wa_id`; landlines, which never carry them, keep their own key.
    """
    if found := _BRAZIL.fullmatch(phone):
        return PersonKey(f"55{found[1]}{found[2]}")
    if found := _MEXICO.fullmatch(phone):
        return PersonKey(f"52{found[1]}")
    if found := _ARGENTINA.fullmatch(phone):
        return PersonKey(f"54{found[1]}")
    return PersonKey(phone.removeprefix("+"))


def masked_phone(phone: Phone | None) -> Phone | None:
    """Enough of a number to tell it from others at a glance, and too little to dial."""
    if phone is None:
        return None
    return Phone(f"{phone[:3]}{'•' * max(len(phone) - 5, 3)}{phone[-2:]}")


def masked_person(person: PersonKey) -> PersonKey:
    return PersonKey(f"{person[:2]}{'•' * max(len(person) - 4, 3)}{person[-2:]}")


class Page(Struct, Generic[T], frozen=True, kw_only=True, rename="camel"):
    """Some of a list, newest or first as the list says, and how to go on.

    `next_cursor` is opaque and None on the last page; `total` is counted only when asked for.
    """

    items: Sequence[T]
    next_cursor: str | None = None
    total: int | None = None
