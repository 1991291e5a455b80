"""Subscriptions: an organisation's own endpoints, told of what happens, signed and in order."""

import base64
import hashlib
import hmac
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tidings.domain.addresses import is_public
from tidings.domain.errors import Conflict, Fault, Invalid, NotFound
from tidings.domain.kernel import OrganizationId

SubscriptionId = NewType("SubscriptionId", UUID)
DeliveryId = NewType("DeliveryId", UUID)

KINDS: dict[str, tuple[str, ...]] = {
    "message": ("accepted", "sent", "delivered", "read", "failed", "unknown", "skipped", "received"),
    "campaign": ("scheduled", "planning", "running", "paused", "completed", "cancelled"),
    "contact": ("created", "changed", "removed", "opted_out", "opted_in", "merged", "parted", "erased"),
    "template": ("status_changed", "changed"),
    "conversation": (
        "opened",
        "reopened",
        "assigned",
        "replied",
        "closed",
        "handed_off",
        "handed_back",
        "breached",
    ),
}
"""What there is to be told of, by what it concerns."""
TYPES = frozenset(f"{what}.{how}" for what, hows in KINDS.items() for how in hows)
TEST = "subscription.test"
MOST = 20
"""Subscriptions of an organisation."""
MAX_URL = 2000
GIVEN_UP = timedelta(days=3)
"""For so long a delivery is tried; an endpoint that takes nothing for so long is no longer told."""
PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200)
"""Seconds between two tries; the last one repeats."""
OLD_SECRET = timedelta(hours=24)
"""For so long a replaced secret signs as well."""


class SubscriptionNotFound(NotFound):
    """There is no such subscription."""


class DeliveryNotFound(NotFound):
    """There is no such delivery."""


class BadSubscription(Invalid):
    """The subscription cannot be like this."""


class TooManySubscriptions(Conflict):
    """An organisation can have at most 20 subscriptions."""


class Standing(StrEnum):
    """Whether an endpoint is told."""

    ACTIVE = "active"
    PAUSED = "paused"
    """By the organisation: what happens meanwhile waits."""
    DISABLED = "disabled"
    """It took nothing for three days."""


class Subscription(Struct, frozen=True, kw_only=True, rename="camel"):
    """An endpoint and what it is told of."""

    id: SubscriptionId
    organization_id: OrganizationId
    url: str
    events: tuple[str, ...]
    """Such as `message.delivered`, `message.*` or `*`."""
    description: str = ""
    state: Standing = Standing.ACTIVE
    failures: int = 0
    """Tries that failed since the last success."""
    failing_since: datetime | None = None
    resting_until: datetime | None = None
    """Nothing is tried before: it failed just now."""
    last_error: str = ""
    created_at: datetime
    updated_at: datetime

    def wants(self, type: str) -> bool:
        what = type.partition(".")[0]
        return type == TEST or not {"*", f"{what}.*", type}.isdisjoint(self.events)

    def took(self) -> "Subscription":
        """It answered as it should."""
        return replace(self, failures=0, failing_since=None, resting_until=None, last_error="")

    def failed(self, error: str, now: datetime) -> "Subscription":
        """It did not: a rest of up to a minute, and the end after three days of nothing else."""
        since = self.failing_since or now
        rest = timedelta(seconds=min(2**self.failures, 60))
        return replace(
            self,
            failures=self.failures + 1,
            failing_since=since,
            resting_until=now + rest,
            last_error=error[:300],
            state=Standing.DISABLED if now - since >= GIVEN_UP else self.state,
        )


class State(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up after three days; it can be asked for again."""


class Delivery(Struct, frozen=True, kw_only=True, rename="camel"):
    """One event on its way to one endpoint. Those of one `key` arrive in the order of their ids."""

    id: DeliveryId
    subscription_id: SubscriptionId
    organization_id: OrganizationId
    event_id: UUID
    """The same for every try and every endpoint: what a receiver dedupes by."""
    type: str
    key: str
    body: str
    at: datetime
    state: State = State.PENDING
    attempts: int = 0
    next_attempt_at: datetime
    status: int | None = None
    """What the endpoint answered last; None: nothing."""
    error: str = ""
    took_ms: int = 0
    delivered_at: datetime | None = None

    def answered(self, status: int | None, error: str, took_ms: int, now: datetime) -> "Delivery":
        """After a try. 2xx is a success, everything else is tried again for three days."""
        tried = replace(self, attempts=self.attempts + 1, status=status, error=error[:300], took_ms=took_ms)
        if status is not None and 200 <= status < 300:
            return replace(tried, state=State.DELIVERED, error="", delivered_at=now)
        if now - self.at >= GIVEN_UP:
            return replace(tried, state=State.DEAD)
        pause = PAUSES[min(self.attempts, len(PAUSES) - 1)]
        return replace(tried, next_attempt_at=now + timedelta(seconds=pause))


class Outgoing(Struct, frozen=True, kw_only=True):
    """An event as the organisation's endpoints hear it."""

    id: UUID
    organization_id: OrganizationId
    type: str
    key: str
    body: str


def check_subscription(url: str, events: Sequence[str], *, private: bool) -> None:
    """Raise BadSubscription. With `private`, hosts of one's own network are taken, and http."""
    faults: list[Fault] = []
    if len(url) > MAX_URL:
        faults.append(
            Fault(field="url", rule="max_length", message=f"must have at most {MAX_URL} characters")
        )
    elif private and not url.startswith(("http://", "https://")):
        faults.append(Fault(field="url", rule="url", message="must be an http(s) address"))
    elif not private and not (is_public(url) and url.startswith("https://")):
        faults.append(Fault(field="url", rule="url", message="must be a public https address"))
    known = TYPES | {f"{what}.*" for what in KINDS} | {"*"}
    if not events:
        faults.append(Fault(field="events", rule="required", message="must name at least one event, or *"))
    faults += [
        Fault(field=f"events[{n}]", rule="choice", message=f"{name[:80]} is no event that there is")
        for n, name in enumerate(events)
        if name not in known
    ]
    if faults:
        raise BadSubscription("", *faults)


def signatures(secrets: Collection[str], id: UUID, at: datetime, body: bytes) -> str:
    """The `webhook-signature` header (Standard Webhooks): one `v1,` for each secret that is good now."""
    said = f"{id}.{int(at.timestamp())}.".encode() + body
    return " ".join(f"v1,{_signed(secret, said)}" for secret in secrets)


def _signed(secret: str, said: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
