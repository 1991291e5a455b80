"""Meta's review of templates, through the port that the templates context owns."""

import httpx
import pytest

from tests.adapters.meta.conftest import TOKEN, WABA, error
from tidings.adapters.meta.templates import MetaReview
from tidings.application.ports.gateway import TokenMissing
from tidings.application.ports.templates import Edit, RemoteTemplate, Submitted
from tidings.domain.templates.components import Body, Category, Draft, Example, ParameterFormat
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

pytestmark = pytest.mark.anyio

BODY = Body(text="Hello {{1}}, soon.", example=Example(body_text=(("Rowan",),)))
DRAFT = Draft(
    name="delivery_eta_v2",
    language="en_GB",
    category=Category.UTILITY,
    components=(BODY,),
    message_send_ttl_seconds=600,
)
REMOTE = {
    "id": "1200000000000777",
    "name": "delivery_eta_v2",
    "language": "en_GB",
    "status": "APPROVED",
    "category": "UTILITY",
    "parameter_format": "POSITIONAL",
    "components": [{"type": "BODY", "text": "Hello {{1}}, soon.", "example": {"body_text": [["Rowan"]]}}],
    "quality_score": {"score": "GREEN", "date": 1790000000},
    "rejected_reason": "NONE",
}


@pytest.fixture
def review(meta, tokens):
    return MetaReview(meta.graph(), tokens)


async def test_a_draft_is_handed_in_whole_and_metas_category_counts(meta, review):
    meta.answers = [{"id": "1200000000000777", "status": "PENDING", "category": "MARKETING"}]
    assert await review.submit(WABA, DRAFT) == Submitted(
        meta_template_id="1200000000000777", status=Status.PENDING, category=Category.MARKETING
    )
    assert meta.asked[0].url.path == f"/v25.0/{WABA}/message_templates"
    assert meta.bodies == [
        {
            "name": "delivery_eta_v2",
            "language": "en_GB",
            "category": "UTILITY",
            "message_send_ttl_seconds": 600,
            "components": [
                {"type": "BODY", "text": "Hello {{1}}, soon.", "example": {"body_text": [["Rowan"]]}}
            ],
        }
    ]


async def test_an_edit_names_what_changes_alone(meta, review):
    meta.answers = [{"success": True}]
    await review.edit(WABA, "1200000000000777", Edit(category=Category.MARKETING))
    assert meta.asked[0].url.path == "/v25.0/1200000000000777"
    assert meta.bodies == [{"category": "MARKETING"}]


async def test_one_language_alone_is_deleted(meta, review):
    meta.answers = [{"success": True}]
    await review.delete(WABA, "delivery_eta_v2", "1200000000000777")
    assert meta.asked[0].method == "DELETE"
    assert dict(meta.asked[0].url.params) == {"hsm_id": "1200000000000777", "name": "delivery_eta_v2"}


async def test_a_change_that_did_not_succeed_is_an_error(meta, review):
    meta.answers = [{"success": False}]
    with pytest.raises(ReviewUnavailable):
        await review.edit(WABA, "1200000000000777", Edit(category=Category.MARKETING))


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (error(100, error_subcode=2388024), NameTaken),
        (error(100, error_subcode=2388023), NameBeingDeleted),
        (error(100, error_subcode=2388019), TooManyTemplates),
        (error(100, error_subcode=2388299, error_user_msg="Move text."), ReviewRefused),
        (error(100, error_subcode=33), GoneAtMeta),
        (error(190, status=401, error_subcode=463), AccountRefused),
        (error(200, status=403), AccountRefused),
        (error(80007), ReviewThrottled),
        (error(2, status=503), ReviewUnavailable),
        (httpx.Response(502, text="<html>"), ReviewUnavailable),
        (httpx.Response(200, text="<html>"), ReviewUnavailable),
        (httpx.Response(200, json={"status": "PENDING"}), ReviewUnavailable),
        (httpx.ReadTimeout("no"), ReviewUnavailable),
        (httpx.ConnectError("no"), ReviewUnavailable),
    ],
)
async def test_a_refusal_has_the_templates_contexts_name(meta, review, answer, refusal):
    meta.answers = [answer]
    with pytest.raises(refusal):
        await review.submit(WABA, DRAFT)


