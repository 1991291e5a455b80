"""Our own stores of contacts, on every engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.mysql.contacts import search
from tidings.adapters.mysql.contacts.privacy import Pseudonyms
from tidings.adapters.mysql.contacts.tables import consents, memberships, standings
from tidings.adapters.mysql.contacts.work import contacts_in
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts import grams
from tidings.domain.contacts.wishes import Wish
from tidings.domain.kernel import PersonKey
from tidings.testing.contracts.contact_consents import ConsentsContract, entries
from tidings.testing.contracts.contact_groups import GroupsContract
from tidings.testing.contracts.contact_identities import IdentitiesContract
from tidings.testing.contracts.contact_imports import ImportsContract
from tidings.testing.contracts.contact_search import SearchContract
from tidings.testing.contracts.contact_segments import SegmentsContract
from tidings.testing.contracts.contact_stores import a_contact, a_group, phones
from tidings.testing.contracts.contacts import ContactsContract


class TestContacts(ContactsContract):
    pass


class TestGroups(GroupsContract):
    pass


class TestIdentities(IdentitiesContract):
    pass


class TestImports(ImportsContract):
    pass


class TestSegments(SegmentsContract):
    pass


class TestConsents(ConsentsContract):
    pass


class TestSearch(SearchContract):
    pass


class TestSearchOverManyBlocks(SearchContract):
    """The same, where a block holds eight people and everybody who seems to be meant is looked at by twos."""

    @pytest.fixture(autouse=True)
    def small_blocks(self, monkeypatch):
        monkeypatch.setattr(grams, "BLOCK", 8)
        monkeypatch.setattr(grams, "_BYTES", 1)
        for name, value in {"BLOCK": 8, "LOOK": 2, "MOST": 3, "BLOCKS": 2, "CROWDED": 0}.items():
            monkeypatch.setattr(search, name, value)


@pytest.mark.anyio
async def test_no_membership_outlives_its_contact(stores, us):
    people = [a_contact(us, phone) for phone in phones(3)]
    group = a_group(us)
    async with stores.begin(us) as work:
        await work.contacts.add(people)
        await work.groups.add(group)
        await work.groups.put_in(group.id, [person.id for person in people])
        await work.contacts.remove(people[0].id)
    async with stores.database.reading() as connection:
        rows = select(func.count()).where(memberships.c.group_id == group.id)
        assert (await connection.execute(rows)).scalar_one() == 2


@pytest.mark.anyio
async def test_the_names_of_the_forgotten_are_in_no_row(stores, us):
    told = entries(us, [("447700900001", "marketing", Wish.STOP, 0), ("GB.aB", "news", Wish.STOP, 1)])
    async with stores.begin(us) as work:
        await work.consents.hear(told)
        await work.consents.forget({PersonKey("447700900001"), PersonKey("GB.aB")})
    async with stores.database.reading() as connection:
        for table in (consents, standings):
            query = select(table.c.person).where(table.c.organization_id == us)
            names = (await connection.execute(query)).scalars().all()
            assert len(names) == 2
            assert all(name.startswith("#") for name in names)


@pytest.mark.anyio
async def test_who_was_forgotten_under_an_older_key_is_recognised(stores, us):
    old = contacts_in(stores.database, now=utcnow, new_id=uuid7, pseudonyms=Pseudonyms(("old key",)))
    told = entries(us, [("447700900001", "marketing", Wish.STOP, 0)])
    async with old(us) as work:
        await work.consents.hear(told)
        await work.consents.forget([told[0].person])
    async with stores.begin(us) as work:
        assert [each.opted_out for each in await work.consents.standings([told[0].person])] == [True]
    other = contacts_in(stores.database, now=utcnow, new_id=uuid7, pseudonyms=Pseudonyms(("another",)))
    async with other(us) as work:
        assert await work.consents.standings([told[0].person]) == []


@pytest.mark.anyio
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
