"""What every database promises of search: the index finds exactly what looking at everybody finds."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.contracts.contacts.conftest import a_contact, phones
from tidings.adapters.mysql.contacts.search import SqlContactSearch
from tidings.application.contacts.indexing import Indexer
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts import grams
from tidings.domain.contacts.people import search_terms, search_text
from tidings.domain.kernel import OrganizationId

pytestmark = pytest.mark.anyio

NAMES = ["Maria", "Mariana Silva", "Silvia", "", "Łukasz", "ana maria", "José-María", "محمود", "100%_"]
SEARCHES = [
    "mari",
    "silv mar",
    "iana",
    "900",
    "77009000",
    "example",
    "luk",
    "حمو",
    "zzz",
    "ana",
    "00%",
    "a",
    "mari 9000",
]

steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "rename", "remove", "index"]), st.integers(0, 11), st.sampled_from(NAMES)
    ),
    max_size=14,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(st.sampled_from(NAMES), max_size=6),
    steps=steps,
    search=st.sampled_from(SEARCHES),
    limit=st.integers(1, 4),
)
async def test_the_index_finds_what_looking_at_everybody_finds(
    stores, monkeypatch, first, steps, search, limit
):
    us, index = OrganizationId(uuid4()), SqlContactSearch(stores.database)
    known = {}
    async with stores.begin(us) as work:
        for n, name in enumerate(first):
            known[n] = a_contact(us, phones(20)[n], first_name=name, email="m@example.org" if n % 2 else "")
        await work.contacts.add(list(known.values()))
    await index.begin(us)
    while await index.grow(us, limit=2):
        pass
    for step, n, name in steps:
        async with stores.begin(us) as work:
            if step == "add" and n not in known:
                known[n] = a_contact(us, phones(20)[n], first_name=name)
                await work.contacts.add([known[n]])
            elif step == "rename" and n in known:
                known[n] = replace(known[n], first_name=name)
                await work.contacts.save([known[n]])
            elif step == "remove" and n in known:
                await work.contacts.remove(known.pop(n).id)
        if step == "index":
            await index.grow(us, limit=3)
    terms = search_terms(search)
    expected = {one.id for one in known.values() if all(term in search_text(one) for term in terms)}
    seen, cursor = [], None
    async with stores.reading(us) as look:
        for _ in range(20):
            page = await look.contacts.page(ContactFilter(search=search), cursor=cursor, limit=limit)
            seen += [each.id for each in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        counted = await look.contacts.page(ContactFilter(search=search), cursor=None, limit=9, number=1)
        assert counted.total == len(expected)
        assert await look.contacts.size(ContactFilter()) == len(known)
    assert sorted(seen) == sorted(expected)


async def test_an_organisation_that_outgrows_looking_gets_an_index(stores):
    us, index = OrganizationId(uuid4()), SqlContactSearch(stores.database)
    people = [a_contact(us, phone, first_name=f"Maria{n}") for n, phone in enumerate(phones(20))]
    async with stores.begin(us) as work:
        await work.contacts.add(people)
    assert us not in await index.outgrown(21)
    assert us in await index.outgrown(20)
    indexer = Indexer(index, large=20)
    for _ in range(50):
        if not await indexer.step():
            break
    assert us not in await index.outgrown(20)
    assert us not in await index.behind()
    async with stores.reading(us) as look:
        page = await look.contacts.page(ContactFilter(search="maria1"), cursor=None, limit=20)
    newest = sorted(
        (one for one in people if "maria1" in search_text(one)), key=lambda one: one.id, reverse=True
    )
    assert [each.id for each in page.items] == [one.id for one in newest]


async def test_filtered_lists_of_large_organisations_are_counted_only_when_asked(stores, us, monkeypatch):
    monkeypatch.setattr("tidings.adapters.mysql.contacts.reading.COUNTED_AT_ONCE", 3)
    async with stores.begin(us) as work:
        await work.contacts.add([a_contact(us, phone) for phone in phones(5)])

    async def total(wanted: ContactFilter, *, thorough: bool) -> int | None:
        async with stores.reading(us) as look:
            page = await look.contacts.page(wanted, cursor=None, limit=2, number=1, thorough=thorough)
        assert len(page.items) == 2
        return page.total

    assert await total(ContactFilter(), thorough=False) == 5
    assert await total(ContactFilter(search="asha"), thorough=False) is None
    assert await total(ContactFilter(search="asha"), thorough=True) == 5


@given(st.sets(st.integers(0, 3 * grams.BLOCK - 1), max_size=30), st.integers(0, 3 * grams.BLOCK))
def test_blocks_of_bits_give_their_places_back(places, below):
    blocks: dict[int, int] = {}
    for place in places:
        blocks[place // grams.BLOCK] = blocks.get(place // grams.BLOCK, 0) | 1 << place % grams.BLOCK
    found = [
        place
        for block in sorted(blocks, reverse=True)
        for place in grams.places_down(block, grams.unpacked(grams.packed(blocks[block])), below)
    ]
    assert found == sorted((place for place in places if place < below), reverse=True)
