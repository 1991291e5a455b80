"""Our own Meta adapters and the sandbox understand each other; neither knows the other's code."""

import hashlib
from uuid import UUID

import pytest
from msgspec.structs import replace

from tests.adapters.sandbox.conftest import SETTINGS, sandbox_at
from tidings.adapters.meta.accounts import MetaAccounts, Profile
from tidings.adapters.meta.client import GraphOptions, graph
from tidings.adapters.meta.gateway import MetaGateway
from tidings.adapters.meta.media import FileFacts, MetaMedia, MetaUploads, of_bytes
from tidings.adapters.meta.templates import MetaReview
from tidings.adapters.meta.webhooks import MetaWebhookReader
from tidings.application.ports.gateway import Accepted, Outgoing, Rejected, Unclear
from tidings.application.ports.meta import BadItem, MetaRefused, NotAtMeta
from tidings.application.ports.templates import File
from tidings.domain.kernel import AttemptId, Phone, PhoneNumberId, WabaId
from tidings.domain.templates.components import Body, Category, Draft
from tidings.domain.templates.refusals import NameTaken, ReviewRefused
from tidings.domain.whatsapp.content import Template

pytestmark = pytest.mark.anyio

PDF = b"%PDF-1.4 " + bytes(range(256)) * 2000


class Known:
    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self, waba_id: WabaId) -> str:
        return self._token


@pytest.fixture
async def meta(caller):
    client = graph(GraphOptions(base_url=caller.base, app_secret=caller.account.app_secret, total=2.0))
    yield client
    await client.aclose()


def hello(caller, name: str = "hello_world") -> Outgoing:
    return Outgoing(
        attempt_id=AttemptId(UUID(int=7)),
        waba_id=WabaId(caller.account.waba_id),
        phone_number_id=PhoneNumberId(caller.account.phone_number_id),
        to=Phone("+447700900123"),
        content=Template(name=name, language="en_US"),
    )


async def test_a_message_goes_out_and_its_statuses_come_back(caller, receiver, meta):
    gateway = MetaGateway(meta, Known(caller.account.access_token))
    taken = await gateway.send(hello(caller))
    assert isinstance(taken, Accepted)
    refused = await gateway.send(hello(caller, "no_such"))
    assert isinstance(refused, Rejected)
    assert refused.code == 132001
    await caller.quiet()
    reader = MetaWebhookReader([caller.account.app_secret])
    updates = []
    for headers, body in receiver.got:
        reader.verify(headers["X-Hub-Signature-256"], body)
        updates += reader.read(body)
    assert not [update for update in updates if isinstance(update, BadItem)]
    assert [update.wamid for update in updates] == [taken.wamid] * 3


@pytest.mark.parametrize("fault", ["close_before", "close_after", "html_502_before", "html_502_after"])
async def test_what_may_have_been_taken_is_unclear(caller, meta, fault):
    await caller.control("POST", "faults", {fault: 1})
    sent = await MetaGateway(meta, Known(caller.account.access_token)).send(hello(caller))
    assert isinstance(sent, Unclear)


async def test_templates_are_handed_in_and_listed(caller, meta):
    review = MetaReview(meta, Known(caller.account.access_token))
    waba = WabaId(caller.account.waba_id)
    draft = Draft(
        name="offer",
        language="en",
        category=Category.MARKETING,
        components=(Body(text="A box for everybody."),),
    )
    made = await review.submit(waba, draft)
    await caller.quiet()
    found = {each.name: each async for each in review.every(waba)}
    assert found["offer"].meta_template_id == made.meta_template_id
    assert found["offer"].status == "APPROVED"
    assert found["offer"].components == draft.components
    with pytest.raises(NameTaken):
        await review.submit(waba, draft)
    with pytest.raises(ReviewRefused):
        await review.submit(waba, replace(draft, name="Not a name"))
    await review.delete(waba, "offer", made.meta_template_id)
    assert "offer" not in {each.name async for each in review.every(waba)}


