"""Every request that our side makes is one that Meta's file knows, and we read what the file answers."""

import json

import httpx
import pytest
from hypothesis import given, settings

from tests.adapters.meta.conftest import NUMBER, TOKEN, WABA, Meta, Tokens, outgoing
from tests.adapters.meta.samples import SAMPLES
from tests.adapters.meta.saying import CONTENTS
from tests.adapters.meta.test_webhooks import CONTACTS, DELIVERED, TYPES, talk
from tests.contracts.meta.spec import MESSAGES, WEBHOOKS, examples, faults, specification
from tidings.adapters.meta.accounts import MetaAccounts, Profile
from tidings.adapters.meta.errors import UNKNOWN, row
from tidings.adapters.meta.gateway import MetaGateway
from tidings.adapters.meta.media import FileFacts, MetaMedia, of_bytes
from tidings.adapters.meta.templates import MetaReview
from tidings.adapters.meta.webhooks import MetaWebhookReader
from tidings.adapters.meta.wire import encode, encode_receipt
from tidings.application.ports.gateway import Accepted
from tidings.application.ports.meta import BadItem, InboundUpdate, MetaError
from tidings.application.ports.templates import Edit
from tidings.domain.templates.components import Body, Category, Draft

pytestmark = pytest.mark.anyio

TEMPLATE = "1200000000000777"
MEDIA = "880011223344560"
PLACES = {WABA: "{WABA-ID}", NUMBER: "{Phone-Number-ID}", TEMPLATE: "{TEMPLATE_ID}", MEDIA: "{Media-ID}"}
BEYOND_THE_FILE = {"fields", "limit", "after", "name", "hsm_id", "appsecret_proof"}
"""Query parameters that Graph takes everywhere, or that the fact sheet names (4.1, 4.12, 1.4)."""


# Messages.


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_of_message_is_one_that_the_file_knows(name):
    assert faults(MESSAGES, "post", json.loads(encode(outgoing(SAMPLES[name][0])))) is None


@settings(max_examples=60)
@given(CONTENTS)
def test_any_valid_message_is_one_that_the_file_knows(content):
    said = json.loads(encode(outgoing(content, reply_to="wamid.IN")))
    if said["type"] == "interactive" and content.__struct_config__.tag == "interactive":
        return  # whatever Meta adds one day
    if said["type"] == "interactive" and content.__struct_config__.tag == "catalog_message":
        said["interactive"]["action"].setdefault("parameters", {"thumbnail_product_retailer_id": "any"})
    assert faults(MESSAGES, "post", said) is None


def test_receipts_and_user_ids_are_known_too():
    assert faults(MESSAGES, "post", encode_receipt("wamid.IN", typing=True)) is None
    said = json.loads(encode(outgoing(to=None, recipient="GB.7f3Kq0012ab")))
    assert faults(MESSAGES, "post", said) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda said: said.pop("messaging_product"),
        lambda said: said.pop("to"),
        lambda said: said.pop("text"),
        lambda said: said.update(text={"body": 7}),
        lambda said: said.update(type="smoke"),
        lambda said: said.update(biz_opaque_callback_data="x" * 513),
        lambda said: said.update(recipient_type="crowd"),
    ],
)
def test_the_file_does_tell_right_from_wrong(spoil):
    said = json.loads(encode(outgoing()))
    assert faults(MESSAGES, "post", said) is None
    spoil(said)
    assert faults(MESSAGES, "post", said)


# Everything else that is asked.


def known(request: httpx.Request) -> str | None:
    """What the file has against a request."""
    parts = request.url.path.removeprefix("/v25.0/").split("/")
    path = "/".join(["", "{Version}", *(PLACES.get(part, part) for part in parts)])
    operation = specification()["paths"][path][request.method.lower()]
    parameters = {parameter["name"] for parameter in operation.get("parameters", ()) if "name" in parameter}
    if unknown := set(request.url.params) - parameters - BEYOND_THE_FILE:
        return f"unknown parameters {unknown}"
    if request.headers.get("content-type", "").startswith("multipart"):
        return None if "multipart/form-data" in operation["requestBody"]["content"] else "no form"
    if request.content:
        return faults(path, request.method.lower(), json.loads(request.content))
    return "needs a body" if operation.get("requestBody", {}).get("required") else None


async def ask_everything(meta: Meta) -> None:
    """One call of every kind."""
    accounts = MetaAccounts(meta.graph())
    review = MetaReview(meta.graph(), Tokens())
    media = MetaMedia(meta.graph(), Tokens())
    gateway = MetaGateway(meta.graph(), Tokens())
    await gateway.send(outgoing())
    await gateway.mark_read(WABA, NUMBER, "wamid.IN")
    await accounts.connected_numbers(WABA, TOKEN)
    await accounts.add_number(
        WABA, TOKEN, country_code="44", number="2079460958", verified_name="Hale Parcels"
    )
    await accounts.request_code(NUMBER, TOKEN)
    await accounts.verify_code(NUMBER, TOKEN, "123456")
    await accounts.register(NUMBER, TOKEN, pin="493027")
    await accounts.set_pin(NUMBER, TOKEN, "493027")
    await accounts.deregister(NUMBER, TOKEN)
    await accounts.set_profile(NUMBER, TOKEN, Profile(about="Parcels", websites=("https://a.example",)))
    await accounts.profile(NUMBER, TOKEN)
    await accounts.waba(WABA, TOKEN)
    await accounts.number(NUMBER, TOKEN)
    await accounts.subscribe(WABA, TOKEN)
    await accounts.subscribe(WABA, TOKEN, callback_uri="https://a.example/hook", verify_token="v")
    await accounts.unsubscribe(WABA, TOKEN)
    await accounts.subscribed_apps(WABA, TOKEN)
    draft = Draft(name="a", language="en", category=Category.UTILITY, components=(Body(text="Hi"),))
    await review.submit(WABA, draft)
    await review.edit(WABA, TEMPLATE, Edit(components=(Body(text="Hi"),)))
    await review.delete(WABA, "a", TEMPLATE)
    assert [template async for template in review.every(WABA)] == []
    await media.upload(WABA, NUMBER, FileFacts(name="a", mime_type="image/png", size=1), of_bytes(b"x"))
    await media.info(WABA, MEDIA, NUMBER)
    await media.delete(WABA, MEDIA)


