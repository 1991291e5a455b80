"""What every store of responses promises: whoever was reached lately is found, and each counts once."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tidings.domain.campaigns import HOLD_OUT, Kind, Outcome, Recipient, Response
from tidings.domain.kernel import MessageId, OrganizationId
from tidings.testing.contracts.campaign_stores import (
    LATER,
    NOON,
    Stores,
    a_campaign,
    a_recipient,
    planned,
)
from tidings.testing.contracts.organizations import OfAnOrganization

DAY = timedelta(days=1)


def a_response(to: Recipient, kind: Kind = Kind.REPLIED, minutes: int = 0, detail: str = "") -> Response:
    return Response(
        recipient_id=to.id,
        campaign_id=to.campaign_id,
        contact_id=to.contact_id,
        kind=kind,
        at=NOON + timedelta(minutes=minutes),
        detail=detail,
    )


@pytest.mark.anyio
class ResponsesContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_a_response_of_a_kind_counts_once(self, stores: Stores, us: OrganizationId) -> None:
        campaign = a_campaign(us)
        one, two = a_recipient(campaign, arm="a"), a_recipient(campaign)
        await planned(stores, campaign, [one, two])
        clicked, replied = a_response(one, Kind.CLICKED, 2, "Yes • ✓"), a_response(one, minutes=1)
        async with stores.begin(us) as work:
            await work.responses.note([clicked, replied])
            await work.responses.note([a_response(one, Kind.CLICKED, 9, "again"), a_response(two)])
        async with stores.read(us) as look:
            assert list(await look.responses.of([one.id])) == [replied, clicked]
            assert list(await look.responses.of([MessageId(uuid4())])) == []
            assert dict(await look.responses.counts(campaign.id)) == {Kind.REPLIED: 2, Kind.CLICKED: 1}
            assert dict(await look.responses.by_arm(campaign.id)) == {
                ("a", Kind.REPLIED): 1,
                ("a", Kind.CLICKED): 1,
            }
            assert dict(await look.responses.counts(a_campaign(us).id)) == {}

    async def test_whom_campaigns_reached_lately_is_found_the_latest_first(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        first, second = a_campaign(us, launched_at=NOON - DAY), a_campaign(us, launched_at=NOON - DAY)
        one = a_recipient(first, state=Outcome.READ)
        again = a_recipient(
            second, state=Outcome.SENT, person=one.person, phone=one.phone, changed_at=NOON + DAY / 24
        )
        by_contact = a_recipient(second, state=Outcome.ACCEPTED, changed_at=NOON + DAY / 48)
        failed = a_recipient(first, state=Outcome.FAILED, person=again.person, contact_id=again.contact_id)
        await planned(stores, first, [one, failed])
        await planned(stores, second, [again, by_contact])

        async def reached(since_hours: int, *, until: float = 0.0) -> list[MessageId]:
            async with stores.read(us) as look:
                found = await look.responses.reached(
                    [one.person],
                    [by_contact.contact_id],
                    since=NOON - since_hours * DAY / 24,
                    until=LATER + until * DAY,
                )
                return [each.id for each in found]

        assert await reached(72) == [again.id, by_contact.id, one.id]
        assert await reached(0) == [again.id, by_contact.id]
        assert await reached(72, until=-2) == []
        async with stores.begin(us) as work:
            await work.campaigns.save(replace(first, launched_at=NOON - 40 * DAY))
        assert await reached(72) == [again.id, by_contact.id]

    async def test_those_who_were_given_nothing_on_purpose_count_when_they_are_asked_for(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        campaign = a_campaign(us, launched_at=NOON - DAY)
        held = a_recipient(campaign, state=Outcome.SKIPPED, reason=HOLD_OUT)
        out = a_recipient(campaign, state=Outcome.SKIPPED, reason="opted_out")
        await planned(stores, campaign, [held, out])
        people = [held.person, out.person]
        async with stores.read(us) as look:
            asked = partial(look.responses.reached, people, [], since=NOON - DAY, until=LATER)
            assert list(await asked()) == []
            found = await asked(held_out=True)
            assert [each.id for each in found] == [held.id]
        async with stores.read(OrganizationId(uuid4())) as look:
            asked = partial(look.responses.reached, people, [], since=NOON - DAY, until=LATER)
            assert list(await asked(held_out=True)) == []
