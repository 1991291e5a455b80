"""A template's way through Meta's review, with every accident on it."""

import json
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from tests.application.test_templates_world import NOON, WABA, Crash, World, a_world, event_id, no_answer
from tests.domain.test_templates_rules import DELIVERY, LOGIN, OFFER, draft
from tidings.adapters.peers.templates import LocalTemplates
from tidings.application.ports.templates import RemoteTemplate, TemplateFilter
from tidings.application.templates import DeliveryWish, NewTemplate, PreviewRequest, TemplateChange
from tidings.domain.events import (
    TemplateChanged,
    TemplateRemarked,
    TemplateReported,
    TemplateStatusChanged,
    WabaConnected,
)
from tidings.domain.kernel import NotPermitted, OrganizationId, Role, WabaId
from tidings.domain.templates.components import Body, Buttons, Category, Example, Footer, Otp, Url
from tidings.domain.templates.refusals import (
    EditQuotaReached,
    NameBeingDeleted,
    NameTaken,
    NothingToChange,
    NotMarketing,
    NoWaba,
    ReviewRefused,
    ReviewThrottled,
    ReviewUnavailable,
    StillSubmitting,
    TemplateInvalid,
    TemplateNotApproved,
    TemplateNotDeletable,
    TemplateNotEditable,
    TemplateNotFound,
    TooManySubmissions,
)
from tidings.domain.templates.template import Quality, Status, status_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path):
    world = await a_world(tmp_path)
    yield world
    await world.database.close()


def new(raw: str = DELIVERY, **changes: object) -> NewTemplate:
    return msgspec.convert({**json.loads(raw), **changes}, NewTemplate)


def reported(world: World, template, event: str, *, seconds: float = 60, reason: str | None = None):
    return TemplateReported(
        organization_id=world.organization,
        waba_id=WABA,
        meta_template_id=template.meta_template_id,
        name=template.name,
        language=template.language,
        event=event,
        reason=reason,
        at=NOON + timedelta(seconds=seconds),
    )


SALE = {"type": "BODY", "text": "Everything is half its price this week."}


async def approved(world: World, raw: str = DELIVERY, **changes: object):
    world.meta.verdict = Status.APPROVED
    return await world.templates.create(world.actor(), new(raw, **changes))


async def the_one(world: World):
    page = await world.templates.page(world.actor(), TemplateFilter())
    assert len(page.items) == 1
    return page.items[0]


async def statuses(world: World) -> list[TemplateStatusChanged]:
    return [e for e in await world.told() if isinstance(e, TemplateStatusChanged)]


# Creating


async def test_a_template_is_handed_in_and_waits_for_metas_verdict(world):
    template = await world.templates.create(world.actor(), new())
    assert template.status is Status.PENDING
    assert template.meta_template_id in world.meta.held
    assert await the_one(world) == template
    [told] = await statuses(world)
    assert (told.template_id, told.status) == (template.id, "PENDING")


async def test_meta_may_decide_at_once_and_change_the_category(world):
    template = await approved(world)
    assert template.status is Status.APPROVED
    assert template.standing.sendable


async def test_a_template_that_meta_would_refuse_never_leaves(world):
    with pytest.raises(TemplateInvalid) as refused:
        await world.templates.create(world.actor(), new(name="Bad Name", language="xx"))
    assert [f.field for f in refused.value.faults] == ["name", "language"]
    assert world.meta.calls == []
    assert (await world.templates.page(world.actor(), TemplateFilter())).items == []


async def test_a_viewer_may_look_and_not_write(world):
    with pytest.raises(NotPermitted):
        await world.templates.create(world.actor(Role.VIEWER), new())
    assert (await world.templates.page(world.actor(Role.VIEWER), TemplateFilter())).items == []


async def test_an_account_of_somebody_else_is_refused(world):
    with pytest.raises(NoWaba):
        await world.templates.create(world.actor(), new(wabaId="920000000000999"))


async def test_a_name_is_taken_once_for_each_language(world):
    await world.templates.create(world.actor(), new())
    with pytest.raises(NameTaken):
        await world.templates.create(world.actor(), new())
    await world.templates.create(world.actor(), new(language="de"))


