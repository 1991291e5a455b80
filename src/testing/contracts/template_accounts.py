"""When an account's sync is due, and who does it."""

import asyncio
from datetime import datetime, timedelta

import pytest

from tidings.domain.kernel import OrganizationId, WabaId
from tidings.testing.contracts.organizations import OfAnOrganization
from tidings.testing.contracts.template_stores import NOON, WABA, Stores

MINUTE = timedelta(minutes=1)


async def want(stores: Stores, us: OrganizationId, at: datetime, waba: WabaId = WABA) -> None:
    async with stores.begin(us) as work:
        await work.accounts.want(waba, at)


async def due(stores: Stores, us: OrganizationId, now: datetime, limit: int = 100) -> list[WabaId]:
    """Ours among what is due; others' accounts are let be, since claims are everybody's."""
    found = await stores.due.claim(now, now + 10 * MINUTE, limit)
    return [a.waba_id for a in found if a.organization_id == us]


@pytest.mark.anyio
class TemplateAccountsContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_the_soonest_wish_counts(self, stores: Stores, us: OrganizationId) -> None:
        await want(stores, us, NOON + 10 * MINUTE)
        await want(stores, us, NOON + 2 * MINUTE)
        await want(stores, us, NOON + 5 * MINUTE)
        assert await due(stores, us, NOON + MINUTE) == []
        assert await due(stores, us, NOON + 2 * MINUTE) == [WABA]

    async def test_who_has_claimed_an_account_has_it_alone_and_for_a_while(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        await want(stores, us, NOON)
        claims = await asyncio.gather(*(due(stores, us, NOON) for _ in range(4)))
        assert sorted(claims) == [[], [], [], [WABA]]
        assert await due(stores, us, NOON + 9 * MINUTE) == []
        assert await due(stores, us, NOON + 11 * MINUTE) == [WABA]

    async def test_after_a_sync_the_next_is_due_later(self, stores: Stores, us: OrganizationId) -> None:
        await want(stores, us, NOON)
        assert await due(stores, us, NOON) == [WABA]
        async with stores.begin(us) as work:
            await work.accounts.synced(WABA, NOON, NOON + 60 * MINUTE)
        assert await due(stores, us, NOON + 59 * MINUTE) == []
        assert await due(stores, us, NOON + 60 * MINUTE) == [WABA]

    async def test_a_wish_made_during_a_sync_is_not_lost(self, stores: Stores, us: OrganizationId) -> None:
        await want(stores, us, NOON)
        assert await due(stores, us, NOON) == [WABA]
        await want(stores, us, NOON + timedelta(seconds=1))
        async with stores.begin(us) as work:
            await work.accounts.synced(WABA, NOON, NOON + 60 * MINUTE)
        assert await due(stores, us, NOON + MINUTE) == [WABA]

    async def test_an_account_that_meta_refuses_waits(self, stores: Stores, us: OrganizationId) -> None:
        await want(stores, us, NOON)
        assert await due(stores, us, NOON) == [WABA]
        async with stores.begin(us) as work:
            await work.accounts.postpone(WABA, NOON + 15 * MINUTE)
        assert await due(stores, us, NOON + 14 * MINUTE) == []
        assert await due(stores, us, NOON + 15 * MINUTE) == [WABA]

    async def test_a_sync_by_hand_of_a_new_account_notes_it(self, stores: Stores, us: OrganizationId) -> None:
        async with stores.begin(us) as work:
            await work.accounts.synced(WabaId("5"), NOON, NOON + 60 * MINUTE)
        assert await due(stores, us, NOON + 59 * MINUTE) == []
        assert await due(stores, us, NOON + 60 * MINUTE) == ["5"]
