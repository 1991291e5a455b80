"""What an organisation can do with attributes and segments."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.application.test_contacts import (
    NOON,
    a_file,
    a_message,
    database,
    hears,
    owner,
    somebody,
    world,
)
from tidings.adapters.embedded.system import uuid7
from tidings.application.contacts.activity import Activity
from tidings.application.contacts.attributes import AttributeChange, Attributes, NewAttribute
from tidings.application.contacts.people import ContactChange, NewContact
from tidings.application.contacts.segments import NewSegment, SegmentChange, Segments
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.attributes import AttributeInUse, AttributeNotFound, AttributeTaken, Kind
from tidings.domain.contacts.importing import ImportOptions, Policy
from tidings.domain.contacts.people import InvalidContact
from tidings.domain.contacts.rules import All, Deed, Not, OfActivity, OfAttribute, OfConsent, Op
from tidings.domain.contacts.segments import InvalidRule, SegmentNotFound
from tidings.domain.events import MessagesMoved, Move
from tidings.domain.kernel import CampaignId, GroupId, MessageId

pytestmark = pytest.mark.anyio

__all__ = ["database", "owner", "world"]


@pytest.fixture
def attributes(world):
    return Attributes(world.contacts.begin, world.contacts.reading, world.now)


@pytest.fixture
def segments(world):
    return Segments(world.contacts.begin, world.contacts.reading, world.now, uuid7)


async def test_values_are_checked_on_write_and_names_defined_on_first_use(world, attributes, owner):
    await attributes.define(owner, NewAttribute(key="age", kind=Kind.NUMBER, label="Age"))
    contact = await world.contacts.add(
        owner, NewContact(phone="+12025550143", attributes={"age": "030", "city": "Rome", "none": " "})
    )
    assert contact.attributes == {"age": "30", "city": "Rome"}
    assert [(a.key, a.kind) for a in await attributes.all(owner)] == [
        ("age", Kind.NUMBER),
        ("city", Kind.TEXT),
    ]
    with pytest.raises(InvalidContact) as refused:
        await world.contacts.change(owner, contact.id, ContactChange(email="x", attributes={"age": "old"}))
    assert {fault.field for fault in refused.value.faults} == {"email", "attributes.age"}
    with pytest.raises(AttributeTaken):
        await attributes.define(owner, NewAttribute(key="age"))


async def test_values_are_checked_on_import(world, attributes, owner, tmp_path):
    await attributes.define(owner, NewAttribute(key="tier", kind=Kind.CHOICE, choices=["Gold", "Silver"]))
    rows = [
        {"phone": f"+1202555014{n}", "tier": tier, "shoe size": "42"}
        for n, tier in enumerate(["GOLD", "tin", ""])
    ]
    path = a_file(tmp_path, rows)
    foretold = await world.imports.import_file(owner, path, ImportOptions(dry_run=True))
    assert "shoeSize" not in {each.key for each in await attributes.all(owner)}
    report = await world.imports.import_file(owner, path)
    assert (report.created, report.failed) == (foretold.created, foretold.failed) == (2, 1)
    assert [(e.row, e.field, e.rule) for e in report.errors] == [(3, "attributes.tier", "choice")]
    assert "Gold, Silver" in report.errors[0].message
    assert {each.key for each in await attributes.all(owner)} == {"tier", "shoeSize"}
    again = await world.imports.import_file(owner, path, ImportOptions(policy=Policy.UPDATE))
    assert again.unchanged == 2


async def test_a_kind_changes_only_when_every_value_fits(world, attributes, owner):
    for n, age in enumerate(["030", "31"]):
        await world.contacts.add(owner, NewContact(phone=f"+1202555014{n}", attributes={"age": age}))
    odd = await world.contacts.add(owner, NewContact(phone="+12025550149", attributes={"age": "thirty"}))
    with pytest.raises(AttributeInUse) as refused:
        await attributes.change(owner, "age", AttributeChange(kind=Kind.NUMBER))
    assert "1 contacts" in refused.value.faults[0].message
    await world.contacts.change(owner, odd.id, ContactChange(attributes={"age": "32"}))
    assert (await attributes.change(owner, "age", AttributeChange(kind=Kind.NUMBER))).kind is Kind.NUMBER
    page = await world.contacts.page(owner, ContactFilter())
    assert sorted(contact.attributes["age"] for contact in page.items) == ["30", "31", "32"]


async def test_an_attribute_goes_with_its_values_unless_a_segment_asks_for_it(
    world, attributes, segments, owner
):
    contact = await world.contacts.add(
        owner, NewContact(phone="+12025550143", attributes={"age": "1", "b": "2"})
    )
    rule = Not(rule=OfAttribute(key="age", op=Op.IS_SET))
    segment = await segments.add(owner, NewSegment(name="Ageless", rule=rule))
    with pytest.raises(AttributeInUse) as refused:
        await attributes.remove(owner, "age")
    assert "Ageless" in refused.value.faults[0].message
    await segments.remove(owner, segment.id)
    await attributes.remove(owner, "age")
    assert (await world.contacts.get(owner, contact.id)).attributes == {"b": "2"}
    with pytest.raises(AttributeNotFound):
        await attributes.remove(owner, "age")


async def test_a_segment_is_counted_before_use_and_serves_as_audience(world, segments, owner):
    for n, city in enumerate(["Rome", "Rome", "Oslo"]):
        await world.contacts.add(owner, NewContact(phone=f"+1202555014{n}", attributes={"city": city}))
    rule = All(rules=(OfAttribute(key="city", op=Op.EQUALS, value=" Rome "), OfConsent(opted_out=False)))
    sample = await segments.try_out(owner, rule)
    assert (sample.count, sample.reachable, len(sample.contacts)) == (2, 2, 2)
    segment = await segments.add(owner, NewSegment(name="Romans", rule=rule))
    found = await world.contacts.addressees(owner.organization_id, GroupId(segment.id), after=None)
    assert [one.fields["city"] for one in found] == ["Rome", "Rome"]
    assert await world.contacts.audience_size(owner.organization_id, GroupId(segment.id)) == 2
    assert (await segments.members(owner, segment.id, number=1)).total == 2
    changed = await segments.change(
        owner, segment.id, SegmentChange(rule=OfAttribute(key="city", op=Op.EQUALS, value="Oslo"))
    )
    assert (changed.name, (await segments.members(owner, segment.id, number=1)).total) == ("Romans", 1)
    with pytest.raises(InvalidRule) as refused:
        await segments.try_out(owner, Not(rule=OfAttribute(key="town", op=Op.IS_SET)))
    assert refused.value.faults[0].field == "rule.rule.key"
    with pytest.raises(SegmentNotFound):
        await segments.get(somebody(), segment.id)


async def test_activity_is_heard_in_any_order_and_asked_for(world, segments, owner):
    activity = Activity(world.contacts.begin)
    campaign = CampaignId(uuid4())
    contact = await world.contacts.add(owner, NewContact(phone="+5511987654321"))
    await world.contacts.add(owner, NewContact(phone="+12025550143"))
    for days in (3, 40, 3):
        await hears(activity, a_message(owner, "hello", NOON - timedelta(days=days)))
    moves = tuple(
        Move(message_id=MessageId(uuid4()), version=n, state=state, at=NOON, contact_id=contact.id)
        for n, state in enumerate(["sending", "accepted", "read"])
    )
    anonymous = (Move(message_id=MessageId(uuid4()), version=1, state="read", at=NOON),)
    told = MessagesMoved(organization_id=owner.organization_id, campaign_id=campaign, moves=moves + anonymous)
    await activity.messages_moved([(uuid4(), told)])

    async def chosen(deed: Deed, **given: object) -> int:
        return (await segments.try_out(owner, OfActivity(deed=deed, **given))).count

    assert await chosen(Deed.INBOUND) == 1
    assert await chosen(Deed.INBOUND, within_days=3) == 1
    assert await chosen(Deed.INBOUND, within_days=2) == 0
    assert await chosen(Deed.READ, campaign_id=campaign) == 1
    assert await chosen(Deed.REACHED, campaign_id=campaign) == 1
    assert await chosen(Deed.READ, campaign_id=CampaignId(uuid4())) == 0