async def test_what_meta_refuses_stays_as_a_draft_and_can_be_handed_in_again(world):
    world.meta.before = [ReviewRefused("Meta refused the template: no")]
    with pytest.raises(ReviewRefused):
        await world.templates.create(world.actor(), new())
    kept = await the_one(world)
    assert (kept.status, kept.reason) == (Status.DRAFT, "Meta refused the template: no")
    again = await world.templates.create(world.actor(), new())
    assert (again.id, again.status, again.reason) == (kept.id, Status.PENDING, None)


async def test_a_draft_is_handed_in_by_editing_it(world):
    world.meta.before = [NameBeingDeleted()]
    with pytest.raises(NameBeingDeleted):
        await world.templates.create(world.actor(), new())
    kept = await the_one(world)
    template = await world.templates.update(world.actor(), kept.id, TemplateChange())
    assert template.status is Status.PENDING


async def test_what_says_the_same_as_another_template_is_refused(world):
    await world.templates.create(world.actor(), new())
    with pytest.raises(TemplateInvalid) as refused:
        await world.templates.create(world.actor(), new(name="other"))
    assert [(f.field, f.rule) for f in refused.value.faults] == [("components", "duplicate")]
    assert "delivery_eta_v2" in refused.value.faults[0].message
    await world.templates.create(world.actor(), new(name="other", language="en_US"))
    world.meta.verdict = Status.REJECTED
    await world.templates.create(world.actor(), new(LOGIN))
    await world.templates.create(world.actor(), new(LOGIN, name="another_code"))


async def test_meta_takes_a_hundred_new_templates_an_hour(world):
    body = {"type": "BODY", "text": ""}
    for i in range(100):
        await world.templates.create(
            world.actor(), new(name=f"t{i}", components=[body | {"text": f"Text {i}"}])
        )
    with pytest.raises(TooManySubmissions):
        await world.templates.create(world.actor(), new())
    world.clock.pass_(hours=1)
    await world.templates.create(world.actor(), new())


# Accidents between Meta's answer and our row


async def test_an_answer_that_never_came_is_found_by_asking_again(world):
    world.meta.after = [no_answer()]
    with pytest.raises(ReviewUnavailable):
        await world.templates.create(world.actor(), new())
    assert (await the_one(world)).status is Status.SUBMITTING
    template = await world.templates.create(world.actor(), new())
    assert template.status is Status.PENDING
    assert len(world.meta.held) == 1
    assert world.meta.calls == ["submit", "every"]


async def test_a_call_that_never_arrived_is_made_again(world):
    world.meta.before = [no_answer()]
    with pytest.raises(ReviewUnavailable):
        await world.templates.create(world.actor(), new())
    await world.templates.create(world.actor(), new())
    assert len(world.meta.held) == 1


async def test_a_crash_after_metas_answer_is_mended_by_the_sync(world):
    world.meta.after = [Crash()]
    with pytest.raises(Crash):
        await world.templates.create(world.actor(), new())
    world.clock.pass_(minutes=10)
    assert await world.keeper.tick() == 1
    template = await the_one(world)
    assert template.status is Status.PENDING
    assert template.meta_template_id in world.meta.held


async def test_a_crash_before_meta_was_asked_leaves_a_draft(world):
    world.meta.before = [Crash()]
    with pytest.raises(Crash):
        await world.templates.create(world.actor(), new())
    with pytest.raises(StillSubmitting):
        await world.templates.create(world.actor(), new())
    world.clock.pass_(minutes=10)
    await world.keeper.tick()
    assert (await the_one(world)).status is Status.DRAFT
    await world.templates.create(world.actor(), new())
    assert len(world.meta.held) == 1


async def test_a_name_that_is_taken_at_meta_is_listed_with_what_is_there(world):
    remote = RemoteTemplate(
        meta_template_id="1",
        name="delivery_eta_v2",
        language="en_GB",
        category=Category.UTILITY,
        status=Status.APPROVED,
        components=(Body(text="Something else"),),
    )
    world.meta.put(remote)
    with pytest.raises(NameTaken):
        await world.templates.create(world.actor(), new())
    template = await the_one(world)
    assert (template.meta_template_id, template.components) == ("1", remote.components)


async def test_a_webhook_faster_than_the_answer_is_not_undone_by_it(world):
    world.meta.after = [Crash()]
    with pytest.raises(Crash):
        await world.templates.create(world.actor(), new())
    [remote] = world.meta.held.values()
    await world.keeper.reported(event_id(), reported(world, remote, "APPROVED", seconds=1))
    template = await the_one(world)
    assert (template.status, template.meta_template_id) == (Status.APPROVED, remote.meta_template_id)


