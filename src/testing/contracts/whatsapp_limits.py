"""What stores of sending policies, of reach and of quotas promise: counted once, and given back."""

import asyncio
from datetime import date, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.application.ports.pressure import Touch
from tidings.domain.kernel import OrganizationId, PersonKey, PhoneNumberId
from tidings.domain.whatsapp.pressure import SendingPolicy
from tidings.domain.whatsapp.quotas import Quota, Usage
from tidings.testing.contracts.whatsapp_stores import LATER, NOON, OfANumber, Stores, a_message, some
from tidings.testing.strategies_domain import of

DAY = timedelta(days=1)
TODAY = date(2026, 11, 25)
days = st.dates(date(2026, 10, 30), date(2026, 11, 27))


@pytest.mark.anyio
class PressureContract(OfANumber):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @some
    @given(first=of(SendingPolicy), then=of(SendingPolicy))
    async def test_a_policy_comes_back_as_it_was_put_last(
        self, stores: Stores, first: SendingPolicy, then: SendingPolicy
    ) -> None:
        us = OrganizationId(uuid4())
        first, then = (replace(each, organization_id=us) for each in (first, then))
        async with stores.begin() as work:
            for each in (first, then):
                await work.pressure.put_policy(each)
                assert dict(await work.pressure.policies([us, OrganizationId(uuid4())])) == {us: each}
            assert dict(await work.pressure.policies([])) == {}
            await work.pressure.remove_policy(us)
            assert dict(await work.pressure.policies([us])) == {}

    async def test_marketing_to_a_person_is_noted_once_a_message(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        first = a_message(us, lane)
        second = a_message(us, lane, person=first.person)
        other = a_message(OrganizationId(uuid4()), lane, person=first.person)
        async with stores.begin() as work:
            await work.pressure.touched([first, other], NOON)
            await work.pressure.touched([second, first], LATER)
            asked = [(us, first.person), (us, PersonKey("nobody"))]
            by_us = [
                Touch(organization_id=us, person=first.person, message_id=first.id, at=NOON),
                Touch(organization_id=us, person=first.person, message_id=second.id, at=LATER),
            ]
            assert list(await work.pressure.touches(asked, NOON - DAY)) == by_us
            them = other.organization_id
            theirs = Touch(organization_id=them, person=first.person, message_id=other.id, at=NOON)
            by_both = await work.pressure.touches([*asked, (them, first.person)], NOON - DAY)
            assert [each for each in by_both if each.organization_id == us] == by_us
            assert [each for each in by_both if each.organization_id != us] == [theirs]
            since_noon = await work.pressure.touches(asked, NOON)
            assert [each.message_id for each in since_noon] == [second.id]
            assert list(await work.pressure.touches([], NOON - DAY)) == []
            await work.pressure.undo([first])
            await work.pressure.undo([])
            left = await work.pressure.touches(asked, NOON - DAY)
            assert [each.message_id for each in left] == [second.id]

    async def test_people_count_against_the_limit_for_a_day(self, stores: Stores, us: OrganizationId) -> None:
        them = OrganizationId(uuid4())
        one, two = (us, PersonKey("447700900001")), (us, PersonKey("447700900002"))
        elsewhere = (them, PersonKey("447700900001"))
        async with stores.begin() as work:
            assert dict(await work.pressure.used([us, them], NOON)) == {us: 0, them: 0}
            assert dict(await work.pressure.used([], NOON)) == {}
            assert await work.pressure.frees_at(us, NOON) is None
            await work.pressure.reach([one, elsewhere], NOON)
            await work.pressure.reach([two], LATER)
            await work.pressure.reach([], LATER)
            assert dict(await work.pressure.used([us, them], LATER)) == {us: 2, them: 1}
            assert await work.pressure.reached_in(us, LATER) == 2
            assert set(await work.pressure.reached([one, two], NOON)) == {two}
            everybody = await work.pressure.reached([one, two, elsewhere], NOON - DAY)
            assert set(everybody) == {one, two, elsewhere}
            assert set(await work.pressure.reached([], NOON)) == set()
            assert await work.pressure.frees_at(us, LATER) == NOON + DAY
            assert dict(await work.pressure.used([us, them], NOON + DAY)) == {us: 1, them: 0}
            assert await work.pressure.frees_at(us, NOON + DAY) == LATER + DAY
            assert await work.pressure.reached_in(OrganizationId(uuid4()), LATER) == 0

    async def test_lanes_that_count_at_once_count_one_after_another(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        async def one_more(n: int) -> bool:
            async with stores.begin() as work:
                if (await work.pressure.used([us], NOON))[us] >= 3:
                    return False
                await asyncio.sleep(0.002)
                await work.pressure.reach([(us, PersonKey(f"44770090000{n}"))], NOON)
                return True

        async with stores.begin() as work:
            assert dict(await work.pressure.used([us], NOON)) == {us: 0}
        assert sum(await asyncio.gather(*(one_more(n) for n in range(8)))) == 3

    async def test_a_message_that_went_to_nobody_gives_back_what_it_counted(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        failed = a_message(us, lane, attempted_at=NOON)
        reached = a_message(us, lane, attempted_at=LATER)
        async with stores.begin() as work:
            people = [(us, failed.person), (us, reached.person)]
            await work.pressure.used([us], NOON)
            await work.pressure.reach(people, NOON)
            await work.pressure.undo([failed, reached])
            assert set(await work.pressure.reached(people, NOON - DAY)) == {(us, reached.person)}


@pytest.mark.anyio
class QuotasContract(OfANumber):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @some
    @given(first=of(Quota), then=of(Quota))
    async def test_an_organisation_has_its_own_quota_or_everybodys(
        self, stores: Stores, first: Quota, then: Quota
    ) -> None:
        us = OrganizationId(uuid4())
        async with stores.begin() as work:
            them = OrganizationId(uuid4())
            everybodys = (await work.quotas.of([us]))[us]
            for each in (first, then):
                await work.quotas.put(us, each)
                assert dict(await work.quotas.of([us, them])) == {us: each, them: everybodys}
                mine = [found for found in await work.quotas.metered(TODAY) if found.organization_id == us]
                assert [(found.quota, found.own) for found in mine] == [(each, True)]
            await work.quotas.put(us, None)
            assert dict(await work.quotas.of([us])) == {us: everybodys}
            assert dict(await work.quotas.of([])) == {}

    @some
    @given(sent=st.lists(st.dictionaries(days, st.integers(-3, 9), max_size=4), max_size=4), on=days)
    async def test_usage_is_the_sum_of_the_day_and_of_its_month_so_far(
        self, stores: Stores, sent: list[dict[date, int]], on: date
    ) -> None:
        us, them = OrganizationId(uuid4()), OrganizationId(uuid4())
        async with stores.begin() as work:
            for each in sent:
                ours = {(us, day): many for day, many in each.items()}
                await work.quotas.count({**ours, (them, TODAY): 1})
        totals = {day: sum(each.get(day, 0) for each in sent) for each in sent for day in each}
        month = sum(many for day, many in totals.items() if day.month == on.month and day <= on)
        wanted = Usage(today=totals.get(on, 0), this_month=month)
        async with stores.read() as look:
            usage = await look.quotas.usage([us, them], on)
            assert usage[us] == wanted
            assert usage[them].today == (len(sent) if on == TODAY else 0)
            assert dict(await look.quotas.usage([], on)) == {}
            counted = {each.organization_id: each.usage for each in await look.quotas.metered(on)}
            assert counted.get(us, Usage()) == wanted

    async def test_who_holds_the_day_counts_before_others(self, stores: Stores, us: OrganizationId) -> None:
        async def send() -> bool:
            async with stores.begin() as work:
                if (await work.quotas.usage([us], TODAY, hold=True))[us].today >= 3:
                    return False
                await asyncio.sleep(0.002)
                await work.quotas.count({(us, TODAY): 1})
                return True

        assert sum(await asyncio.gather(*(send() for _ in range(8)))) == 3
