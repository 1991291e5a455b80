"""One human, however many numbers and ids: linking by what is heard, merging by hand, and the way back."""

from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.application.test_contacts import NOON, a_file, a_message, database, hears, owner, somebody, world
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.numbering import WorldNumbering
from tidings.application.contacts import uniting
from tidings.application.contacts.consent import WishTold
from tidings.application.contacts.groups import NewGroup
from tidings.application.contacts.identities import Identities, MergeWith
from tidings.application.contacts.people import ContactChange, NewContact
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.identities import CannotMerge, CannotUnmerge, MergeNotFound
from tidings.domain.contacts.people import ContactNotFound, InvalidContact, PhoneTaken
from tidings.domain.contacts.wishes import Wish
from tidings.domain.events import MessageReceived
from tidings.domain.kernel import Phone, person_key

pytestmark = pytest.mark.anyio

__all__ = ["database", "owner", "world"]

PHONES = [f"+44770090000{n}" for n in range(4)]
IDS = [f"GB.person{n}" for n in range(4)]


@pytest.fixture
def identities(world):
    return Identities(world.contacts.begin, world.contacts.reading, WorldNumbering(), world.now, uuid7)


def seen(actor, phone: str | None, bsuid: str | None, minutes: int = 0) -> MessageReceived:
    message = a_message(actor, "hi", NOON + timedelta(minutes=minutes))
    return replace(message, sender=phone and Phone(phone), sender_user_id=bsuid)


async def test_a_contact_may_have_an_id_in_place_of_a_number(world, owner):
    contact = await world.contacts.add(owner, NewContact(bsuid=IDS[0], username="@rowan", first_name="Rowan"))
    assert (contact.phone, contact.bsuid, contact.username) == (None, IDS[0], "rowan")
    for wrong, fields in (
        (NewContact(first_name="x"), {"phone"}),
        (NewContact(bsuid="nonsense", email="x"), {"bsuid", "phone", "email"}),
    ):
        with pytest.raises(InvalidContact) as refused:
            await world.contacts.add(owner, wrong)
        assert fields - {fault.field for fault in refused.value.faults} <= {"phone"}
    with pytest.raises(PhoneTaken) as taken:
        await world.contacts.add(owner, NewContact(phone=PHONES[0], bsuid=IDS[0]))
    assert taken.value.faults[0].field == "bsuid"
    page = await world.contacts.page(owner, ContactFilter(search="rowan"))
    assert [one.id for one in page.items] == [contact.id]


async def test_the_number_of_a_person_who_hid_it_shows_up(world, identities, owner):
    contact = await world.contacts.add(owner, NewContact(bsuid=IDS[0]))
    await hears(world.consent, replace(seen(owner, None, IDS[0]), text="STOP"))
    await hears(identities, seen(owner, PHONES[0], IDS[0]))
    known = await world.contacts.get(owner, contact.id)
    assert (known.phone, known.country_code, known.bsuid, known.opted_out) == (PHONES[0], "+44", IDS[0], True)
    with pytest.raises(PhoneTaken):
        await world.contacts.add(owner, NewContact(bsuid=IDS[0]))


async def test_two_contacts_that_write_with_one_id_become_one(world, identities, owner):
    group = await world.groups.add(owner, NewGroup(name="VIP"))
    hidden = await world.contacts.add(owner, NewContact(bsuid=IDS[0], company="Rao", group_id=group.id))
    named = await world.contacts.add(
        owner, NewContact(phone=PHONES[0], first_name="Asha", attributes={"a": "1"}, group_id=group.id)
    )
    for _ in range(2):
        await hears(identities, seen(owner, PHONES[0], IDS[0]))
    kept = await world.contacts.get(owner, hidden.id)
    assert (kept.phone, kept.first_name, kept.company, kept.attributes) == (
        PHONES[0],
        "Asha",
        "Rao",
        {"a": "1"},
    )
    assert [each.id for each in kept.groups] == [group.id]
    assert (await world.groups.get(owner, group.id)).contact_count == 1
    with pytest.raises(ContactNotFound):
        await world.contacts.get(owner, named.id)
    assert await world.contacts.blocked(owner.organization_id, [named.id]) == frozenset()
    assert "contacts.merged.v1" in await world.events()
    (merge,) = await identities.history(owner, hidden.id)
    assert (merge.absorbed_id, merge.absorbed_name, merge.reason) == (named.id, "Asha", "same sender")


