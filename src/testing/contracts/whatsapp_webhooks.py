"""What every store of webhooks promises: what was taken waits, in order, until it is applied."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.application.ports.whatsapp import Parked, Work
from tidings.domain.kernel import Wamid
from tidings.testing.contracts.whatsapp_stores import LATER, NOON, OfANumber, Stores, some

EVERYTHING = 10_000


@pytest.mark.anyio
class WebhooksContract(OfANumber):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @some
    @given(batches=st.lists(st.lists(st.binary(max_size=60), min_size=1, max_size=5), max_size=4))
    async def test_bodies_wait_in_order_until_they_are_applied(
        self, stores: Stores, batches: list[list[bytes]]
    ) -> None:
        batches = [[b"{" + uuid4().bytes + body for body in batch] for batch in batches]
        async with stores.begin() as work:
            await _empty(work)
            for batch in batches:
                await work.webhooks.append(batch, NOON)
        async with stores.read() as look:
            waiting = await look.webhooks.waiting(EVERYTHING)
        wanted = [body for batch in batches for body in batch]
        assert [body for _, body in waiting] == wanted
        ids = sorted({id for id, _ in waiting})
        async with stores.begin() as work:
            for id in ids[:1]:
                await work.webhooks.split(id)
            together = [body for id, body in waiting if id in ids[:1]]
            split = await work.webhooks.waiting(EVERYTHING)
            assert [body for _, body in split] == [*wanted[len(together) :], *together]
            await work.webhooks.applied([id for id, body in split if body not in together])
            left = await work.webhooks.waiting(EVERYTHING)
            assert [body for _, body in left] == together
            assert len({id for id, _ in left}) == len(together)
            await work.webhooks.applied([])
            await _empty(work)

    async def test_a_large_body_stands_alone_and_the_first_one_always_comes(self, stores: Stores) -> None:
        large = [b"{" + bytes([n]) * 3_000_000 for n in (1, 2)]
        async with stores.begin() as work:
            await _empty(work)
            await work.webhooks.append([*large, b"{}"], NOON)
            first = await work.webhooks.waiting(9)
            assert [body for _, body in first] == large[:1]
            await work.webhooks.applied([id for id, _ in first])
            assert [body for _, body in await work.webhooks.waiting(9)] == [large[1], b"{}"]
            assert [body for _, body in await work.webhooks.waiting(1)] == large[1:]
            await _empty(work)

    async def test_what_is_parked_is_taken_out_once(self, stores: Stores) -> None:
        one, two, other = (Wamid(f"wamid.{uuid4().hex}") for _ in range(3))
        told = [
            Parked(wamid=one, status="sent", at=NOON, raw="{}"),
            Parked(wamid=two, status="failed", at=NOON, code=131026, reason="é", raw='{"é": 1}'),
            Parked(wamid=one, status="read", at=LATER),
            Parked(wamid=other, status="sent", at=NOON),
        ]
        async with stores.begin() as work:
            await work.webhooks.park(told)
            assert list(await work.webhooks.parked([one, two])) == told[:3]
            assert list(await work.webhooks.parked([one, two])) == []
            assert list(await work.webhooks.parked([])) == []
            assert list(await work.webhooks.parked([other])) == told[3:]

    async def test_what_could_not_be_read_is_kept_and_a_whole_body_may_come_again(
        self, stores: Stores
    ) -> None:
        body, item = b"{" + uuid4().bytes, b"[" + uuid4().bytes
        async with stores.begin() as work:
            await _empty(work)
            await work.webhooks.set_aside("body", "not JSON", body, NOON)
            await work.webhooks.set_aside("statuses", "no id", item, LATER)
            newest = await work.webhooks.kept_aside(2)
            assert [(each.where, each.reason, each.raw, each.at) for each in newest] == [
                ("statuses", "no id", item, LATER),
                ("body", "not JSON", body, NOON),
            ]
            ids = [each.id for each in newest]
            assert await work.webhooks.again(ids, LATER) == 1
            assert await work.webhooks.again(ids, LATER) == 0
            assert [told for _, told in await work.webhooks.waiting(9)] == [body]
            assert [each.raw for each in await work.webhooks.kept_aside(1)] == [item]
            await _empty(work)

    async def test_what_contradicts_the_ledger_is_counted(self, stores: Stores) -> None:
        async with stores.begin() as work:
            for _ in range(2):
                await work.webhooks.count_stray("late")


async def _empty(work: Work) -> None:
    """What other tests have left."""
    while waiting := await work.webhooks.waiting(EVERYTHING):
        await work.webhooks.applied(sorted({id for id, _ in waiting}))
