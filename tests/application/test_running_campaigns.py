"""What a campaign promises, through the use cases: once, everyone, explained."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from tidings.application.ports.gateway import NotSent, Rejected, Verdict
from tidings.domain.campaigns import CannotFill, Outcome, State, WrongState
from tidings.domain.errors import Conflict
from tidings.domain.events import TemplateStatusChanged

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(make_world):
    return await make_world()


async def report(world, campaign):
    report = await world.reports.report(world.actor, campaign.id)
    assert report.consistent
    return report


async def test_everyone_gets_one_message_and_is_seen_to_read_it(world):
    campaign = await world.launch()
    await world.settle(10)
    totals = (await report(world, campaign)).totals
    assert (totals.planned, totals.read) == (20, 20)
    assert world.meta.most_often() == 1
    assert (await world.campaigns.get(world.actor, campaign.id)).state is State.COMPLETED


async def test_an_old_notice_of_a_paused_template_pauses_nothing_that_was_resumed_since(world):
    campaign = await world.launch()
    notice = TemplateStatusChanged(
        organization_id=world.actor.organization_id, template_id=campaign.template_id, status="PAUSED"
    )
    event_id = uuid4()
    await world.runner.template_changed(event_id, notice)
    paused = await world.campaigns.get(world.actor, campaign.id)
    assert (paused.state, paused.reason) == (State.PAUSED, "The template is PAUSED")
    await world.campaigns.resume(world.actor, campaign.id)
    await world.runner.template_changed(event_id, notice)
    await world.settle(10)
    assert (await report(world, campaign)).totals.read == 20


async def test_what_was_in_flight_at_a_kill_is_unknown_until_a_webhook_settles_it(world):
    world.meta.hold = asyncio.Event()
    campaign = await world.launch()
    await world.turn()
    await world.turn()
    in_flight = len(world.meta.accepted)
    assert in_flight > 0
    await world.crash()
    world.meta.hold = None
    await world.turn()
    assert (await report(world, campaign)).totals.unknown == in_flight
    await world.settle(10)
    after = (await report(world, campaign)).totals
    assert (after.read, after.unknown, world.meta.most_often()) == (20, 0, 1)


async def test_a_lost_answer_is_never_repeated(world):
    world.meta.answers = ["lost"] * 20
    campaign = await world.launch()
    for _ in range(8):
        await world.turn(1.0)
    assert (await report(world, campaign)).totals.unknown == 20
    assert world.meta.calls == 20
    await world.settle(5)
    assert (await report(world, campaign)).totals.read == 20
    assert world.meta.calls == 20


async def test_a_refusal_that_may_pass_is_tried_again(world):
    busy = Rejected(code=131016, verdict=Verdict.RETRY, wait=1.0)
    world.meta.answers = [busy] * 10
    campaign = await world.launch()
    await world.settle(20)
    assert (await report(world, campaign)).totals.read == 20
    assert world.meta.most_often() == 1


async def test_a_final_refusal_fails_with_its_code_and_hurts_nobody_else(world):
    world.meta.answers = [Rejected(code=131026, verdict=Verdict.GIVE_UP, details="not on WhatsApp")]
    campaign = await world.launch()
    await world.settle(5)
    result = await report(world, campaign)
    assert (result.totals.failed, result.totals.read) == (1, 19)
    assert [(r.reason, r.count) for r in result.reasons if r.state is Outcome.FAILED] == [("131026", 1)]


async def test_a_call_that_never_left_is_made_again_at_once(world):
    world.meta.answers = [NotSent(reason="connection refused")] * 5
    campaign = await world.launch()
    await world.settle(5)
    assert (await report(world, campaign)).totals.read == 20


async def test_a_refusal_that_would_meet_everyone_pauses_the_campaign_with_the_reason(world):
    world.mps = 20
    paused = Rejected(code=132015, verdict=Verdict.STOP_TEMPLATE, details="Template is paused")
    world.meta.answers = [paused] * 20
    campaign = await world.launch()
    for _ in range(10):
        await world.turn()
    now = await world.campaigns.get(world.actor, campaign.id)
    assert now.state is State.PAUSED
    assert "132015" in now.reason
    world.meta.answers = []
    await world.campaigns.resume(world.actor, campaign.id)
    await world.settle(10)
    assert (await report(world, campaign)).totals.read == 20
    assert world.meta.most_often() == 1


async def test_pause_stops_and_resume_goes_on_with_exactly_the_rest(make_world):
    world = await make_world(count=60, mps=100)
    campaign = await world.launch()
    for _ in range(3):
        await world.turn()
    await world.campaigns.pause(world.actor, campaign.id)
    sent = world.meta.calls
    assert 0 < sent < 60
    for _ in range(10):
        await world.turn()
    assert world.meta.calls == sent
    await world.campaigns.resume(world.actor, campaign.id)
    await world.settle(10)
    assert (await report(world, campaign)).totals.read == 60
    assert world.meta.most_often() == 1


async def test_cancel_is_final_and_accounts_for_everyone(make_world):
    world = await make_world(count=60, mps=100)
    campaign = await world.launch()
    for _ in range(3):
        await world.turn()
    await world.campaigns.cancel(world.actor, campaign.id)
    sent = world.meta.calls
    await world.settle(10)
    assert world.meta.calls == sent
    totals = (await report(world, campaign)).totals
    assert (totals.read, totals.skipped, totals.pending) == (sent, 60 - sent, 0)
    with pytest.raises(WrongState):
        await world.campaigns.resume(world.actor, campaign.id)


async def test_who_opts_out_after_launch_gets_nothing(world):
    campaign = await world.launch()
    await world.plan()
    world.consent.refused = {world.audience.crowd[3].contact_id}
    await world.settle(5)
    totals = (await report(world, campaign)).totals
    assert (totals.read, totals.skipped) == (19, 1)
    assert world.audience.crowd[3].phone not in {m.to for m in world.meta.accepted}


async def test_a_missing_value_stops_the_launch_and_names_row_field_and_rule(world):
    world.audience.crowd[4].fields.clear()
    with pytest.raises(CannotFill) as refused:
        await world.launch()
    (fault,) = refused.value.faults
    assert (fault.field, fault.rule) == ("Person 4: firstName", "required")
    await world.settle(3)
    assert world.meta.calls == 0


async def test_people_without_a_value_can_be_left_out_with_the_reason(world):
    world.audience.crowd[4].fields.clear()
    campaign = await world.launch(missing="skip")
    await world.settle(5)
    result = await report(world, campaign)
    assert (result.totals.read, result.totals.skipped) == (19, 1)


async def test_launching_twice_has_one_effect(world):
    campaign = await world.launch()
    with pytest.raises(WrongState):
        await world.campaigns.launch(world.actor, campaign.id)
    await world.settle(5)
    assert world.meta.most_often() == 1


async def test_a_template_that_is_no_longer_approved_pauses_what_runs(world):
    campaign = await world.launch()
    world.templates.refusal = Conflict("The template is PAUSED by Meta.")
    for _ in range(3):
        await world.turn()
    now = await world.campaigns.get(world.actor, campaign.id)
    assert (now.state, now.reason) == (State.PAUSED, "The template is PAUSED by Meta.")


async def test_news_that_comes_twice_counts_once(world):
    campaign = await world.launch()
    for _ in range(3):
        await world.turn()
        owed, world.meta.owed = world.meta.owed, []
        await world.webhook(owed)
        await world.webhook(list(reversed(owed)))
        await world.webhooks.apply()
        await world.relay(twice=True)
    await world.settle(3)
    assert (await report(world, campaign)).totals.read == 20


async def test_a_frozen_sender_sends_nothing_when_it_wakes(world):
    campaign = await world.launch()
    await world.turn()
    frozen = world.sender
    (lane,) = frozen.lanes.values()
    await frozen.rounds._reserve([lane])
    assert len(lane.ready) == 20
    world.clock.seconds += 60
    world.crashes += 1
    world.boot()
    await world.turn()
    await world.turn()
    by_successor = world.meta.calls
    assert by_successor > 0
    assert await frozen.beat() == 0
    assert lane.fenced
    assert world.meta.calls == by_successor
    await world.settle(10)
    totals = (await report(world, campaign)).totals
    assert totals.read == 20
    assert world.meta.most_often() == 1


async def test_one_person_is_explained_step_by_step(world):
    campaign = await world.launch()
    await world.settle(5)
    people = await world.reports.recipients(world.actor, campaign.id)
    told = await world.reports.explain(world.actor, campaign.id, people.items[0].id)
    steps = [step["what"] for step in told.chain]
    assert steps[0] == "campaign launched"
    assert steps[-1] == "read"
    assert {"planned", "attempt 1", "accepted by Meta", "delivered"} < set(steps)


async def test_a_campaign_is_not_over_when_somebody_comes_back_in_line_after_its_end(world):
    """Found by the simulation: a frozen sender woke after the end, with a refusal that is tried again."""
    world.meta.answers = [Rejected(code=131016, verdict=Verdict.RETRY, wait=1.0)]
    campaign = await world.launch()
    await world.plan()
    held, sending = world.sender.ports.gateway, asyncio.Event()

    class Slow:
        async def send(self, message):
            answer = await held.send(message)
            if isinstance(answer, Rejected):
                await sending.wait()
            return answer

    ports = replace(world.sender.ports, gateway=Slow())
    world.sender.ports, world.sender.rounds = ports, replace(world.sender.rounds, ports=ports)
    while not world.meta.calls:
        await world.turn()
    frozen = world.sender
    world.clock.seconds += 30
    world.crashes += 1
    world.boot()
    await world.settle(10)
    assert (await report(world, campaign)).totals.unknown == 1
    assert (await world.campaigns.get(world.actor, campaign.id)).state is State.COMPLETED
    sending.set()
    await asyncio.sleep(0)
    await frozen.beat()
    await world.relay()
    again = await world.campaigns.get(world.actor, campaign.id)
    assert (again.state, again.totals.pending, again.finished_at) == (State.RUNNING, 1, None)
    await world.settle(10)
    over = await world.campaigns.get(world.actor, campaign.id)
    assert (over.state, over.totals.read) == (State.COMPLETED, 20)
    assert world.meta.most_often() == 1
