"""Before a campaign starts, while it is watched, and what it is credited with."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import msgspec
import pytest
from msgspec.structs import replace

from tidings.application.campaigns import Approval, CampaignChange, NewCampaign, NewConversion, Trial, running
from tidings.application.ports.gateway import Rejected, Verdict
from tidings.application.whatsapp.policies import PolicyWish
from tidings.domain.campaigns import (
    BadRates,
    BadRollout,
    Fill,
    Guard,
    Kind,
    Missing,
    NoSuchRecipient,
    NotApproved,
    OwnApproval,
    Rate,
    RateCard,
    Rollout,
    State,
)
from tidings.domain.events import ContactErased, ContactOptedOut, MessageReceived
from tidings.domain.kernel import Actor, Phone, Role, TemplateId, UserId
from tidings.domain.whatsapp.pressure import Beyond, QuietHours
from tidings.testing.meta import NUMBER

pytestmark = pytest.mark.anyio
CARD = RateCard(
    currency="EUR",
    rates=(
        Rate(country="*", category="MARKETING", amount=Decimal("0.10"), valid_from=date(2026, 1, 1)),
        Rate(country="GB", category="MARKETING", amount=Decimal("0.05"), valid_from=date(2026, 1, 1)),
        Rate(country="GB", category="MARKETING", amount=Decimal("0.07"), valid_from=date(2026, 10, 1)),
        Rate(country="GB", category="MARKETING", amount=Decimal("9.99"), valid_from=date(2027, 1, 1)),
    ),
)


@pytest.fixture
async def world(make_world):
    return await make_world()


async def draft(world, **changes):
    new = {
        "name": "News",
        "template_id": TemplateId(uuid4()),
        "parameters": {"body.1": Fill(field="firstName")},
    }
    return await world.campaigns.create(world.actor, NewCampaign(**{**new, **changes}))


async def now(world, campaign):
    return await world.campaigns.get(world.actor, campaign.id)


async def test_a_forecast_says_who_why_how_much_and_until_when(world):
    await world.rehearsal.put_card(world.actor, CARD)
    world.audience.crowd[0].fields.clear()
    world.consent.refused = {world.audience.crowd[1].contact_id}
    campaign = await draft(world, missing=Missing.SKIP)
    forecast = await world.rehearsal.forecast(world.actor, campaign.id)
    assert (forecast.people, forecast.reachable) == (20, 18)
    assert {each.reason: each.count for each in forecast.skipped} == {"cannot fill body.1": 1, "opted_out": 1}
    assert (forecast.cost.currency, forecast.cost.amount) == ("EUR", Decimal("1.26"))
    assert world.meta.calls == 0


async def test_without_a_rate_the_sum_says_that_it_is_not_the_whole(world):
    campaign = await draft(world)
    cost = (await world.rehearsal.forecast(world.actor, campaign.id)).cost
    assert (cost.amount, cost.unpriced, cost.currency) == (Decimal(0), 20, None)


async def test_the_verdicts_of_a_dry_run_are_those_of_the_campaign(world):
    await world.policies.put(
        world.actor, PolicyWish(quiet=QuietHours(start="11:00", end="15:00"), beyond=Beyond.SKIP)
    )
    far = [replace(person, zone="Asia/Tokyo") for person in world.audience.crowd[:5]]
    world.audience.crowd[:5] = far
    world.audience.crowd[7].fields.clear()
    world.consent.refused = {world.audience.crowd[1].contact_id}
    campaign = await draft(world, missing=Missing.SKIP)
    verdicts, cursor = {}, None
    while True:
        page = await world.rehearsal.dry_run(world.actor, campaign.id, after=cursor, limit=7)
        verdicts |= {each.contact_id: (each.verdict, each.reason) for each in page.items}
        if page.next_cursor is None:
            break
        cursor = type(campaign.id)(page.next_cursor)
    await world.campaigns.launch(world.actor, campaign.id)
    await world.settle(12)
    rows = (await world.reports.recipients(world.actor, campaign.id, limit=100)).items
    real = {
        each.contact_id: ("skip" if each.state == "skipped" else "send", each.reason or "") for each in rows
    }
    assert real == verdicts
    assert list(verdicts.values()).count(("send", "")) == 4


async def test_the_payload_of_a_dry_run_is_what_is_sent(world):
    campaign = await draft(world)
    page = await world.rehearsal.dry_run(world.actor, campaign.id, limit=100)
    await world.campaigns.launch(world.actor, campaign.id)
    await world.settle(6)
    sent = {message.to: message.content for message in world.meta.accepted}
    for each in page.items:
        assert b'"P' in bytes(each.payload)
        assert sent[each.phone].components[0].parameters[0].text.encode() in bytes(each.payload)


@pytest.mark.parametrize("limit", [None, 12])
async def test_the_forecast_duration_is_met_within_five_percent(make_world, limit):
    world = await make_world(count=200, mps=20)
    if limit is not None:
        async with world.whatsapp_write() as work:
            (number,) = await work.numbers.find([NUMBER])

            await work.numbers.put([replace(number, messaging_limit=100)])
    campaign = await draft(world)
    forecast = await world.rehearsal.forecast(world.actor, campaign.id)
    began = world.clock.seconds
    await world.campaigns.launch(world.actor, campaign.id)
    while world.meta.calls < 200:
        owed, world.meta.owed = world.meta.owed, []
        if owed:
            await world.webhook(owed)
        held = bool(world.sender.lanes) and any(
            world.clock.seconds < lane.held_until for lane in world.sender.lanes.values()
        )
        await world.turn(600.0 if held else 0.1)
    took = world.clock.seconds - began
    assert abs(took - forecast.seconds) <= 0.05 * max(forecast.seconds, 20), (took, forecast.seconds)


async def test_a_trial_goes_to_those_named_and_counts_for_nothing(world):
    campaign = await draft(world)
    chosen = tuple(each.contact_id for each in world.audience.crowd[:2])
    await world.rehearsal.try_out(world.actor, campaign.id, Trial(contact_ids=chosen))
    await world.settle(4)
    assert world.meta.calls == 2
    assert (await now(world, campaign)).totals.planned == 0
    await world.campaigns.launch(world.actor, campaign.id)
    await world.settle(8)
    assert (await now(world, campaign)).totals.read == 20


async def test_a_campaign_needs_a_second_person_where_the_organisation_wants_it(world):
    await world.rehearsal.set_approval(world.actor, Approval(needed=True))
    other = Actor(user_id=UserId(uuid4()), organization_id=world.actor.organization_id, role=Role.ADMIN)
    campaign = await draft(world)
    with pytest.raises(NotApproved):
        await world.campaigns.launch(world.actor, campaign.id)
    with pytest.raises(OwnApproval):
        await world.rehearsal.approve(world.actor, campaign.id)
    await world.rehearsal.approve(other, campaign.id)
    await world.campaigns.change(world.actor, campaign.id, CampaignChange(name="Other news"))
    with pytest.raises(NotApproved):
        await world.campaigns.launch(world.actor, campaign.id)
    await world.rehearsal.approve(other, campaign.id)
    assert (await world.campaigns.launch(world.actor, campaign.id)).state is State.PLANNING


async def test_a_canary_goes_step_by_step_and_watches_after_each(make_world):
    world = await make_world(count=100)
    rollout = Rollout(steps=(0.05, 0.2), watch=60)
    campaign = await world.launch(rollout=rollout)
    await world.settle(20)
    assert world.meta.calls == 5
    report = await world.reports.report(world.actor, campaign.id)
    assert report.waiting == "canary: step 1 of 2, 5% of everyone"
    world.clock.seconds += 60
    await world.settle(20)
    assert world.meta.calls == 20
    world.clock.seconds += 60
    await world.settle(20)
    assert (await now(world, campaign)).totals.read == 100


async def test_a_guard_stops_a_campaign_whose_messages_fail_and_says_why(make_world):
    world = await make_world(count=100)
    world.meta.answers = [Rejected(code=131026, verdict=Verdict.GIVE_UP)] * 4
    guard = Guard(failed=0.2, least=10)
    campaign = await world.launch(rollout=Rollout(steps=(0.1,), watch=10), guard=guard)
    await world.settle(40)
    seen = await now(world, campaign)
    assert (seen.state, world.meta.calls) == (State.PAUSED, 10)
    assert seen.reason == "guard: 4 of 10 failed, more than 20.0%"


async def test_a_guard_stops_a_campaign_when_its_template_turns_bad(make_world):
    world = await make_world(count=100)
    campaign = await world.launch(rollout=Rollout(steps=(0.1,), watch=10), guard=Guard(quality="YELLOW"))
    await world.settle(5)
    world.templates.quality = "RED"
    await world.settle(20)
    seen = await now(world, campaign)
    assert (seen.state, seen.reason) == (State.PAUSED, "guard: the quality of the template is RED")
    assert world.meta.calls == 10


async def test_what_people_do_is_credited_to_the_campaign_that_reached_them_last(world):
    first = await world.launch()
    await world.settle(8)
    second = await world.launch()
    await world.settle(8)
    (one, two, three, *_) = world.audience.crowd
    rows = {
        row.contact_id: row
        for row in (await world.reports.recipients(world.actor, first.id, limit=100)).items
    }
    organization, at = world.actor.organization_id, world.clock.now()

    def said(person, **more):
        return MessageReceived(
            organization_id=organization,
            message_id=uuid4(),
            wamid=f"wamid.{uuid4().hex}",
            phone_number_id=NUMBER,
            sender=person.phone,
            kind="text",
            at=at,
            **more,
        )

    event = uuid4()
    for _ in range(2):
        await world.crediting.received([(event, said(one, text="Nice"))])
    pressed = said(two, reply_to=rows[two.contact_id].wamid, button="YES", text="Yes")
    await world.crediting.received([(uuid4(), pressed)])
    stop = ContactOptedOut(organization_id=organization, contact_id=three.contact_id, at=at, source="word")
    await world.crediting.opted_out([(uuid4(), stop)])
    await world.crediting.convert(world.actor, NewConversion(phone=one.phone, name="order 17"))
    of_first = (await world.reports.report(world.actor, first.id)).responses
    of_second = (await world.reports.report(world.actor, second.id)).responses
    assert of_first == {Kind.REPLIED: 1, Kind.CLICKED: 1}
    assert of_second == {Kind.REPLIED: 1, Kind.OPTED_OUT: 1, Kind.CONVERTED: 1}
    told = await world.reports.explain(world.actor, first.id, rows[two.contact_id].id)
    assert [step["what"] for step in told.chain][-2:] == ["replied", "clicked"]
    with pytest.raises(NoSuchRecipient):
        await world.crediting.convert(world.actor, NewConversion(phone=Phone("+15550100"), name="x"))
    world.clock.seconds += 73 * 3600
    with pytest.raises(NoSuchRecipient):
        await world.crediting.convert(world.actor, NewConversion(phone=one.phone, name="late"))


async def test_a_guard_counts_opt_outs(make_world):
    world = await make_world(count=100)
    guard = Guard(opted_out=0.1, least=10)
    campaign = await world.launch(rollout=Rollout(steps=(0.1,), watch=30), guard=guard)
    await world.settle(10)
    rows = (await world.reports.recipients(world.actor, campaign.id, limit=100)).items
    for row in [row for row in rows if row.state == "read"][:2]:
        event = ContactOptedOut(
            organization_id=world.actor.organization_id,
            contact_id=row.contact_id,
            at=world.clock.now(),
            source="word",
        )
        await world.crediting.opted_out([(uuid4(), event)])
    await world.settle(30)
    assert (await now(world, campaign)).reason == "guard: 2 of 10 opted out, more than 10.0%"


async def test_everyone_has_a_chain_that_ends_in_a_final_state_or_a_named_wait(world):
    world.consent.refused = {world.audience.crowd[1].contact_id}
    campaign = await world.launch()
    for _ in range(6):
        await world.settle(1)
        for row in (await world.reports.recipients(world.actor, campaign.id, limit=100)).items:
            told = await world.reports.explain(world.actor, campaign.id, row.id)
            last = told.chain[-1]
            final = told.recipient.state not in ("pending", "sending")
            assert final or (last["what"] == "waiting" and last["detail"]), told
    file = [piece async for piece in await world.reports.export(world.actor, campaign.id)]
    assert b"".join(file).count(b"\r\n") == 21


async def test_who_may_not_see_numbers_sees_them_in_part_everywhere(world):
    viewer = replace(world.actor, role=Role.VIEWER)
    campaign = await world.launch()
    await world.settle(4)
    rows = (await world.reports.recipients(viewer, campaign.id)).items
    told = await world.reports.explain(viewer, campaign.id, rows[0].id)
    file = b"".join([piece async for piece in await world.reports.export(viewer, campaign.id)])
    verdicts = (await world.rehearsal.dry_run(viewer, (await draft(world)).id)).items
    for number in (person.phone.removeprefix("+") for person in world.audience.crowd):
        for seen in (rows, told, verdicts):
            assert number not in msgspec.json.encode(seen).decode()
        assert number not in file.decode()


async def test_people_who_sleep_keep_nobody_from_their_turn(world, monkeypatch):
    monkeypatch.setattr(running, "AHEAD", 5)
    await world.policies.put(world.actor, PolicyWish(quiet=QuietHours(start="11:00", end="15:00")))
    world.audience.crowd[10:] = [replace(p, zone="Asia/Tokyo") for p in world.audience.crowd[10:]]
    campaign = await world.launch()
    await world.settle(20)
    seen = (await now(world, campaign)).totals
    assert (seen.read, seen.pending) == (10, 10)


async def test_an_erased_person_stays_a_number_in_the_count(world):
    campaign = await world.launch()
    await world.settle(8)
    person = world.audience.crowd[0]
    erased = ContactErased(
        organization_id=world.actor.organization_id,
        contact_id=person.contact_id,
        people=(person.person,),
        at=world.clock.now(),
    )
    await world.crediting.erased(uuid4(), erased)
    rows = (await world.reports.recipients(world.actor, campaign.id, limit=100)).items
    (row,) = [each for each in rows if each.contact_id == person.contact_id]
    assert (row.phone, row.name, row.values, row.state) == ("", "", {}, "read")
    assert (await now(world, campaign)).totals.read == 20


async def test_what_is_wrong_with_a_rollout_or_a_rate_card_is_named(world):
    with pytest.raises(BadRollout) as refused:
        await draft(world, rollout=Rollout(steps=(0.5, 0.1)), guard=Guard(quality="BLUE"))
    assert [fault.field for fault in refused.value.faults] == ["rollout.steps", "guard.quality"]
    rate = Rate(country="GB", category="GOSSIP", amount=Decimal(-1), valid_from=date(2026, 1, 1))
    card = RateCard(currency="EUR", rates=(rate, rate))
    with pytest.raises(BadRates) as refused:
        await world.rehearsal.put_card(world.actor, card)
    fields = ["rates[0].category", "rates[0].amount", "rates[1].category", "rates[1].amount", "rates[1]"]
    assert [fault.field for fault in refused.value.faults] == fields
