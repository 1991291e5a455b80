"""What every store of subscriptions promises: an endpoint hears once, in order, and from one process."""

import asyncio
import itertools
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from msgspec.structs import replace

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.users.subscriptions import SealedSecrets
from tidings.domain.errors import BadCursor
from tidings.domain.kernel import OrganizationId
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
from tidings.testing.contracts.organizations import OfAnOrganization
from tidings.testing.contracts.user_stores import NOON, Stores, many
from tidings.testing.strategies_domain import of

SECRETS = SealedSecrets(current=b"\x00\xffsealed")
MINUTE = timedelta(minutes=1)
_earlier = itertools.count()


def a_subscription(organization: OrganizationId, **given: Any) -> Subscription:
    known: dict[str, Any] = {
        "id": SubscriptionId(uuid7()),
        "organization_id": organization,
        "url": "https://example.org/hook",
        "events": ("*",),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Subscription(**known | given)


def a_delivery(to: Subscription, **given: Any) -> Delivery:
    known: dict[str, Any] = {
        "id": DeliveryId(uuid7()),
        "subscription_id": to.id,
        "organization_id": to.organization_id,
        "event_id": uuid4(),
        "type": "message.delivered",
        "key": uuid4().hex,
        "body": '{"é": "•"}',
        "at": NOON,
        "next_attempt_at": NOON,
    }
    return Delivery(**known | given)


@pytest.mark.anyio
class SubscriptionsContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @pytest.fixture
    def past(self) -> datetime:
        """A moment at which nothing is due of any test before this one."""
        return NOON - timedelta(days=9000 + next(_earlier))

    @many
    @given(first=of(Subscription), then=of(Subscription))
    async def test_a_subscription_comes_back_whole_with_its_secrets(
        self, stores: Stores, first: Subscription, then: Subscription
    ) -> None:
        us, id = OrganizationId(uuid4()), SubscriptionId(uuid7())
        first, then = (replace(each, id=id, organization_id=us) for each in (first, then))
        both = SealedSecrets(current=b"new", previous=b"old", previous_until=NOON)
        async with stores.begin() as work:
            await work.subscriptions.add(first, SECRETS)
            assert await work.subscriptions.get(us, id) == first
            await work.subscriptions.save(then)
            await work.subscriptions.put_secrets(id, both)
            assert list(await work.subscriptions.of([us])) == [then]
            found = await work.subscriptions.find([id, SubscriptionId(uuid4())])
            assert dict(found) == {id: (then, both)}
            assert dict(await work.subscriptions.find([])) == {}

    async def test_nobody_reaches_the_endpoints_of_others(self, stores: Stores, us: OrganizationId) -> None:
        theirs, ours = a_subscription(OrganizationId(uuid4())), a_subscription(us)
        async with stores.begin() as work:
            for each in (theirs, ours):
                await work.subscriptions.add(each, SECRETS)
            with pytest.raises(SubscriptionNotFound):
                await work.subscriptions.get(us, theirs.id)
            with pytest.raises(SubscriptionNotFound):
                await work.subscriptions.remove(us, theirs.id)
            assert list(await work.subscriptions.of([us])) == [ours]

    async def test_a_removed_endpoint_takes_its_deliveries_with_it(
        self, stores: Stores, us: OrganizationId, past: datetime
    ) -> None:
        gone, stays = a_subscription(us), a_subscription(us)
        lost, kept = a_delivery(gone, next_attempt_at=past), a_delivery(stays, next_attempt_at=past)
        async with stores.begin() as work:
            for each in (gone, stays):
                await work.subscriptions.add(each, SECRETS)
            await work.deliveries.add([lost, kept])
            await work.subscriptions.remove(us, gone.id)
            with pytest.raises(DeliveryNotFound):
                await work.deliveries.get(gone.id, lost.id)
            assert await work.deliveries.get(stays.id, kept.id) == kept
        assert await self._claimed(stores, [gone, stays], past) == [kept.id]

    @many
    @given(told=of(Delivery))
    async def test_a_delivery_comes_back_whole_and_an_event_is_told_once(
        self, stores: Stores, told: Delivery
    ) -> None:
        endpoint = a_subscription(OrganizationId(uuid4()), state=Standing.PAUSED)
        told = replace(
            told,
            id=DeliveryId(uuid7()),
            subscription_id=endpoint.id,
            organization_id=endpoint.organization_id,
            event_id=uuid4(),
        )
        again = replace(told, id=DeliveryId(uuid7()))
        async with stores.begin() as work:
            await work.subscriptions.add(endpoint, SECRETS)
            await work.deliveries.add([told])
            await work.deliveries.add([again])
            assert await work.deliveries.get(endpoint.id, told.id) == told
            with pytest.raises(DeliveryNotFound):
                await work.deliveries.get(endpoint.id, again.id)
            with pytest.raises(DeliveryNotFound):
                await work.deliveries.get(SubscriptionId(uuid4()), told.id)

    async def test_what_has_one_key_comes_in_order_one_after_the_other(
        self, stores: Stores, us: OrganizationId, past: datetime
    ) -> None:
        endpoint = a_subscription(us)
        first, second = (a_delivery(endpoint, key="one", next_attempt_at=past) for _ in range(2))
        other = a_delivery(endpoint, next_attempt_at=past)
        async with stores.begin() as work:
            await work.subscriptions.add(endpoint, SECRETS)
            await work.deliveries.add([second, first, other])
        assert await self._claimed(stores, [endpoint], past) == [first.id, other.id]
        assert await self._claimed(stores, [endpoint], past) == []
        async with stores.begin() as work:
            await work.deliveries.save(first.answered(200, "", 7, NOON))
        assert await self._claimed(stores, [endpoint], past) == [second.id]
        assert await self._claimed(stores, [endpoint], past + 2 * MINUTE) == [second.id, other.id]

    async def test_endpoints_that_rest_or_are_not_told_are_passed_over_and_none_takes_all(
        self, stores: Stores, us: OrganizationId, past: datetime
    ) -> None:
        busy = a_subscription(us)
        silent = [
            a_subscription(us, state=Standing.PAUSED),
            a_subscription(us, state=Standing.DISABLED),
            a_subscription(us, resting_until=past + MINUTE),
        ]
        async with stores.begin() as work:
            for each in (busy, *silent):
                await work.subscriptions.add(each, SECRETS)
            await work.deliveries.add([a_delivery(busy, next_attempt_at=past) for _ in range(5)])
            await work.deliveries.add([a_delivery(each, next_attempt_at=past) for each in silent])
        assert len(await self._claimed(stores, [busy, *silent], past, each=3)) == 3
        assert len(await self._claimed(stores, [busy, *silent], past, each=9)) == 2
        assert len(await self._claimed(stores, [busy, *silent], past + MINUTE)) == 6

    async def test_of_many_at_once_each_delivery_is_claimed_by_one(
        self, stores: Stores, us: OrganizationId, past: datetime
    ) -> None:
        endpoint = a_subscription(us)
        waiting = [a_delivery(endpoint, next_attempt_at=past) for _ in range(6)]
        async with stores.begin() as work:
            await work.subscriptions.add(endpoint, SECRETS)
            await work.deliveries.add(waiting)
        claimed = await asyncio.gather(
            *(self._claimed(stores, [endpoint], past, each=3) for _ in range(4)), return_exceptions=True
        )
        told = [id for each in claimed if not isinstance(each, BaseException) for id in each]
        assert len(told) == len(set(told))
        assert set(told) <= {each.id for each in waiting}

    async def test_lists_and_what_is_told_again(self, stores: Stores, us: OrganizationId) -> None:
        endpoint = a_subscription(us, state=Standing.PAUSED)
        told = [a_delivery(endpoint, at=NOON + n * MINUTE, key=f"k{n}") for n in range(4)]
        told[0] = told[0].answered(200, "", 5, NOON)
        told[1] = replace(told[1], state=State.DEAD, attempts=9)
        async with stores.begin() as work:
            await work.subscriptions.add(endpoint, SECRETS)
            await work.deliveries.add(told)
            page = await work.deliveries.page(endpoint.id, state=None, cursor=None, limit=3)
            rest = await work.deliveries.page(endpoint.id, state=None, cursor=page.next_cursor, limit=3)
            assert [*page.items, *rest.items] == told[::-1]
            assert rest.next_cursor is None
            dead = await work.deliveries.page(endpoint.id, state=State.DEAD, cursor=None, limit=9)
            assert list(dead.items) == [told[1]]
            with pytest.raises(BadCursor):
                await work.deliveries.page(endpoint.id, state=None, cursor="no cursor", limit=3)
            assert await work.deliveries.again(endpoint.id, NOON, NOON + 2 * MINUTE, NOON) == 2
            assert await work.deliveries.again(endpoint.id, NOON, NOON + 9 * MINUTE, NOON) == 0
            back = await work.deliveries.get(endpoint.id, told[1].id)
            assert (back.state, back.attempts, back.delivered_at) == (State.PENDING, 0, None)
            await work.deliveries.forget(OrganizationId(uuid4()), ["k2"])
            await work.deliveries.forget(us, ["k2", "k3"])
            left = await work.deliveries.page(endpoint.id, state=None, cursor=None, limit=9)
            assert [each.key for each in left.items] == ["k1", "k0"]

    async def _claimed(
        self, stores: Stores, of: list[Subscription], now: datetime, *, each: int = 9
    ) -> list[UUID]:
        """What is due now, and claimed for a minute."""
        async with stores.begin() as work:
            found = await work.deliveries.claim(now, now + MINUTE, limit=100, each=each)
        mine = {subscription.id for subscription in of}
        assert {delivery.subscription_id for delivery in found} <= mine
        return sorted(delivery.id for delivery in found)
