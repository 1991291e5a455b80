"""What every store of a desk promises: canned replies, receptions, figures, and who waits in which team."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from msgspec.structs import replace

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.conversations import AgentFigures
from tidings.domain.kernel import ConversationId, MessageId, OrganizationId, PhoneNumberId, TeamId, UserId
from tidings.domain.whatsapp.conversations import Reception
from tidings.domain.whatsapp.desk import CannedReply, ShortcutTaken, Stretch
from tidings.testing.contracts.whatsapp_conversations import a_conversation
from tidings.testing.contracts.whatsapp_stores import LATER, NOON, OfANumber, Stores, a_lane, some
from tidings.testing.strategies_domain import of

MINUTE = timedelta(minutes=1)


def a_reply(us: OrganizationId, shortcut: str, text: str = "We open at nine.") -> CannedReply:
    return CannedReply(
        id=MessageId(uuid7()), organization_id=us, shortcut=shortcut, text=text, created_at=NOON
    )


@pytest.mark.anyio
class DeskContract(OfANumber):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_canned_replies_are_found_by_shortcuts_of_their_own(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        hours, bye = a_reply(us, "hours"), a_reply(us, "bye", "Good-bye • 👋")
        theirs = a_reply(OrganizationId(uuid4()), "hours")
        async with stores.begin() as work:
            for each in (hours, bye, theirs):
                await work.desk.put_canned(each)
            assert list(await work.desk.canned(us)) == [bye, hours]
        for taken in (a_reply(us, "hours"), replace(bye, shortcut="hours")):
            with pytest.raises(ShortcutTaken):
                async with stores.begin() as work:
                    await work.desk.put_canned(taken)
        async with stores.begin() as work:
            await work.desk.put_canned(replace(hours, shortcut="open", text="At ten."))
            assert [(each.shortcut, each.text) for each in await work.desk.canned(us)] == [
                ("bye", "Good-bye • 👋"),
                ("open", "At ten."),
            ]
            assert not await work.desk.remove_canned(us, theirs.id)
            assert await work.desk.remove_canned(us, hours.id)
            assert not await work.desk.remove_canned(us, hours.id)
            assert list(await work.desk.canned(us)) == [bye]

    @some
    @given(first=of(Reception), then=of(Reception))
    async def test_a_reception_comes_back_as_it_was_put_last(
        self, stores: Stores, first: Reception, then: Reception
    ) -> None:
        lane = a_lane()
        async with stores.begin() as work:
            for each in (first, then):
                await work.desk.put_reception(replace(each, phone_number_id=lane))
            found = await work.desk.receptions([lane, a_lane()])
            assert dict(found) == {lane: replace(then, phone_number_id=lane)}
            assert dict(await work.desk.receptions([])) == {}

    async def test_figures_are_means_by_who_replied_first(self, stores: Stores, us: OrganizationId) -> None:
        ada = UserId(uuid4())

        def ended(closed: datetime, reply: int | None, *, breached: bool = False) -> Stretch:
            return Stretch(
                id=MessageId(uuid7()),
                organization_id=us,
                conversation_id=ConversationId(uuid4()),
                team_id=None,
                opened_at=NOON,
                first_reply_at=None if reply is None else NOON + timedelta(seconds=reply),
                first_reply_by=None if reply is None else ada,
                closed_at=closed,
                closed_by=ada,
                breached=breached,
            )

        async with stores.begin() as work:
            await work.desk.ended(ended(NOON + MINUTE, 10))
            await work.desk.ended(ended(NOON + 3 * MINUTE, 20, breached=True))
            await work.desk.ended(ended(NOON + 2 * MINUTE, None))
            await work.desk.ended(ended(LATER, 10))
            await work.desk.ended(replace(ended(NOON + MINUTE, 10), organization_id=OrganizationId(uuid4())))
        async with stores.read() as look:
            found = await look.desk.figures(us, NOON, LATER)
            assert list(found) == [
                AgentFigures(
                    user_id=ada,
                    conversations=2,
                    first_reply_seconds=15.0,
                    resolution_seconds=120.0,
                    breaches=1,
                ),
                AgentFigures(
                    user_id=None,
                    conversations=1,
                    first_reply_seconds=None,
                    resolution_seconds=120.0,
                    breaches=0,
                ),
            ]

    async def test_who_waits_in_a_team_is_found_across_organisations(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        one, two = sorted(TeamId(uuid4()) for _ in range(2))
        them = OrganizationId(uuid4())

        def waits(organization: OrganizationId, team: TeamId, **more: Any):
            return a_conversation(organization, lane, team_id=team, waiting_since=NOON, **more)

        late = waits(us, one)
        later = replace(waits(us, one), waiting_since=LATER)
        theirs = waits(them, two)
        taken = waits(us, two, assignee_id=UserId(uuid4()))
        async with stores.begin() as work:
            await work.conversations.put([later, late, theirs, taken])
        async with stores.read() as look:
            everybody = await look.desk.unassigned(after=None, limit=10_000)
            assert [each for each in everybody if each[1] in (one, two)] == [(us, one), (them, two)]
            behind = await look.desk.unassigned(after=one, limit=10_000)
            assert (us, one) not in behind
            assert (them, two) in behind
            assert await look.desk.first_unassigned(us, one) == late
            assert await look.desk.first_unassigned(us, two) is None
            assert await look.desk.first_unassigned(them, two) == theirs

    async def test_who_waited_too_long_is_found(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        late = a_conversation(us, lane, waiting_since=NOON, reply_due_at=NOON + MINUTE)
        early = a_conversation(us, lane, waiting_since=NOON, reply_due_at=LATER)
        async with stores.begin() as work:
            await work.conversations.put([early, late, a_conversation(us, lane)])
            ours = {early.id, late.id}
            found = await work.desk.overdue(NOON + 2 * MINUTE, limit=10_000)
            assert [each for each in found if each.id in ours] == [late]
            assert late.id not in {each.id for each in await work.desk.overdue(NOON, limit=10_000)}