# What Meta reports


async def test_an_approval_lets_it_be_sent_and_tells_the_others(world):
    template = await world.templates.create(world.actor(), new())
    await world.told()
    with pytest.raises(TemplateNotApproved, match="PENDING"):
        await world.approved.usable(world.organization, template.id)
    await world.keeper.reported(event_id(), reported(world, template, "APPROVED", reason="NONE"))
    usable = await world.approved.usable(world.organization, template.id)
    assert (usable.name, usable.language, usable.category, usable.waba_id) == (
        template.name,
        "en_GB",
        Category.UTILITY,
        WABA,
    )
    assert [s.key for s in usable.slots] == ["header", "body.1", "body.2", "button.1"]
    [told] = await statuses(world)
    assert (told.status, told.reason) == ("APPROVED", None)


async def test_hearing_twice_tells_once(world):
    template = await world.templates.create(world.actor(), new())
    await world.told()
    event, id = reported(world, template, "REJECTED", reason="INVALID_FORMAT"), event_id()
    await world.keeper.reported(id, event)
    await world.keeper.reported(id, event)
    await world.keeper.reported(event_id(), event)
    assert len(await world.told()) == 1
    with pytest.raises(TemplateNotApproved, match="REJECTED \\(INVALID_FORMAT\\)"):
        await world.approved.usable(world.organization, template.id)


async def test_late_news_does_not_bring_an_old_state_back(world):
    template = await world.templates.create(world.actor(), new())
    await world.keeper.reported(event_id(), reported(world, template, "PAUSED", seconds=300))
    await world.keeper.reported(event_id(), reported(world, template, "APPROVED", seconds=100))
    assert (await the_one(world)).status is Status.PAUSED
    await world.keeper.reported(event_id(), reported(world, template, "REINSTATED", seconds=400))
    assert (await the_one(world)).status is Status.APPROVED


async def test_a_warning_changes_nothing(world):
    template = await approved(world)
    await world.keeper.reported(event_id(), reported(world, template, "FLAGGED"))
    await world.keeper.reported(event_id(), reported(world, template, "SOMETHING_NEW"))
    assert (await the_one(world)).status is Status.APPROVED


async def test_news_of_a_template_made_at_meta_brings_it_here(world):
    remote = RemoteTemplate(
        meta_template_id="7",
        name="made_there",
        language="en_US",
        category=Category.MARKETING,
        status=Status.APPROVED,
        components=(Body(text="Hello there"),),
        quality=Quality.GREEN,
    )
    world.meta.put(remote)
    await world.keeper.reported(event_id(), reported(world, replace(remote, language="en-US"), "APPROVED"))
    assert await world.keeper.tick() == 1
    template = await the_one(world)
    assert (template.name, template.quality) == ("made_there", Quality.GREEN)
    await world.approved.usable(world.organization, template.id)


async def test_a_new_account_is_read_whole(world):
    world.meta.verdict = Status.APPROVED
    for i in range(30):
        await world.meta.submit(WABA, draft(DELIVERY, name=f"t{i}"))
    event = WabaConnected(organization_id=world.organization, waba_id=WABA)
    await world.keeper.connected(event_id(), event)
    await world.keeper.tick()
    assert await world.keeper.tick() == 0
    page = await world.templates.page(world.actor(), TemplateFilter(), number=1, limit=20)
    assert (len(page.items), page.total) == (20, 30)


async def test_quality_is_taken_over_by_its_time_and_told(world):
    template = await approved(world)
    await world.told()

    async def remark(value: str, seconds: float, what: str = "quality"):
        event = TemplateRemarked(
            organization_id=world.organization,
            waba_id=WABA,
            meta_template_id=template.meta_template_id,
            name=template.name,
            language="en-GB",
            what=what,
            value=value,
            at=NOON + timedelta(seconds=seconds),
        )
        await world.keeper.remarked(event_id(), event)

    await remark("RED", 300)
    await remark("GREEN", 100)
    assert (await the_one(world)).quality is Quality.RED
    [told] = await world.told()
    assert isinstance(told, TemplateChanged)
    assert (told.quality, told.content) == ("RED", False)
    remote = world.meta.held[template.meta_template_id]
    world.meta.put(replace(remote, category=Category.MARKETING, quality=Quality.RED))
    await remark("", 400, "category")
    world.clock.pass_(seconds=1)
    assert await world.keeper.tick() == 1
    assert (await the_one(world)).category is Category.MARKETING
    [told] = await world.told()
    assert isinstance(told, TemplateChanged)
    assert told.category == "MARKETING"


