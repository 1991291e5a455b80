"""What leases, lines, numbers and keyed requests promise: one holds a lease, the newest turn counts."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.domain.kernel import CampaignId, MessageId, OrganizationId, PhoneNumberId, WabaId
from tidings.domain.whatsapp.numbers import Lease, Number, Run, RunState
from tidings.domain.whatsapp.requests import Asked
from tidings.testing.contracts.whatsapp_stores import (
    LATER,
    NOON,
    OfANumber,
    Stores,
    a_lane,
    a_number,
    a_run,
    some,
)
from tidings.testing.strategies_domain import of

turns = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(RunState)), min_size=1, max_size=6)


def a_name() -> str:
    return f"test:{uuid4().hex[:24]}"


@pytest.mark.anyio
class LeasesContract(OfANumber):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_one_holds_a_lease_until_it_ends(self, stores: Stores) -> None:
        name = a_name()
        async with stores.begin() as work:
            mine = await work.leases.take(name, "me", seconds=600)
            assert mine is not None
            assert await work.leases.take(name, "you", seconds=600) is None
            assert await work.leases.take(name, "me", seconds=600) is None
            assert await work.leases.holder(name) == "me"
            assert mine in await work.leases.held()
            assert await work.leases.renew(mine, seconds=0)
            assert await work.leases.holder(name) is None
            assert mine not in await work.leases.held()
            yours = await work.leases.take(name, "you", seconds=600)
            assert yours is not None
            assert yours == Lease(name=name, owner="you", epoch=mine.epoch + 1)
            assert not await work.leases.renew(mine, seconds=600)
            another = await work.leases.take(a_name(), "you", seconds=600)
            assert another is not None
            both = {yours.name, another.name}
            assert set(await work.leases.renew_all([yours, another], seconds=600)) == both
            assert set(await work.leases.renew_all([mine, another], seconds=600)) == {another.name}
            assert set(await work.leases.renew_all([mine], seconds=600)) == set()
            assert set(await work.leases.renew_all([], seconds=600)) == set()
            await work.leases.release(mine)
            assert await work.leases.holder(name) == "you"
            await work.leases.release(yours)
            assert await work.leases.holder(name) is None

    async def test_what_the_dead_held_is_taken_at_once(self, stores: Stores) -> None:
        name = a_name()
        async with stores.begin() as work:
            theirs = await work.leases.take(name, "dead", seconds=600)
            assert await work.leases.take(name, "me", seconds=600, dead=["another"]) is None
            mine = await work.leases.take(name, "me", seconds=600, dead=["dead"])
        assert theirs is not None
        assert mine == Lease(name=name, owner="me", epoch=theirs.epoch + 1)

    async def test_of_many_at_once_one_takes_it(self, stores: Stores) -> None:
        name = a_name()

        async def take(owner: str) -> Lease | None:
            async with stores.begin() as work:
                return await work.leases.take(name, owner, seconds=600)

        taken = await asyncio.gather(*(take(f"owner {n}") for n in range(8)))
        assert sum(each is not None for each in taken) == 1

    async def test_an_undone_lease_is_nobodys(self, stores: Stores) -> None:
        name, undone = a_name(), list[Lease | None]()

        async def half_way() -> None:
            async with stores.begin() as work:
                undone.append(await work.leases.take(name, "me", seconds=600))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await half_way()
        async with stores.begin() as work:
            assert await work.leases.holder(name) is None
            assert await work.leases.take(name, "you", seconds=600) is not None
        assert undone[0] is not None
        async with stores.begin() as work:
            assert not await work.leases.renew(undone[0], seconds=600)

    async def test_leases_that_ended_long_ago_are_forgotten_by_their_beginning(self, stores: Stores) -> None:
        names = [f"{uuid4().hex[:20]}%_:{n}" for n in range(2)]
        async with stores.begin() as work:
            for name in names:
                assert await work.leases.take(name, "me", seconds=-90_000) is not None
            held = await work.leases.take(f"{names[0]}:held", "me", seconds=600)
            await work.leases.forget(names[0][:22])
            first = await work.leases.take(names[0], "me", seconds=600)
            second = await work.leases.take(names[1], "me", seconds=600)
            assert held in await work.leases.held()
        assert first is not None
        assert second is not None
        assert (first.epoch, second.epoch) == (1, 2)


@pytest.mark.anyio
class LinesContract(OfANumber):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @some
    @given(turns=turns)
    async def test_the_newest_turn_counts_in_whatever_order_they_come_and_a_cancelled_line_stays_so(
        self, stores: Stores, turns: list[tuple[int, RunState]]
    ) -> None:
        run = a_run(OrganizationId(uuid4()), a_lane())
        known: Run | None = None
        async with stores.begin() as work:
            assert await work.runs.get(run.campaign_id) is None
            for epoch, state in turns:
                turned = replace(run, epoch=epoch, state=state, reason=f"turn {epoch}")
                await work.runs.turn(turned)
                if known is None or (known.epoch < epoch and known.state is not RunState.CANCELLED):
                    known = turned
                assert await work.runs.get(run.campaign_id) == known

    async def test_lines_of_a_lane_are_halted_together(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        here, other = a_run(us, lane), a_run(us, a_lane())
        paused = a_run(us, lane, state=RunState.PAUSED, reason="by hand")
        async with stores.begin() as work:
            for run in (here, other, paused):
                await work.runs.turn(run)
                await work.runs.stand(run.campaign_id, run.phone_number_id)
                await work.runs.stand(run.campaign_id, run.phone_number_id)
            assert list(await work.runs.halt(lane, "locked")) == [here]
            ids = [here.campaign_id, other.campaign_id, paused.campaign_id, CampaignId(uuid4())]
            assert await work.runs.states(ids) == {
                here.campaign_id: RunState.PAUSED,
                other.campaign_id: RunState.RUNNING,
                paused.campaign_id: RunState.PAUSED,
            }
            assert await work.runs.states([]) == {}
            found = await work.runs.get(here.campaign_id)
            assert found is not None
            assert (found.reason, found.epoch) == ("locked", 1)
            await work.runs.pause(other.campaign_id, "guard")
            await work.runs.pause(paused.campaign_id, "guard")
            reasons = [await work.runs.get(id) for id in ids[1:3]]
            assert [run and run.reason for run in reasons] == ["guard", "by hand"]

    async def test_a_line_says_what_it_waits_for_until_it_is_turned(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        run = a_run(us, lane)
        async with stores.begin() as work:
            await work.runs.turn(run)
            await work.runs.wait([run.campaign_id], "the limit of 250 people")
            await work.runs.wait([], "nobody")
        async with stores.read() as look:
            assert await look.runs.waiting(run.campaign_id) == "the limit of 250 people"
            assert await look.runs.waiting(CampaignId(uuid4())) == ""
        async with stores.begin() as work:
            await work.runs.turn(replace(run, epoch=2))
            assert await work.runs.waiting(run.campaign_id) == ""


@pytest.mark.anyio
class NumbersContract(OfANumber):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @some
    @given(first=of(Number), then=of(Number))
    async def test_a_number_comes_back_whole_and_is_put_anew(
        self, stores: Stores, first: Number, then: Number
    ) -> None:
        lane = a_lane()
        first, then = (
            replace(each, phone_number_id=lane, organization_id=OrganizationId(uuid4()))
            for each in (first, then)
        )
        async with stores.begin() as work:
            await work.numbers.put([first])
            assert list(await work.numbers.find([lane, a_lane()])) == [first]
            await work.numbers.put([then])
            anew = replace(then, connected_at=first.connected_at, heard_at=first.heard_at)
            assert list(await work.numbers.find([lane])) == [anew]
            assert list(await work.numbers.of(then.organization_id)) == [anew]
            assert list(await work.numbers.find([])) == []

    async def test_numbers_are_found_by_their_account_and_tell_when_they_were_heard_of(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        wabas = [WabaId(f"9{uuid4().int % 10**14:014}") for _ in range(2)]
        ours = [a_number(us, a_lane(), waba_id=waba) for waba in (*wabas, wabas[0])]
        async with stores.begin() as work:
            await work.numbers.put(ours)
            found = await work.numbers.of_wabas([wabas[0]])
            assert {each.phone_number_id for each in found} == {
                ours[0].phone_number_id,
                ours[2].phone_number_id,
            }
            assert list(await work.numbers.of_wabas([])) == []
            everybody = [each for each in await work.numbers.all() if each in ours]
            assert everybody == sorted(ours, key=lambda each: (each.waba_id, each.phone_number_id))
            await work.numbers.heard([ours[0].phone_number_id], LATER)
            await work.numbers.heard([], LATER)
            heard = {each.phone_number_id: each.heard_at for each in await work.numbers.of(us)}
            assert heard[ours[0].phone_number_id] == LATER
            assert heard[ours[1].phone_number_id] is None

    async def test_a_key_belongs_to_the_first_request_that_carries_it(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        first = Asked(
            organization_id=us, key=uuid4().hex, request="r" * 64, message_id=MessageId(uuid4()), at=NOON
        )
        other = replace(first, message_id=MessageId(uuid4()), request="q" * 64)
        theirs = replace(other, organization_id=OrganizationId(uuid4()))
        async with stores.begin() as work:
            assert await work.requests.first(first) == first
            assert await work.requests.first(other) == first
            assert await work.requests.first(theirs) == theirs
