"""What every store of contacts promises, whatever it is made of."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.application.ports.contacts import Addressee, ContactFilter
from tidings.domain.contacts.groups import GroupNotFound
from tidings.domain.contacts.people import ContactNotFound, ContactView, PhoneTaken
from tidings.domain.errors import BadCursor
from tidings.domain.kernel import ContactId, GroupId, OrganizationId
from tidings.testing.contracts.contact_stores import (
    NOON,
    Stores,
    a_contact,
    a_group,
    phones,
)
from tidings.testing.contracts.organizations import OfAnOrganization

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=100)


moments = st.none() | st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=st.just(UTC))


contents = st.fixed_dictionaries(
    {
        "first_name": texts,
        "last_name": texts,
        "notes": texts,
        "attributes": st.dictionaries(st.text(max_size=10), texts, max_size=3),
        "is_favorite": st.booleans(),
        "opted_out": st.booleans(),
        "opted_out_at": moments,
        "opted_in_at": moments,
    }
)


@pytest.mark.anyio
class ContactsContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(content=contents)
    async def test_what_was_added_comes_back_whole(self, stores: Stores, content: dict[str, Any]) -> None:
        contact = a_contact(OrganizationId(uuid4()), **content)
        async with stores.begin(contact.organization_id) as work:
            await work.contacts.add([contact])
        async with stores.begin(contact.organization_id) as work:
            assert await work.contacts.get(contact.id) == contact

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(before=contents, after=contents)
    async def test_what_was_saved_replaces_all_that_was(
        self, stores: Stores, before: Any, after: Any
    ) -> None:
        us = OrganizationId(uuid4())
        old = a_contact(us, **before)
        new = a_contact(us, "+447700900999", id=old.id, **after)
        async with stores.begin(us) as work:
            await work.contacts.add([old])
            await work.contacts.save([new])
            assert await work.contacts.get(old.id) == new

    async def test_two_spellings_of_a_number_are_one_person(self, stores: Stores, us: OrganizationId) -> None:
        async with stores.begin(us) as work:
            await work.contacts.add([a_contact(us, "+5511987654321")])
        with pytest.raises(PhoneTaken) as refused:
            async with stores.begin(us) as work:
                await work.contacts.add([a_contact(us, "+551187654321")])
        assert [(fault.field, fault.rule) for fault in refused.value.faults] == [("phone", "unique")]

    async def test_a_changed_number_must_be_free_too(self, stores: Stores, us: OrganizationId) -> None:
        one, two = a_contact(us, "+447700900001"), a_contact(us, "+447700900002")
        async with stores.begin(us) as work:
            await work.contacts.add([one, two])
        with pytest.raises(PhoneTaken):
            async with stores.begin(us) as work:
                await work.contacts.save([a_contact(us, "+447700900001", id=two.id)])

    async def test_two_organisations_may_know_the_same_person(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        them = OrganizationId(uuid4())
        for organization in (us, them):
            async with stores.begin(organization) as work:
                await work.contacts.add([a_contact(organization)])

    async def test_nobody_sees_the_contacts_of_others(self, stores: Stores, us: OrganizationId) -> None:
        them = OrganizationId(uuid4())
        theirs = a_contact(them)
        async with stores.begin(them) as work:
            await work.contacts.add([theirs])
        async with stores.begin(us) as work:
            with pytest.raises(ContactNotFound):
                await work.contacts.get(theirs.id)
            with pytest.raises(ContactNotFound):
                await work.contacts.remove(theirs.id)
            assert await work.contacts.of_people([theirs.person]) == {}
        async with stores.reading(us) as look:
            with pytest.raises(ContactNotFound):
                await look.contacts.get(theirs.id)
            assert (await look.contacts.page(ContactFilter(), cursor=None, limit=10, number=1)).total == 0
            assert await look.contacts.addressees(ContactFilter(), after=None, limit=10) == []
            assert await look.contacts.reachable([theirs.id]) == set()
        with pytest.raises(ContactNotFound):
            await stores.reading.person(us, theirs.id)

    async def test_many_who_are_asked_for_at_once_are_each_who_they_are(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        them = OrganizationId(uuid4())
        ours = [a_contact(us, phone) for phone in phones(150)]
        theirs = [a_contact(them, phone) for phone in phones(20)]
        vips, early = a_group(us), a_group(us, "Early")
        for organization, people in ((us, ours), (them, theirs)):
            async with stores.begin(organization) as work:
                await work.contacts.add(people)
        async with stores.begin(us) as work:
            await work.groups.add(vips)
            await work.groups.add(early)
            for group in (vips, early):
                await work.groups.put_in(group.id, [ours[0].id, ours[1].id])
        asked = [*((us, each) for each in ours), *((them, each) for each in theirs)]
        asked += [(us, theirs[0]), (them, ours[0]), (us, a_contact(us))]
        looks = (stores.reading.person(organization, each.id) for organization, each in asked)
        found = await asyncio.gather(*looks, return_exceptions=True)
        for (organization, each), view in zip(asked[:-3], found, strict=False):
            named = ("Early", "VIP") if each in ours[:2] else ()
            assert isinstance(view, ContactView)
            assert (view.id, view.phone, view.organization_id) == (each.id, each.phone, organization)
            assert tuple(group.name for group in view.groups) == named
        assert [type(each) for each in found[-3:]] == [ContactNotFound] * 3

    async def test_whoever_asks_after_a_change_sees_it_although_others_asked_before(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        person = a_contact(us)
        async with stores.begin(us) as work:
            await work.contacts.add([person])
        for number in range(20):
            others = [asyncio.create_task(stores.reading.person(us, person.id)) for _ in range(5)]
            await asyncio.sleep(0)
            async with stores.begin(us) as work:
                await work.contacts.save([replace(person, notes=str(number))])
            assert (await stores.reading.person(us, person.id)).notes == str(number)
            await asyncio.gather(*others)

    async def test_an_exception_undoes_the_work(self, stores: Stores, us: OrganizationId) -> None:
        async def half_way() -> None:
            async with stores.begin(us) as work:
                await work.contacts.add([a_contact(us)])
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await half_way()
        async with stores.reading(us) as look:
            assert await look.contacts.size(ContactFilter()) == 0

    async def test_pages_follow_one_another_newest_first_without_gaps(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        people = [a_contact(us, phone) for phone in phones(7)]
        async with stores.begin(us) as work:
            await work.contacts.add(people)
        seen, cursor = list[ContactId](), None
        async with stores.reading(us) as look:
            for _ in range(4):
                page = await look.contacts.page(ContactFilter(), cursor=cursor, limit=3)
                seen += [found.id for found in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
            numbered = await look.contacts.page(ContactFilter(), cursor=None, limit=3, number=3)
        assert seen == sorted((person.id for person in people), reverse=True)
        assert (numbered.total, [found.id for found in numbered.items]) == (7, seen[6:])

    async def test_a_made_up_cursor_is_refused(self, stores: Stores, us: OrganizationId) -> None:
        async with stores.reading(us) as look:
            with pytest.raises(BadCursor):
                await look.contacts.page(ContactFilter(), cursor="no cursor", limit=3)

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("conceicao", "Conceição"),
            ("ASSUNÇÃO", "Conceição"),
            ("ceição assun", "Conceição"),
            ("example.org", "Conceição"),
            ("900456", "Conceição"),
            ("07700 900456", "Conceição"),
            ("+44 (7700) 900-456", "Conceição"),
            ("حمو", "محمود"),
            ("100%", "100%_\\"),
            ("0%_\\", "100%_\\"),
            ("_\\", "100%_\\"),
        ],
    )
    async def test_search_finds_any_part_of_name_mail_and_number(
        self, stores: Stores, search: str, found: str
    ) -> None:
        us = OrganizationId(uuid4())
        people = [
            a_contact(
                us, "+447700900456", first_name="Conceição", last_name="de Assunção", email="c@example.org"
            ),
            a_contact(us, "+201001234567", first_name="محمود"),
            a_contact(us, "+447700900458", first_name="100%_\\"),
            a_contact(us, "+447700900459", first_name="1000"),
        ]
        async with stores.begin(us) as work:
            await work.contacts.add(people)
        async with stores.reading(us) as look:
            page = await look.contacts.page(ContactFilter(search=search), cursor=None, limit=10)
        assert [contact.first_name for contact in page.items] == [found]

    async def test_lists_are_filtered_by_favourite_consent_and_group(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        group = a_group(us)
        people = [
            a_contact(us, phone, is_favorite=n % 2 == 0, opted_out=n % 3 == 0)
            for n, phone in enumerate(phones(6))
        ]
        async with stores.begin(us) as work:
            await work.contacts.add(people)
            await work.groups.add(group)
            await work.groups.put_in(group.id, [person.id for person in people[2:]])

        async def found(**wanted: Any) -> list[int]:
            async with stores.reading(us) as look:
                page = await look.contacts.page(ContactFilter(**wanted), cursor=None, limit=10, number=1)
            places = [next(n for n, p in enumerate(people) if p.id == item.id) for item in page.items]
            assert page.total == len(places)
            return places

        assert await found(favorite=True) == [4, 2, 0]
        assert await found(opted_out=False) == [5, 4, 2, 1]
        assert await found(group_id=group.id) == [5, 4, 3, 2]
        assert await found(group_id=group.id, favorite=False, opted_out=True) == [3]
        async with stores.reading(us) as look:
            with pytest.raises(GroupNotFound):
                await look.contacts.page(ContactFilter(group_id=GroupId(uuid4())), cursor=None, limit=10)

    async def test_addressees_come_in_order_with_their_fields_and_reasons(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        people = [a_contact(us, phone) for phone in phones(5)]
        people[3] = replace(people[3], opted_out=True, opted_out_at=NOON)
        async with stores.begin(us) as work:
            await work.contacts.add(people)
        seen, after = list[Addressee](), None
        async with stores.reading(us) as look:
            for _ in range(4):
                page = await look.contacts.addressees(ContactFilter(), after=after, limit=2)
                if not page:
                    break
                seen += page
                after = page[-1].contact_id
            reachable = await look.contacts.reachable([person.id for person in people])
        assert [one.contact_id for one in seen] == [person.id for person in people]
        assert [one.blocked for one in seen] == [None, None, None, "opted_out", None]
        assert seen[0].fields == {
            "firstName": "Asha", "name": "Asha", "phone": people[0].phone, "countryCode": "+44",
        }  # fmt: skip
        assert reachable == {person.id for person in people} - {people[3].id}

    async def test_a_contact_that_is_gone_is_not_reachable(self, stores: Stores, us: OrganizationId) -> None:
        contact = a_contact(us)
        async with stores.begin(us) as work:
            await work.contacts.add([contact])
            await work.contacts.remove(contact.id)
        async with stores.reading(us) as look:
            assert await look.contacts.reachable([contact.id]) == set()
