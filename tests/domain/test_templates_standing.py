"""What Meta reports, in any order and number, leads to one standing."""

from datetime import timedelta
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.domain.templates.languages import LANGUAGES, canonical, nearest
from tidings.domain.templates.likeness import as_written, for_submission, reconciled, same_words
from tidings.domain.templates.refusals import (
    AccountRefused,
    EditQuotaReached,
    GoneAtMeta,
    NameBeingDeleted,
    NameTaken,
    ReviewRefused,
    ReviewThrottled,
    ReviewUnavailable,
    SampleTemplate,
    TemplateNotEditable,
    TooManyTemplates,
    refusal,
)
from tidings.domain.templates.rules import check
from tidings.domain.templates.template import (
    STANDING,
    News,
    Quality,
    Status,
    event_status,
    quality_of,
    status_of,
)
from tidings.testing.contracts.template_stores import NOON, a_template
from tidings.testing.strategies_templates import drafts

REMOTE = [s for s in Status if s not in (Status.DRAFT, Status.SUBMITTING)]

news = st.lists(
    st.builds(
        News,
        status=st.sampled_from(REMOTE),
        at=st.integers(0, 20_000).map(lambda ms: NOON + timedelta(milliseconds=ms)),
    ),
    max_size=12,
)


def template(**given):
    from uuid import UUID

    return a_template(UUID(int=1), id=UUID(int=2), status=Status.SUBMITTING, **given)


def fold(reports):
    heard = reduce(lambda t, n: t.hear(n), reports, template())
    return heard.status, heard.status_at


@settings(deadline=None)
@given(news, st.randoms())
def test_the_order_of_reports_does_not_matter(reports, random):
    assert fold(reports) == fold(random.sample(reports, len(reports)))


@settings(deadline=None)
@given(news)
def test_hearing_a_report_twice_changes_nothing(reports):
    assert fold(reports) == fold([*reports, *reports])


@settings(deadline=None)
@given(news)
def test_the_newest_report_counts(reports):
    if reports:
        newest = max(n.at.replace(microsecond=0) for n in reports)
        assert fold(reports)[0] in {n.status for n in reports if n.at.replace(microsecond=0) == newest}


def test_every_status_says_what_it_allows():
    assert set(STANDING) == set(Status)
    assert [s for s in Status if STANDING[s].sendable] == [Status.APPROVED]
    assert {s for s in Status if STANDING[s].editable} == {
        Status.DRAFT,
        Status.APPROVED,
        Status.REJECTED,
        Status.PAUSED,
    }
    assert not STANDING[Status.DISABLED].deletable


@pytest.mark.parametrize(
    ("word", "status", "event"),
    [
        ("approved", Status.APPROVED, Status.APPROVED),
        ("REINSTATED", Status.UNKNOWN, Status.APPROVED),
        ("LOCKED", Status.UNKNOWN, Status.PAUSED),
        ("FLAGGED", Status.UNKNOWN, None),
        ("TOMORROW", Status.UNKNOWN, None),
        ("DRAFT", Status.UNKNOWN, None),
        ("PENDING_DELETION", Status.DELETED, Status.DELETED),
    ],
)
def test_metas_words_are_read(word, status, event):
    assert (status_of(word), event_status(word)) == (status, event)


def test_qualities_are_read():
    assert (quality_of("RED"), quality_of("PURPLE"), quality_of(None)) == (
        Quality.RED,
        Quality.UNKNOWN,
        Quality.UNKNOWN,
    )


def test_an_approved_template_is_edited_ten_times_in_thirty_days():
    edited = template()
    now = NOON
    for _ in range(10):
        edited = replace(edited, status=Status.APPROVED)
        edited.require_editable(None, now)
        edited = edited.edited(now)
        now += timedelta(days=1)
    edited = replace(edited, status=Status.APPROVED)
    with pytest.raises(EditQuotaReached, match="2026-12-25"):
        edited.require_editable(None, now)
    edited.require_editable(None, NOON + timedelta(days=30, seconds=1))


@pytest.mark.parametrize(
    ("code", "subcode", "kind"),
    [
        (100, 2388019, TooManyTemplates),
        (100, 2388023, NameBeingDeleted),
        (100, 2388024, NameTaken),
        (100, 2388039, TemplateNotEditable),
        (100, 2388043, ReviewRefused),
        (100, 2388094, SampleTemplate),
        (100, 2593002, GoneAtMeta),
        (100, 33, GoneAtMeta),
        (100, None, ReviewRefused),
        (192, None, ReviewRefused),
        (80007, None, ReviewThrottled),
        (190, 463, AccountRefused),
        (200, None, AccountRefused),
        (2, None, ReviewUnavailable),
    ],
)
def test_metas_refusals_have_their_kind(code, subcode, kind):
    assert type(refusal(code, subcode, "message")) is kind


def test_a_refusal_names_the_field():
    assert refusal(100, 2388046, "m", blamed=["name"]).faults[0].field == "name"
    assert refusal(100, 2388046, "m").faults[0].field == "name"
    assert refusal(100, 2388072, "m").faults[0].rule == "meta_2388072"


# Languages


@pytest.mark.parametrize(
    ("wanted", "available", "fallback", "served"),
    [
        ("pt_BR", ["pt_BR", "pt_PT", "en"], None, "pt_BR"),
        ("pt-br", ["pt_BR"], None, "pt_BR"),
        ("en_AU", ["en_US", "en", "de"], None, "en"),
        ("en_AU", ["en_US", "en_GB", "de"], None, "en_GB"),
        ("en", ["en_US", "de"], None, "en_US"),
        ("fr", ["en", "de"], "en", "en"),
        ("fr", ["en", "de"], None, None),
        ("fr", ["en", "de"], "es", None),
    ],
)
def test_the_nearest_language_of_a_family_serves(wanted, available, fallback, served):
    assert nearest(wanted, available, fallback) == served


@given(st.sampled_from(sorted(LANGUAGES)), st.sets(st.sampled_from(sorted(LANGUAGES)), min_size=1))
def test_a_language_that_is_there_serves_itself(wanted, available):
    assert nearest(wanted, available | {wanted}) == wanted
    assert nearest(wanted, available) in available | {None}
    assert canonical(wanted.lower().replace("_", "-")) == wanted


# What Meta gives back


@settings(deadline=None)
@given(drafts())
def test_what_was_handed_in_says_the_same_as_itself(draft):
    category, components = draft.category, draft.components
    assert same_words(category, components, for_submission(category, components))
    assert reconciled(category, components, components) == components
    assert as_written(category, components) == components


@settings(deadline=None)
@given(drafts(), drafts())
def test_words_that_differ_are_an_edit(one, other):
    if one.category is other.category and not same_words(one.category, one.components, other.components):
        assert reconciled(one.category, one.components, other.components) == other.components


@settings(deadline=None)
@given(drafts())
def test_what_goes_out_still_obeys_the_rules(draft):
    assert check(replace(draft, components=for_submission(draft.category, draft.components))) == ()
