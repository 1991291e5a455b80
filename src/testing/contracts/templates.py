"""What a template store promises: they come back whole, a name is free or taken, nobody sees another's."""

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.application.ports.templates import TemplateFilter
from tidings.domain.kernel import OrganizationId, TemplateId, WabaId
from tidings.domain.templates.components import Category, Draft
from tidings.domain.templates.refusals import NameTaken, TemplateNotFound
from tidings.domain.templates.template import Quality, Status, Template
from tidings.testing.contracts.organizations import OfAnOrganization
from tidings.testing.contracts.template_stores import NOON, WABA, Stores, a_template
from tidings.testing.strategies_templates import drafts

moments = st.integers(0, 10**15).map(lambda us: NOON + timedelta(microseconds=us % 10**14))


async def add(stores: Stores, *templates: Template) -> None:
    async with stores.begin(templates[0].organization_id) as work:
        await work.templates.add(*templates)


@pytest.mark.anyio
class TemplatesContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        draft=drafts(),
        status=st.sampled_from(Status),
        quality=st.sampled_from(Quality),
        reason=st.one_of(
            st.none(), st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=600)
        ),
        edits=st.lists(moments, max_size=10),
        at=moments,
    )
    async def test_what_was_added_and_saved_comes_back_whole(
        self,
        stores: Stores,
        draft: Draft,
        status: Status,
        quality: Quality,
        reason: str | None,
        edits: list[datetime],
        at: datetime,
    ) -> None:
        organization = OrganizationId(uuid4())
        template = a_template(
            organization,
            draft.name,
            language=draft.language,
            category=draft.category,
            components=draft.components,
            parameter_format=draft.parameter_format,
            message_send_ttl_seconds=draft.message_send_ttl_seconds,
        )
        await add(stores, template)
        changed = replace(
            template,
            status=status,
            quality=quality,
            quality_at=at,
            reason=reason,
            unreadable=reason,
            edited_at=tuple(edits),
            meta_template_id="1200000000000777",
            next_category=Category.MARKETING,
            status_at=at,
            updated_at=at,
        )
        async with stores.begin(organization) as work:
            assert await work.templates.get(template.id) == template
            await work.templates.save(changed)
        async with stores.reading(organization) as look:
            assert await look.templates.get(template.id) == changed

    async def test_an_exception_undoes_everything(self, stores: Stores, us: OrganizationId) -> None:
        template = a_template(us)

        async def half_way() -> None:
            async with stores.begin(us) as work:
                await work.templates.add(template)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await half_way()
        async with stores.reading(us) as look:
            with pytest.raises(TemplateNotFound):
                await look.templates.get(template.id)

    async def test_no_organization_sees_or_finds_anothers(self, stores: Stores, us: OrganizationId) -> None:
        template = a_template(us, meta_template_id="77")
        await add(stores, template)
        other = OrganizationId(uuid4())
        async with stores.begin(other) as work:
            with pytest.raises(TemplateNotFound):
                await work.templates.get(template.id)
            assert await work.templates.find(WABA, "hello", "en_GB") is None
            assert await work.templates.known(WABA, "77") is None
            assert list(await work.templates.of_account(WABA)) == []
            await work.templates.add(a_template(other))
        async with stores.reading(other) as look:
            assert len((await look.templates.page(TemplateFilter(), cursor=None, limit=10)).items) == 1

    async def test_a_name_and_language_are_there_once_for_each_account(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        await add(stores, a_template(us))
        for same in (a_template(us), a_template(us, status=Status.PENDING)):
            with pytest.raises(NameTaken):
                await add(stores, same)
        await add(
            stores,
            a_template(us, language="de"),
            a_template(us, "hello_", language="en_GB"),
            a_template(us, waba_id=WabaId("1")),
        )

    async def test_a_deleted_template_frees_its_name_and_cannot_come_back_to_it(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        first = a_template(us)
        await add(stores, first)
        async with stores.begin(us) as work:
            await work.templates.save(replace(first, status=Status.DELETED))
        second = a_template(us)
        await add(stores, second)
        with pytest.raises(NameTaken):
            async with stores.begin(us) as work:
                await work.templates.save(first)
        async with stores.begin(us) as work:
            assert await work.templates.find(WABA, "hello", "en_GB") == second
            assert {t.id for t in await work.templates.of_account(WABA)} == {first.id, second.id}

    async def test_two_who_add_one_name_at_once_get_one(self, stores: Stores, us: OrganizationId) -> None:
        results = await asyncio.gather(
            *(add(stores, a_template(us)) for _ in range(6)), return_exceptions=True
        )
        assert results.count(None) == 1
        assert sum(isinstance(result, NameTaken) for result in results) == 5

    async def test_two_who_change_one_template_wait_for_each_other(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        template = a_template(us)
        await add(stores, template)

        async def edit() -> None:
            async with stores.begin(us) as work:
                found = await work.templates.get(template.id)
                await asyncio.sleep(0.01)
                await work.templates.save(replace(found, edited_at=(*found.edited_at, NOON)))

        await asyncio.gather(*(edit() for _ in range(5)))
        async with stores.reading(us) as look:
            assert len((await look.templates.get(template.id)).edited_at) == 5

    async def test_a_family_is_a_name_exactly(self, stores: Stores, us: OrganizationId) -> None:
        family = [a_template(us, "a_b", language=code) for code in ("pt_BR", "de", "en_GB")]
        gone = a_template(us, "a_b", language="fr", status=Status.DELETED)
        await add(stores, *family, gone, a_template(us, "axb"), a_template(us, "a_bc"), a_template(us, "a"))
        async with stores.reading(us) as look:
            assert [t.language for t in await look.templates.named(WABA, "a_b")] == ["de", "en_GB", "pt_BR"]

    async def test_pages_follow_one_another_without_gaps(self, stores: Stores, us: OrganizationId) -> None:
        every = [a_template(us, f"t{i:02}") for i in range(25)]
        await add(stores, *every)
        newest_first = [t.id for t in reversed(every)]
        seen, cursor = list[TemplateId](), None
        for _ in range(10):
            async with stores.reading(us) as look:
                page = await look.templates.page(TemplateFilter(), cursor=cursor, limit=7)
            seen += [t.id for t in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == newest_first
        async with stores.reading(us) as look:
            page = await look.templates.page(TemplateFilter(), cursor=None, limit=10, number=3)
        assert ([t.id for t in page.items], page.total) == (newest_first[20:], 25)

    async def test_lists_take_names_literally(self, stores: Stores, us: OrganizationId) -> None:
        await add(stores, a_template(us, "a_b"), a_template(us, "axb"))
        async with stores.reading(us) as look:
            found = await look.templates.page(TemplateFilter(name="a_b"), cursor=None, limit=10)
            assert [t.name for t in found.items] == ["a_b"]
            assert (await look.templates.page(TemplateFilter(name="%"), cursor=None, limit=10)).items == []

    async def test_many_are_saved_in_one_go(self, stores: Stores, us: OrganizationId) -> None:
        every = [a_template(us, f"t{i:04}") for i in range(600)]
        await add(stores, *every)
        async with stores.begin(us) as work:
            await work.templates.save(*(replace(t, quality=Quality.RED) for t in every))
        async with stores.begin(us) as work:
            assert {t.quality for t in await work.templates.of_account(WABA)} == {Quality.RED}

    async def test_a_template_that_is_not_there_is_not_found(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        async with stores.begin(us) as work:
            with pytest.raises(TemplateNotFound):
                await work.templates.get(TemplateId(uuid4()))
