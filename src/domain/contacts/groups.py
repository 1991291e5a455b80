"""Groups: named sets of contacts, with a count that is exact."""

from datetime import datetime

from msgspec import Struct

from tidings.domain.contacts.people import tidy_text
from tidings.domain.errors import Conflict, Fault, Invalid, NotFound
from tidings.domain.kernel import GroupId, OrganizationId

MAX_NAME = 100
MAX_DESCRIPTION = 500


class GroupNotFound(NotFound):
    """The organisation has no such group."""


class GroupNameTaken(Conflict):
    """The organisation already has a group of this name."""


class InvalidGroup(Invalid):
    """Some fields of the group are not right."""


class Group(Struct, frozen=True, kw_only=True, rename="camel"):
    """A named set of contacts. Deleting it leaves its members where they are."""

    id: GroupId
    organization_id: OrganizationId
    name: str
    description: str = ""
    contact_count: int = 0
    created_at: datetime
    updated_at: datetime


class Membership(Struct, frozen=True, kw_only=True, rename="camel"):
    """What putting people into a group, or taking them out, came to."""

    group_id: GroupId
    changed: int
    unchanged: int
    contact_count: int


def named(name: str, description: str) -> tuple[str, str]:
    """A group's name and description, tidied. Raise InvalidGroup."""
    name, description = tidy_text(name), tidy_text(description)
    faults: list[Fault] = []
    if not name:
        faults.append(Fault(field="name", rule="required", message="must not be empty"))
    if len(name) > MAX_NAME:
        faults.append(
            Fault(field="name", rule="max_length", message=f"must have at most {MAX_NAME} characters")
        )
    if len(description) > MAX_DESCRIPTION:
        message = f"must have at most {MAX_DESCRIPTION} characters"
        faults.append(Fault(field="description", rule="max_length", message=message))
    if faults:
        raise InvalidGroup("", *faults)
    return name, description