async def test_a_number_is_added_verified_and_registered(caller, meta):
    accounts, token = MetaAccounts(meta), caller.account.access_token
    waba = WabaId(caller.account.waba_id)
    id = await accounts.add_number(waba, token, country_code="44", number="2079460999", verified_name="Boxes")
    with pytest.raises(MetaRefused) as refused:
        await accounts.register(id, token, pin="493027")
    assert refused.value.graph_code == 133006
    await accounts.request_code(id, token)
    await accounts.verify_code(id, token, "123-456")
    await accounts.register(id, token, pin="493027")
    with pytest.raises(MetaRefused) as refused:
        await accounts.register(id, token, pin="000000")
    assert refused.value.graph_code == 133005
    await accounts.set_profile(
        id, token, Profile(about="Boxes of all sizes", websites=("https://x.example",))
    )
    assert (await accounts.profile(id, token)).about == "Boxes of all sizes"
    assert len(await accounts.connected_numbers(waba, token)) == 2
    assert (await accounts.number(id, token)).verified_name == "Boxes"
    assert (await accounts.health(id, token)).can_send_message == "AVAILABLE"
    assert (await accounts.waba(waba, token)).account_review_status == "APPROVED"
    await accounts.deregister(id, token)
    assert (await accounts.health(id, token)).can_send_message == "BLOCKED"


async def test_our_app_is_known_by_its_secret(caller, receiver, meta):
    accounts = MetaAccounts(
        meta_without_proof(caller), app_id="900000000000009", app_secret=caller.account.app_secret
    )
    assert (await accounts.token_state(caller.account.access_token)).is_valid
    assert not (await accounts.token_state("EAAnonsense")).is_valid
    await accounts.set_callback(receiver.url, "secret word")
    with pytest.raises(MetaRefused):
        await accounts.set_callback(receiver.url, "wrong word")
    code = (await caller.control("POST", "codes", {"wabaId": caller.account.waba_id}))["code"]
    assert (await accounts.exchange_code(code)).access_token == caller.account.access_token
    with pytest.raises(MetaRefused):
        await accounts.exchange_code(code)


def meta_without_proof(caller):
    return graph(GraphOptions(base_url=caller.base))


async def test_files_go_up_and_come_down_whole(caller, meta):
    media = MetaMedia(meta, Known(caller.account.access_token))
    waba, number = WabaId(caller.account.waba_id), PhoneNumberId(caller.account.phone_number_id)
    facts = FileFacts(name="docket.pdf", mime_type="application/pdf", size=len(PDF))
    id = await media.upload(waba, number, facts, of_bytes(PDF))
    info = await media.info(waba, id, number)
    assert (info.size, info.digest) == (len(PDF), hashlib.sha256(PDF).digest())
    assert b"".join([piece async for piece in media.download(waba, id)]) == PDF
    await media.delete(waba, id)
    with pytest.raises(NotAtMeta):
        await media.info(waba, id)
    odd = FileFacts(name="x.exe", mime_type="application/x-msdownload", size=3)
    with pytest.raises(MetaRefused):
        await media.upload(waba, number, odd, of_bytes(b"MZ!"))


@pytest.mark.parametrize("broken", [0.0, 0.5])
async def test_a_sample_is_uploaded_even_when_the_line_breaks(caller, meta, broken):
    await caller.control("POST", "faults", {"break_upload": broken})
    uploads = MetaUploads(meta, Known(caller.account.access_token), app_id="900000000000009")
    file = File(name="docket.pdf", mime_type="application/pdf", content=PDF)
    assert (await uploads.sample(WabaId(caller.account.waba_id), file)).startswith("4:")


async def test_a_message_may_name_only_files_that_exist_when_they_are_checked():
    async with sandbox_at(replace(SETTINGS, check_media=True)) as caller:
        status, body = await caller.send(type="image", image={"id": "1"})
        assert (status, body["error"]["code"]) == (400, 100)
