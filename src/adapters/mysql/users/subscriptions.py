"""Subscriptions and deliveries in SQL."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import insert_many, insert_missing
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.users.subscription_tables import deliveries, subscriptions
from tidings.application.ports.common import NewId
from tidings.application.ports.users.subscriptions import SealedSecrets
from tidings.domain.kernel import OrganizationId, Page
from tidings.domain.users.subscriptions import (
    Delivery,
    DeliveryId,
    DeliveryNotFound,
    Standing,
    State,
    Subscription,
    SubscriptionId,
    SubscriptionNotFound,
)

d, s = deliveries.c, subscriptions.c
_SUBSCRIPTION = [s[name] for name in Subscription.__struct_fields__]
_DELIVERY = [d[name] for name in Delivery.__struct_fields__]
LOOK = 8
"""How many times as many due deliveries are looked at as may be claimed: some stand behind others."""


@dataclass(frozen=True, slots=True)
class SqlSubscriptions:
    connection: AsyncConnection

    async def add(self, subscription: Subscription, secrets: SealedSecrets) -> None:
        await insert_many(self.connection, subscriptions, [asdict(subscription) | asdict(secrets)])

    async def save(self, subscription: Subscription) -> None:
        await self.connection.execute(
            update(subscriptions).where(s.id == subscription.id).values(asdict(subscription))
        )

    async def remove(self, organization: OrganizationId, id: SubscriptionId) -> None:
        gone = await self.connection.execute(
            delete(subscriptions).where(s.id == id, s.organization_id == organization)
        )
        if not gone.rowcount:
            raise SubscriptionNotFound()
        await self.connection.execute(delete(deliveries).where(d.subscription_id == id))

    async def get(self, organization: OrganizationId, id: SubscriptionId) -> Subscription:
        query = select(*_SUBSCRIPTION).where(s.id == id, s.organization_id == organization)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise SubscriptionNotFound()
        return Subscription(**row)

    async def of(self, organizations: Collection[OrganizationId]) -> Sequence[Subscription]:
        query = select(*_SUBSCRIPTION).where(s.organization_id.in_(list(organizations))).order_by(s.id)
        return structs(Subscription, await self.connection.execute(query))

    async def find(
        self, ids: Collection[SubscriptionId]
    ) -> Mapping[SubscriptionId, tuple[Subscription, SealedSecrets]]:
        if not ids:
            return {}
        rows = (await self.connection.execute(select(subscriptions).where(s.id.in_(list(ids))))).mappings()
        return {row["id"]: (_subscription(row), _secrets(row)) for row in rows}

    async def put_secrets(self, id: SubscriptionId, secrets: SealedSecrets) -> None:
        await self.connection.execute(update(subscriptions).where(s.id == id).values(asdict(secrets)))


def _subscription(row: Mapping[Any, Any]) -> Subscription:
    return Subscription(**{name: row[name] for name in Subscription.__struct_fields__})


def _secrets(row: Mapping[Any, Any]) -> SealedSecrets:
    return SealedSecrets(**{name: row[name] for name in SealedSecrets.__struct_fields__})


@dataclass(frozen=True, slots=True)
class SqlDeliveries:
    connection: AsyncConnection
    new_id: NewId

    async def add(self, new: Sequence[Delivery]) -> None:
        await insert_missing(self.connection, deliveries, [asdict(each) for each in new])

    async def forget(self, organization: OrganizationId, keys: Collection[str]) -> None:
        mine = select(s.id).where(s.organization_id == organization)
        ids = (await self.connection.execute(mine)).scalars().all()
        await self.connection.execute(
            delete(deliveries).where(d.subscription_id.in_(ids), d.key.in_(list(keys)))
        )

    async def claim(self, now: datetime, until: datetime, *, limit: int, each: int) -> Sequence[Delivery]:
        earlier = deliveries.alias("earlier")
        query = (
            select(d.id, d.subscription_id)
            .join(subscriptions, s.id == d.subscription_id)
            .where(
                d.state == State.PENDING,
                d.next_attempt_at <= now,
                s.state == Standing.ACTIVE,
                or_(s.resting_until.is_(None), s.resting_until <= now),
                ~exists().where(
                    earlier.c.subscription_id == d.subscription_id,
                    earlier.c.key == d.key,
                    earlier.c.state == State.PENDING,
                    earlier.c.id < d.id,
                ),
            )
            .order_by(d.next_attempt_at)
            .limit(limit * LOOK)
        )
        taken: Counter[SubscriptionId] = Counter()
        chosen: list[DeliveryId] = []
        for id, subscription in (await self.connection.execute(query)).all():
            if taken[subscription] < each and len(chosen) < limit:
                taken[subscription] += 1
                chosen.append(id)
        if not chosen:
            return []
        claim = self.new_id()
        await self.connection.execute(
            update(deliveries)
            .where(d.id.in_(chosen), d.state == State.PENDING, d.next_attempt_at <= now)
            .values(claim=claim, next_attempt_at=until)
        )
        found = await self.connection.execute(select(*_DELIVERY).where(d.claim == claim).order_by(d.id))
        return structs(Delivery, found)

    async def save(self, delivery: Delivery) -> None:
        await self.connection.execute(
            update(deliveries).where(d.id == delivery.id).values(**asdict(delivery), claim=None)
        )

    async def get(self, subscription: SubscriptionId, id: DeliveryId) -> Delivery:
        query = select(*_DELIVERY).where(d.subscription_id == subscription, d.id == id)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise DeliveryNotFound()
        return Delivery(**row)

    async def page(
        self, subscription: SubscriptionId, *, state: State | None, cursor: str | None, limit: int
    ) -> Page[Delivery]:
        query = select(*_DELIVERY).where(d.subscription_id == subscription)
        if state is not None:
            query = query.where(d.state == state)
        if cursor is not None:
            query = query.where(d.id < decode_cursor(cursor))
        query = query.order_by(d.id.desc()).limit(limit + 1)
        found = structs(Delivery, await self.connection.execute(query))
        more = encode_cursor(found[limit - 1].id) if len(found) > limit else None
        return Page(items=found[:limit], next_cursor=more)

    async def again(
        self, subscription: SubscriptionId, since: datetime, until: datetime, now: datetime
    ) -> int:
        back = await self.connection.execute(
            update(deliveries)
            .where(d.subscription_id == subscription, d.at >= since, d.at < until, d.state != State.PENDING)
            .values(state=State.PENDING, attempts=0, next_attempt_at=now, delivered_at=None)
        )
        return back.rowcount
