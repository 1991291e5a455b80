"""What an answer of Meta's means, and what no answer means."""

import asyncio

import httpx
import pytest

from tests.adapters.meta.conftest import NUMBER, TAKEN, TOKEN, WABA, error, outgoing
from tidings.adapters.meta.client import GraphOptions, appsecret_proof
from tidings.adapters.meta.gateway import MetaGateway
from tidings.application.ports.gateway import Accepted, NotSent, Rejected, Unclear, Verdict
from tidings.domain.whatsapp.content import Template, Text

pytestmark = pytest.mark.anyio


@pytest.fixture
def gateway(meta, tokens):
    return MetaGateway(meta.graph(), tokens)


async def test_an_accepted_message_has_a_wamid_and_the_persons_id(meta, gateway):
    assert await gateway.send(outgoing()) == Accepted(wamid="wamid.OUT001", wa_id="447700900123")
    request = meta.asked[0]
    assert str(request.url) == f"https://graph.example/v25.0/{NUMBER}/messages"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_message_held_for_pacing_says_so(meta, gateway):
    meta.answers = [
        {
            "contacts": [{"input": "x", "user_id": "GB.7f3Kq0012ab"}],
            "messages": [{"id": "wamid.1", "message_status": "held_for_quality_assessment"}],
        }
    ]
    assert await gateway.send(outgoing()) == Accepted(wamid="wamid.1", user_id="GB.7f3Kq0012ab", held=True)


async def test_a_refusal_is_complete(meta, gateway):
    meta.answers = [error(132001, status=404, error_data={"details": "no such template"}, fbtrace_id="Ab")]
    assert await gateway.send(outgoing()) == Rejected(
        code=132001,
        message="(#132001) no",
        details="no such template",
        fbtrace_id="Ab",
        verdict=Verdict.STOP_TEMPLATE,
        max_attempts=1,
    )


@pytest.mark.parametrize("status", [200, 400, 429, 500, 503])
async def test_a_code_decides_whatever_the_http_status(meta, gateway, status):
    meta.answers = [error(130429, status=status)]
    assert (await gateway.send(outgoing())).verdict is Verdict.SLOW_DOWN


@pytest.mark.parametrize("code", [1, 2, 131000])
async def test_a_failure_that_may_have_queued_the_message_is_unclear(meta, gateway, code):
    meta.answers = [error(code, status=500)]
    assert isinstance(await gateway.send(outgoing()), Unclear)
    meta.answers = [error(code, status=400)]
    assert (await gateway.send(outgoing())).verdict is Verdict.RETRY


@pytest.mark.parametrize("code", [131016, 133004, 131057, 131056, 190, 100])
async def test_every_other_code_is_a_refusal_at_http_500_too(meta, gateway, code):
    meta.answers = [error(code, status=500)]
    assert isinstance(await gateway.send(outgoing()), Rejected)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>ok</html>"),
        httpx.Response(200, content=b'{"messages":[{"id":"wamid.HB'),
        httpx.Response(200, content=b""),
        httpx.Response(200, json={"messages": []}),
        httpx.Response(200, json={"messages": [{"id": ""}]}),
        httpx.Response(200, json={"success": True}),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(400, text="<html>"),
        httpx.Response(500, json={"message": "Internal Server Error"}),
        httpx.Response(502, text="<html>Bad Gateway</html>"),
        httpx.Response(504, content=b""),
    ],
    ids=lambda answer: f"{answer.status_code} {answer.headers.get('content-length')}",
)
async def test_an_answer_that_nobody_can_read_leaves_it_unclear(meta, gateway, answer):
    meta.answers = [answer]
    assert isinstance(await gateway.send(outgoing()), Unclear)


async def test_too_many_requests_without_a_body_still_slow_us_down(meta, gateway):
    meta.answers = [httpx.Response(429, text="slow down")]
    said = await gateway.send(outgoing())
    assert (said.code, said.verdict) == (429, Verdict.SLOW_DOWN)


@pytest.mark.parametrize(
    "broken", [httpx.ConnectError("no"), httpx.ConnectTimeout("no"), httpx.PoolTimeout("no")]
)
async def test_without_a_connection_nothing_was_sent(meta, gateway, broken):
    meta.answers = [broken]
    assert isinstance(await gateway.send(outgoing()), NotSent)


