"""What every consent ledger promises."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidings.adapters.embedded.system import uuid7
from tidings.domain.contacts.consent import ConsentEntry, fold
from tidings.domain.contacts.wishes import Wish
from tidings.domain.errors import BadCursor
from tidings.domain.kernel import OrganizationId, Page, PersonKey
from tidings.testing.contracts.contact_stores import NOON, Stores
from tidings.testing.contracts.organizations import OfAnOrganization

said = st.lists(
    st.tuples(
        st.sampled_from(["447700900001", "GB.aB", "GB.ab"]),
        st.sampled_from(["marketing", "news"]),
        st.sampled_from(Wish),
        st.integers(0, 5),
    ),
    max_size=6,
)


def entries(organization: OrganizationId, wishes: list[tuple[str, str, Wish, int]]) -> list[ConsentEntry]:
    return [
        ConsentEntry(
            id=uuid7(),
            organization_id=organization,
            person=PersonKey(person),
            topic=topic,
            wish=wish,
            source="test",
            at=NOON + timedelta(minutes=minute),
            heard_at=NOON,
        )
        for person, topic, wish, minute in wishes
    ]


async def standings_of(look: Any, people: Any) -> Any:
    found = [*await look.consents.standings(people), *await look.consents.standings(people, "news")]
    return {(each.person, each.topic): each for each in found}


@pytest.mark.anyio
class ConsentsContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_one_wish_is_found_among_many_who_never_said_anything(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        crowd = [PersonKey(f"4477009{n:05}") for n in range(1_500)]
        async with stores.begin(us) as work:
            assert list(await work.consents.standings(crowd)) == []
            await work.consents.hear(entries(us, [(crowd[700], "marketing", Wish.STOP, 0)]))
        async with stores.begin(us) as work:
            [found] = await work.consents.standings(crowd)
            assert (found.person, found.opted_out) == (crowd[700], True)
        async with stores.reading(OrganizationId(uuid4())) as look:
            assert list(await look.consents.standings(crowd)) == []

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(batches=st.lists(said, max_size=4))
    async def test_standings_are_the_fold_of_what_the_ledger_keeps(
        self, stores: Stores, batches: Any
    ) -> None:
        us = OrganizationId(uuid4())
        all_of_it: list[ConsentEntry] = []
        for batch in batches:
            told = entries(us, batch)
            all_of_it += told
            async with stores.begin(us) as work:
                await work.consents.hear(told)
        people = {entry.person for entry in all_of_it} | {PersonKey("nobody")}
        expected = fold([], all_of_it)
        async with stores.reading(us) as look:
            ledger = await look.consents.ledger(people, cursor=None, limit=100)
            standings = [
                *await look.consents.standings(people),
                *await look.consents.standings(people, "news"),
            ]
            stopped = await look.consents.stopped("marketing", cursor=None, limit=100)
        assert ledger.items == all_of_it[::-1]
        assert {(each.person, each.topic): each for each in standings} == expected
        assert list(stopped.items) == sorted(
            (each for each in expected.values() if each.opted_out and each.topic == "marketing"),
            key=lambda each: each.person,
        )

    async def test_ledgers_and_lists_are_read_page_by_page(self, stores: Stores, us: OrganizationId) -> None:
        told = entries(us, [(f"44770090000{n}", "marketing", Wish.STOP, 0) for n in range(5)])
        async with stores.begin(us) as work:
            await work.consents.hear(told)
        people = [entry.person for entry in told]
        async with stores.reading(us) as look:
            reads: list[Callable[[str | None], Awaitable[Page[Any]]]] = [
                lambda cursor: look.consents.ledger(people, cursor=cursor, limit=2),
                lambda cursor: look.consents.stopped("marketing", cursor=cursor, limit=2),
            ]
            for read in reads:
                seen, cursor = list[PersonKey](), None
                for _ in range(3):
                    page = await read(cursor)
                    seen += [each.person for each in page.items]
                    cursor = page.next_cursor
                assert (sorted(seen), cursor) == (people, None)
                with pytest.raises(BadCursor):
                    await read("\u00e4")

    async def test_nobody_hears_the_wishes_of_others(self, stores: Stores, us: OrganizationId) -> None:
        them = OrganizationId(uuid4())
        told = entries(them, [("447700900001", "marketing", Wish.STOP, 0)])
        async with stores.begin(them) as work:
            await work.consents.hear(told)
        async with stores.begin(us) as work:
            assert await work.consents.standings([told[0].person]) == []
        async with stores.reading(us) as look:
            assert (await look.consents.ledger([told[0].person], cursor=None, limit=9)).items == []
            assert (await look.consents.stopped("marketing", cursor=None, limit=9)).items == []

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(before=said, after=said)
    async def test_the_forgotten_are_still_left_alone_and_nothing_says_who_they_were(
        self, stores: Stores, before: Any, after: Any
    ) -> None:
        us = OrganizationId(uuid4())
        told, later = entries(us, before), entries(us, after)
        people = {PersonKey("447700900001"), PersonKey("GB.aB"), PersonKey("GB.ab")}
        async with stores.begin(us) as work:
            await work.consents.hear(told)
            await work.consents.forget(people)
        async with stores.reading(us) as look:
            assert (await look.consents.stopped("marketing", cursor=None, limit=9)).items == []
            assert (await look.consents.ledger(people, cursor=None, limit=9)).items == []
            assert await standings_of(look, people) == fold([], told)
        async with stores.begin(us) as work:
            await work.consents.hear(later)
        async with stores.reading(us) as look:
            assert await standings_of(look, people) == fold([], [*told, *later])
        async with stores.begin(us) as work:
            await work.consents.forget(people)
        async with stores.reading(us) as look:
            assert await standings_of(look, people) == fold([], [*told, *later])