# Sync


async def test_a_sync_sees_deletions_and_edits_made_at_meta(world):
    kept = await approved(world)
    gone = await approved(world, name="other", language="de")
    world.clock.pass_(minutes=10)
    del world.meta.held[gone.meta_template_id]
    body = Body(text="Edited at Meta by {{1}} or so", example=Example(body_text=(("x",),)))
    world.meta.put(replace(world.meta.held[kept.meta_template_id], components=(body,), quality=Quality.RED))
    report = await world.keeper.sync(world.actor())
    assert (report.fetched, report.created, report.updated, report.deleted) == (1, 0, 1, 1)
    template = await the_one(world)
    assert (template.components, template.quality) == ((body,), Quality.RED)
    with pytest.raises(TemplateNotApproved, match="DELETED"):
        await world.approved.usable(world.organization, gone.id)
    again = await world.keeper.sync(world.actor())
    assert (again.created, again.updated, again.deleted) == (0, 0, 0)


async def test_a_template_deleted_and_made_anew_at_meta_is_two(world):
    first = await approved(world)
    world.clock.pass_(minutes=10)
    remote = world.meta.held.pop(first.meta_template_id)
    world.meta.put(replace(remote, meta_template_id="99"))
    report = await world.keeper.sync(world.actor())
    assert (report.created, report.deleted) == (1, 1)
    assert (await the_one(world)).meta_template_id == "99"


async def test_a_sync_that_fails_half_way_deletes_nothing_and_comes_again(world):
    template = await approved(world)
    world.clock.pass_(hours=7)
    del world.meta.held[template.meta_template_id]
    world.meta.after = [ReviewThrottled(retry_after=1800)]
    assert await world.keeper.tick() == 1
    assert (await the_one(world)).status is Status.APPROVED
    assert await world.keeper.tick() == 0
    world.clock.pass_(minutes=31)
    assert await world.keeper.tick() == 1
    assert (await world.templates.page(world.actor(), TemplateFilter())).items == []


async def test_a_kind_of_component_that_is_not_known_refuses_to_be_sent(world):
    world.meta.put(
        RemoteTemplate(
            meta_template_id="7",
            name="newer",
            language="en",
            category=Category.MARKETING,
            status=Status.APPROVED,
            unreadable="components[0]: Invalid value 'HOLOGRAM'",
        )
    )
    report = await world.keeper.sync(world.actor())
    assert report.unreadable == ("newer",)
    with pytest.raises(TemplateNotApproved, match="HOLOGRAM"):
        await world.approved.usable(world.organization, (await the_one(world)).id)


async def test_metas_own_texts_of_a_code_are_kept_and_are_no_edit(world):
    template = await approved(world, LOGIN)
    remote = world.meta.held[template.meta_template_id]
    link = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=5&code=otp{{1}}"
    world.meta.put(
        replace(
            remote,
            components=(
                Body(text="*{{1}}* is your code.", add_security_recommendation=True),
                Footer(text="Ends in 5 minutes.", code_expiration_minutes=5),
                Buttons(buttons=(Url(text="Copy", url=link, example=("https://x.example/1",)),)),
            ),
        )
    )
    await world.keeper.sync(world.actor())
    [body, footer, buttons] = (await the_one(world)).components
    assert (body.text, footer.text) == ("*{{1}}* is your code.", "Ends in 5 minutes.")
    assert isinstance(buttons.buttons[0], Otp)
    seen = await world.templates.preview(
        world.actor(), template.id, PreviewRequest(values={"code": "481920"}, examples=False)
    )
    assert seen.preview.body == "*481920* is your code."


# Editing


def change(text: str = "Hello {{1}}, it comes at {{2}} today, be there.") -> TemplateChange:
    return TemplateChange(components=(Body(text=text, example=Example(body_text=(("a", "b"),))),))


