"""What quotas need: their tables within the whatsapp context."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Protocol

from msgspec import Struct

from tidings.domain.kernel import OrganizationId
from tidings.domain.whatsapp.quotas import Quota, Usage


class Metered(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an organisation may send, and has sent."""

    organization_id: OrganizationId
    quota: Quota
    own: bool
    """Whether the quota was set for this organisation; else it is everybody's."""
    usage: Usage


class QuotaStore(Protocol):
    """Quotas, and what was sent by day; within one transaction."""

    async def of(self, organizations: Collection[OrganizationId]) -> Mapping[OrganizationId, Quota]:
        """For each its own, or everybody's."""
        ...

    async def put(self, organization: OrganizationId, quota: Quota | None) -> None:
        """Set its own; None: everybody's holds again."""

    async def usage(
        self, organizations: Collection[OrganizationId], day: date, *, hold: bool = False
    ) -> Mapping[OrganizationId, Usage]:
        """What each sent on the day and in its month; with `hold` others count after this transaction."""
        ...

    async def count(self, more: Mapping[tuple[OrganizationId, date], int]) -> None:
        """Add what organisations sent by day; less than nothing is given back."""

    async def metered(self, day: date) -> Sequence[Metered]:
        """Everybody who has a quota of their own or has sent something in the month of the day, by id."""
        ...
