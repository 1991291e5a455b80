"""Several numbers, several arms, a hold-out, links of their own, and those whom Meta's cap kept out."""

from collections import Counter, defaultdict
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest

from tests.application.test_rehearsals import draft, now
from tidings.application.campaigns import CampaignChange, Choice, NewConversion
from tidings.application.campaigns.linking import LinkNotFound
from tidings.application.ports.gateway import Rejected, Verdict
from tidings.application.ports.meta import StatusError, StatusUpdate
from tidings.domain.campaigns import (
    CAPPED,
    HOLD_OUT,
    REST,
    Arm,
    BadExperiment,
    Experiment,
    Fill,
    Guard,
    Kind,
    Metric,
    NoExperiment,
    Origin,
    Outcome,
    State,
    WrongState,
)
from tidings.domain.errors import Invalid
from tidings.domain.events import ConnectedNumber, MessageReceived, TemplateStatusChanged, WabaConnected
from tidings.domain.kernel import Phone, PhoneNumberId, TemplateId, WabaId
from tidings.domain.whatsapp.numbers import NumberNotFound, OtherAccount
from tidings.testing.meta import NUMBER, WABA
from tidings.testing.world import BASE_URL

pytestmark = pytest.mark.anyio
SECOND, FOREIGN = PhoneNumberId("310000000000303"), PhoneNumberId("310000000000404")


@pytest.fixture
async def world(make_world):
    return await make_world(count=60)


async def connect(world, number, mps=1000, waba=WABA):
    numbers = [ConnectedNumber(phone_number_id=number, display_phone_number=number, messages_per_second=mps)]
    if waba == WABA:
        numbers.append(
            ConnectedNumber(
                phone_number_id=NUMBER, display_phone_number="+44 20 7946 0958", messages_per_second=world.mps
            )
        )
    told = WabaConnected(organization_id=world.actor.organization_id, waba_id=waba, numbers=tuple(numbers))
    await world.messages.waba_connected(world.new_id(), told)


async def recipients(world, campaign):
    page = await world.reports.recipients(world.actor, campaign.id, limit=1000)
    return page.items


async def launch(world, **changes):
    campaign = await draft(world, **changes)
    return await world.campaigns.launch(world.actor, campaign.id)


async def test_several_numbers_share_a_campaign_and_each_person_has_one(world):
    await connect(world, SECOND)
    campaign = await launch(world, phone_number_ids=(NUMBER, SECOND))
    await world.settle(10)
    sent = {message.to: message.phone_number_id for message in world.meta.accepted}
    assert world.meta.most_often() == 1
    assert {NUMBER, SECOND} == set(sent.values())
    assert (await now(world, campaign)).totals.read == 60
    again = await launch(world, phone_number_ids=(SECOND, NUMBER))
    await world.settle(10)
    assert (await now(world, again)).totals.read == 60
    assert {message.to: message.phone_number_id for message in world.meta.accepted[60:]} == sent


async def test_what_meets_everyone_on_one_of_the_numbers_pauses_the_whole_campaign(world):
    await connect(world, SECOND)
    world.meta.answers = [Rejected(code=190, verdict=Verdict.STOP_ACCOUNT, details="expired")] * 200
    campaign = await launch(world, phone_number_ids=(SECOND, NUMBER))
    await world.settle(5)
    assert (await now(world, campaign)).state is State.PAUSED
    world.meta.answers.clear()
    await world.campaigns.resume(world.actor, campaign.id)
    await world.settle(10)
    assert (await now(world, campaign)).totals.read == 60


async def test_numbers_must_be_ours_and_of_the_templates_account(world):
    await connect(world, FOREIGN, waba=WabaId("920000000000999"))
    for numbers, refusal in (
        ((NUMBER, PhoneNumberId("1")), NumberNotFound),
        ((NUMBER, FOREIGN), OtherAccount),
    ):
        campaign = await draft(world, phone_number_ids=numbers)
        with pytest.raises(refusal):
            await world.campaigns.launch(world.actor, campaign.id)
    for several in ({"phone_number_ids": (NUMBER, NUMBER)}, {"phone_number_id": SECOND}):
        with pytest.raises(Invalid):
            await draft(world, **{"phone_number_ids": (NUMBER,), **several})
    scheduled = await draft(world, phone_number_id=NUMBER)
    change = CampaignChange(phone_number_ids=(NUMBER,))
    several = await world.campaigns.change(world.actor, scheduled.id, change)
    assert (several.phone_number_id, several.phone_number_ids) == (None, (NUMBER,))
    change = CampaignChange(phone_number_id=NUMBER)
    one = await world.campaigns.change(world.actor, scheduled.id, change)
    assert (one.phone_number_id, one.phone_number_ids) == (NUMBER, ())
    # A number of another account is no reason to ask which: the template's account has one.
    assert (await launch(world)).phone_number_id == NUMBER


