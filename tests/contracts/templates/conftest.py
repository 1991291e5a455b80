"""The context's stores on every engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.servers import ENGINES, server_of
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.templates import SqlDueAccounts, metadata, templates_in, templates_read_from
from tidings.application.ports.templates import Begin, DueAccounts, Reading
from tidings.domain.kernel import OrganizationId, TemplateId, WabaId
from tidings.domain.templates.components import Body, Category
from tidings.domain.templates.template import Template

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
WABA = WabaId("920000000000101")


@dataclass(frozen=True)
class Stores:
    database: Database
    begin: Begin
    reading: Reading
    due: DueAccounts


@pytest.fixture(scope="session", params=ENGINES)
async def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stores]:
    if request.param == "sqlite":
        database = sqlite_database(tmp_path_factory.mktemp("templates") / "templates.db")
    else:
        database = server_of(request).database("template_service")
    await database.create(metadata)
    begin = templates_in(database, now=utcnow, new_id=uuid7)
    yield Stores(database, begin, templates_read_from(database), SqlDueAccounts(database))
    await database.close()


@pytest.fixture
def us() -> OrganizationId:
    return OrganizationId(uuid4())


def a_template(organization: OrganizationId, name: str = "hello", **given: object) -> Template:
    known: dict[str, object] = {
        "id": TemplateId(uuid7()),
        "organization_id": organization,
        "waba_id": WABA,
        "name": name,
        "language": "en_GB",
        "category": Category.UTILITY,
        "components": (Body(text="Hello there"),),
        "status_at": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Template(**known | given)  # type: ignore[arg-type]
