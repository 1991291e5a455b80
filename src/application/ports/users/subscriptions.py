"""What telling an organisation's endpoints stands on."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tidings.domain.kernel import OrganizationId, Page
from tidings.domain.users.subscriptions import Delivery, DeliveryId, State, Subscription, SubscriptionId


class SealedSecrets(Struct, frozen=True, kw_only=True):
    """The secrets that sign for one endpoint, each sealed."""

    current: bytes
    previous: bytes | None = None
    previous_until: datetime | None = None


class SubscriptionStore(Protocol):
    async def add(self, subscription: Subscription, secrets: SealedSecrets) -> None: ...

    async def save(self, subscription: Subscription) -> None: ...

    async def remove(self, organization: OrganizationId, id: SubscriptionId) -> None:
        """With its deliveries. Raise SubscriptionNotFound."""

    async def get(self, organization: OrganizationId, id: SubscriptionId) -> Subscription:
        """Raise SubscriptionNotFound."""
        ...

    async def of(self, organizations: Collection[OrganizationId]) -> Sequence[Subscription]:
        """Every subscription of these, oldest first."""
        ...

    async def find(
        self, ids: Collection[SubscriptionId]
    ) -> Mapping[SubscriptionId, tuple[Subscription, SealedSecrets]]:
        """Those that there are, with their secrets."""
        ...

    async def put_secrets(self, id: SubscriptionId, secrets: SealedSecrets) -> None: ...


class DeliveryStore(Protocol):
    async def add(self, new: Sequence[Delivery]) -> None:
        """Those of an event that an endpoint has already change nothing."""

    async def claim(self, now: datetime, until: datetime, *, limit: int, each: int) -> Sequence[Delivery]:
        """The first of each key that are due, at most `each` of an endpoint; nobody else gets them before
        `until`. Endpoints that rest, or are not told, are passed over."""
        ...

    async def save(self, delivery: Delivery) -> None: ...

    async def get(self, subscription: SubscriptionId, id: DeliveryId) -> Delivery:
        """Raise DeliveryNotFound."""
        ...

    async def page(
        self, subscription: SubscriptionId, *, state: State | None, cursor: str | None, limit: int
    ) -> Page[Delivery]:
        """Newest first. Raise BadCursor."""
        ...

    async def forget(self, organization: OrganizationId, keys: Collection[str]) -> None:
        """Remove every delivery of these keys, delivered or not."""

    async def again(
        self, subscription: SubscriptionId, since: datetime, until: datetime, now: datetime
    ) -> int:
        """Put back in line what happened in this span and is not in line now; how many those are."""
        ...


class CourierAnswer(Struct, frozen=True, kw_only=True):
    """What an endpoint said."""

    status: int | None
    error: str = ""
    took_ms: int = 0


class Courier(Protocol):
    """Brings a body to an address on the public internet."""

    async def bring(self, url: str, headers: Mapping[str, str], body: bytes) -> CourierAnswer:
        """Never raises for what the other side does: no answer is an answer without a status."""
        ...
