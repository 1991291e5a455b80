"""Accounts and numbers: connecting them, and what Meta says of them."""

import httpx
import pytest

from tests.adapters.meta.conftest import NUMBER, TOKEN, WABA, error
from tidings.adapters.meta.accounts import MetaAccounts, Profile
from tidings.application.ports.meta import (
    MetaDenied,
    MetaRefused,
    MetaThrottled,
    MetaUnavailable,
    NotAtMeta,
)
from tidings.domain.errors import Conflict, Invalid, NotFound, Throttled, Unavailable
from tidings.domain.events import ConnectedNumber

pytestmark = pytest.mark.anyio

SUCCESS = {"success": True}


@pytest.fixture
def accounts(meta):
    return MetaAccounts(meta.graph(), app_id="770000000000303", app_secret="demo_app_secret_0001")


async def test_a_signup_code_becomes_a_token(meta, accounts):
    meta.answers = [{"access_token": "EAANEW", "token_type": "bearer"}]
    token = await accounts.exchange_code("AQB1")
    assert (token.access_token, token.expires_in) == ("EAANEW", None)
    assert dict(meta.asked[0].url.params) == {
        "client_id": "770000000000303",
        "client_secret": "demo_app_secret_0001",
        "code": "AQB1",
    }
    assert "authorization" not in meta.asked[0].headers


async def test_numbers_of_every_page_come_with_their_speed(meta, accounts):
    number = {
        "id": NUMBER,
        "display_phone_number": "+44 20 7946 0958",
        "verified_name": "Hale Parcels",
        "quality_rating": "GREEN",
    }
    meta.answers = [
        {
            "data": [
                number | {"throughput": {"level": "HIGH"}},
                number | {"throughput": {"level": "STANDARD"}},
            ],
            "paging": {"cursors": {"after": "c1"}, "next": "https://graph.example/next"},
        },
        {
            "data": [
                number | {"throughput": {"level": "STANDARD"}, "is_on_biz_app": True},
                {"id": "2", "display_phone_number": "+1"},
            ]
        },
    ]
    numbers = await accounts.connected_numbers(WABA, TOKEN)
    assert [n.messages_per_second for n in numbers] == [1000, 80, 20, 80]
    assert numbers[0] == ConnectedNumber(
        phone_number_id=NUMBER,
        display_phone_number="+44 20 7946 0958",
        verified_name="Hale Parcels",
        quality_rating="GREEN",
        messages_per_second=1000,
    )
    assert "throughput" in meta.asked[0].url.params["fields"]


async def test_a_number_is_verified_and_registered_step_by_step(meta, accounts):
    meta.answers = [{"id": NUMBER}, SUCCESS]
    made = await accounts.add_number(
        WABA, TOKEN, country_code="44", number="2079460958", verified_name="Hale"
    )
    assert made == NUMBER
    await accounts.request_code(NUMBER, TOKEN, method="VOICE", language="en_GB")
    await accounts.verify_code(NUMBER, TOKEN, "123456")
    await accounts.register(NUMBER, TOKEN, pin="493027")
    await accounts.set_pin(NUMBER, TOKEN, "493028")
    await accounts.deregister(NUMBER, TOKEN)
    assert [r.url.path.removeprefix("/v25.0/") for r in meta.asked] == [
        f"{WABA}/phone_numbers",
        f"{NUMBER}/request_code",
        f"{NUMBER}/verify_code",
        f"{NUMBER}/register",
        NUMBER,
        f"{NUMBER}/deregister",
    ]
    assert meta.asked[3].content == b'{"messaging_product":"whatsapp","pin":"493027"}'
    assert meta.asked[5].content == b""


async def test_a_profile_is_read_and_written(meta, accounts):
    meta.answers = [
        {"data": [{"about": "Parcels", "websites": ["https://a.example"], "messaging_product": "whatsapp"}]},
        SUCCESS,
    ]
    profile = await accounts.profile(NUMBER, TOKEN)
    assert profile == Profile(about="Parcels", websites=("https://a.example",))
    await accounts.set_profile(NUMBER, TOKEN, Profile(about="Boxes", profile_picture_url="ignored"))
    assert meta.asked[1].content == b'{"messaging_product":"whatsapp","about":"Boxes"}'
    meta.answers = [{"data": []}]
    assert await accounts.profile(NUMBER, TOKEN) == Profile()


async def test_webhooks_are_subscribed_listed_and_undone(meta, accounts):
    meta.answers = [SUCCESS]
    await accounts.subscribe(WABA, TOKEN)
    await accounts.subscribe(WABA, TOKEN, callback_uri="https://a.example/hook", verify_token="v")
    await accounts.unsubscribe(WABA, TOKEN)
    assert [(r.method, r.content) for r in meta.asked] == [
        ("POST", b""),
        ("POST", b'{"override_callback_uri":"https://a.example/hook","verify_token":"v"}'),
        ("DELETE", b""),
    ]
    meta.answers = [{"data": [{"whatsapp_business_api_data": {"id": "77", "name": "tidings"}}]}]
    assert await accounts.subscribed_apps(WABA, TOKEN) == ("77",)


async def test_an_apps_callback_is_set_with_the_apps_own_token(meta, accounts):
    meta.answers = [SUCCESS]
    await accounts.set_callback("https://a.example/hook", "v", ["messages", "security"])
    request = meta.asked[0]
    assert request.url.path == "/v25.0/770000000000303/subscriptions"
    assert request.headers["authorization"] == "Bearer 770000000000303|demo_app_secret_0001"
    assert meta.bodies[0] == {
        "object": "whatsapp_business_account",
        "callback_url": "https://a.example/hook",
        "verify_token": "v",
        "fields": "messages,security",
    }


