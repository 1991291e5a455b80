"""What Meta's review of templates promises, and the way of files to Meta: at a Meta that is played."""

from email.parser import BytesParser
from typing import Any

import pytest

from tidings.application.ports.gateway import TokenMissing
from tidings.application.ports.templates import Edit, File, RemoteTemplate, Review, Submitted, Uploads
from tidings.domain.templates.components import Body, Category, Draft, Example
from tidings.domain.templates.refusals import (
    AccountRefused,
    GoneAtMeta,
    NameBeingDeleted,
    NameTaken,
    ReviewRefused,
    ReviewThrottled,
    ReviewUnavailable,
    TooManyTemplates,
)
from tidings.domain.templates.template import Quality, Status
from tidings.testing.contracts.played_meta import HTML, NUMBER, WABA, PlayedMeta, Tokens, refused
from tidings.testing.other_side import Heard, Mishap, OtherSide, Said, Turn, said

BODY = Body(text="Hello {{1}}, soon.", example=Example(body_text=(("Rowan",),)))
DRAFT = Draft(name="delivery_eta", language="en_GB", category=Category.UTILITY, components=(BODY,))
ID = "1200000000000777"
REMOTE: "dict[str, object]" = {
    "id": ID,
    "name": "delivery_eta",
    "language": "en_GB",
    "status": "APPROVED",
    "category": "UTILITY",
    "parameter_format": "POSITIONAL",
    "components": [{"type": "BODY", "text": "Hello {{1}}, soon.", "example": {"body_text": [["Rowan"]]}}],
    "quality_score": {"score": "GREEN"},
}
"""As Meta lists a template (fact sheet 4.3)."""


REFUSALS: "tuple[tuple[Turn, type[Exception]], ...]" = (
    (refused(100, subcode=2388024), NameTaken),
    (refused(100, subcode=2388023), NameBeingDeleted),
    (refused(100, subcode=2388019), TooManyTemplates),
    (refused(100, subcode=2388299), ReviewRefused),
    (refused(100, subcode=33), GoneAtMeta),
    (refused(190, 401, 463), AccountRefused),
    (refused(80007), ReviewThrottled),
    (refused(2, 503), ReviewUnavailable),
    (HTML, ReviewUnavailable),
    (Mishap.HANG_UP, ReviewUnavailable),
    (said({"status": "PENDING"}), ReviewUnavailable),
)
UNREADABLE: "tuple[Turn, ...]" = (HTML, Mishap.HANG_UP, said({"success": False}), Said(body=b"{", cut=True))


@pytest.mark.anyio
class ReviewContract(PlayedMeta):
    """Subclass it beside a fixture `review` that gives a `Review` of your own: it finds Meta at the address
    `meta.url`, and tokens with `tokens`, fixtures of this suite that yours may ask for."""

    async def test_a_draft_is_handed_in_whole_and_metas_word_counts(
        self, review: Review, meta: OtherSide
    ) -> None:
        meta.turns = [said({"id": ID, "status": "PENDING", "category": "MARKETING"})]
        assert await review.submit(WABA, DRAFT) == Submitted(
            meta_template_id=ID, status=Status.PENDING, category=Category.MARKETING
        )
        [heard] = meta.heard
        assert (heard.method, heard.path.rsplit("/", 2)[1:]) == ("POST", [WABA, "message_templates"])
        assert heard.headers["authorization"] == "Bearer EAATOKEN"
        told = heard.said
        assert (told["name"], told["language"], told["category"]) == ("delivery_eta", "en_GB", "UTILITY")
        assert [each["text"] for each in told["components"]] == ["Hello {{1}}, soon."]

    async def test_an_edit_and_a_deletion_reach_one_template(self, review: Review, meta: OtherSide) -> None:
        meta.turns = [said({"success": True})]
        await review.edit(WABA, ID, Edit(category=Category.MARKETING))
        await review.delete(WABA, "delivery_eta", ID)
        edited, deleted = meta.heard
        assert (edited.method, edited.path.rsplit("/", 1)[1]) == ("POST", ID)
        assert edited.said == {"category": "MARKETING"}
        assert deleted.method == "DELETE"
        assert deleted.query == {"hsm_id": ID, "name": "delivery_eta"}

    @pytest.mark.parametrize(("turn", "error"), REFUSALS, ids=range(len(REFUSALS)))
    async def test_a_refusal_has_its_name_and_is_asked_for_once(
        self, review: Review, meta: OtherSide, turn: Turn, error: type[Exception]
    ) -> None:
        meta.turns = [turn]
        with pytest.raises(error):
            await review.submit(WABA, DRAFT)
        assert len(meta.heard) == 1

    @pytest.mark.parametrize("turn", UNREADABLE, ids=range(len(UNREADABLE)))
    async def test_an_answer_that_nobody_can_read_is_no_yes(
        self, review: Review, meta: OtherSide, turn: Turn
    ) -> None:
        meta.turns = [turn]
        with pytest.raises(ReviewUnavailable):
            await review.edit(WABA, ID, Edit(category=Category.MARKETING))
        with pytest.raises(ReviewUnavailable):
            await review.delete(WABA, "delivery_eta", ID)

    async def test_nobody_is_asked_without_a_token_and_nobody_there_is_said(
        self, review: Review, meta: OtherSide, tokens: Tokens
    ) -> None:
        kept, tokens.token_of = tokens.token_of, {}
        with pytest.raises(TokenMissing):
            await review.submit(WABA, DRAFT)
        assert meta.heard == []
        tokens.token_of = kept
        await meta.leave()
        with pytest.raises(ReviewUnavailable):
            await review.submit(WABA, DRAFT)

    async def test_a_template_is_read_as_meta_holds_it(self, review: Review, meta: OtherSide) -> None:
        meta.turns = [said({"data": [REMOTE, REMOTE | {"components": [{"type": "HOLOGRAM"}]}]})]
        whole, odd = await every(review)
        assert whole == RemoteTemplate(
            meta_template_id=ID,
            name="delivery_eta",
            language="en_GB",
            category=Category.UTILITY,
            status=Status.APPROVED,
            components=(BODY,),
            quality=Quality.GREEN,
        )
        assert odd.unreadable
        assert (odd.name, odd.components) == ("delivery_eta", ())

    async def test_every_page_is_walked_also_past_an_empty_one(self, review: Review, meta: OtherSide) -> None:
        pages: dict[str | None, tuple[list[object], str | None]] = {
            None: ([REMOTE], "c1"),
            "c1": ([], "c2"),
            "c2": ([REMOTE | {"id": "8"}], None),
        }

        def page(heard: Heard) -> Said:
            found, after = pages[heard.query.get("after")]
            further = {"cursors": {"after": after}, "next": f"{meta.url}{heard.path}?after={after}"}
            return said({"data": found, "paging": further if after else {}})

        meta.turns = [page]
        assert [each.meta_template_id for each in await every(review)] == [ID, "8"]
        assert {each.headers["authorization"] for each in meta.heard} == {"Bearer EAATOKEN"}

    async def test_a_page_that_cannot_be_had_and_a_circle_of_pages_are_no_end(
        self, review: Review, meta: OtherSide
    ) -> None:
        further = {"cursors": {"after": "c1"}, "next": f"{meta.url}/next?after=c1"}
        meta.turns = [said({"data": [REMOTE], "paging": further}), HTML]
        with pytest.raises(ReviewUnavailable):
            await every(review)
        meta.turns = [said({"data": [], "paging": further})]
        with pytest.raises(ReviewUnavailable):
            await every(review)

    async def test_a_name_is_meant_exactly(self, review: Review, meta: OtherSide) -> None:
        meta.turns = [said({"data": [REMOTE, REMOTE | {"id": "2", "name": "delivery_eta_2"}]})]
        found = await every(review, name="delivery_eta")
        assert [each.meta_template_id for each in found] == [ID]


