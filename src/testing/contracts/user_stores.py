"""What the suites of the users context stand on: stores of yours, and whom to put there."""

from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.users import Begin
from tidings.domain.kernel import OrganizationId, Role, UserId
from tidings.domain.users import Credential, Membership, Organization, User, fingerprint

NOON = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)
many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


class Stores(Protocol):
    """Writing transactions, and looks that wait for nobody."""

    @property
    def begin(self) -> Begin: ...
    @property
    def read(self) -> Begin: ...


class OfAnOwner:
    """Each test has a user of its own, who owns an organisation."""

    @pytest.fixture
    async def user(self, stores: Stores) -> User:
        user = a_user()
        async with stores.begin() as work:
            await work.users.add(user, Credential(user_id=user.id, password_hash="$argon2id$x"))
        return user

    @pytest.fixture
    async def organization(self, stores: Stores, user: User) -> Organization:
        organization = an_organization()
        member = Membership(organization_id=organization.id, user_id=user.id, role=Role.OWNER, joined_at=NOON)
        async with stores.begin() as work:
            await work.organizations.add(organization)
            await work.organizations.join(member)
        return organization


def a_user(**given: Any) -> User:
    id = uuid7()
    known: dict[str, Any] = {
        "email": f"{id.hex}@example.org",
        "name": "Ada",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return User(id=UserId(id), **(known | given))


def an_organization(**given: Any) -> Organization:
    known: dict[str, Any] = {"name": "Acme", "created_at": NOON, "updated_at": NOON}
    return Organization(id=OrganizationId(uuid7()), **(known | given))


def a_secret() -> str:
    return fingerprint(str(uuid4()))
