"""The deliverer: brings what waits to endpoints, in order for each key, for three days at most."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from tidings.application.pausing import pause
from tidings.application.ports.common import Now
from tidings.application.ports.users import Begin, Sealer
from tidings.application.ports.users.subscriptions import Courier, CourierAnswer, SealedSecrets
from tidings.domain.errors import Unavailable
from tidings.domain.users.subscriptions import (
    Delivery,
    State,
    Subscription,
    SubscriptionId,
    SubscriptionNotFound,
    signatures,
)

AT_ONCE, EACH = 64, 16
"""Deliveries on their way at once, and to one endpoint."""
HELD = timedelta(seconds=60)
"""Longer than a delivery takes: who dies with it is replaced after this."""
IDLE = 0.5


@dataclass(slots=True)
class Deliverer:
    begin: Begin
    courier: Courier
    sealer: Sealer
    now: Now
    calls: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`. Safe in any number of processes: each claims its own."""
        while not stop.is_set():
            started = 0
            with suppress(Unavailable):
                started = await self.start()
            if self.calls:
                await asyncio.wait(self.calls, timeout=IDLE, return_when=asyncio.FIRST_COMPLETED)
            elif not started:
                await pause(stop, IDLE)
        if self.calls:
            await asyncio.wait(self.calls)

    async def start(self) -> int:
        """Claim what is due and set out with it; how many deliveries."""
        room = AT_ONCE - len(self.calls)
        if room <= 0:
            return 0
        now = self.now()
        async with self.begin() as work:
            claimed = await work.deliveries.claim(now, now + HELD, limit=room, each=EACH)
            known = await work.subscriptions.find({each.subscription_id for each in claimed})
        for delivery in claimed:
            if delivery.subscription_id in known:
                subscription, secrets = known[delivery.subscription_id]
                task = asyncio.create_task(self._deliver(delivery, subscription, secrets))
                self.calls.add(task)
                task.add_done_callback(self.calls.discard)
        return len(claimed)

    async def settle(self) -> None:
        """Wait for everything that is on its way."""
        while self.calls:
            await asyncio.wait(self.calls)

    async def _deliver(self, delivery: Delivery, subscription: Subscription, secrets: SealedSecrets) -> None:
        body = delivery.body.encode()
        at = self.now()
        headers = {
            "content-type": "application/json",
            "user-agent": "tidings",
            "webhook-id": str(delivery.event_id),
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signatures(
                self._good(subscription.id, secrets), delivery.event_id, at, body
            ),
        }
        answer = await self.courier.bring(subscription.url, headers, body)
        with suppress(Unavailable):
            # Should it not be noted, it is brought again: the receiver knows its id.
            await self._note(delivery, answer)

    async def _note(self, delivery: Delivery, answer: CourierAnswer) -> None:
        now = self.now()
        after = delivery.answered(answer.status, answer.error, answer.took_ms, now)
        async with self.begin() as work:
            try:
                endpoint = await work.subscriptions.get(delivery.organization_id, delivery.subscription_id)
            except SubscriptionNotFound:
                return
            took = after.state is State.DELIVERED
            endpoint_after = endpoint.took() if took else endpoint.failed(answer.error, now)
            if endpoint_after != endpoint:
                await work.subscriptions.save(endpoint_after)
            await work.deliveries.save(after)

    def _good(self, id: SubscriptionId, secrets: SealedSecrets) -> Sequence[str]:
        sealed = [secrets.current]
        until = secrets.previous_until
        if secrets.previous is not None and until is not None and self.now() < until:
            sealed.append(secrets.previous)
        return [self.sealer.open(each, place_of(id)) for each in sealed]


def place_of(id: UUID) -> str:
    """Where a secret is sealed for."""
    return f"subscriptions/{id}/secret"
