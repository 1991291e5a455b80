"""The context's stores on every engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.servers import ENGINES, server_of
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.mysql.contacts.privacy import Pseudonyms
from tidings.adapters.mysql.contacts.tables import metadata
from tidings.adapters.mysql.contacts.work import contacts_in, contacts_read_from
from tidings.adapters.mysql.engine import Database
from tidings.application.ports.contacts import Begin, Reading
from tidings.domain.contacts.groups import Group
from tidings.domain.contacts.people import Contact
from tidings.domain.kernel import ContactId, GroupId, OrganizationId, Phone, person_key

NAMES = Pseudonyms(("new key", "old key"))
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Stores:
    database: Database
    begin: Begin
    reading: Reading


def stores_on(database: Database) -> Stores:
    return Stores(
        database,
        contacts_in(database, now=utcnow, new_id=uuid7, pseudonyms=NAMES),
        contacts_read_from(database, pseudonyms=NAMES),
    )


@pytest.fixture(scope="session", params=ENGINES)
async def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stores]:
    if request.param == "sqlite":
        database = sqlite_database(tmp_path_factory.mktemp("contacts") / "contacts.db")
    else:
        database = server_of(request).database("contact_service")
    await database.create(metadata)
    yield stores_on(database)
    await database.close()


@pytest.fixture
def us() -> OrganizationId:
    return OrganizationId(uuid4())


def a_contact(organization: OrganizationId, phone: str = "+447700900123", **given: object) -> Contact:
    known: dict[str, object] = {
        "id": ContactId(uuid7()),
        "organization_id": organization,
        "phone": phone,
        "person": person_key(Phone(phone)),
        "country_code": "+44",
        "first_name": "Asha",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Contact(**known | given)  # type: ignore[arg-type]


def a_group(organization: OrganizationId, name: str = "VIP") -> Group:
    return Group(
        id=GroupId(uuid7()), organization_id=organization, name=name, created_at=NOON, updated_at=NOON
    )


def phones(count: int) -> list[str]:
    return [f"+4477009{n:05}" for n in range(count)]
