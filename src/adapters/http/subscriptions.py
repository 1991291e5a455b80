"""Subscriptions over HTTP: an organisation's own endpoints, what they are told, and telling it again."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from tidings.adapters.http.envelope import Done, Listing, Reply, listing, reply
from tidings.application.users.subscribing import (
    NewSubscription,
    Replayed,
    Span,
    SubscriptionChange,
    SubscriptionMade,
    Subscriptions,
)
from tidings.domain.kernel import Actor, Permission
from tidings.domain.users.subscriptions import Delivery, DeliveryId, Subscription, SubscriptionId

READ, WRITE = Permission.SUBSCRIPTIONS_READ, Permission.SUBSCRIPTIONS_WRITE


class SubscriptionController(Controller):
    path = "/api/subscriptions"
    tags = ["Subscriptions"]

    @post("/", permission=WRITE)
    async def create(
        self,
        subscriptions: NamedDependency[Subscriptions],
        actor: NamedDependency[Actor],
        data: JSONBody[NewSubscription],
    ) -> Reply[SubscriptionMade]:
        """Have an endpoint told; its secret is shown this once (signatures as in Standard Webhooks)."""
        return reply(await subscriptions.add(actor, data), "Subscription made; its secret is not shown again")

    @get("/", permission=READ)
    async def all(
        self, subscriptions: NamedDependency[Subscriptions], actor: NamedDependency[Actor]
    ) -> Reply[Sequence[Subscription]]:
        """Every endpoint, oldest first."""
        return reply(await subscriptions.all(actor))

    @get("/{id:uuid}", permission=READ)
    async def one(
        self,
        subscriptions: NamedDependency[Subscriptions],
        actor: NamedDependency[Actor],
        id: FromPath[SubscriptionId],
    ) -> Reply[Subscription]:
        """One endpoint, and how it fares."""
        return reply(await subscriptions.get(actor, id))

    @put("/{id:uuid}", permission=WRITE)
    async def change(
        self,
        subscriptions: NamedDependency[Subscriptions],
        actor: NamedDependency[Actor],
        id: FromPath[SubscriptionId],
        data: JSONBody[SubscriptionChange],
    ) -> Reply[Subscription]:
        """Change it; with `active` it is told again, or what happens waits."""
        return reply(await subscriptions.change(actor, id, data), "Subscription changed")

    @delete("/{id:uuid}", status_code=200, permission=WRITE)
    async def remove(
        self,
        subscriptions: NamedDependency[Subscriptions],
        actor: NamedDependency[Actor],
        id: FromPath[SubscriptionId],
    ) -> Done:
        """Tell it nothing more; what waited for it is dropped."""
        await subscriptions.remove(actor, id)
        return Done(message="Subscription removed")

    @post("/{id:uuid}/rotate-secret", status_code=200, permission=WRITE)
    async def rotate(
        self,
        subscriptions: NamedDependency[Subscriptions],
        actor: NamedDependency[Actor],
        id: FromPath[SubscriptionId],
    ) -> Reply[SubscriptionMade]:
        """A new secret, shown this once; the old one signs as well for 24 hours."""
        return reply(await subscriptions.rotate(actor, id), "Secret rotated; it is not shown again")

    @post("/{id:uuid}/test", permission=WRITE)
    async def try_out(
        self,
        subscriptions: NamedDependency[Subscriptions],
        actor: NamedDependency[Actor],
        id: FromPath[SubscriptionId],
    ) -> Reply[Delivery]:
        """Tell it a `subscription.test` now."""
        return reply(await subscriptions.try_out(actor, id), "Test in line")

    @get("/{id:uuid}/deliveries", permission=READ)
    async def deliveries(
        self,
        subscriptions: NamedDependency[Subscriptions],
        actor: NamedDependency[Actor],
        id: FromPath[SubscriptionId],
        status: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
    ) -> Listing[Delivery]:
        """What it was told, is being told, and could not be told (`dead`), newest first."""
        found = await subscriptions.deliveries(actor, id, state=status, cursor=cursor, limit=limit)
        return listing(found, limit=limit)

    @post("/{id:uuid}/replay", status_code=200, permission=WRITE)
    async def replay(
        self,
        subscriptions: NamedDependency[Subscriptions],
        actor: NamedDependency[Actor],
        id: FromPath[SubscriptionId],
        data: JSONBody[Span],
    ) -> Reply[Replayed]:
        """Tell everything of a span of time again, with the ids it had."""
        return reply(await subscriptions.replay(actor, id, data), "Events in line again")

    @post("/{id:uuid}/deliveries/{delivery_id:uuid}/retry", status_code=200, permission=WRITE)
    async def again(
        self,
        subscriptions: NamedDependency[Subscriptions],
        actor: NamedDependency[Actor],
        id: FromPath[SubscriptionId],
        delivery_id: FromPath[DeliveryId],
    ) -> Reply[Replayed]:
        """Tell one event again, now."""
        return reply(await subscriptions.again(actor, id, delivery_id), "Event in line again")
