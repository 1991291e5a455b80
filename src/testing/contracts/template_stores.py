"""What the suites of the templates context stand on: stores of yours, and a template to put there."""

from datetime import UTC, datetime
from typing import Any, Protocol

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.templates import Begin, DueAccounts, Reading
from tidings.domain.kernel import OrganizationId, TemplateId, WabaId
from tidings.domain.templates.components import Body, Category
from tidings.domain.templates.template import Template

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
WABA = WabaId("920000000000101")


class Stores(Protocol):
    """Writing transactions, looks that wait for nobody, and the accounts whose sync is due."""

    @property
    def begin(self) -> Begin: ...
    @property
    def reading(self) -> Reading: ...
    @property
    def due(self) -> DueAccounts: ...


def a_template(organization: OrganizationId, name: str = "hello", **given: Any) -> Template:
    known: dict[str, Any] = {
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
    return Template(**(known | given))
