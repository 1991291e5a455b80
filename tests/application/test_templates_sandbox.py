"""Our check and the sandbox's review are of one mind, and the use cases work against it over Graph's wire."""

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.application.test_templates_world import WABA, a_world
from tests.domain import test_templates_rules as rules
from tidings.adapters.meta.client import GraphOptions, graph
from tidings.adapters.meta.templates import MetaReview
from tidings.adapters.sandbox.errors import GraphError
from tidings.adapters.sandbox.server import Sandbox as Played
from tidings.adapters.sandbox.settings import SandboxSettings
from tidings.adapters.sandbox.templates import Templates
from tidings.application.ports.templates import TemplateFilter
from tidings.application.templates import NewTemplate, TemplateChange
from tidings.domain.kernel import WabaId
from tidings.domain.templates.components import Body, Category, Draft, Footer, ParameterFormat
from tidings.domain.templates.filling import render
from tidings.domain.templates.likeness import same_words
from tidings.domain.templates.refusals import NameBeingDeleted, NameTaken
from tidings.domain.templates.rules import check
from tidings.domain.templates.template import Status
from tidings.domain.whatsapp.values import TemplateComponent
from tidings.testing.strategies_templates import drafts, fillable

TEXTS = st.text("ab {}1234_\n*é🎉", max_size=40)


@st.composite
def spoilt(draw):
    """A template with one or two things changed, which may or may not make it wrong."""
    draft = draw(drafts())
    for _ in range(draw(st.integers(1, 2))):
        components = list(draft.components)
        match draw(st.sampled_from(["category", "drop", "twice", "text", "name", "ttl", "format"])):
            case "category":
                draft = replace(draft, category=draw(st.sampled_from(Category)))
            case "drop" if components:
                components.pop(draw(st.integers(0, len(components) - 1)))
            case "twice" if components:
                components.append(draw(st.sampled_from(components)))
            case "text":
                components = [
                    replace(c, text=draw(TEXTS)) if isinstance(c, Body | Footer) else c for c in components
                ]
            case "name":
                draft = replace(draft, name=draw(TEXTS))
            case "ttl":
                draft = replace(draft, message_send_ttl_seconds=draw(st.integers(-1, 3_000_000)))
            case _:
                draft = replace(draft, parameter_format=draw(st.sampled_from(ParameterFormat)))
        draft = replace(draft, components=tuple(components))
    return draft


def review(draft: Draft) -> tuple[bool, str]:
    """Whether the sandbox takes the template, and what its review will say."""
    raw = msgspec.json.decode(msgspec.json.encode(draft))
    try:
        taken, verdict, *_ = Templates().read(WABA, raw, 0.0)
    except GraphError:
        return False, ""
    assert taken == draft
    return True, verdict


@settings(deadline=None)
@given(drafts())
def test_what_we_accept_the_sandbox_approves(draft):
    assert check(draft) == ()
    assert review(draft) == (True, "NONE")


@settings(deadline=None, max_examples=300)
@given(spoilt())
def test_what_either_refuses_the_other_refuses(draft):
    faults = check(draft)
    taken, verdict = review(draft)
    assert taken == all(fault.rejection is not None for fault in faults)
    if taken:
        assert (verdict == "NONE") == (faults == ())


@settings(deadline=None)
@given(fillable())
def test_what_is_filled_in_is_what_the_whatsapp_context_sends(pair):
    template, values = pair
    sent = msgspec.json.encode(render(template.components, values))
    again = msgspec.json.decode(sent, type=tuple[TemplateComponent, ...])
    assert msgspec.json.encode(again) == sent


# Through the whole way: use cases, the Graph client, and the sandbox's Graph API.

ALL = {name: raw for name, raw in vars(rules).items() if name.isupper() and isinstance(raw, str)}


class Tokens:
    """The Credentials port."""

    def __init__(self, token: str) -> None:
        self.known = token

    async def token(self, waba_id: WabaId) -> str:
        return self.known


