"""Messages: what is accepted, and how everything else is refused."""

import pytest
from msgspec.structs import replace

from tests.adapters.sandbox.conftest import SETTINGS, sandbox_at

pytestmark = pytest.mark.anyio


async def test_a_template_is_accepted_in_metas_words(caller):
    status, body = await caller.hello("+44 7700 900-123")
    assert status == 200
    assert body["contacts"] == [{"input": "+44 7700 900-123", "wa_id": "447700900123"}]
    (message,) = body["messages"]
    assert message["id"].startswith("wamid.")
    assert message["message_status"] == "accepted"


async def test_only_templates_have_a_message_status(caller):
    status, body = await caller.send(type="text", text={"body": "Hello"})
    assert status == 200
    assert list(body["messages"][0]) == ["id"]


async def test_a_read_receipt_is_a_success(caller):
    path = f"{caller.account.phone_number_id}/messages"
    said = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X"}
    assert await caller.graph("POST", path, said) == (200, {"success": True})


async def test_a_business_scoped_id_is_a_recipient_too(caller):
    said = {"messaging_product": "whatsapp", "recipient": "GB.7f3Kq0012ab", "text": {"body": "Hello"}}
    status, body = await caller.graph("POST", f"{caller.account.phone_number_id}/messages", said)
    assert status == 200
    assert body["contacts"] == [{"input": "GB.7f3Kq0012ab", "user_id": "GB.7f3Kq0012ab"}]


def error(answer):
    status, body = answer
    return status, body["error"]["code"], body["error"].get("error_subcode")


async def test_a_call_without_a_token_is_refused(caller):
    assert error(await caller.graph("GET", caller.account.waba_id, token="")) == (401, 104, None)


async def test_an_unknown_token_is_refused(caller):
    assert error(await caller.graph("GET", caller.account.waba_id, token="EAAnonsense")) == (401, 190, None)


@pytest.mark.parametrize("id", ["1", "447700900123", "waba"])
async def test_an_id_that_sends_nothing_does_not_exist(caller, id):
    id = caller.account.waba_id if id == "waba" else id
    said = {"messaging_product": "whatsapp", "to": "+447700900123", "text": {"body": "x"}}
    status, body = await caller.graph("POST", f"{id}/messages", said)
    assert error((status, body)) == (400, 100, 33)
    assert body["error"]["type"] == "GraphMethodException"
    assert f"Object with ID '{id}' does not exist" in body["error"]["message"]


async def test_another_accounts_number_does_not_exist(caller):
    other = caller.sandbox.open_account()
    assert other.waba_id != caller.account.waba_id
    assert error(await caller.graph("GET", other.phone_number_id)) == (400, 100, 33)


async def test_the_product_must_be_named_and_the_error_says_so_without_data(caller):
    said = {"to": "+447700900123", "text": {"body": "x"}}
    status, body = await caller.graph("POST", f"{caller.account.phone_number_id}/messages", said)
    assert status == 400
    assert body["error"].pop("fbtrace_id")
    assert body == {
        "error": {
            "message": "(#100) The parameter messaging_product is required.",
            "type": "OAuthException",
            "code": 100,
        }
    }


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"to": None}, 100),
        ({"to": "12"}, 131009),
        ({"to": "somebody"}, 131009),
        ({"type": "text"}, 100),
        ({"type": "text", "text": {"body": "x" * 4097}}, 100),
        ({"type": "text", "text": {"body": " "}}, 131009),
        ({"type": "poll", "poll": {}}, 100),
        ({"type": "image", "image": {"caption": "no file"}}, 131008),
        ({"type": "template"}, 100),
        ({"type": "template", "template": {"name": "hello_world"}}, 100),
        ({"type": "text", "text": {"body": "x"}, "biz_opaque_callback_data": "x" * 513}, 100),
        ({"type": "text", "text": "x"}, 100),
    ],
)
async def test_a_faulty_envelope_is_refused(caller, message, code):
    assert error(await caller.send(**message)) == (400, code, None)


async def test_what_is_not_json_is_refused(caller):
    path = f"{caller.account.phone_number_id}/messages"
    assert error(await caller.graph("POST", path, b"{")) == (400, 100, None)


async def test_nobody_writes_to_themselves(caller):
    own = caller.account.display_phone_number
    assert error(await caller.send(to=own, text={"body": "x"})) == (400, 131021, None)