async def test_a_forecast_counts_all_numbers(world):
    world.mps = 10
    await connect(world, SECOND, mps=30)
    campaign = await draft(world, phone_number_ids=(NUMBER, SECOND))
    forecast = await world.rehearsal.forecast(world.actor, campaign.id)
    assert [each.per_second for each in forecast.numbers] == [10, 30]
    assert forecast.seconds == pytest.approx(60 / 40)


def two_arms(world, **more):
    other = TemplateId(uuid4())
    world.templates.names[other] = "other_words"
    arms = (Arm(name="plain"), Arm(name="other", template_id=other))
    return Experiment(**{"arms": arms, **more})


async def test_arms_get_their_words_and_the_hold_out_nothing(world):
    campaign = await launch(world, experiment=two_arms(world, hold_out=0.2))
    await world.settle(10)
    arms = defaultdict(set)
    for each in await recipients(world, campaign):
        arms[each.arm].add(each.phone)
    words = defaultdict(set)
    for message in world.meta.accepted:
        words[message.content.name].add(message.to)
    assert words["hello"] == arms["plain"]
    assert words["other_words"] == arms["other"]
    assert arms[HOLD_OUT]
    assert not arms[HOLD_OUT] & (words["hello"] | words["other_words"])
    result = await world.reports.report(world.actor, campaign.id)
    assert result.consistent
    assert {each.arm: each.people for each in result.experiment.arms} == {
        name: len(arms[name]) for name in ("plain", "other")
    }
    assert (await now(world, campaign)).state is State.COMPLETED


async def test_the_rest_waits_for_the_winner_and_gets_it(world):
    experiment = two_arms(world, sample=0.5, metric=Metric.CONVERTED, decide_after=3600)
    campaign = await launch(world, experiment=experiment)
    await world.settle(10)
    lots = {each.phone: each.arm for each in await recipients(world, campaign)}
    sample = {phone for phone, arm in lots.items() if arm != REST}
    assert {message.to for message in world.meta.accepted} == sample
    for phone, arm in lots.items():
        if arm == "other":
            await world.crediting.convert(world.actor, NewConversion(phone=Phone(phone), name="order"))
    told = (await world.reports.report(world.actor, campaign.id)).experiment
    assert told.waiting == len(lots) - len(sample)
    assert [(each.arm, each.share) for each in told.arms] == [("plain", 0.0), ("other", 1.0)]
    assert told.arms[1].lift_low > 0
    assert told.arms[1].p < 0.001
    await world.turn(3000)
    await world.crash()
    await world.settle(3)
    assert {message.to for message in world.meta.accepted} == sample
    await world.turn(700)
    await world.settle(10)
    after = await now(world, campaign)
    assert (after.winner, after.state) == ("other", State.COMPLETED)
    rest = [message for message in world.meta.accepted if message.to not in sample]
    assert {message.content.name for message in rest} == {"other_words"}
    assert world.meta.most_often() == 1
    assert (after.totals.planned, after.totals.read) == (60, 60)


async def test_without_a_winner_beyond_chance_the_rest_gets_the_first_arm(world):
    campaign = await launch(world, experiment=two_arms(world, sample=0.3, decide_after=0))
    await world.settle(20)
    assert (await now(world, campaign)).winner == "plain"


async def test_somebody_may_choose_the_winner(world):
    experiment = two_arms(world, sample=0.3, decide_after=0, by_itself=False)
    campaign = await launch(world, experiment=experiment)
    await world.settle(10)
    assert (await now(world, campaign)).state is State.RUNNING
    waits = (await world.reports.report(world.actor, campaign.id)).waiting
    assert waits == "somebody to choose the experiment's winner"
    with pytest.raises(BadExperiment):
        await world.campaigns.choose_winner(world.actor, campaign.id, Choice(arm="nobody"))
    await world.campaigns.choose_winner(world.actor, campaign.id, Choice(arm="other"))
    with pytest.raises(NoExperiment):
        await world.campaigns.choose_winner(world.actor, campaign.id, Choice(arm="plain"))
    await world.settle(10)
    after = await now(world, campaign)
    assert (after.state, after.totals.read) == (State.COMPLETED, 60)
    with pytest.raises(WrongState):
        await world.campaigns.choose_winner(world.actor, campaign.id, Choice(arm="plain"))


