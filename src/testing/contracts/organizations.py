"""What suites stand on: each test has an organisation of its own, so that none sees what another left."""

from uuid import uuid4

import pytest

from tidings.domain.kernel import OrganizationId


class OfAnOrganization:
    """Each test has an organisation of its own."""

    @pytest.fixture
    def us(self) -> OrganizationId:
        """An organisation that nobody else knows."""
        return OrganizationId(uuid4())