@pytest.mark.parametrize(
    "broken",
    [
        httpx.ReadTimeout("no"),
        httpx.WriteTimeout("no"),
        httpx.ReadError("no"),
        httpx.WriteError("no"),
        httpx.CloseError("no"),
        httpx.RemoteProtocolError("no"),
        httpx.ProxyError("no"),
        ConnectionResetError("no"),
    ],
)
async def test_a_call_that_broke_on_its_way_is_unclear(meta, gateway, broken):
    meta.answers = [broken]
    assert isinstance(await gateway.send(outgoing()), Unclear)


async def test_a_call_is_never_repeated(meta, gateway):
    meta.answers = [httpx.ReadError("no"), TAKEN]
    await gateway.send(outgoing())
    assert len(meta.asked) == 1


async def test_without_a_token_nothing_is_sent(meta, gateway, tokens):
    tokens.token_of.clear()
    assert isinstance(await gateway.send(outgoing()), NotSent)
    tokens.token_of[WABA] = "EAA\n"
    assert isinstance(await gateway.send(outgoing()), NotSent)
    assert meta.asked == []


async def test_a_number_that_is_no_id_reaches_no_other_path(meta, gateway):
    for odd in ("", "..", "1/../2", "1?x=2", "ä"):
        assert isinstance(await gateway.send(outgoing(phone_number_id=odd)), NotSent)
    assert meta.asked == []


async def test_half_a_character_is_refused_here_and_not_tried_again(meta, gateway):
    said = await gateway.send(outgoing(Text(body="\ud83d")))
    assert (said.code, said.verdict) == (131009, Verdict.GIVE_UP)
    assert meta.asked == []


async def test_a_renewed_token_is_used_at_once(meta, gateway, tokens):
    await gateway.send(outgoing())
    tokens.token_of[WABA] = "EAANEW"
    await gateway.send(outgoing())
    assert [request.headers["authorization"] for request in meta.asked] == [
        f"Bearer {TOKEN}",
        "Bearer EAANEW",
    ]


async def test_marketing_may_go_by_way_of_the_marketing_messages_api(meta, gateway):
    template = Template(name="promo", language="en_GB", marketing_api=True)
    await gateway.send(outgoing(template))
    await gateway.send(outgoing())
    assert [request.url.path.rsplit("/")[-1] for request in meta.asked] == ["marketing_messages", "messages"]
    assert meta.bodies[0]["template"] == {"name": "promo", "language": {"code": "en_GB"}}


def test_the_proof_of_an_app_is_that_of_the_fact_sheet():
    proof = appsecret_proof("demo_app_secret_0001", "EAADEMOTOKEN")
    assert proof == "ca36f38e00909c42cba6c7a72e1b571cafb70142c7e58edafbc1f091b53ffe1d"


async def test_with_an_app_secret_every_call_carries_its_proof(meta, tokens):
    gateway = MetaGateway(meta.graph(app_secret="demo_app_secret_0001"), tokens)
    await gateway.send(outgoing())
    assert meta.asked[0].url.params["appsecret_proof"].startswith("ca36f38e")
    assert "demo_app_secret_0001" not in str(meta.asked[0].url)


@pytest.mark.parametrize("version", ["v21.0", "v26.0"])
async def test_any_graph_version_in_use_can_be_spoken(meta, tokens, version):
    await MetaGateway(meta.graph(version=version), tokens).send(outgoing())
    assert meta.asked[0].url.path.startswith(f"/{version}/")


@pytest.mark.parametrize("version", ["v20.0", "v27.0", "25.0", ""])
def test_a_version_that_meta_does_not_serve_is_refused_at_once(version):
    with pytest.raises(ValueError, match="version"):
        GraphOptions(version=version)


async def test_a_call_that_takes_too_long_is_unclear(meta, tokens):
    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            await asyncio.sleep(30)
            raise AssertionError("never reached")

    graph = meta.graph(total=0.02)
    graph.transport = Slow()
    said = await MetaGateway(graph, tokens).send(outgoing())
    assert isinstance(said, Unclear)


async def test_cancellation_goes_through(meta, gateway):
    started = asyncio.Event()

    class Stuck(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            started.set()
            await asyncio.sleep(30)
            raise AssertionError("never reached")

    gateway.graph.transport = Stuck()
    task = asyncio.create_task(gateway.send(outgoing()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_receipt_is_answered_with_success(meta, gateway):
    meta.answers = [{"success": True}]
    await gateway.mark_read(WABA, NUMBER, "wamid.IN", typing=True)
    assert meta.bodies[0]["status"] == "read"