async def test_an_approved_template_is_edited_once_a_day_and_reviewed_anew(world):
    template = await approved(world)
    edited = await world.templates.update(world.actor(), template.id, change())
    assert edited.status is Status.PENDING
    assert world.meta.held[template.meta_template_id].components == edited.components
    with pytest.raises(TemplateNotEditable):
        await world.templates.update(world.actor(), template.id, change("Another text altogether."))
    world.clock.pass_(hours=1)
    await world.keeper.reported(event_id(), reported(world, template, "APPROVED", seconds=3600))
    with pytest.raises(EditQuotaReached, match="2026-11-26 12:00"):
        await world.templates.update(world.actor(), template.id, change("Another text altogether."))
    world.clock.pass_(hours=24)
    await world.templates.update(world.actor(), template.id, change("Another text altogether."))


async def test_news_from_before_an_edit_does_not_approve_it(world):
    template = await approved(world)
    world.clock.pass_(hours=1)
    await world.templates.update(world.actor(), template.id, change())
    await world.keeper.reported(event_id(), reported(world, template, "APPROVED", seconds=1800))
    assert (await the_one(world)).status is Status.PENDING


async def test_a_rejected_template_is_edited_as_often_as_one_likes(world):
    world.meta.verdict = Status.REJECTED
    template = await world.templates.create(world.actor(), new())
    for i in range(3):
        await world.keeper.reported(event_id(), reported(world, template, "REJECTED", seconds=60 * (i + 1)))
        world.clock.pass_(seconds=60)
        await world.templates.update(world.actor(), template.id, change(f"Text number {i} of several."))


async def test_the_category_of_an_approved_template_stays(world):
    template = await approved(world)
    with pytest.raises(TemplateNotEditable, match="category"):
        await world.templates.update(world.actor(), template.id, TemplateChange(category=Category.MARKETING))


async def test_an_edit_is_checked_and_must_change_something(world):
    template = await approved(world)
    with pytest.raises(TemplateInvalid):
        await world.templates.update(world.actor(), template.id, change("{{1}}"))
    with pytest.raises(NothingToChange):
        await world.templates.update(world.actor(), template.id, TemplateChange())
    assert "edit" not in world.meta.calls


async def test_an_edit_whose_answer_is_lost_is_seen_by_the_next_sync(world):
    template = await approved(world)
    world.meta.after = [no_answer()]
    with pytest.raises(ReviewUnavailable):
        await world.templates.update(world.actor(), template.id, change())
    assert (await the_one(world)).components == template.components
    await world.keeper.tick()
    now = await the_one(world)
    assert (now.components, now.status) == (change().components, Status.PENDING)


# Deleting


async def test_a_deleted_template_is_gone_here_and_at_meta_and_its_name_is_free(world):
    template = await approved(world)
    deleted = await world.templates.delete(world.actor(), template.id)
    assert deleted.status is Status.DELETED
    assert world.meta.held == {}
    assert (await world.templates.delete(world.actor(), template.id)).status is Status.DELETED
    assert (await world.templates.page(world.actor(), TemplateFilter())).items == []
    gone = await world.templates.page(world.actor(), TemplateFilter(status=Status.DELETED))
    assert [t.id for t in gone.items] == [template.id]
    await approved(world)


async def test_a_deletion_that_goes_on_at_meta_does_not_bring_it_back(world):
    template = await approved(world)
    remote = world.meta.held[template.meta_template_id]
    await world.templates.delete(world.actor(), template.id)
    world.meta.put(replace(remote, status=status_of("PENDING_DELETION")))
    world.clock.pass_(minutes=10)
    await world.keeper.sync(world.actor())
    assert (await world.templates.page(world.actor(), TemplateFilter())).items == []


async def test_what_meta_no_longer_has_is_deleted_here(world):
    template = await approved(world)
    world.meta.held.clear()
    assert (await world.templates.delete(world.actor(), template.id)).status is Status.DELETED


async def test_a_disabled_template_cannot_be_deleted(world):
    template = await approved(world)
    await world.keeper.reported(event_id(), reported(world, template, "DISABLED"))
    with pytest.raises(TemplateNotDeletable):
        await world.templates.delete(world.actor(), template.id)


# Looking


