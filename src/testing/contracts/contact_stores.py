"""What the suites of the contacts context stand on: stores of yours, and whom to put there."""

from datetime import UTC, datetime
from typing import Any, Protocol

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.contacts import Begin, ContactSearch, ImportQueue, Reading
from tidings.domain.contacts.groups import Group
from tidings.domain.contacts.people import Contact
from tidings.domain.kernel import ContactId, GroupId, OrganizationId, Phone, person_key

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class Stores(Protocol):
    """Writing transactions, looks that wait for nobody, the search index, and the imports that wait."""

    @property
    def begin(self) -> Begin: ...
    @property
    def reading(self) -> Reading: ...
    @property
    def search(self) -> ContactSearch: ...
    @property
    def imports(self) -> ImportQueue: ...


def a_contact(organization: OrganizationId, phone: str = "+447700900123", **given: Any) -> Contact:
    known: dict[str, Any] = {
        "id": ContactId(uuid7()),
        "organization_id": organization,
        "phone": phone,
        "person": person_key(Phone(phone)),
        "country_code": "+44",
        "first_name": "Asha",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Contact(**known | given)


def a_group(organization: OrganizationId, name: str = "VIP") -> Group:
    return Group(
        id=GroupId(uuid7()), organization_id=organization, name=name, created_at=NOON, updated_at=NOON
    )


def phones(count: int) -> list[str]:
    return [f"+4477009{n:05}" for n in range(count)]