def offer(*texts, language="en", **more):
    parameters = [{"type": "text", "text": text} for text in texts]
    components = [{"type": "body", "parameters": parameters}] if texts else []
    return {"name": "offer", "language": {"code": language}, "components": components, **more}


async def test_a_template_unknown_in_the_language_is_not_found(caller):
    await caller.approved()
    status, body = await caller.send(type="template", template=offer("a", "b", language="de"))
    assert error((status, body)) == (404, 132001, None)
    assert body["error"]["error_data"]["details"] == "template name (offer) does not exist in de"


async def test_a_template_in_review_cannot_be_sent():
    async with sandbox_at(replace(SETTINGS, review_delay=60)) as caller:
        await caller.make_template()
        assert error(await caller.send(type="template", template=offer("a", "b"))) == (404, 132001, None)


async def test_a_paused_template_cannot_be_sent_nor_a_disabled_one(caller):
    id = await caller.approved()
    await caller.control("POST", f"templates/{id}/pause")
    assert error(await caller.send(type="template", template=offer("a", "b"))) == (400, 132015, None)
    await caller.control("POST", f"templates/{id}/disable")
    assert error(await caller.send(type="template", template=offer("a", "b"))) == (400, 132016, None)


async def test_every_placeholder_wants_its_value(caller):
    await caller.approved()
    status, body = await caller.send(type="template", template=offer("a"))
    assert error((status, body)) == (400, 132000, None)
    assert body["error"]["message"] == (
        "(#132000) Number of parameters does not match the expected number of params"
    )
    assert body["error"]["error_data"] == {
        "messaging_product": "whatsapp",
        "details": "body: number of localizable_params (1) does not match the expected number of params (2)",
    }
    assert (await caller.send(type="template", template=offer("a", "b")))[0] == 200


@pytest.mark.parametrize(
    ("second", "code"),
    [
        ({"type": "text", "text": ""}, 131008),
        ({"type": "text", "text": "two\nlines"}, 132018),
        ({"type": "text", "text": "x" * 1024}, 132005),
        ({"type": "image", "image": {"id": "1"}}, 132012),
        ({"type": "text", "text": "x", "parameter_name": "name"}, 132012),
    ],
)
async def test_a_value_must_fit_its_placeholder(caller, second, code):
    await caller.approved()
    template = offer()
    parameters = [{"type": "text", "text": "Rowan"}, second]
    template["components"] = [{"type": "body", "parameters": parameters}]
    assert error(await caller.send(type="template", template=template)) == (400, code, None)


PICTURE = [
    {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW"]}},
    {"type": "BODY", "text": "A box for you, only this week."},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "QUICK_REPLY", "text": "More"},
            {
                "type": "URL",
                "text": "Buy",
                "url": "https://x.example/{{1}}",
                "example": ["https://x.example/1"],
            },
        ],
    },
]
IMAGE = {"type": "header", "parameters": [{"type": "image", "image": {"id": "880011223344561"}}]}
LINK = {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "9F2K"}]}


@pytest.mark.parametrize(
    ("components", "code"),
    [
        ([IMAGE, LINK], None),
        ([IMAGE], 131008),
        ([LINK], 132012),
        ([{"type": "header", "parameters": [{"type": "text", "text": "x"}]}, LINK], 132012),
        ([{"type": "header", "parameters": [{"type": "image", "image": {}}]}, LINK], 131008),
        ([IMAGE, {**LINK, "index": 7}], 132000),
        ([IMAGE, {**LINK, "sub_type": "copy_code"}], 132012),
    ],
)
async def test_header_and_buttons_want_what_the_template_says(caller, components, code):
    await caller.approved("picture", components=PICTURE)
    template = {"name": "picture", "language": {"code": "en"}, "components": components}
    status, body = await caller.send(type="template", template=template)
    assert body.get("error", {}).get("code") == code
    assert (status == 200) == (code is None)


async def test_a_number_sends_no_faster_than_its_throughput():
    async with sandbox_at(replace(SETTINGS, throughput=5)) as caller:
        answers = [await caller.hello() for _ in range(8)]
        refused = [answer for answer in answers if answer[0] != 200]
        assert len(refused) in (2, 3)
        assert error(refused[0]) == (400, 130429, None)