async def test_health_names_what_is_in_the_way(meta, accounts):
    meta.answers = [
        {
            "health_status": {
                "can_send_message": "BLOCKED",
                "entities": [
                    {
                        "entity_type": "WABA",
                        "id": WABA,
                        "can_send_message": "BLOCKED",
                        "errors": [{"error_code": 141006, "error_description": "no payment"}],
                    }
                ],
            },
            "id": NUMBER,
        }
    ]
    health = await accounts.health(NUMBER, TOKEN)
    assert (health.can_send_message, health.entities[0].errors[0].error_code) == ("BLOCKED", 141006)


async def test_a_token_is_described(meta, accounts):
    meta.answers = [
        {
            "data": {
                "app_id": "77",
                "is_valid": True,
                "expires_at": 0,
                "scopes": ["whatsapp_business_messaging"],
                "granular_scopes": [
                    {"scope": "whatsapp_business_management", "target_ids": [WABA]},
                    {"scope": "whatsapp_business_messaging"},
                ],
            }
        }
    ]
    state = await accounts.token_state("EAAX")
    assert state.is_valid
    assert state.granular_scopes[0].target_ids == (WABA,)
    assert meta.asked[0].headers["authorization"] == "Bearer 770000000000303|demo_app_secret_0001"


async def test_a_waba_and_a_number_are_described(meta, accounts):
    meta.answers = [{"id": WABA, "name": "Hale", "currency": "GBP", "timezone_id": "1"}]
    assert (await accounts.waba(WABA, TOKEN)).currency == "GBP"
    meta.answers = [
        {
            "id": NUMBER,
            "display_phone_number": "+44",
            "status": "CONNECTED",
            "whatsapp_business_manager_messaging_limit": "TIER_2K",
        }
    ]
    number = await accounts.number(NUMBER, TOKEN)
    assert (number.status, number.whatsapp_business_manager_messaging_limit) == ("CONNECTED", "TIER_2K")


@pytest.mark.parametrize(
    ("answer", "kind", "refusal"),
    [
        (error(100), Invalid, MetaRefused),
        (error(133005), Invalid, MetaRefused),
        (error(100, error_subcode=33), NotFound, NotAtMeta),
        (error(190, status=401), Conflict, MetaDenied),
        (error(10, status=403), Conflict, MetaDenied),
        (error(200, status=403), Conflict, MetaDenied),
        (error(80007), Throttled, MetaThrottled),
        (error(4), Throttled, MetaThrottled),
        (error(133015), Throttled, MetaThrottled),
        (error(1), Unavailable, MetaUnavailable),
        (error(2, status=503), Unavailable, MetaUnavailable),
        (httpx.Response(502, text="<html>"), Unavailable, MetaUnavailable),
        (httpx.Response(200, content=b'{"data":'), Unavailable, MetaUnavailable),
        (httpx.ReadTimeout("no"), Unavailable, MetaUnavailable),
        (httpx.ConnectError("no"), Unavailable, MetaUnavailable),
    ],
)
async def test_a_refusal_is_one_of_the_seven_kinds(meta, accounts, answer, kind, refusal):
    meta.answers = [answer]
    with pytest.raises(refusal) as refused:
        await accounts.waba(WABA, TOKEN)
    assert isinstance(refused.value, kind)


async def test_a_refusal_carries_code_subcode_details_and_trace(meta, accounts):
    meta.answers = [error(133016, error_subcode=7, error_data={"details": "too many"}, fbtrace_id="AbC")]
    with pytest.raises(MetaRefused) as refused:
        await accounts.register(NUMBER, TOKEN, pin="493027")
    said = refused.value
    assert (said.graph_code, said.subcode, said.details, said.fbtrace_id) == (133016, 7, "too many", "AbC")
    assert said.retry_after == 3 * 86400
    assert "too many" in str(said)


async def test_the_last_word_on_our_allowance_is_kept(meta):
    graph = meta.graph()
    usage = '{"920000000000101":[{"type":"whatsapp_business_management","call_count":28}]}'
    meta.answers = [httpx.Response(200, json={"id": WABA}, headers={"x-business-use-case-usage": usage})]
    await MetaAccounts(graph).waba(WABA, TOKEN)
    assert graph.usage[WABA][0].percent == 28


@pytest.mark.parametrize("token", ["", "EAA\n", "EAAé"])
async def test_what_cannot_be_a_token_is_denied_without_a_call(meta, accounts, token):
    with pytest.raises(MetaDenied):
        await accounts.waba(WABA, token)
    assert meta.asked == []


@pytest.mark.parametrize("id", ["", "../me", "1?fields=x", "1/2", ".."])
async def test_what_cannot_be_an_id_is_not_at_meta(meta, accounts, id):
    with pytest.raises(NotAtMeta):
        await accounts.waba(id, TOKEN)
    assert meta.asked == []


async def test_secrets_stand_in_no_message(meta, accounts):
    meta.answers = [httpx.ConnectError("no")]
    for call in (accounts.exchange_code("AQB1"), accounts.token_state("EAAX")):
        with pytest.raises(MetaUnavailable) as refused:
            await call
        assert "secret" not in str(refused.value)
        assert "EAA" not in str(refused.value)
