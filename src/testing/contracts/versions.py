"""What every source of versions promises: one stays until something changes, and never comes back."""

from typing import Protocol
from uuid import uuid4

import pytest

from tidings.application.ports.cache import Versions
from tidings.domain.kernel import OrganizationId

US = OrganizationId(uuid4())


class Place(Protocol):
    """Two processes that look at the contacts context, and a change that one of them makes."""

    @property
    def here(self) -> Versions: ...
    @property
    def there(self) -> Versions: ...

    async def change(self, organization: OrganizationId) -> None:
        """Change something of the organisation's contacts; when it returns, everybody has heard of it."""


@pytest.mark.anyio
class VersionsContract:
    """Subclass it beside a fixture `place` that gives a `Place` of your own."""

    async def test_a_version_stays_until_something_changes(self, place: Place) -> None:
        seen = {await place.here.of("contacts", US) for _ in range(5)}
        assert len(seen) == 1
        assert None not in seen

    async def test_a_change_anywhere_makes_another_version_everywhere_that_never_comes_back(
        self, place: Place
    ) -> None:
        here, there = set[object](), set[object]()
        for _ in range(5):
            here.add(await place.here.of("contacts", US))
            there.add(await place.there.of("contacts", US))
            await place.change(US)
        assert (len(here), len(there)) == (5, 5)
