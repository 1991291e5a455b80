"""What every store of groups promises."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.groups import GroupNameTaken, GroupNotFound
from tidings.domain.kernel import ContactId, OrganizationId
from tidings.testing.contracts.contact_stores import Stores, a_contact, a_group, phones
from tidings.testing.contracts.organizations import OfAnOrganization

steps = st.lists(
    st.tuples(st.sampled_from(["put", "take", "delete"]), st.lists(st.integers(0, 7), max_size=6)), max_size=8
)


@pytest.mark.anyio
class GroupsContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=steps)
    async def test_counts_are_exact_whatever_is_done(
        self, stores: Stores, steps: list[tuple[str, list[int]]]
    ) -> None:
        us = OrganizationId(uuid4())
        people = [a_contact(us, phone) for phone in phones(8)]
        group, other = a_group(us, "one"), a_group(us, "two")
        members: set[ContactId] = set()
        alive = {person.id for person in people}
        async with stores.begin(us) as work:
            await work.contacts.add(people)
            await work.groups.add(group)
            await work.groups.add(other)
            await work.groups.put_in(other.id, [person.id for person in people])
        for step, places in steps:
            ids = {people[place].id for place in places}
            async with stores.begin(us) as work:
                if step == "put":
                    assert await work.groups.put_in(group.id, ids) == len(ids & alive - members)
                    members |= ids & alive
                elif step == "take":
                    assert await work.groups.take_out(group.id, ids) == len(ids & members)
                    members -= ids
                else:
                    for id in ids & alive:
                        await work.contacts.remove(id)
                    alive -= ids
                    members -= ids
        async with stores.reading(us) as look:
            assert (await look.groups.get(group.id)).contact_count == len(members)
            assert (await look.groups.get(other.id)).contact_count == len(alive)
            assert await look.contacts.size(ContactFilter(group_id=group.id)) == len(members)

    async def test_a_name_belongs_to_one_group_and_is_compared_exactly(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        async with stores.begin(us) as work:
            await work.groups.add(a_group(us, "Ana"))
            await work.groups.add(a_group(us, "ana"))
            await work.groups.add(a_group(us, "Aná"))
            second = a_group(us, "Bob")
            await work.groups.add(second)
        with pytest.raises(GroupNameTaken):
            async with stores.begin(us) as work:
                await work.groups.add(a_group(us, "Ana"))
        with pytest.raises(GroupNameTaken):
            async with stores.begin(us) as work:
                await work.groups.save(replace(second, name="Ana"))

    async def test_deleting_a_group_keeps_its_members(self, stores: Stores, us: OrganizationId) -> None:
        contact, group = a_contact(us), a_group(us)
        async with stores.begin(us) as work:
            await work.contacts.add([contact])
            await work.groups.add(group)
            await work.groups.put_in(group.id, [contact.id])
        async with stores.reading(us) as look:
            assert [each.name for each in (await look.contacts.get(contact.id)).groups] == ["VIP"]
        async with stores.begin(us) as work:
            await work.groups.remove(group.id)
        async with stores.reading(us) as look:
            assert (await look.contacts.get(contact.id)).groups == ()
            with pytest.raises(GroupNotFound):
                await look.groups.get(group.id)
            with pytest.raises(GroupNotFound):
                await look.contacts.size(ContactFilter(group_id=group.id))

    async def test_nobody_reaches_the_groups_or_contacts_of_others(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        them = OrganizationId(uuid4())
        theirs, stranger, ours = a_group(them), a_contact(them), a_group(us)
        async with stores.begin(them) as work:
            await work.groups.add(theirs)
            await work.contacts.add([stranger])
        async with stores.begin(us) as work:
            await work.groups.add(ours)
            for attempt in (
                work.groups.get(theirs.id),
                work.groups.remove(theirs.id),
                work.groups.put_in(theirs.id, []),
                work.groups.take_out(theirs.id, []),
            ):
                with pytest.raises(GroupNotFound):
                    await attempt
            assert await work.groups.put_in(ours.id, [stranger.id]) == 0
        async with stores.reading(us) as look:
            assert (await look.groups.page("", cursor=None, limit=10)).items == [ours]
            page = await look.contacts.page(ContactFilter(group_id=ours.id), cursor=None, limit=10)
            assert page.items == []
