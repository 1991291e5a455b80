"""What every store of aliases and merges promises."""

from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.identities import Alias, Merge, MergeId, MergeNotFound, Side
from tidings.domain.contacts.people import Contact, ContactNotFound, PhoneTaken
from tidings.domain.contacts.rules import Deed, Happening
from tidings.domain.kernel import CampaignId, ContactId, OrganizationId, PersonKey
from tidings.testing.contracts.contact_stores import NOON, Stores, a_contact
from tidings.testing.contracts.organizations import OfAnOrganization

BSUID = PersonKey("GB.7f3Kq0012ab")


def an_alias(contact: Contact, person: PersonKey = BSUID, minutes: int = 0) -> Alias:
    return Alias(
        organization_id=contact.organization_id,
        person=person,
        contact_id=contact.id,
        seen_at=NOON + timedelta(minutes=minutes),
    )


def a_merge(kept: Contact, absorbed: Contact) -> Merge:
    deed = Happening(contact_id=absorbed.id, deed=Deed.READ, at=NOON, campaign_id=CampaignId(uuid4()))
    return Merge(
        id=MergeId(uuid7()),
        organization_id=kept.organization_id,
        kept_id=kept.id,
        absorbed_id=absorbed.id,
        current_id=kept.id,
        reason="test",
        at=NOON,
        kept=Side(contact=kept),
        absorbed=Side(contact=absorbed, aliases=(an_alias(absorbed),), deeds=(deed,)),
        merged=kept,
    )


@pytest.mark.anyio
class IdentitiesContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_a_person_is_found_by_any_number_or_id_exactly(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        one, two = a_contact(us, "+447700900001"), a_contact(us, "+447700900002")
        async with stores.begin(us) as work:
            await work.contacts.add([one, two])
            await work.aliases.put([an_alias(one), an_alias(two, PersonKey("GB.7f3kq0012AB"))])
            asked = [one.person, BSUID, PersonKey("GB.7f3kq0012AB"), PersonKey("GB.x")]
            known = await work.contacts.of_people(asked)
        assert {person: contact.id for person, contact in known.items()} == {
            one.person: one.id, BSUID: one.id, PersonKey("GB.7f3kq0012AB"): two.id
        }  # fmt: skip
        async with stores.reading(us) as look:
            assert await look.contacts.of_people(asked) == known
            assert set(await look.contacts.people_of(one.id)) == {one.person, BSUID}
            with pytest.raises(ContactNotFound):
                await look.contacts.people_of(ContactId(uuid4()))
        async with stores.reading(OrganizationId(uuid4())) as look:
            assert await look.contacts.of_people(asked) == {}

    async def test_one_alias_is_found_among_many_strangers(self, stores: Stores, us: OrganizationId) -> None:
        them = OrganizationId(uuid4())
        crowd = [BSUID, *(PersonKey(f"GB.{n:05}") for n in range(1_500))]
        for organization in (us, them):
            async with stores.begin(organization) as work:
                assert list(await work.aliases.among(crowd)) == []
                assert await work.contacts.of_people(crowd) == {}
        contact = a_contact(us)
        async with stores.begin(us) as work:
            await work.contacts.add([contact])
            await work.aliases.put([an_alias(contact)])
            assert list(await work.aliases.among(crowd)) == [an_alias(contact)]
            assert await work.contacts.of_people(crowd) == {BSUID: contact}
        async with stores.begin(them) as work:
            assert list(await work.aliases.among(crowd)) == []

    async def test_an_alias_belongs_to_one_contact_and_goes_with_it(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        one, two = a_contact(us, "+447700900001"), a_contact(us, "+447700900002")
        async with stores.begin(us) as work:
            await work.contacts.add([one, two])
            await work.aliases.put([an_alias(one)])
            await work.aliases.put([an_alias(two, minutes=1)])
            assert await work.aliases.of([one.id, two.id]) == [an_alias(two, minutes=1)]
            await work.contacts.remove(two.id)
            assert await work.aliases.of([one.id, two.id]) == []

    async def test_people_without_a_number_are_unique_by_their_id_and_not_reachable(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        def nameless() -> Contact:
            contact = a_contact(us)
            return replace(contact, phone=None, country_code="", person=BSUID, bsuid=BSUID)

        contact = nameless()
        async with stores.begin(us) as work:
            await work.contacts.add([contact])
            assert await work.contacts.get(contact.id) == contact
        with pytest.raises(PhoneTaken):
            async with stores.begin(us) as work:
                await work.contacts.add([nameless()])
        async with stores.reading(us) as look:
            (one,) = await look.contacts.addressees(ContactFilter(), after=None, limit=9)
        assert (one.phone, one.blocked) == ("", "no_phone")

    async def test_whoever_was_absorbed_is_reachable_as_who_they_are_now(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        one, two, three = (a_contact(us, f"+44770090000{n}") for n in range(3))
        async with stores.begin(us) as work:
            await work.contacts.add([one, two, three])
        for kept, absorbed in ((two, three), (one, two)):
            async with stores.begin(us) as work:
                await work.contacts.remove(absorbed.id)
                carried = tuple(await work.merges.standing_for(absorbed.id))
                await work.merges.add(replace(a_merge(kept, absorbed), carried=carried))
        ids = [one.id, two.id, three.id]
        async with stores.reading(us) as look:
            assert await look.contacts.reachable(ids) == set(ids)
            assert await look.contacts.reachable([three.id]) == {three.id}
        async with stores.begin(us) as work:
            await work.contacts.save([one.opt_out(NOON, "test")])
        async with stores.reading(us) as look:
            assert await look.contacts.reachable(ids) == set()

    async def test_merges_are_kept_whole_and_undone_ones_too(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        one, two = a_contact(us, "+447700900001"), a_contact(us, "+447700900002")
        merge = a_merge(one, two)
        async with stores.begin(us) as work:
            await work.merges.add(merge)
            assert await work.merges.get(merge.id) == merge
            await work.merges.undo(merge, NOON)
            assert list(await work.merges.of(two.id)) == [replace(merge, undone_at=NOON)]
        async with stores.begin(OrganizationId(uuid4())) as work:
            assert await work.merges.of(one.id) == []
            with pytest.raises(MergeNotFound):
                await work.merges.get(merge.id)
