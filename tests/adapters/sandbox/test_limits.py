"""Meta's limits, each in its own words."""

import pytest
from msgspec.structs import replace

from tests.adapters.sandbox.conftest import SETTINGS, sandbox_at
from tidings.adapters.sandbox.errors import GraphError
from tidings.adapters.sandbox.limits import DAY, HOUR, Calls, Pairs, Reach

pytestmark = pytest.mark.anyio

NEWS = {"name": "news", "language": {"code": "en"}}
NEWS_COMPONENTS = [{"type": "BODY", "text": "News of our boxes, only this week."}]


async def fails(caller, receiver) -> list[int]:
    await caller.quiet()
    return [s["errors"][0]["code"] for s in receiver.values("statuses") if s["status"] == "failed"]


def test_one_person_gets_45_messages_at_once_and_then_one_in_6_seconds():
    pairs = Pairs()
    for _ in range(45):
        pairs.take(0, "447700900123", 1000.0)
    with pytest.raises(GraphError) as refused:
        pairs.take(0, "447700900123", 1005.0)
    assert refused.value.code == 131056
    pairs.take(0, "447700900124", 1005.0)
    pairs.take(0, "447700900123", 1006.0)


def test_a_person_counts_once_a_day_towards_the_messaging_limit():
    reach = Reach()
    assert reach.may("a", 2, 0.0)
    assert reach.may("b", 2, 1.0)
    assert reach.may("a", 2, 2.0)
    assert not reach.may("c", 2, 3.0)
    assert reach.may("c", 2, DAY + 1.0)


def test_calls_are_counted_within_a_moving_hour():
    calls = Calls()
    assert [calls.take(4, at) for at in (0.0, 1.0, 2.0, 3.0)] == [25, 50, 75, 100]
    with pytest.raises(GraphError):
        calls.take(4, 4.0)
    assert calls.regain(HOUR - 60.0) == 2
    assert calls.take(4, HOUR) == 100


async def test_too_many_to_one_person_are_refused_at_once(caller):
    answers = [await caller.hello() for _ in range(46)]
    assert [status for status, _ in answers[:45]] == [200] * 45
    assert answers[45][1]["error"]["code"] == 131056


async def test_people_beyond_the_messaging_limit_are_not_reached(receiver):
    async with sandbox_at(replace(SETTINGS, messaging_limit="TIER_50"), receiver.url) as caller:
        for i in range(52):
            await caller.hello(f"+4477009{i:05d}")
        assert await fails(caller, receiver) == [131048, 131048]


async def test_marketing_reaches_a_person_so_often_and_nobody_in_america(receiver):
    settings = replace(SETTINGS, marketing_a_day=1, us_marketing=False)
    async with sandbox_at(settings, receiver.url) as caller:
        await caller.approved("news", components=NEWS_COMPONENTS)
        for to in ("+447700900123", "+447700900123", "+12025550123"):
            await caller.send(to=to, type="template", template=NEWS)
        assert await fails(caller, receiver) == [131049, 131049]


async def test_managing_an_account_is_counted_and_then_refused():
    async with sandbox_at(replace(SETTINGS, management_calls=3)) as caller:
        url = f"{caller.base}/v25.0/{caller.account.waba_id}"
        headers = {"Authorization": f"Bearer {caller.account.access_token}"}
        for percent in (33, 66, 100, None):
            async with caller.session.get(url, headers=headers) as answer:
                usage = answer.headers["x-business-use-case-usage"]
                body = await answer.json(content_type=None)
            if percent is not None:
                assert f'"call_count":{percent}' in usage
                assert answer.headers["facebook-api-version"] == "v25.0"
        assert body["error"]["code"] == 80007
        assert '"estimated_time_to_regain_access":60' in usage
        assert (await caller.hello())[0] == 200


async def test_so_many_templates_an_hour():
    async with sandbox_at(replace(SETTINGS, creations=2)) as caller:
        answers = [await caller.make_template(f"offer_{i}") for i in range(3)]
        assert [status for status, _ in answers] == [200, 200, 400]
        assert answers[2][1]["error"]["code"] == 80007


async def test_the_first_of_a_new_template_go_and_the_others_wait(receiver):
    async with sandbox_at(replace(SETTINGS, pacing_burst=2, pacing_hold=0.3), receiver.url) as caller:
        await caller.approved("news", components=NEWS_COMPONENTS)
        words = []
        for i in range(4):
            _, body = await caller.send(to=f"+4477009{i:05d}", type="template", template=NEWS)
            words.append(body["messages"][0]["message_status"])
        assert words == ["accepted"] * 2 + ["held_for_quality_assessment"] * 2
        await caller.quiet()
        assert [s["status"] for s in receiver.values("statuses")].count("read") == 4
        _, body = await caller.send(to="+447700900199", type="template", template=NEWS)
        assert body["messages"][0]["message_status"] == "accepted"


async def test_what_was_held_fails_when_the_quality_is_bad(caller, receiver):
    id = await caller.approved("news", components=NEWS_COMPONENTS)
    await caller.control("POST", f"templates/{id}/hold")
    _, body = await caller.send(type="template", template=NEWS)
    assert body["messages"][0]["message_status"] == "held_for_quality_assessment"
    await caller.control("POST", f"templates/{id}/drop")
    assert await fails(caller, receiver) == [132015]
    assert (await caller.send(type="template", template=NEWS))[1]["error"]["code"] == 132015
    assert (await caller.graph("POST", f"{id}/unpause"))[0] == 400
    await caller.control("POST", "clock", {"advance": 300})
    assert await caller.graph("POST", f"{id}/unpause") == (200, {"success": True})
    assert (await caller.send(type="template", template=NEWS))[0] == 200
