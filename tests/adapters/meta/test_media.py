"""Files up and down: whole, in order, and what Meta said they are."""

import base64
import hashlib

import httpx
import pytest

from tests.adapters.meta.conftest import NUMBER, TOKEN, WABA, error
from tests.adapters.meta.test_transport import Server, http, server  # noqa: F401
from tidings.adapters.meta.client import GraphOptions, graph
from tidings.adapters.meta.media import (
    FileFacts,
    MediaInfo,
    MetaMedia,
    MetaUploads,
    TooLarge,
    Unmatched,
    most_bytes,
    of_bytes,
)
from tidings.application.ports.meta import MetaRefused, MetaUnavailable
from tidings.application.ports.templates import File
from tidings.domain.templates.refusals import ReviewRefused, ReviewUnavailable

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 4096
FACTS = FileFacts(name="docket.pdf", mime_type="application/pdf", size=len(CONTENT))
APP = "770000000000303"


@pytest.fixture
def media(meta, tokens):
    return MetaMedia(meta.graph(), tokens)


def described(content=CONTENT, **changes):
    said = {
        "id": "880011223344560",
        "url": "https://lookaside.example/m?mid=880011223344560",
        "mime_type": "application/pdf",
        "sha256": hashlib.sha256(content).hexdigest(),
        "file_size": str(len(content)),
    }
    return said | changes


async def whole(pieces):
    return b"".join([piece async for piece in pieces])


async def test_an_upload_is_a_form_that_meta_can_read(meta, media):
    meta.answers = [{"id": "880011223344560"}]
    assert await media.upload(WABA, NUMBER, FACTS, of_bytes(CONTENT)) == "880011223344560"
    request = meta.asked[0]
    assert request.url.path == f"/v25.0/{NUMBER}/media"
    assert int(request.headers["content-length"]) == len(request.content)
    parts = form(request)
    assert parts["messaging_product"] == (b"whatsapp", None)
    assert parts["type"] == (b"application/pdf", None)
    assert parts["file"] == (CONTENT, "docket.pdf")


def form(request):
    """The parts of a multipart body, read by the standard library."""
    from email.parser import BytesParser

    head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser().parsebytes(head + request.content)
    return {
        part.get_param("name", header="content-disposition"): (
            part.get_payload(decode=True),
            part.get_filename(),
        )
        for part in message.get_payload()
    }


async def test_a_file_of_any_name_makes_one_form(meta, media):
    meta.answers = [{"id": "1"}]
    odd = 'a"; name="x\r\n\r\n--.pdf'
    await media.upload(WABA, NUMBER, FileFacts(name=odd, mime_type="image/png", size=1), of_bytes(b"x"))
    assert set(form(meta.asked[0])) == {"messaging_product", "type", "file"}


async def test_a_type_that_would_break_the_form_is_refused(meta, media):
    with pytest.raises(MetaRefused):
        await media.upload(WABA, NUMBER, FileFacts(name="a", mime_type="a/b\r\nX: y", size=1), of_bytes(b"x"))
    assert meta.asked == []


@pytest.mark.parametrize(
    ("mime_type", "most"),
    [("audio/ogg", 16), ("video/mp4", 16), ("image/png", 5), ("application/pdf", 100), ("text/plain", 100)],
)
async def test_what_is_larger_than_meta_takes_is_not_even_sent(meta, media, mime_type, most):
    assert most_bytes(mime_type) == most * 1024 * 1024
    facts = FileFacts(name="a", mime_type=mime_type, size=most * 1024 * 1024 + 1)
    with pytest.raises(TooLarge):
        await media.upload(WABA, NUMBER, facts, of_bytes(b""))
    assert meta.asked == []


async def test_an_upload_streams_over_a_real_connection(server, tokens):  # noqa: F811
    server.script = [http(b'{"id":"880011223344560"}')]
    client = graph(GraphOptions(base_url=f"http://127.0.0.1:{server.port}"))
    media = MetaMedia(client, tokens)
    assert await media.upload(WABA, NUMBER, FACTS, of_bytes(CONTENT)) == "880011223344560"
    assert CONTENT in server.requests[0]
    assert b"transfer-encoding" not in server.requests[0].split(b"\r\n\r\n")[0].lower()
    await client.aclose()


@pytest.mark.parametrize("spell", [bytes.hex, lambda d: base64.b64encode(d).decode(), lambda _: "odd"])
async def test_a_download_is_whole_and_true(meta, media, spell):
    sha256 = spell(hashlib.sha256(CONTENT).digest())
    meta.answers = [described(sha256=sha256), httpx.Response(200, content=CONTENT)]
    assert await whole(media.download(WABA, "880011223344560")) == CONTENT
    assert meta.asked[1].headers["authorization"] == f"Bearer {TOKEN}"
    assert "appsecret_proof" not in meta.asked[1].url.params


