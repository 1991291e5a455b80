"""What stores of attributes, segments and deeds promise: they answer as the rule in Python does."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.attributes import Attribute, AttributeNotFound, Kind
from tidings.domain.contacts.consent import ConsentEntry
from tidings.domain.contacts.groups import Group
from tidings.domain.contacts.people import Contact
from tidings.domain.contacts.rules import (
    All,
    AnyRule,
    Deed,
    Facts,
    Happened,
    Happening,
    Not,
    OfActivity,
    OfAttribute,
    OfConsent,
    OfField,
    OfGroup,
    OfSearch,
    Op,
    matches,
)
from tidings.domain.contacts.rules import Any as AnyOf
from tidings.domain.contacts.segments import (
    OPS,
    Segment,
    SegmentId,
    SegmentNameTaken,
    SegmentNotFound,
)
from tidings.domain.contacts.wishes import Wish
from tidings.domain.kernel import CampaignId, GroupId, OrganizationId
from tidings.testing.contracts.contact_stores import (
    NOON,
    Stores,
    a_contact,
    a_group,
    phones,
)
from tidings.testing.contracts.organizations import OfAnOrganization

KINDS = {"city": Kind.TEXT, "age": Kind.NUMBER, "born": Kind.DATE, "vip": Kind.BOOLEAN, "पद": Kind.CHOICE}
VALUES = {
    Kind.TEXT: ["Rome", "rome", "Róme", 'R"o%_\\me', "Ro", "O'Hara"],
    Kind.NUMBER: ["-2", "0", "0.1", "9", "10", "10.5", "999999999999999", "0.00001"],
    Kind.DATE: ["1999-12-31", "2026-01-01", "2026-11-25"],
    Kind.BOOLEAN: ["true", "false"],
    Kind.CHOICE: ["Gold", "gold", "सोना"],
}
FIELDS = {
    "firstName": ["Ana", "ana", "Aná", "100%"],
    "email": ["a@b.org", "c@d.org"],
    "countryCode": ["+44", "+1"],
}
CAMPAIGNS = [CampaignId(UUID(int=n)) for n in (1, 2)]
GROUPS = 2


@st.composite
def attribute_rules(draw: st.DrawFn) -> AnyRule:
    key = draw(st.sampled_from(list(KINDS)))
    op = draw(st.sampled_from(sorted(OPS[KINDS[key]])))
    return OfAttribute(key=key, op=op, value=draw(values_for(op, VALUES[KINDS[key]])))


@st.composite
def field_rules(draw: st.DrawFn) -> AnyRule:
    name = draw(st.sampled_from([*FIELDS, "isFavorite"]))
    if name == "isFavorite":
        return OfField(
            name=name, op=draw(st.sampled_from([Op.EQUALS, Op.NOT_EQUALS])), value=draw(st.booleans())
        )
    op = draw(st.sampled_from(sorted(OPS[Kind.TEXT])))
    return OfField(name=name, op=op, value=draw(values_for(op, FIELDS[name])))


def values_for(op: Op, values: list[str]) -> st.SearchStrategy[Any]:
    if op in (Op.IS_SET, Op.IS_NOT_SET):
        return st.none()
    if op is Op.ONE_OF:
        return st.lists(st.sampled_from(values), min_size=1, max_size=3).map(tuple)
    if op in (Op.CONTAINS, Op.STARTS_WITH):
        return st.sampled_from([part for value in values for part in (value, value[:1], value[1:3]) if part])
    return st.sampled_from(values)


leaves = st.one_of(
    attribute_rules(),
    field_rules(),
    st.integers(0, GROUPS - 1).map(lambda n: ("group", n)),
    st.builds(OfConsent, opted_out=st.booleans(), topic=st.sampled_from(["marketing", "news"])),
    st.builds(OfSearch, text=st.sampled_from(["ana", "4477009", "00003", "%"])),
    st.builds(
        OfActivity,
        deed=st.sampled_from(Deed),
        within_days=st.sampled_from([None, 1, 10]),
        campaign_id=st.sampled_from([None, *CAMPAIGNS]),
    ),
)


rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: ("all", parts)),
        st.lists(inner, max_size=3).map(lambda parts: ("any", parts)),
        inner.map(lambda part: ("not", part)),
    ),
    max_leaves=6,
)


def built(told: Any, groups: list[GroupId]) -> AnyRule:
    """Groups have their ids only when the example runs."""
    match told:
        case ("group", int(n)):
            return OfGroup(group_id=groups[n])
        case ("all", parts):
            return All(rules=tuple(built(part, groups) for part in parts))
        case ("any", parts):
            return AnyOf(rules=tuple(built(part, groups) for part in parts))
        case ("not", part):
            return Not(rule=built(part, groups))
        case rule:
            return rule


persons: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "attributes": st.fixed_dictionaries(
            {}, optional={key: st.sampled_from(VALUES[kind]) for key, kind in KINDS.items()}
        ),
        "first_name": st.sampled_from(["", *FIELDS["firstName"]]),
        "email": st.sampled_from(["", *FIELDS["email"]]),
        "country_code": st.sampled_from(FIELDS["countryCode"]),
        "is_favorite": st.booleans(),
        "opted_out": st.booleans(),
    }
)


lives: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "groups": st.sets(st.integers(0, GROUPS - 1)),
        "stops_news": st.booleans(),
        "deeds": st.lists(
            st.tuples(st.sampled_from(Deed), st.integers(0, 20), st.sampled_from([None, *CAMPAIGNS])),
            max_size=3,
        ),
    }
)


async def _lived(
    stores: Stores,
    us: OrganizationId,
    contacts: list[Contact],
    groups: list[Group],
    lives: list[dict[str, Any]],
) -> list[Facts]:
    happened = [
        Happening(contact_id=contact.id, deed=deed, at=NOON - timedelta(days=days), campaign_id=campaign)
        for contact, life in zip(contacts, lives, strict=True)
        for deed, days, campaign in life["deeds"]
    ]
    async with stores.begin(us) as work:
        await work.attributes.define(
            [
                Attribute(organization_id=us, key=key, kind=kind, created_at=NOON)
                for key, kind in KINDS.items()
            ]
        )
        await work.contacts.add(contacts)
        for group in groups:
            await work.groups.add(group)
        for n, group in enumerate(groups):
            members = [c.id for c, life in zip(contacts, lives, strict=True) if n in life["groups"]]
            await work.groups.put_in(group.id, members)
        await work.consents.hear(
            [
                ConsentEntry(
                    id=uuid7(), organization_id=us, person=contact.person, topic="news", wish=Wish.STOP,
                    source="test", at=NOON, heard_at=NOON,
                )
                for contact, life in zip(contacts, lives, strict=True)
                if life["stops_news"]
            ]
        )  # fmt: skip
        await work.deeds.note(happened[::2])
        await work.deeds.note(happened[1::2])
    return [
        Facts(
            contact=contact,
            groups=frozenset(group.id for n, group in enumerate(groups) if n in life["groups"]),
            stopped_topics=frozenset({"news"} if life["stops_news"] else ()),
            deeds={deed: _told(happened, contact, deed) for deed in Deed},
        )
        for contact, life in zip(contacts, lives, strict=True)
    ]


def _told(happened: list[Happening], contact: Contact, deed: Deed) -> Happened:
    mine = [each for each in happened if (each.contact_id, each.deed) == (contact.id, deed)]
    return Happened(
        last=max((each.at for each in mine), default=None),
        by_campaign={
            campaign: max(each.at for each in mine if each.campaign_id == campaign)
            for campaign in {each.campaign_id for each in mine}
            if campaign is not None
        },
    )


def a_segment(organization: OrganizationId, name: str = "Romans") -> Segment:
    return Segment(
        id=SegmentId(uuid7()),
        organization_id=organization,
        name=name,
        rule=OfAttribute(key="city", op=Op.EQUALS, value="Rome"),
        created_at=NOON,
        updated_at=NOON,
    )


@pytest.mark.anyio
class SegmentsContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        people=st.lists(st.tuples(persons, lives), min_size=1, max_size=5),
        asked=st.lists(rules, min_size=3, max_size=6),
    )
    async def test_sql_answers_as_the_rule_does(
        self, stores: Stores, people: list[tuple[dict[str, Any], dict[str, Any]]], asked: list[Any]
    ) -> None:
        us = OrganizationId(uuid4())
        contacts = [a_contact(us, phone, **told) for phone, (told, _) in zip(phones(9), people, strict=False)]
        groups = [a_group(us, str(n)) for n in range(GROUPS)]
        facts = await _lived(stores, us, contacts, groups, [life for _, life in people])
        async with stores.reading(us) as look:
            for told in asked:
                rule = built(told, [group.id for group in groups])
                wanted = ContactFilter(rule=rule, at=NOON)
                chosen = await look.contacts.addressees(wanted, after=None, limit=10)
                expected = {each.contact.id for each in facts if matches(rule, each, KINDS, NOON)}
                assert {each.contact_id for each in chosen} == expected
                assert await look.contacts.size(wanted) == len(expected)

    async def test_a_segment_stands_where_a_group_may(self, stores: Stores, us: OrganizationId) -> None:
        segment = a_segment(us)
        roman, other = (
            a_contact(us, "+447700900001", attributes={"city": "Rome"}),
            a_contact(us, "+447700900002"),
        )
        async with stores.begin(us) as work:
            await work.contacts.add([roman, other])
            await work.segments.add(segment)
        wanted = ContactFilter(group_id=GroupId(segment.id), at=NOON)
        async with stores.reading(us) as look:
            assert await look.contacts.size(wanted) == 1
            assert [
                each.contact_id for each in await look.contacts.addressees(wanted, after=None, limit=9)
            ] == [roman.id]
            assert (await look.contacts.page(wanted, cursor=None, limit=9, number=1)).total == 1

    async def test_segments_have_names_of_their_own_and_belong_to_one_organisation(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        them = OrganizationId(uuid4())
        one, two, theirs = a_segment(us), a_segment(us, "Greeks"), a_segment(them)
        async with stores.begin(them) as work:
            await work.segments.add(theirs)
        async with stores.begin(us) as work:
            await work.segments.add(one)
            await work.segments.add(two)
            assert list(await work.segments.all()) == [one, two]
            for attempt in (work.segments.get(theirs.id), work.segments.remove(theirs.id)):
                with pytest.raises(SegmentNotFound):
                    await attempt
        with pytest.raises(SegmentNameTaken):
            async with stores.begin(us) as work:
                await work.segments.add(a_segment(us))
        async with stores.reading(us) as look:
            page = await look.segments.page(cursor=None, limit=1, number=1)
            assert (page.items, page.total) == ([two], 2)
            rest = await look.segments.page(cursor=page.next_cursor, limit=1)
            assert (rest.items, rest.next_cursor) == ([one], None)
            assert await look.segments.get(one.id) == one
            with pytest.raises(SegmentNotFound):
                await look.segments.get(theirs.id)

    async def test_attributes_are_defined_once_and_found_by_their_exact_name(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        number = Attribute(organization_id=us, key="Age", kind=Kind.NUMBER, created_at=NOON)
        choice = Attribute(
            organization_id=us, key="age", kind=Kind.CHOICE, choices=("a", "b"), created_at=NOON
        )
        async with stores.begin(us) as work:
            await work.attributes.define([number, choice])
            await work.attributes.define([Attribute(organization_id=us, key="age", created_at=NOON)])
            assert await work.attributes.all() == {"Age": number, "age": choice}
            await work.attributes.remove("Age")
            with pytest.raises(AttributeNotFound):
                await work.attributes.get("Age")
        async with stores.reading(OrganizationId(uuid4())) as look:
            assert await look.attributes.all() == {}

    async def test_the_contacts_that_have_an_attribute_come_in_order(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        people = [
            a_contact(us, phone, attributes={"age": "1"} if n % 2 else {"ages": "1"})
            for n, phone in enumerate(phones(6))
        ]
        async with stores.begin(us) as work:
            await work.contacts.add(people)
            first = await work.contacts.having("age", after=None, limit=2)
            rest = await work.contacts.having("age", after=first[-1].id, limit=2)
        assert [each.id for each in (*first, *rest)] == [people[n].id for n in (1, 3, 5)]
