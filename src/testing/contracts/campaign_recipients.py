"""What every store of recipients promises: counts are the fold of the people, whatever is heard."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.application.ports.campaigns import ArmCount, Progress
from tidings.domain.campaigns import NoSuchRecipient, Outcome, Recipient, Tally, totals, why
from tidings.domain.errors import BadCursor
from tidings.domain.events import Move
from tidings.domain.kernel import MessageId, OrganizationId, PersonKey
from tidings.testing.contracts.campaign_stores import (
    NOON,
    Stores,
    a_campaign,
    a_recipient,
    planned,
    some,
)
from tidings.testing.contracts.organizations import OfAnOrganization
from tidings.testing.strategies_domain import of

PEOPLE = 5
moves = st.tuples(
    st.just("news"),
    st.lists(
        st.tuples(
            st.integers(0, PEOPLE),
            st.integers(1, 6),
            st.sampled_from([Outcome.SENDING, Outcome.PENDING, Outcome.SENT, Outcome.READ, Outcome.FAILED]),
            st.sampled_from([None, 131026, 131049]),
        ),
        max_size=6,
    ),
)
steps = st.lists(
    st.one_of(
        moves,
        st.tuples(st.just("hand over"), st.sets(st.integers(0, PEOPLE - 1))),
        st.tuples(st.just("skip"), st.integers(1, 3)),
        st.tuples(st.just("forget"), st.integers(0, PEOPLE - 1)),
    ),
    max_size=8,
)


@pytest.mark.anyio
class RecipientsContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @some
    @given(told=st.lists(of(Recipient), min_size=1, max_size=4))
    async def test_recipients_come_back_whole(self, stores: Stores, told: list[Recipient]) -> None:
        campaign = a_campaign(OrganizationId(uuid4()))
        people = [_placed(each, a_recipient(campaign)) for each in told]
        await planned(stores, campaign, people)
        async with stores.read(campaign.organization_id) as look:
            page = await look.recipients.page(campaign.id, state=None, cursor=None, limit=9)
            assert list(page.items) == people
            for each in people:
                assert await look.recipients.get(campaign.id, each.id) == each
                assert await look.recipients.of_contact(campaign.id, each.contact_id) == each
            last = max(each.contact_id for each in people)
            assert await look.recipients.progress(campaign.id) == Progress(after=last)
            assert _counted(await look.recipients.tallies(campaign.id)) == _counted_of(people)

    @some
    @given(steps=steps)
    async def test_counts_are_the_fold_of_the_people_whatever_happens(
        self, stores: Stores, steps: list[Any]
    ) -> None:
        campaign = a_campaign(OrganizationId(uuid4()))
        people = [a_recipient(campaign) for _ in range(PEOPLE)]
        await planned(stores, campaign, people)
        known = {each.id: each for each in people}
        for step, told in steps:
            async with stores.begin(campaign.organization_id) as work:
                if step == "news":
                    news = [_news(people, campaign, *each) for each in told]
                    await work.recipients.fold(campaign.id, news)
                    known = _folded(known, news)
                elif step == "hand over":
                    ids = [each.id for n, each in enumerate(people) if n in told]
                    await work.recipients.handed_over(campaign.id, ids)
                    known = {id: replace(each, handed=each.handed or id in ids) for id, each in known.items()}
                elif step == "skip":
                    waiting = [each for each in known.values() if _waits(each)]
                    some = await work.recipients.skip_rest(campaign.id, "cancelled", limit=told)
                    assert some == min(told, len(waiting))
                else:
                    one = people[int(told)]
                    await work.recipients.forget(one.contact_id, [one.person])
            async with stores.read(campaign.organization_id) as look:
                page = await look.recipients.page(campaign.id, state=None, cursor=None, limit=99)
                found = {each.id: each for each in page.items}
                assert found.keys() == known.keys()
                if step in ("news", "hand over"):
                    assert {id: _standing(each) for id, each in found.items()} == {
                        id: _standing(each) for id, each in known.items()
                    }
                known = found
                tallies = await look.recipients.tallies(campaign.id)
                assert _counted(tallies) == _counted_of(found.values())
                assert _counted(await look.recipients.recount(campaign.id)) == _counted(tallies)
                assert totals(list(tallies)).planned == PEOPLE
                assert await look.recipients.handed(campaign.id) == sum(
                    each.handed for each in found.values()
                )

    @pytest.mark.parametrize("together", [True, False])
    async def test_older_news_changes_nothing_whenever_it_comes(
        self, stores: Stores, us: OrganizationId, *, together: bool
    ) -> None:
        campaign = a_campaign(us)
        people = [a_recipient(campaign, handed=True) for _ in range(2)]
        await planned(stores, campaign, people)
        newer = [_news(people, campaign, who, 5, Outcome.READ, None) for who in range(2)]
        same = [_news(people, campaign, who, 5, Outcome.SENT, None) for who in range(2)]
        older = [_news(people, campaign, who, 3, Outcome.FAILED, 131026) for who in range(2)]
        for news in ([*newer, *same, *older],) if together else (newer, same, older):
            async with stores.begin(us) as work:
                await work.recipients.fold(campaign.id, news)
        async with stores.read(us) as look:
            for each in people:
                found = await look.recipients.get(campaign.id, each.id)
                assert (found.state, found.version, found.code) == (Outcome.READ, 5, None)
            assert _counted(await look.recipients.tallies(campaign.id)) == {(Outcome.READ, ""): 2}

    async def test_who_stands_in_line_is_handed_over_once_and_in_order(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        campaign = a_campaign(us)
        people = [a_recipient(campaign, arm="b" if n % 2 else "a") for n in range(6)]
        people.append(a_recipient(campaign, arm="a", state=Outcome.SKIPPED, reason="opted_out"))
        await planned(stores, campaign, people)
        a, b = [p.id for p in people[0:6:2]], [p.id for p in people[1:6:2]]
        async with stores.begin(us) as work:
            recipients = work.recipients

            async def next_of(arms: Sequence[str], limit: int) -> list[MessageId]:
                found = await recipients.to_hand_over(campaign.id, arms=arms, limit=limit)
                return [each.id for each in found]

            assert await next_of(["a", "b"], 4) == [*a, b[0]]
            assert await next_of(["b"], 9) == b
            assert await next_of([""], 9) == []
            await recipients.handed_over(campaign.id, a[:2])
            await recipients.handed_over(campaign.id, a[:2])
            assert await recipients.handed(campaign.id) == 2
            assert await next_of(["a", "b"], 9) == [a[2], *b]

    async def test_who_waits_for_a_first_try_is_counted_apart_from_who_waits_for_an_hour(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        campaign = a_campaign(us)
        people = [
            a_recipient(campaign, handed=True),
            a_recipient(campaign, handed=True, reason="quiet hours"),
            a_recipient(campaign, handed=True, attempts=1, reason="131056"),
            a_recipient(campaign, handed=True, state=Outcome.SENDING, attempts=1),
            a_recipient(campaign, handed=True, state=Outcome.SENT, attempts=1),
            a_recipient(campaign),
        ]
        await planned(stores, campaign, people)
        async with stores.read(us) as look:
            assert await look.recipients.in_line(campaign.id, asleep=False) == 2
            assert await look.recipients.in_line(campaign.id, asleep=True) == 3

    async def test_those_who_failed_are_found_by_why(self, stores: Stores, us: OrganizationId) -> None:
        campaign = a_campaign(us)
        codes = [131049, 131026, None, 131049]
        failed = [a_recipient(campaign, state=Outcome.FAILED, code=code) for code in codes]
        await planned(stores, campaign, [*failed, a_recipient(campaign)])
        in_order = sorted(failed, key=lambda each: each.contact_id)
        async with stores.read(us) as look:
            recipients = look.recipients
            assert list(await recipients.failed(campaign.id, limit=9)) == in_order
            rest = await recipients.failed(campaign.id, after=in_order[1].contact_id, limit=1)
            assert list(rest) == in_order[2:3]
            capped = await recipients.failed(campaign.id, limit=9, code=131049)
            assert {each.id for each in capped} == {failed[0].id, failed[3].id}
            others = await recipients.failed(campaign.id, limit=9, but=131049)
            assert {each.id for each in others} == {failed[1].id, failed[2].id}

    async def test_a_person_is_reached_once_though_two_contacts_lead_to_them(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        campaign, other = a_campaign(us), a_campaign(us)
        one, out = a_recipient(campaign), a_recipient(campaign, state=Outcome.SKIPPED, reason="opted_out")
        await planned(stores, campaign, [one, out])
        await planned(stores, other, [a_recipient(other)])
        async with stores.begin(us) as work:
            people = [one.person, out.person, PersonKey("nobody")]
            assert set(await work.recipients.taken(campaign.id, people)) == {one.person}
            assert set(await work.recipients.taken(other.id, people)) == set()
            contacts = [one.contact_id, out.contact_id]
            known = await work.recipients.known(campaign.id, contacts)
            assert dict(known) == {one.contact_id: one.id, out.contact_id: out.id}
            assert dict(await work.recipients.known(other.id, contacts)) == {}

    async def test_lists_are_read_page_by_page_and_by_state(self, stores: Stores, us: OrganizationId) -> None:
        campaign = a_campaign(us)
        people = [a_recipient(campaign, state=Outcome.READ if n % 2 else Outcome.SENT) for n in range(7)]
        await planned(stores, campaign, people)
        async with stores.read(us) as look:
            seen, cursor = list[Recipient](), None
            for _ in range(4):
                page = await look.recipients.page(campaign.id, state=None, cursor=cursor, limit=3)
                seen += page.items
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert seen == people
            read = await look.recipients.page(campaign.id, state=Outcome.READ, cursor=None, limit=9)
            assert list(read.items) == people[1::2]
            with pytest.raises(BadCursor):
                await look.recipients.page(campaign.id, state=None, cursor="no cursor", limit=3)
            with pytest.raises(NoSuchRecipient):
                await look.recipients.get(a_campaign(us).id, people[0].id)

    async def test_what_is_known_of_a_person_is_found_and_forgotten_everywhere(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        them = OrganizationId(uuid4())
        first, second, theirs = a_campaign(us, name="One"), a_campaign(us, name="Two"), a_campaign(them)
        one = a_recipient(first, name="Asha", values={"body.1": "Asha"}, handed=True)
        again = a_recipient(second, person=one.person, phone=one.phone, name="Asha")
        stranger = a_recipient(theirs, person=one.person, phone=one.phone, contact_id=one.contact_id)
        other = a_recipient(second)
        for campaign, people in ((first, [one]), (second, [again, other]), (theirs, [stranger])):
            await planned(stores, campaign, people)
        async with stores.begin(us) as work:
            found = await work.recipients.of_person(one.contact_id, [one.person])
            assert [(name, each.id) for name, each in found] == [("One", one.id), ("Two", again.id)]
            await work.recipients.forget(one.contact_id, [one.person])
            blank = await work.recipients.get(first.id, one.id)
            assert (blank.name, blank.phone, blank.values, blank.state) == ("", "", {}, Outcome.PENDING)
            skipped = await work.recipients.get(second.id, again.id)
            assert (skipped.name, skipped.state, skipped.reason) == ("", Outcome.SKIPPED, "erased")
            assert await work.recipients.get(second.id, other.id) == other
        async with stores.read(them) as look:
            assert await look.recipients.get(theirs.id, stranger.id) == stranger

    async def test_people_are_counted_by_country_hour_and_arm(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        campaign = a_campaign(us)
        hour = timedelta(hours=1)
        people = [
            a_recipient(campaign, country="GB", arm="a", state=Outcome.READ, priced="regular"),
            a_recipient(campaign, country="GB", arm="a", state=Outcome.READ, priced="regular"),
            a_recipient(campaign, country="DE", arm="b", state=Outcome.SENT, changed_at=NOON + hour),
            a_recipient(campaign, country="DE", arm="b", state=Outcome.SENT, changed_at=NOON + 1.5 * hour),
            a_recipient(campaign, arm="rest", state=Outcome.SKIPPED, reason="hold_out"),
            a_recipient(campaign),
        ]
        await planned(stores, campaign, people)
        async with stores.read(us) as look:
            countries = await look.recipients.by_country(campaign.id)
            assert Counter({(c.country, c.state, c.priced): c.count for c in countries}) == {
                ("GB", Outcome.READ, "regular"): 2,
                ("DE", Outcome.SENT, ""): 2,
                ("", Outcome.SKIPPED, ""): 1,
                ("", Outcome.PENDING, ""): 1,
            }
            hours = await look.recipients.by_hour(campaign.id)
            assert Counter({(h.hour, h.state): h.count for h in hours}) == {
                (NOON, Outcome.READ): 2,
                (NOON, Outcome.SKIPPED): 1,
                (NOON, Outcome.PENDING): 1,
                (NOON + hour, Outcome.SENT): 2,
            }
            assert {each.hour for each in hours} == {hours[0].hour, hours[-1].hour}
            arms = await look.recipients.by_arm(campaign.id)
            assert {_arm(each) for each in arms} == {
                ("a", Outcome.READ, "", 2),
                ("b", Outcome.SENT, "", 2),
                ("rest", Outcome.SKIPPED, "hold_out", 1),
            }


def _placed(told: Recipient, mine: Recipient) -> Recipient:
    """What was drawn, under ids of its own."""
    return replace(told, id=mine.id, campaign_id=mine.campaign_id, contact_id=mine.contact_id)


def _news(
    people: Sequence[Recipient], campaign: Any, place: int, version: int, state: Outcome, code: int | None
) -> Move:
    """Of one of the people, or of somebody whom the campaign does not know."""
    id = people[place].id if place < len(people) else a_recipient(campaign).id
    return Move(message_id=id, version=version, state=state.value, at=NOON, attempt_no=1, code=code)


def _folded(known: dict[MessageId, Recipient], news: Sequence[Move]) -> dict[MessageId, Recipient]:
    """What is known after one piece of news and the next; of two of a version, the first counts."""
    after = dict(known)
    for move in news:
        before = after.get(move.message_id)
        if before is not None and before.version < move.version:
            after[move.message_id] = replace(
                before,
                state=Outcome(move.state),
                version=move.version,
                attempts=move.attempt_no,
                code=move.code,
                reason=None,
            )
    return after


def _standing(each: Recipient) -> tuple[Any, ...]:
    return each.state, each.version, each.code, each.reason, each.handed, each.attempts


def _waits(each: Recipient) -> bool:
    return each.state is Outcome.PENDING and not each.handed


def _counted(tallies: Sequence[Tally]) -> Counter[tuple[Outcome, str]]:
    return Counter({(each.state, each.reason): each.count for each in tallies if each.count})


def _counted_of(people: Any) -> Counter[tuple[Outcome, str]]:
    return Counter((each.state, why(each.state, each.code, each.reason)) for each in people)


def _arm(each: ArmCount) -> tuple[str, Outcome, str, int]:
    return each.arm, each.state, each.reason, each.count