@pytest.mark.anyio
class UploadsContract(PlayedMeta):
    """Subclass it beside a fixture `uploads`, as in `ReviewContract`."""

    async def test_a_file_to_send_with_goes_up_whole(self, uploads: Uploads, meta: OtherSide) -> None:
        meta.turns = [said({"id": "880011223344560"})]
        odd = File(name='a"; x="\r\n.pdf', mime_type="application/pdf", content=bytes(range(256)) * 400)
        assert await uploads.media(WABA, NUMBER, odd) == "880011223344560"
        [heard] = meta.heard
        assert heard.path.rsplit("/", 2)[1:] == [NUMBER, "media"]
        parts = _form(heard)
        assert set(parts) == {"messaging_product", "type", "file"}
        assert (parts["file"], parts["type"]) == (odd.content, b"application/pdf")

    async def test_a_sample_goes_up_in_two_steps_and_has_a_handle(
        self, uploads: Uploads, meta: OtherSide
    ) -> None:
        picture = File(name="a.png", mime_type="image/png", content=b"\x89PNG\r\n\x1a\n" + b"x" * 90)
        meta.turns = [said({"id": "upload:abc"}), said({"h": "4:handle"})]
        assert await uploads.sample(WABA, picture) == "4:handle"
        opened, sent = meta.heard
        size = opened.query.get("file_length") or opened.said["file_length"]
        assert int(size) == len(picture.content)
        assert sent.path.endswith("upload:abc")
        assert sent.body == picture.content

    @pytest.mark.parametrize("turn", [HTML, Mishap.HANG_UP, said({})], ids=range(3))
    async def test_an_upload_without_an_id_is_none(
        self, uploads: Uploads, meta: OtherSide, turn: Turn
    ) -> None:
        meta.turns = [turn]
        file = File(name="a.pdf", mime_type="application/pdf", content=b"%PDF")
        with pytest.raises(ReviewUnavailable):
            await uploads.media(WABA, NUMBER, file)
        with pytest.raises(ReviewUnavailable):
            await uploads.sample(WABA, file)

    async def test_what_meta_refuses_of_a_file_is_refused(self, uploads: Uploads, meta: OtherSide) -> None:
        meta.turns = [refused(100, subcode=2388299)]
        with pytest.raises(ReviewRefused):
            await uploads.media(WABA, NUMBER, File(name="a", mime_type="application/pdf", content=b"%PDF"))


async def every(review: Review, name: str | None = None) -> list[RemoteTemplate]:
    return [each async for each in review.every(WABA, name=name)]


def _form(heard: Heard) -> dict[str, bytes]:
    """The parts of a multipart body, read by the standard library."""
    head = f"Content-Type: {heard.headers['content-type']}\r\n\r\n".encode()
    message: Any = BytesParser().parsebytes(head + heard.body)
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message.get_payload()
    }