async def test_a_refusal_names_the_field_that_meta_blames(meta, review):
    meta.answers = [
        error(
            100,
            error_subcode=2388046,
            error_user_msg="Lower case.",
            error_data={"blame_field_specs": [["name"]]},
        )
    ]
    with pytest.raises(ReviewRefused) as refused:
        await review.submit(WABA, DRAFT)
    assert [(fault.field, fault.message) for fault in refused.value.faults] == [("name", "Lower case.")]


async def test_a_throttled_review_says_when_to_come_back(meta, review):
    usage = '{"920000000000101":[{"call_count":100,"estimated_time_to_regain_access":7}]}'
    meta.answers = [error(80007, headers={"x-business-use-case-usage": usage})]
    with pytest.raises(ReviewThrottled) as throttled:
        await review.submit(WABA, DRAFT)
    assert throttled.value.retry_after == 7 * 60


async def test_without_a_token_there_is_no_review(review, tokens):
    tokens.token_of.clear()
    with pytest.raises(TokenMissing):
        await review.submit(WABA, DRAFT)


async def every(review, **more):
    return [template async for template in review.every(WABA, **more)]


async def test_every_page_is_walked_also_past_an_empty_one(meta, review):
    def page(items, after=None, next=None):
        paging = {"cursors": {"before": "b", "after": after}} if after else {}
        return {"data": items, "paging": paging | ({"next": next} if next else {})}

    meta.answers = [
        page([REMOTE], "c1", "https://graph.example/next"),
        page([], "c2", "https://graph.example/next"),
        page([REMOTE | {"id": 7}], None, "https://graph.example/v25.0/x?after=c3&limit=1"),
        page([REMOTE | {"id": "8"}], "c4"),
    ]
    assert [t.meta_template_id for t in await every(review)] == ["1200000000000777", "7", "8"]
    assert [request.url.params.get("after") for request in meta.asked] == [None, "c1", "c2", "c3"]
    assert all(request.headers["authorization"] == f"Bearer {TOKEN}" for request in meta.asked)


async def test_a_page_that_cannot_be_had_is_no_end(meta, review):
    meta.answers = [
        {"data": [REMOTE], "paging": {"cursors": {"after": "c1"}, "next": "https://graph.example/"}},
        httpx.Response(502, text="<html>"),
    ]
    with pytest.raises(ReviewUnavailable):
        await every(review)


async def test_pages_that_go_round_in_a_circle_end_in_an_error(meta, review):
    meta.answers = [
        {"data": [], "paging": {"cursors": {"after": "c1"}, "next": "https://graph.example/"}},
    ]
    with pytest.raises(ReviewUnavailable):
        await every(review)


async def test_a_template_is_read_as_meta_holds_it(meta, review):
    meta.answers = [{"data": [REMOTE]}]
    assert await every(review) == [
        RemoteTemplate(
            meta_template_id="1200000000000777",
            name="delivery_eta_v2",
            language="en_GB",
            category=Category.UTILITY,
            status=Status.APPROVED,
            components=(BODY,),
            quality=Quality.GREEN,
        )
    ]


async def test_what_cannot_be_read_of_a_template_is_told_and_the_rest_is_kept(meta, review):
    meta.answers = [
        {
            "data": [
                REMOTE | {"components": [{"type": "HOLOGRAM"}]},
                REMOTE | {"category": "SHIPPING"},
                REMOTE | {"parameter_format": "NAMED", "correct_category": "MARKETING", "status": "NEW"},
            ]
        }
    ]
    hologram, shipping, named = await every(review)
    assert hologram.unreadable
    assert hologram.components == ()
    assert "SHIPPING" in shipping.unreadable
    assert (named.parameter_format, named.next_category, named.status) == (
        ParameterFormat.NAMED,
        Category.MARKETING,
        Status.UNKNOWN,
    )


async def test_a_name_is_meant_exactly(meta, review):
    meta.answers = [{"data": [REMOTE, REMOTE | {"id": "2", "name": "delivery_eta_v22"}]}]
    assert [t.meta_template_id for t in await every(review, name="delivery_eta_v2")] == ["1200000000000777"]
    assert meta.asked[0].url.params["name"] == "delivery_eta_v2"
