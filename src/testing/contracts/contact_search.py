"""What every search index promises: it finds exactly what looking at everybody finds."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.application.contacts.indexing import Indexer
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.people import Contact, search_terms, search_text
from tidings.domain.kernel import ContactId, OrganizationId
from tidings.testing.contracts.contact_stores import Stores, a_contact, phones
from tidings.testing.contracts.organizations import OfAnOrganization

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


@pytest.mark.anyio
class SearchContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        first=st.lists(st.sampled_from(NAMES), max_size=6),
        steps=steps,
        search=st.sampled_from(SEARCHES),
        limit=st.integers(1, 4),
    )
    async def test_the_index_finds_what_looking_at_everybody_finds(
        self, stores: Stores, first: list[str], steps: list[tuple[str, int, str]], search: str, limit: int
    ) -> None:
        us, index = OrganizationId(uuid4()), stores.search
        known = dict[int, Contact]()
        async with stores.begin(us) as work:
            for n, name in enumerate(first):
                known[n] = a_contact(
                    us, phones(20)[n], first_name=name, email="m@example.org" if n % 2 else ""
                )
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
        seen, cursor = list[ContactId](), None
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

    async def test_an_organisation_that_outgrows_looking_gets_an_index(self, stores: Stores) -> None:
        us, index = OrganizationId(uuid4()), stores.search
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