async def test_a_preview_shows_what_would_be_sent(world):
    template = await approved(world, OFFER)
    seen = await world.templates.preview(world.actor(), template.id, PreviewRequest(values={"1": "Asha"}))
    assert seen.preview.body == "Hi Asha, 15% off any box this week only."
    assert seen.components[2].parameters[0].text == "Asha"
    view = await world.templates.get(world.actor(), template.id)
    assert view.preview.body == "Hi Rowan, 15% off any box this week only."


async def test_a_draft_can_be_judged_without_handing_it_in(world):
    raw = json.loads(DELIVERY) | {"name": "Bad", "category": "FUN"}
    verdict = await world.templates.validate(world.actor(), raw)
    assert (verdict.is_valid, [f.field for f in verdict.errors]) == (False, ["category"])
    verdict = await world.templates.validate(world.actor(), raw | {"category": "utility"})
    assert [f.field for f in verdict.errors] == ["name"]
    assert (await world.templates.validate(world.actor(), json.loads(DELIVERY))).is_valid


async def test_campaigns_may_go_by_way_of_the_marketing_messages_api(world):
    """TP-10; that API takes marketing alone (fact sheet 3)."""
    offer = await approved(world, name="offer", category="MARKETING", components=[SALE])
    notice = await approved(world)
    with pytest.raises(NotMarketing):
        await world.templates.deliver(world.actor(), notice.id, DeliveryWish(marketing_api=True))
    await world.templates.deliver(world.actor(), offer.id, DeliveryWish(marketing_api=True))
    assert (await world.approved.usable(world.organization, offer.id)).marketing_api
    templates = LocalTemplates(world.approved, files=None)
    sendable = await templates.sendable(world.organization, offer.id)
    assert json.loads(bytes(templates.filled(sendable, {})))["marketing_api"]


async def test_languages_of_a_name_are_a_family(world):
    english = await approved(world)
    await approved(world, language="de")
    pending = await approved(world, language="fr")
    await world.keeper.reported(event_id(), reported(world, pending, "PAUSED"))
    family = await world.approved.family(world.organization, english.id)
    assert [t.language for t in family] == ["en_GB", "de"]


async def test_everyone_is_written_to_in_the_nearest_language(world):
    english = await approved(world)
    german = await approved(world, language="de")
    await approved(world, language="es")
    paused = await approved(world, language="fr")
    await world.keeper.reported(event_id(), reported(world, paused, "PAUSED"))
    body = Body(
        text="Pide {{1}} y {{2}} y {{3}} a todos los de la casa", example=Example(body_text=(("a",) * 3,))
    )
    other = {"components": [msgspec.to_builtins(body)]}
    await approved(world, language="it", **other)
    templates = LocalTemplates(world.approved, files=None)
    template = await templates.sendable(world.organization, english.id)
    served = {
        code: templates.for_reader(template, code)
        for code in ["de_AT", "en-US", "fr", "it", "es_MX", "zz", ""]
    }
    assert {code: found.language for code, found in served.items()} == {
        "de_AT": "de",
        "en-US": "en_GB",
        "fr": "en_GB",
        "it": "en_GB",
        "es_MX": "es",
        "zz": "en_GB",
        "": "en_GB",
    }
    assert served["de_AT"].id == german.id
    family = await world.templates.family(world.actor(), german.id)
    assert [t.language for t in family] == ["de", "en_GB", "es", "fr", "it"]


async def test_another_organisations_template_is_not_there(world):
    template = await approved(world)
    world.organization = OrganizationId(event_id())
    with pytest.raises(TemplateNotFound):
        await world.templates.get(world.actor(), template.id)
    with pytest.raises(TemplateNotFound):
        await world.approved.usable(world.organization, template.id)
    with pytest.raises(TemplateNotFound):
        await world.templates.delete(world.actor(), template.id)


async def test_lists_can_be_narrowed(world):
    await approved(world)
    await approved(world, OFFER)
    world.meta.verdict = Status.PENDING
    await world.templates.create(world.actor(), new(LOGIN))

    async def names(**wanted):
        page = await world.templates.page(world.actor(), TemplateFilter(**wanted))
        return [t.name for t in page.items]

    assert await names() == ["login_code", "spring_lto", "delivery_eta_v2"]
    assert await names(status=Status.PENDING) == ["login_code"]
    assert await names(category=Category.MARKETING) == ["spring_lto"]
    assert await names(language="en_GB", name="ETA") == ["delivery_eta_v2"]
    assert await names(waba_id=WabaId("1")) == []
