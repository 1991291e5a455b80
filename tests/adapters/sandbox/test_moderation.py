"""What Meta does to templates and numbers later on."""

import pytest

from tidings.adapters.sandbox.moderation import HOUR
from tidings.adapters.sandbox.server import Sandbox
from tidings.adapters.sandbox.settings import SandboxSettings

pytestmark = pytest.mark.anyio


def test_low_quality_pauses_for_three_hours_then_six_then_for_good():
    clock = [1_790_000_000.0]
    sandbox = Sandbox(SandboxSettings(), now=lambda: clock[0])
    waba_id = sandbox.open_account().waba_id
    (template,) = sandbox.world.templates.of(waba_id)
    for hours in (3, 6):
        sandbox.moderation.assess(template, "RED", clock[0])
        assert template.status == "PAUSED"
        clock[0] += hours * HOUR - 1
        sandbox.world.due(clock[0])
        assert template.status == "PAUSED"
        clock[0] += 1
        (told,) = sandbox.world.due(clock[0])
        assert template.status == "APPROVED"
        assert '"UNPAUSE"' in told.body
    sandbox.moderation.assess(template, "RED", clock[0])
    assert template.status == "DISABLED"


async def test_a_new_category_is_told_and_counts(caller, receiver):
    id = await caller.approved("offer", "UTILITY")
    await caller.control("POST", f"templates/{id}/category", {"category": "MARKETING"})
    await caller.quiet()
    (notice,) = receiver.notices("template_category_update")
    assert (notice["previous_category"], notice["new_category"]) == ("UTILITY", "MARKETING")
    _, found = await caller.graph("GET", f"{id}?fields=category")
    assert found["category"] == "MARKETING"


async def test_a_number_is_upgraded(caller, receiver):
    path = f"numbers/{caller.account.phone_number_id}"
    await caller.control("POST", path, {"throughput": 1000, "tier": "TIER_100K"})
    await caller.quiet()
    (notice,) = receiver.notices("phone_number_quality_update")
    assert notice["event"] == "THROUGHPUT_UPGRADE"
    fields = "throughput,whatsapp_business_manager_messaging_limit"
    _, found = await caller.graph("GET", f"{caller.account.phone_number_id}?fields={fields}")
    assert found["throughput"] == {"level": "HIGH"}
    assert found["whatsapp_business_manager_messaging_limit"] == "TIER_100K"


async def test_any_notice_can_be_told(caller, receiver):
    value = {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}}
    said = {"wabaId": caller.account.waba_id, "field": "account_update", "value": value}
    await caller.control("POST", "notice", said)
    await caller.quiet()
    assert receiver.notices("account_update") == [value]


@pytest.mark.parametrize(
    ("access", "sending", "managing"),
    [
        ("valid", None, None),
        ("expired", 190, 190),
        ("no_messaging", 10, None),
        ("no_management", None, 200),
    ],
)
async def test_a_token_may_be_good_for_less(caller, access, sending, managing):
    await caller.control("POST", "tokens", {"token": caller.account.access_token, "access": access})
    _, sent = await caller.hello()
    assert sent.get("error", {}).get("code") == sending
    _, found = await caller.graph("GET", caller.account.waba_id)
    assert found.get("error", {}).get("code") == managing


async def test_the_marketing_api_takes_marketing_alone(caller, receiver):
    await caller.approved("news", components=[{"type": "BODY", "text": "News of our boxes, only this week."}])
    path = f"{caller.account.phone_number_id}/marketing_messages"
    whole = {"messaging_product": "whatsapp", "to": "+447700900123"}
    news = {"type": "template", "template": {"name": "news", "language": {"code": "en"}}}
    assert (await caller.graph("POST", path, {**whole, **news}))[0] == 200
    hello = {"type": "template", "template": {"name": "hello_world", "language": {"code": "en_US"}}}
    assert (await caller.graph("POST", path, {**whole, **hello}))[1]["error"]["code"] == 134100
    text = {"type": "text", "text": {"body": "Hello"}}
    assert (await caller.graph("POST", path, {**whole, **text}))[1]["error"]["code"] == 131055
    await caller.quiet()
    assert receiver.values("statuses")[0]["pricing"]["category"] == "marketing_lite"