async def test_who_would_have_too_many_numbers_is_left_alone_and_keeps_nobody_from_being_heard(
    world, identities, owner, monkeypatch
):
    monkeypatch.setattr(uniting, "MAX_NUMBERS", 1)
    two = [
        await world.contacts.add(owner, NewContact(**each))
        for each in ({"phone": PHONES[0]}, {"bsuid": IDS[0]})
    ]
    other = await world.contacts.add(owner, NewContact(phone=PHONES[1]))
    await hears(identities, seen(owner, PHONES[0], IDS[0]), seen(owner, PHONES[1], IDS[1], 1))
    assert [(await world.contacts.get(owner, each.id)).id for each in two] == [each.id for each in two]
    assert (await world.contacts.get(owner, other.id)).bsuid == IDS[1]


async def test_strangers_who_write_are_linked_to_nobody(world, identities, owner):
    await hears(identities, seen(owner, PHONES[0], IDS[0]))
    await hears(identities, seen(owner, PHONES[0], None))
    await hears(identities, seen(owner, "+44", IDS[0]))
    assert (await world.contacts.page(owner, ContactFilter(), number=1)).total == 0


async def test_a_person_who_changes_numbers_stays_one_person(world, identities, owner):
    contact = await world.contacts.add(owner, NewContact(phone=PHONES[0]))
    moved = replace(seen(owner, PHONES[0], None, 1), kind="system", payload={"wa_id": PHONES[1][1:]})
    await hears(identities, moved)
    assert (await world.contacts.get(owner, contact.id)).phone in PHONES[:2]
    await hears(identities, replace(seen(owner, PHONES[1], IDS[1], 2)))
    known = await world.contacts.get(owner, contact.id)
    assert (known.phone, known.bsuid) == (PHONES[1], IDS[1])
    with pytest.raises(PhoneTaken):
        await world.contacts.add(owner, NewContact(phone=PHONES[0]))


meetings = st.lists(
    st.tuples(st.just("meet"), st.sampled_from(PHONES), st.sampled_from(IDS), st.integers(0, 9)), max_size=6
)


def _components(links: list[tuple[str, str]], known: set[str]) -> set[frozenset[str]]:
    """Who is one person, by the book: sets that touch become one, until none touch."""
    people = [{who} for who in known]
    for link in links:
        touched = [each for each in people if each & set(link)]
        people = [each for each in people if each not in touched] + [set(link).union(*touched)]
    return {frozenset(each) for each in people if each & known}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(14)),
    together=st.lists(st.booleans(), min_size=14, max_size=14),
    meetings=meetings,
    known=st.sets(st.sampled_from([*PHONES, *IDS]), min_size=1),
)
async def test_who_is_who_does_not_depend_on_the_order_of_events_or_on_which_come_together(
    world, identities, order, together, meetings, known
):
    steps = [*meetings, *(("add", who) for who in sorted(known))]
    outcomes = []
    for told in (steps, [steps[place] for place in order if place < len(steps)]):
        actor, heard = somebody(), []
        for step, wait in zip(told, together, strict=False):
            match step:
                case ("meet", phone, bsuid, minute):
                    heard.append(seen(actor, phone, bsuid, minute))
                    if not wait:
                        await hears(identities, *heard)
                        heard.clear()
                case (_, who):
                    new = NewContact(phone=who) if who in PHONES else NewContact(bsuid=who)
                    with suppress(PhoneTaken):
                        await world.contacts.add(actor, new)
        if heard:
            await hears(identities, *heard)
        page = await world.contacts.page(actor, ContactFilter(), limit=100)
        async with world.contacts.reading(actor.organization_id) as look:
            outcomes.append({frozenset(await look.contacts.people_of(one.id)) for one in page.items})
        for one in page.items:
            assert one.person in one_of(outcomes[-1], one.person)
    links = [(person_key(Phone(phone)), bsuid) for _, phone, bsuid, _ in meetings]
    start = {person_key(Phone(who)) if who in PHONES else who for who in known}
    assert outcomes == [_components(links, start)] * 2


def one_of(people: set[frozenset[str]], person: str) -> frozenset[str]:
    return next(each for each in people if person in each)


async def test_a_file_brings_in_strangers_who_were_heard_to_be_one_person(world, identities, owner, tmp_path):
    await hears(identities, seen(owner, PHONES[0], IDS[0]))
    await hears(identities, seen(owner, PHONES[1], IDS[0], 1))
    names = [{"firstName": "Asha", "company": ""}, {"firstName": "", "company": "Rao"}]
    path = a_file(tmp_path, [{"phone": phone, **told} for phone, told in zip(PHONES, names, strict=False)])
    report = await world.imports.import_file(owner, path)
    (one,) = (await world.contacts.page(owner, ContactFilter())).items
    assert (report.created, one.phone, one.bsuid) == (2, PHONES[1], IDS[0])
    assert (one.first_name, one.company) == ("Asha", "Rao")
    again = await world.imports.import_file(owner, path)
    assert (again.created, again.skipped) == (0, 2)