async def test_an_arm_may_wait_for_its_hour(world):
    arms = (Arm(name="now"), Arm(name="later", delay=7200))
    campaign = await launch(world, experiment=Experiment(arms=arms))
    await world.settle(10)
    lots = {each.phone: each.arm for each in await recipients(world, campaign)}
    assert {lots[message.to] for message in world.meta.accepted} == {"now"}
    await world.turn(7200)
    await world.settle(10)
    assert (await now(world, campaign)).totals.read == 60


async def test_what_the_hold_out_does_by_itself_is_what_the_others_are_compared_with(world):
    arms = (Arm(name="news"),)
    experiment = Experiment(arms=arms, hold_out=0.5, metric=Metric.CONVERTED)
    campaign = await launch(world, experiment=experiment)
    await world.settle(10)
    for each in await recipients(world, campaign):
        if each.arm == "news" or each.phone.endswith("7"):
            await world.crediting.convert(world.actor, NewConversion(phone=Phone(each.phone), name="order"))
    told = (await world.reports.report(world.actor, campaign.id)).experiment
    shares = {each.arm: each for each in told.arms}
    assert shares["news"].share == 1.0
    assert 0 < shares[HOLD_OUT].share < 0.5
    assert shares["news"].lift == pytest.approx(1 - shares[HOLD_OUT].share)
    assert 0 < shares["news"].lift_low < shares["news"].lift < shares["news"].lift_high <= 1


async def test_one_template_of_an_arm_that_may_not_be_sent_any_more_pauses_all(world):
    experiment = two_arms(world)
    campaign = await launch(world, experiment=experiment)
    notice = TemplateStatusChanged(
        organization_id=world.actor.organization_id,
        template_id=experiment.arms[1].template_id,
        status="PAUSED",
    )
    await world.runner.template_changed(uuid4(), notice)
    assert (await now(world, campaign)).state is State.PAUSED


def linked(body):
    return {"body.1": Fill(link=body)}


async def test_a_link_of_ones_own_leads_on_and_tells_who_followed_it(world):
    campaign = await launch(world, parameters=linked("https://shop.example/sale?x=1"))
    await world.settle(10)
    links = {}
    for message in world.meta.accepted:
        links[message.to] = message.content.components[0].parameters[0].text
    assert len(set(links.values())) == 60
    link = links["+447700900007"]
    assert link.startswith(f"{BASE_URL}/r/")
    token = link.rpartition("/")[2]
    for agent in (
        "WhatsApp/2.23.20.0",
        "facebookexternalhit/1.1",
        "Mozilla/5.0 (iPhone)",
        "Mozilla/5.0 (iPhone)",
    ):
        assert await world.following.follow(token, agent) == "https://shop.example/sale?x=1"
    result = await world.reports.report(world.actor, campaign.id)
    assert result.responses == {Kind.CLICKED: 1}
    who = next(each for each in await recipients(world, campaign) if each.phone == "+447700900007")
    chain = (await world.reports.explain(world.actor, campaign.id, who.id)).chain
    assert chain[-1]["what"] == "clicked"
    assert chain[-1]["detail"] == "https://shop.example/sale?x=1"
    for wrong in ("nothing", token[:-4], "é", "A" * 60):
        with pytest.raises(LinkNotFound):
            await world.following.follow(wrong, "Mozilla/5.0")


async def test_who_is_tried_again_gets_a_link_of_the_campaign_that_reaches_them(world):
    world.meta.answers = [Rejected(code=131026, verdict=Verdict.GIVE_UP, details="away")]
    campaign = await launch(world, parameters=linked("https://shop.example/"))
    await world.settle(5)
    retry = await world.campaigns.retry_failed(world.actor, campaign.id)
    await world.settle(5)
    link = world.meta.accepted[-1].content.components[0].parameters[0].text
    await world.following.follow(link.rpartition("/")[2], "Mozilla/5.0")
    assert (await world.reports.report(world.actor, retry.id)).responses == {Kind.CLICKED: 1}
    assert (await world.reports.report(world.actor, campaign.id)).responses == {}


