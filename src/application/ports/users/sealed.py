"""Everything that lies sealed, whatever it is of: for sealing anew."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from tidings.domain.kernel import OrganizationId


class SealedKind(StrEnum):
    """What a secret is of."""

    ACCESS_TOKEN = "access_token"
    SECOND_FACTOR = "second_factor"
    ENDPOINT = "endpoint"
    ENDPOINT_BEFORE = "endpoint_before"
    """The secret before an endpoint's last change, which signs too for a day."""


class SealedRecord(Struct, frozen=True, kw_only=True):
    """A secret at rest, and whose it is."""

    id: str | UUID
    organization_id: OrganizationId | None = None
    """Of access tokens, which are sealed for their organisation."""
    sealed: bytes

    @property
    def uuid(self) -> UUID:
        """The id of what has one; raise TypeError for an access token's."""
        if isinstance(self.id, str):
            raise TypeError("an access token is known by its account")
        return self.id


class SealedStore(Protocol):
    """Secrets at rest."""

    async def page(self, kind: SealedKind, after: SealedRecord | None, limit: int) -> Sequence[SealedRecord]:
        """In order of their ids."""
        ...

    async def replace(self, kind: SealedKind, record: SealedRecord, sealed: bytes) -> int:
        """1; or 0 when it is another by now, or gone."""
        ...