@pytest.fixture
async def sandboxed(tmp_path):
    """Templates before the sandbox, and the sandbox's world."""
    world = await a_world(tmp_path)
    settings = SandboxSettings(sample_template=False, review_delay=5)
    played = Played(settings, lambda: world.clock.at.timestamp())
    meta = played.world
    account = played.open_account(waba_id=WABA)
    transport = httpx.ASGITransport(played.app)
    client = graph(GraphOptions(base_url="http://graph.example"), transport=transport)
    world.meta = MetaReview(client, Tokens(account.access_token))
    world.moderation = played.moderation
    yield world, meta
    await world.database.close()


def fresh(raw: str, **changes: object) -> NewTemplate:
    return msgspec.convert({**msgspec.json.decode(raw), **changes}, NewTemplate)


BODY = {"type": "BODY", "text": "Something else"}


async def shown(world):
    return (await world.templates.page(world.actor(), TemplateFilter(), limit=100)).items


@pytest.mark.anyio
async def test_every_kind_of_template_goes_in_is_approved_and_comes_back_the_same(sandboxed):
    world, meta = sandboxed
    made = [await world.templates.create(world.actor(), fresh(raw)) for raw in ALL.values()]
    assert {t.status for t in made} == {Status.PENDING}
    world.clock.pass_(seconds=10)
    meta.due(world.clock.at.timestamp())
    report = await world.keeper.sync(world.actor())
    assert (report.fetched, report.created, report.deleted, report.unreadable) == (len(made), 0, 0, ())
    now = {t.id: t for t in await shown(world)}
    for template in made:
        assert now[template.id].status is Status.APPROVED
        # Meta writes the texts of one-time codes itself.
        assert same_words(template.category, now[template.id].components, template.components)
        await world.approved.usable(world.organization, template.id)


@pytest.mark.anyio
async def test_a_sync_reads_every_page(sandboxed):
    world, _ = sandboxed
    text = {"type": "BODY", "text": ""}
    for i in range(99):
        await world.templates.create(
            world.actor(), fresh(ALL["DELIVERY"], name=f"t{i}", components=[text | {"text": f"Text {i}"}])
        )
    world.clock.pass_(hours=2)
    for i in range(99, 150):
        await world.templates.create(
            world.actor(), fresh(ALL["DELIVERY"], name=f"t{i}", components=[text | {"text": f"Text {i}"}])
        )
    report = await world.keeper.sync(world.actor())
    assert (report.fetched, report.created, report.deleted) == (150, 0, 0)


@pytest.mark.anyio
async def test_edits_and_deletions_reach_the_sandbox(sandboxed):
    world, meta = sandboxed
    template = await world.templates.create(world.actor(), fresh(ALL["DELIVERY"]))
    world.clock.pass_(seconds=10)
    meta.due(world.clock.at.timestamp())
    await world.keeper.sync(world.actor())
    body = Body(text="Nothing to fill in.")
    await world.templates.update(world.actor(), template.id, TemplateChange(components=(body,)))
    assert meta.templates.by_id[template.meta_template_id].draft.components == (body,)
    await world.templates.delete(world.actor(), template.id)
    assert list(meta.templates.of(WABA)) == []
    with pytest.raises(NameBeingDeleted):
        await world.templates.create(world.actor(), fresh(ALL["DELIVERY"]))
    [kept] = await shown(world)
    assert kept.status is Status.DRAFT


@pytest.mark.anyio
async def test_a_name_that_the_sandbox_holds_is_told_and_listed(sandboxed):
    world, meta = sandboxed
    draft = msgspec.convert(msgspec.json.decode(ALL["WELCOME"]), Draft)
    raw = msgspec.json.decode(msgspec.json.encode(draft))
    world.moderation.submit(meta.wabas[WABA], raw)
    other = fresh(
        ALL["WELCOME"], parameter_format="positional", components=[{"type": "BODY", "text": "Else"}]
    )
    with pytest.raises(NameTaken):
        await world.templates.create(world.actor(), other)
    [listed] = await shown(world)
    assert listed.components == draft.components