async def capped(world, count):
    """Meta says of so many people who were accepted last that its cap kept them out."""
    for message, wamid in list(zip(world.meta.accepted, world.meta.wamids, strict=True))[-count:]:
        status = StatusUpdate(
            phone_number_id=message.phone_number_id,
            wamid=wamid,
            status="failed",
            at=world.clock.now(),
            error=StatusError(code=CAPPED),
            raw=msgspec.Raw(b"{}"),
        )
        await world.webhook([status])
    await world.webhooks.apply()


async def test_whom_metas_cap_kept_out_is_tried_a_day_later_as_often_as_was_said(world):
    campaign = await launch(world, capped_retries=2)
    for _ in range(3):
        await world.turn()
    world.meta.owed = [each for each in world.meta.owed if each.status == "sent"]
    await capped(world, 5)
    await world.settle(5)
    assert (await now(world, campaign)).totals.failed == 5
    await world.turn(23 * 3600)
    await world.settle(3)
    assert len(world.meta.accepted) == 60
    await world.turn(3 * 3600)
    for _ in range(5):
        await world.turn()
    again = [each for each in (await world.campaigns.page(world.actor)).items if each.origin is Origin.CAPPED]
    assert [(each.parent_id, each.capped_retries) for each in again] == [(campaign.id, 1)]
    assert len(world.meta.accepted) == 65
    assert len({message.to for message in world.meta.accepted[60:]}) == 5
    world.meta.owed.clear()
    await capped(world, 2)
    await world.settle(5)
    await world.turn(26 * 3600)
    await world.settle(5)
    assert len(world.meta.accepted) == 67
    await world.turn(26 * 3600)
    await world.settle(5)
    assert len(world.meta.accepted) == 67


async def test_others_who_failed_may_be_tried_at_once_and_nobody_twice(world):
    world.meta.answers = [Rejected(code=131026, verdict=Verdict.GIVE_UP, details="away")] * 3
    campaign = await launch(world, capped_retries=1)
    for _ in range(5):
        await world.turn()
    world.meta.owed.clear()
    await capped(world, 4)
    await world.settle(3)
    await world.turn(26 * 3600)
    await world.settle(5)
    retry = await world.campaigns.retry_failed(world.actor, campaign.id)
    await world.settle(5)
    assert (await now(world, retry)).totals.planned == 3
    tried = Counter(message.to for message in world.meta.accepted)
    assert sorted(tried.values()) == [1] * 56 + [2] * 4


async def test_who_was_tried_again_by_hand_is_not_tried_by_itself(world):
    campaign = await launch(world, capped_retries=1)
    for _ in range(5):
        await world.turn()
    world.meta.owed.clear()
    await capped(world, 4)
    await world.settle(3)
    retry = await world.campaigns.retry_failed(world.actor, campaign.id)
    await world.turn(26 * 3600)
    await world.settle(5)
    assert (await now(world, retry)).totals.planned == 4
    assert len(world.meta.accepted) == 64


async def test_a_reply_counts_for_the_arm(world):
    campaign = await launch(world, experiment=two_arms(world))
    await world.settle(10)
    person = (await recipients(world, campaign))[0]
    heard = MessageReceived(
        organization_id=world.actor.organization_id,
        message_id=uuid4(),
        phone_number_id=NUMBER,
        sender=person.phone,
        wamid="wamid.x",
        kind="text",
        text="yes",
        at=world.clock.now() + timedelta(seconds=1),
    )
    await world.crediting.received([(uuid4(), heard)])
    told = (await world.reports.report(world.actor, campaign.id)).experiment
    assert {each.arm: each.did for each in told.arms}[person.arm] == 1
    assert person.state is not Outcome.FAILED


async def test_the_worst_of_numbers_and_templates_stops_a_guarded_campaign(world):
    await connect(world, SECOND)
    world.templates.quality = "RED"
    campaign = await launch(
        world, phone_number_ids=(NUMBER, SECOND), experiment=two_arms(world), guard=Guard()
    )
    await world.settle(3)
    after = await now(world, campaign)
    assert (after.state, after.reason) == (State.PAUSED, "guard: the quality of the template is RED")
