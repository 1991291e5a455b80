"""Whatever is asked, whatever breaks and however news comes, in the end we hold exactly what Meta holds."""

from collections import Counter
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.application.test_templates_world import WABA, Clock, Crash, Meta, World, a_world
from tidings.application.ports.templates import TemplateFilter
from tidings.application.templates import NewTemplate, TemplateChange
from tidings.domain.errors import Refused
from tidings.domain.events import TemplateReported
from tidings.domain.kernel import OrganizationId
from tidings.domain.templates.components import Body, Category
from tidings.domain.templates.likeness import same_words
from tidings.domain.templates.refusals import ReviewThrottled, ReviewUnavailable
from tidings.domain.templates.template import Status

pytestmark = pytest.mark.anyio

NAMES = ["alpha", "beta"]
TEXTS = ["Hello there", "Good morning", "Until tomorrow"]
VERDICTS = [Status.APPROVED, Status.REJECTED, Status.PAUSED, Status.DISABLED]
ACCIDENTS = st.sampled_from([None, None, None, ReviewUnavailable, ReviewThrottled, Crash])

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("create"), st.sampled_from(NAMES), st.sampled_from(TEXTS), ACCIDENTS, st.booleans()
        ),
        st.tuples(st.just("edit"), st.sampled_from(NAMES), st.sampled_from(TEXTS), ACCIDENTS, st.booleans()),
        st.tuples(st.just("delete"), st.sampled_from(NAMES), st.just(""), ACCIDENTS, st.booleans()),
        st.tuples(st.just("sync"), st.just(""), st.just(""), ACCIDENTS, st.booleans()),
        st.tuples(st.just("verdict"), st.sampled_from(NAMES), st.sampled_from(VERDICTS)),
        st.tuples(st.just("made at Meta"), st.sampled_from(NAMES), st.sampled_from(TEXTS)),
        st.tuples(st.just("gone at Meta"), st.sampled_from(NAMES)),
        st.tuples(st.just("time"), st.integers(1, 40)),
        st.tuples(st.just("news"), st.integers(0, 5)),
    ),
    min_size=3,
    max_size=16,
)


class Story:
    """One run: what is asked of us and of Meta, and the webhooks on their way."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.post: list[tuple[object, TemplateReported]] = []

    async def do(self, step: tuple) -> None:
        match step:
            case ("time", minutes):
                self.world.clock.pass_(minutes=minutes)
            case ("verdict", name, status):
                self.at_meta(name, status)
            case ("made at Meta", name, text) if not self.remote(name):
                await self.world.meta.submit(WABA, _draft(name, text))
            case ("gone at Meta", name) if remote := self.remote(name):
                del self.world.meta.held[remote.meta_template_id]
            case ("news", n) if self.post:
                await self.world.keeper.reported(*self.post[n % len(self.post)])
            case (what, name, text, accident, late):
                await self.ask(what, name, text, accident, late)
            case _:
                pass

    async def ask(self, what: str, name: str, text: str, accident: type | None, late: bool) -> None:
        meta, world, actor = self.world.meta, self.world, self.world.actor()
        meta.before, meta.after = [], []
        if accident:
            (meta.after if late else meta.before).append(accident())
        try:
            if what == "create":
                await world.templates.create(actor, NewTemplate(**_fields(name, text)))
            elif what == "sync":
                await world.keeper.sync(actor)
            elif ours := next((t for t in await self.ours() if t.name == name), None):
                if what == "edit":
                    change = TemplateChange(components=(Body(text=text),))
                    await world.templates.update(actor, ours.id, change)
                else:
                    await world.templates.delete(actor, ours.id)
        except (Refused, Crash):
            pass
        meta.before, meta.after = [], []

    def remote(self, name: str):
        return next((r for r in self.world.meta.held.values() if r.name == name), None)

    def at_meta(self, name: str, status: Status) -> None:
        """Meta decides, and sends a webhook, some day."""
        if remote := self.remote(name):
            self.world.clock.pass_(seconds=2)
            self.world.meta.put(replace(remote, status=status))
            event = TemplateReported(
                organization_id=self.world.organization,
                waba_id=WABA,
                meta_template_id=remote.meta_template_id,
                name=name,
                language="en",
                event=status,
                at=self.world.clock(),
            )
            self.post += [(uuid4(), event), (uuid4(), event)]
            self.world.clock.pass_(seconds=2)

    async def ours(self):
        page = await self.world.templates.page(self.world.actor(), TemplateFilter(), limit=100)
        return page.items


def _fields(name: str, text: str) -> dict:
    return {"name": name, "language": "en", "category": Category.UTILITY, "components": (Body(text=text),)}


def _draft(name: str, text: str):
    return NewTemplate(**_fields(name, text)).draft


@pytest.fixture(scope="module")
async def database(tmp_path_factory):
    world = await a_world(tmp_path_factory.mktemp("accidents"))
    yield world.database
    await world.database.close()


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps)
async def test_we_end_with_what_meta_has(database, steps):
    world = World(database, Meta(), Clock(), OrganizationId(uuid4()))
    story = Story(world)
    for step in steps:
        await story.do(step)
    for _ in range(2):
        world.clock.pass_(minutes=10)
        await world.keeper.sync(world.actor())
    for late in reversed(story.post):
        await world.keeper.reported(*late)
    # Only what asked for it is looked at once more.
    world.clock.pass_(minutes=10)
    while await world.keeper.tick():
        pass
    ours = await story.ours()
    with_meta = {t.meta_template_id: t for t in ours if t.meta_template_id is not None}
    assert set(with_meta) == set(world.meta.held)
    for id, remote in world.meta.held.items():
        assert with_meta[id].status is remote.status
        assert same_words(Category.UTILITY, with_meta[id].components, remote.components)
    assert {t.status for t in ours if t.meta_template_id is None} <= {Status.DRAFT}
    assert max(Counter((t.name, t.language) for t in ours).values(), default=1) == 1
    assert max(Counter(r.name for r in world.meta.held.values()).values(), default=1) == 1


async def test_old_news_of_what_is_gone_at_meta_is_looked_into(database):
    """A lost answer, an approval that comes late, and the template deleted at Meta in between."""
    world = World(database, Meta(), Clock(), OrganizationId(uuid4()))
    story = Story(world)
    await story.do(("create", "beta", "Good morning", ReviewUnavailable, True))
    await story.do(("verdict", "beta", Status.APPROVED))
    await story.do(("gone at Meta", "beta"))
    world.clock.pass_(minutes=10)
    await world.keeper.sync(world.actor())
    for late in story.post:
        await world.keeper.reported(*late)
    world.clock.pass_(minutes=10)
    while await world.keeper.tick():
        pass
    assert [each.meta_template_id for each in await story.ours() if each.status is Status.APPROVED] == []