details = st.fixed_dictionaries(
    {
        "first_name": st.sampled_from(["", "Asha", "Ben"]),
        "company": st.sampled_from(["", "Rao"]),
        "attributes": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"])),
        "is_favorite": st.booleans(),
    }
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ones=details, others=details, in_groups=st.tuples(st.sets(st.integers(0, 1)), st.sets(st.integers(0, 1))),
    stops=st.tuples(st.booleans(), st.booleans()),
)  # fmt: skip
async def test_a_merge_that_is_undone_leaves_everything_as_it_was(
    world, identities, ones, others, in_groups, stops
):
    actor = somebody()
    groups = [await world.groups.add(actor, NewGroup(name=str(n))) for n in range(2)]
    ids = []
    for phone, told, places, stop in zip(PHONES, (ones, others), in_groups, stops, strict=False):
        contact = await world.contacts.add(actor, NewContact(phone=phone, **told))
        for place in places:
            await world.groups.put_in(actor, groups[place].id, [contact.id])
        if stop:
            await world.consent.note(actor, contact.id, Wish.STOP, WishTold())
        ids.append(contact.id)
    before = [await world.contacts.get(actor, id) for id in ids]
    counted = [(await world.groups.get(actor, group.id)).contact_count for group in groups]
    kept = await identities.merge(actor, ids[1], MergeWith(contact_id=ids[0]))
    assert kept.id == ids[0]
    assert kept.opted_out is any(stops)
    assert {each.name for each in kept.groups} == {str(n) for n in in_groups[0] | in_groups[1]}
    (merge,) = await identities.history(actor, kept.id)
    await identities.undo(actor, merge.id)
    assert [await world.contacts.get(actor, id) for id in ids] == before
    assert [(await world.groups.get(actor, group.id)).contact_count for group in groups] == counted
    with pytest.raises(CannotUnmerge):
        await identities.undo(actor, merge.id)


async def test_edits_and_wishes_since_a_merge_find_their_side(world, identities, owner):
    one = await world.contacts.add(owner, NewContact(phone=PHONES[0]))
    two = await world.contacts.add(owner, NewContact(phone=PHONES[1], first_name="Asha"))
    await identities.merge(owner, one.id, MergeWith(contact_id=two.id))
    await world.contacts.change(owner, one.id, ContactChange(company="Rao"))
    await hears(world.consent, a_message(owner, "STOP", NOON, PHONES[1]))
    assert (await world.contacts.get(owner, one.id)).opted_out
    (merge,) = await identities.history(owner, one.id)
    parted = await identities.undo(owner, merge.id)
    kept = await world.contacts.get(owner, one.id)
    assert (parted.id, parted.first_name, parted.opted_out) == (two.id, "Asha", True)
    assert (kept.first_name, kept.company, kept.opted_out) == ("", "Rao", False)


async def test_what_cannot_be_merged_says_why(world, identities, owner):
    one = await world.contacts.add(owner, NewContact(phone=PHONES[0]))
    with pytest.raises(CannotMerge):
        await identities.merge(owner, one.id, MergeWith(contact_id=one.id))
    theirs = await world.contacts.add(somebody(), NewContact(phone=PHONES[1]))
    with pytest.raises(ContactNotFound):
        await identities.merge(owner, one.id, MergeWith(contact_id=theirs.id))
    with pytest.raises(MergeNotFound):
        await identities.undo(owner, uuid4())


async def test_only_the_latest_merge_is_undone_first(world, identities, owner):
    people = [await world.contacts.add(owner, NewContact(phone=phone)) for phone in PHONES[:3]]
    await identities.merge(owner, people[1].id, MergeWith(contact_id=people[2].id))
    await identities.merge(owner, people[0].id, MergeWith(contact_id=people[1].id))
    (first,) = await identities.history(owner, people[2].id)
    with pytest.raises(CannotUnmerge):
        await identities.undo(owner, first.id)
    (second,) = await identities.history(owner, people[0].id)
    await identities.undo(owner, second.id)
    await identities.undo(owner, first.id)
    page = await world.contacts.page(owner, ContactFilter(), number=1)
    assert page.total == 3