async def test_every_call_is_one_that_the_file_knows():
    meta = Meta(
        answers=[
            {
                "id": "1",
                "data": [],
                "success": True,
                "url": "https://a.example",
                "display_phone_number": "+44",
                "messages": [{"id": "wamid.1"}],
            }
        ]
    )
    await ask_everything(meta)
    assert len(meta.asked) == 24
    assert {str(r.url): fault for r in meta.asked if (fault := known(r))} == {}


# Answers.


def answers(path: str, method: str, status: str):
    response = specification()["paths"][path][method]["responses"][status]
    content = response["content"]["application/json"]
    if "example" in content:
        yield content["example"]
    for example in content.get("examples", {}).values():
        yield example["value"]


async def test_every_answer_to_a_send_is_understood():
    found = list(answers(MESSAGES, "post", "200"))
    assert len(found) > 30
    for said in found:
        result = await MetaGateway(Meta(answers=[said]).graph(), Tokens()).send(outgoing())
        assert isinstance(result, Accepted) or said == {"success": True}, said


async def test_every_answer_about_accounts_is_understood():
    asked = {
        "/{Version}/{WABA-ID}/phone_numbers": lambda a: a.connected_numbers(WABA, TOKEN),
        "/{Version}/{Phone-Number-ID}": lambda a: a.number(NUMBER, TOKEN),
        "/{Version}/{WABA-ID}": lambda a: a.waba(WABA, TOKEN),
        "/{Version}/{WABA-ID}/subscribed_apps": lambda a: a.subscribed_apps(WABA, TOKEN),
    }
    for path, ask in asked.items():
        for said in answers(path, "get", "200"):
            # Pages that say that there is more are followed, and here there is nothing more.
            await ask(MetaAccounts(Meta(answers=[said, {"data": []}]).graph()))
        for status in ("400", "401", "403", "404", "422", "429", "500"):
            for said in answers(path, "get", status):
                meta = Meta(answers=[httpx.Response(int(status), json=said)])
                with pytest.raises(MetaError) as refused:
                    await ask(MetaAccounts(meta.graph()))
                assert refused.value.graph_code == said["error"]["code"]


async def test_every_template_in_the_file_is_understood():
    for said in answers("/{Version}/{WABA-ID}/message_templates", "get", "200"):
        said = {"data": said["data"]}
        review = MetaReview(Meta(answers=[said]).graph(), Tokens())
        found = [template async for template in review.every(WABA)]
        assert len(found) == len(said["data"]) > 0
        assert [template.unreadable for template in found if template.unreadable] == []


# Webhooks.

READER = MetaWebhookReader(["secret"])


def test_every_message_in_the_files_webhooks_is_heard():
    for name, said in examples(WEBHOOKS, "post"):
        updates = READER.read(json.dumps(said).encode())
        assert updates, name
        assert not any(isinstance(update, BadItem) for update in updates)
        if "messages" in said["entry"][0]["changes"][0]["value"]:
            assert isinstance(updates[0], InboundUpdate)


@pytest.mark.parametrize("message", [message for message, *_ in TYPES], ids=lambda m: m["type"])
def test_what_our_reader_is_tested_with_is_what_the_file_describes(message):
    if message["type"] in (
        "from_the_future",
        "image",
        "video",
        "audio",
        "document",
        "sticker",
        "unsupported",
    ):
        pytest.skip("shortened, or unknown on purpose")
    said = {"from": "447700900123", "id": "wamid.IN", "timestamp": "1790000200"} | message
    if message["type"] in ("interactive", "button"):
        said["context"] = {"from": "442079460958", "id": "wamid.OUT"} | said.get("context", {})
    contacts = {} if message["type"] == "system" else {"contacts": CONTACTS}
    change = talk(messages=[said], **contacts)
    assert webhook_faults(change) is None


def test_a_status_is_what_the_file_describes():
    assert webhook_faults(talk(contacts=CONTACTS, statuses=[DELIVERED])) is None
    assert webhook_faults(talk(statuses=[DELIVERED | {"status": "lost"}]))


def webhook_faults(*changes) -> str | None:
    entry = {"id": WABA, "changes": list(changes)}
    return faults(WEBHOOKS, "post", {"object": "whatsapp_business_account", "entry": [entry]})


def test_no_error_example_of_the_file_is_unknown_to_the_catalogue():
    codes = {
        said["error"]["code"]
        for path, item in specification()["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "delete")
        for status, response in operation["responses"].items()
        if status != "200" and "content" in response
        for said in answers(path, method, status)
        if "error" in said
    }
    assert len(codes) > 5
    unknown = {code for code in codes if row(code) is UNKNOWN}
    # In places the file writes an HTTP status where the code belongs.
    assert unknown <= {400, 403}
