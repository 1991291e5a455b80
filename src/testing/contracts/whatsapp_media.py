"""What every way to files of messages promises: whole and true, or an error before it ends."""

import hashlib

import pytest

from tidings.application.ports.conversations import MediaFiles
from tidings.domain.errors import Refused, Unavailable
from tidings.testing.contracts.played_meta import HTML, NUMBER, WABA, PlayedMeta
from tidings.testing.other_side import Heard, Mishap, OtherSide, Said, Turn, said

ID = "880011223344560"
CONTENT = bytes(range(256)) * 1_000
WRONG: "tuple[bytes | Turn, ...]" = (
    CONTENT[:-1] + b"x",
    CONTENT[:-1],
    CONTENT + b"x",
    HTML,
    Said(body=CONTENT, cut=True),
    Mishap.HANG_UP,
)


@pytest.mark.anyio
class MediaFilesContract(PlayedMeta):
    """Subclass it beside a fixture `media` that gives a `MediaFiles` of your own: it finds Meta at
    `meta.url`, and tokens with `tokens`, fixtures of this suite that yours may ask for."""

    async def test_a_file_comes_down_whole_with_the_token_of_its_account(
        self, media: MediaFiles, meta: OtherSide
    ) -> None:
        _holding(meta, CONTENT)
        assert await whole(media) == CONTENT
        assert {each.headers["authorization"] for each in meta.heard} == {"Bearer EAATOKEN"}

    @pytest.mark.parametrize("what", WRONG, ids=range(len(WRONG)))
    async def test_what_is_not_the_file_that_meta_told_of_is_an_error(
        self, media: MediaFiles, meta: OtherSide, what: bytes | Turn
    ) -> None:
        _holding(meta, what)
        with pytest.raises(Refused):
            await whole(media)

    async def test_an_address_that_has_run_out_is_asked_for_again(
        self, media: MediaFiles, meta: OtherSide
    ) -> None:
        meta.turns = [_told(meta), Said(status=404), _told(meta), Said(body=CONTENT)]
        assert await whole(media) == CONTENT

    async def test_a_file_goes_up_and_has_an_id(self, media: MediaFiles, meta: OtherSide) -> None:
        meta.turns = [said({"id": ID})]
        sent = media.send_up(WABA, NUMBER, name="a.pdf", mime_type="application/pdf", content=CONTENT)
        assert await sent == ID
        [heard] = meta.heard
        assert heard.path.rsplit("/", 2)[1:] == [NUMBER, "media"]
        assert CONTENT in heard.body

    @pytest.mark.parametrize("turn", [HTML, Mishap.HANG_UP, said({})], ids=range(3))
    async def test_a_file_without_an_id_has_not_gone_up(
        self, media: MediaFiles, meta: OtherSide, turn: Turn
    ) -> None:
        meta.turns = [turn]
        with pytest.raises(Refused):
            await media.send_up(WABA, NUMBER, name="a", mime_type="application/pdf", content=b"%PDF")

    async def test_nobody_there_is_said(self, media: MediaFiles, meta: OtherSide) -> None:
        await meta.leave()
        with pytest.raises(Unavailable):
            await whole(media)


async def whole(media: MediaFiles) -> bytes:
    return b"".join([piece async for piece in media.download(WABA, ID)])


def _told(meta: OtherSide) -> Said:
    """Where the file is and what it should be (fact sheet 3.4)."""
    return said(
        {
            "id": ID,
            "url": f"{meta.url}/file",
            "mime_type": "application/pdf",
            "sha256": hashlib.sha256(CONTENT).hexdigest(),
            "file_size": len(CONTENT),
        }
    )


def _holding(meta: OtherSide, what: bytes | Turn) -> None:
    def answer(heard: Heard) -> Said | Mishap:
        if heard.path != "/file":
            return _told(meta)
        if isinstance(what, bytes):
            return Said(body=what)
        return what(heard) if callable(what) else what

    meta.turns = [answer]