@pytest.mark.parametrize(
    ("said", "content"),
    [
        (described(), CONTENT[:-1] + b"x"),
        (described(file_size="7"), CONTENT),
        (described(), CONTENT[:-1]),
        (described(file_size=0), CONTENT + b"x"),
    ],
)
async def test_a_download_that_is_not_what_meta_said_is_refused_at_its_end(meta, media, said, content):
    meta.answers = [said, httpx.Response(200, content=content)]
    with pytest.raises(Unmatched):
        await whole(media.download(WABA, "880011223344560"))


async def test_a_download_stops_where_it_grows_too_large(meta, media):
    meta.answers = [described(file_size=0), httpx.Response(200, content=CONTENT)]
    with pytest.raises(TooLarge):
        await whole(media.download(WABA, "880011223344560", most=1000))
    meta.answers = [described()]
    with pytest.raises(TooLarge):
        await whole(media.download(WABA, "880011223344560", most=1000))


async def test_an_address_that_has_run_out_is_asked_for_again(meta, media):
    fresh = described(url="https://lookaside.example/fresh")
    meta.answers = [described(), httpx.Response(404), fresh, httpx.Response(200, content=CONTENT)]
    assert await whole(media.download(WABA, "880011223344560")) == CONTENT
    assert str(meta.asked[-1].url) == "https://lookaside.example/fresh"


async def test_a_download_that_breaks_off_says_so(meta, media):
    async def breaking():
        yield CONTENT[:100]
        raise httpx.ReadError("gone")

    meta.answers = [described(), httpx.Response(200, content=breaking())]
    with pytest.raises(MetaUnavailable):
        await whole(media.download(WABA, "880011223344560"))
    meta.answers = [described(), httpx.Response(502, text="<html>")]
    with pytest.raises(MetaUnavailable):
        await whole(media.download(WABA, "880011223344560"))


def test_a_size_may_be_a_number_or_a_text():
    assert MediaInfo(id="1", url="u", file_size="4711").size == 4711
    assert MediaInfo(id="1", url="u", file_size=4711).size == 4711
    assert MediaInfo(id="1", url="u", file_size="many").size == 0


# Samples of templates.

SAMPLE = File(name="a.png", mime_type="image/png", content=CONTENT)


@pytest.fixture
def uploads(meta, tokens):
    return MetaUploads(meta.graph(), tokens, app_id=APP)


async def test_a_sample_is_uploaded_in_two_steps(meta, uploads):
    meta.answers = [{"id": "upload:MTphd"}, {"h": "4::aW1h"}]
    assert await uploads.sample(WABA, SAMPLE) == "4::aW1h"
    start, push = meta.asked
    assert dict(start.url.params) == {
        "file_name": "a.png",
        "file_length": str(len(CONTENT)),
        "file_type": "image/png",
    }
    assert push.url.path == "/v25.0/upload:MTphd"
    assert push.headers["authorization"] == f"OAuth {TOKEN}"
    assert push.headers["file_offset"] == "0"
    assert push.content == CONTENT


async def test_an_upload_that_broke_goes_on_where_meta_says(meta, uploads):
    meta.answers = [
        {"id": "upload:MTphd?sig=ARZq"},
        httpx.ReadError("gone"),
        {"id": "upload:MTphd", "file_offset": 1000},
        httpx.Response(502, text="<html>"),
        {"id": "upload:MTphd", "file_offset": 2000},
        {"h": "4::aW1h"},
    ]
    assert await uploads.sample(WABA, SAMPLE) == "4::aW1h"
    assert [request.method for request in meta.asked] == ["POST", "POST", "GET", "POST", "GET", "POST"]
    assert [request.headers.get("file_offset") for request in meta.asked[1::2]] == ["0", "1000", "2000"]
    assert meta.asked[-1].content == CONTENT[2000:]
    assert all(request.url.params["sig"] == "ARZq" for request in meta.asked[1:])


async def test_an_upload_is_not_tried_for_ever(meta, uploads):
    answers = iter([httpx.Response(200, json={"id": "upload:M"})])

    def answer(request):
        if request.method == "GET":
            return httpx.Response(200, json={"file_offset": 0})
        return next(answers, httpx.Response(502))

    meta.answers = [answer]
    with pytest.raises(ReviewUnavailable):
        await uploads.sample(WABA, SAMPLE)
    assert sum(request.method == "POST" for request in meta.asked) == 1 + 4


async def test_a_sample_that_meta_refuses_is_refused_at_once(meta, uploads):
    meta.answers = [{"id": "upload:M"}, error(100, error_user_msg="Not a picture.")]
    with pytest.raises(ReviewRefused, match=r"Not a picture\."):
        await uploads.sample(WABA, SAMPLE)
    assert len(meta.asked) == 2


async def test_a_header_file_gets_a_media_id(meta, uploads):
    meta.answers = [{"id": "880011223344560"}]
    assert await uploads.media(WABA, NUMBER, SAMPLE) == "880011223344560"
