"""What every store of campaigns promises: whole, apart, in order, and one turn after the other."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.domain.campaigns import Arm, Campaign, CampaignNotFound, Experiment, Origin, RateCard, State
from tidings.domain.errors import BadCursor
from tidings.domain.kernel import CampaignId, OrganizationId, TemplateId
from tidings.testing.contracts.campaign_stores import (
    LATER,
    NOON,
    Stores,
    a_campaign,
    a_recipient,
    planned,
    some,
)
from tidings.testing.contracts.organizations import OfAnOrganization
from tidings.testing.strategies_domain import of


@pytest.mark.anyio
class CampaignsContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @some
    @given(first=of(Campaign, told=0), then=of(Campaign))
    async def test_a_campaign_comes_back_whole(self, stores: Stores, first: Campaign, then: Campaign) -> None:
        us, id = OrganizationId(uuid4()), a_campaign(OrganizationId(uuid4())).id
        first, then = (replace(each, id=id, organization_id=us) for each in (first, then))
        async with stores.begin(us) as work:
            await work.campaigns.add(first)
        async with stores.read(us) as look:
            assert _same(await look.campaigns.get(id), first)
            page = await look.campaigns.page(state=None, cursor=None, limit=2)
            assert [_same(each, first) for each in page.items] == [True]
        async with stores.begin(us) as work:
            await work.campaigns.save(then)
            assert _same(await work.campaigns.get(id), replace(then, told=0))

    async def test_nobody_reaches_the_campaigns_of_others(self, stores: Stores, us: OrganizationId) -> None:
        theirs = a_campaign(OrganizationId(uuid4()))
        person = a_recipient(theirs)
        await planned(stores, theirs, [person])
        async with stores.begin(us) as work:
            with pytest.raises(CampaignNotFound):
                await work.campaigns.get(theirs.id)
            assert set(await work.campaigns.ours([theirs.id, CampaignId(uuid4())])) == set()
            assert list((await work.campaigns.page(state=None, cursor=None, limit=9)).items) == []
            assert list(await work.campaigns.sending(theirs.template_id)) == []
            await work.campaigns.save(replace(theirs, name="Ours now"))
            await work.campaigns.told(theirs.id, 9)
            await work.campaigns.remove(theirs.id)
        async with stores.read(theirs.organization_id) as look:
            assert await look.campaigns.get(theirs.id) == theirs
            assert await look.recipients.get(theirs.id, person.id) == person
            assert set(await look.campaigns.ours([theirs.id])) == {theirs.id}

    async def test_pages_follow_one_another_newest_first(self, stores: Stores, us: OrganizationId) -> None:
        made = [a_campaign(us, state=State.DRAFT if n % 2 else State.COMPLETED) for n in range(7)]
        async with stores.begin(us) as work:
            for each in made:
                await work.campaigns.add(each)
        newest = [each.id for each in reversed(made)]
        async with stores.read(us) as look:
            seen, cursor = list[CampaignId](), None
            for _ in range(4):
                page = await look.campaigns.page(state=None, cursor=cursor, limit=3)
                seen += [each.id for each in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert seen == newest
            numbered = await look.campaigns.page(state=None, cursor=None, limit=3, number=3)
            assert ([each.id for each in numbered.items], numbered.total) == (newest[6:], 7)
            drafts = await look.campaigns.page(state="draft", cursor=None, limit=9, number=1)
            assert ([each.id for each in drafts.items], drafts.total) == (newest[1::2], 3)
            with pytest.raises(BadCursor):
                await look.campaigns.page(state=None, cursor="no cursor", limit=3)

    async def test_who_turns_a_campaign_waits_for_who_turns_it_now(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        campaign = a_campaign(us)
        async with stores.begin(us) as work:
            await work.campaigns.add(campaign)

        async def turn() -> None:
            async with stores.begin(us) as work:
                found = await work.campaigns.get(campaign.id)
                await asyncio.sleep(0.002)
                await work.campaigns.save(replace(found, epoch=found.epoch + 1))

        await asyncio.gather(*(turn() for _ in range(6)))
        async with stores.read(us) as look:
            assert (await look.campaigns.get(campaign.id)).epoch == 6

    async def test_an_exception_undoes_the_work(self, stores: Stores, us: OrganizationId) -> None:
        campaign = a_campaign(us)

        async def half_way() -> None:
            async with stores.begin(us) as work:
                await work.campaigns.add(campaign)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await half_way()
        async with stores.read(us) as look:
            with pytest.raises(CampaignNotFound):
                await look.campaigns.get(campaign.id)

    async def test_campaigns_with_a_template_are_found_while_they_send(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        template, other = TemplateId(uuid4()), TemplateId(uuid4())
        arms = Experiment(arms=(Arm(name="a"), Arm(name="b", template_id=template)))
        sending = [
            a_campaign(us, template_id=template, state=State.RUNNING),
            a_campaign(us, template_id=template, state=State.PLANNING),
            a_campaign(us, template_id=other, state=State.RUNNING, experiment=arms),
        ]
        resting = [
            a_campaign(us, template_id=template, state=State.PAUSED),
            a_campaign(us, template_id=template),
            a_campaign(us, template_id=other, state=State.RUNNING),
        ]
        async with stores.begin(us) as work:
            for each in (*sending, *resting):
                await work.campaigns.add(each)
            found = await work.campaigns.sending(template)
        assert {each.id for each in found} == {each.id for each in sending}

    async def test_what_tries_a_campaign_again_is_known_by_why(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        first = a_campaign(us)
        retry = a_campaign(us, parent_id=first.id, origin=Origin.RETRY)
        async with stores.begin(us) as work:
            await work.campaigns.add(first)
            assert await work.campaigns.retry_of(first.id) is None
            await work.campaigns.add(retry)
            assert await work.campaigns.retry_of(first.id) == retry.id
            assert await work.campaigns.retry_of(first.id, Origin.CAPPED) is None

    async def test_who_asks_for_work_is_found_in_every_organisation(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        running = a_campaign(us, state=State.RUNNING, epoch=2, told=2)
        untold = a_campaign(OrganizationId(uuid4()), state=State.CANCELLED, epoch=3, told=2)
        late = a_campaign(us, state=State.SCHEDULED, due_at=NOON)
        early = a_campaign(us, state=State.SCHEDULED, due_at=LATER, epoch=1)
        done = a_campaign(us, state=State.COMPLETED, epoch=1, told=1)
        ours = {each.id for each in (running, untold, late, early, done)}
        for each in (running, untold, late, early, done):
            async with stores.begin(each.organization_id) as work:
                await work.campaigns.add(each)
        unfinished = {each.id for each in await stores.active.unfinished()}
        assert unfinished & ours == {running.id, untold.id}
        due = {each.id for each in await stores.active.due(LATER - timedelta(seconds=1))}
        assert due & ours == {late.id}
        async with stores.begin(untold.organization_id) as work:
            await work.campaigns.told(untold.id, 3)
            await work.campaigns.told(untold.id, 2)
            assert (await work.campaigns.get(untold.id)).told == 3
        assert untold.id not in {each.id for each in await stores.active.unfinished()}
        for each in (running, late):
            async with stores.begin(us) as work:
                await work.campaigns.save(replace(each, state=State.CANCELLED))

    async def test_a_removed_campaign_takes_all_with_it(self, stores: Stores, us: OrganizationId) -> None:
        gone, kept = a_campaign(us), a_campaign(us)
        person, other = a_recipient(gone), a_recipient(kept)
        await planned(stores, gone, [person])
        await planned(stores, kept, [other])
        async with stores.begin(us) as work:
            await work.campaigns.remove(gone.id)
        async with stores.read(us) as look:
            with pytest.raises(CampaignNotFound):
                await look.campaigns.get(gone.id)
            assert await look.recipients.of_contact(gone.id, person.contact_id) is None
            assert list(await look.recipients.tallies(gone.id)) == []
            assert await look.recipients.get(kept.id, other.id) == other
        assert await stores.links.of(gone.id, person.id) is None

    async def test_a_link_leads_to_its_campaign_and_whom_it_was_sent_to(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        campaign = a_campaign(us)
        person, stranger = a_recipient(campaign), a_recipient(campaign)
        await planned(stores, campaign, [person])
        assert await stores.links.of(campaign.id, person.id) == (campaign, person)
        assert await stores.links.of(campaign.id, stranger.id) == (campaign, None)
        assert await stores.links.of(CampaignId(uuid4()), person.id) is None

    @some
    @given(card=of(RateCard), needed=st.booleans())
    async def test_what_was_settled_for_all_campaigns_is_kept_apart(
        self, stores: Stores, card: RateCard, needed: bool
    ) -> None:
        us, them = OrganizationId(uuid4()), OrganizationId(uuid4())
        async with stores.begin(us) as work:
            assert (await work.settings.card(), await work.settings.needs_approval()) == (None, False)
            await work.settings.put_approval(needed)
            assert await work.settings.card() is None
            await work.settings.put_card(card)
            assert await work.settings.needs_approval() is needed
            await work.settings.put_approval(not needed)
        async with stores.read(us) as look:
            found = await look.settings.card()
            assert found is not None
            assert (found.currency, list(found.rates)) == (card.currency, list(card.rates))
            assert await look.settings.needs_approval() is not needed
        async with stores.read(them) as look:
            assert (await look.settings.card(), await look.settings.needs_approval()) == (None, False)


def _same(found: Campaign, wanted: Campaign) -> bool:
    """A store may give another kind of sequence than it was given."""
    return replace(found, phone_number_ids=list(found.phone_number_ids)) == replace(
        wanted, phone_number_ids=list(wanted.phone_number_ids)
    )
