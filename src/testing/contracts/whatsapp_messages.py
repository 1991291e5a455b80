"""What every store of messages promises: whole, once a person and campaign, and changed by one at a time."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from msgspec.structs import replace

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.whatsapp import MessageFilter
from tidings.domain.errors import BadCursor
from tidings.domain.kernel import AttemptId, CampaignId, MessageId, OrganizationId, PhoneNumberId, Wamid
from tidings.domain.whatsapp.messages import UNREAD, Attempt, Message, MessageNotFound, State
from tidings.domain.whatsapp.numbers import RunState
from tidings.testing.contracts.whatsapp_stores import (
    LATER,
    NOON,
    OfANumber,
    Stores,
    a_lane,
    a_message,
    a_number,
    a_run,
    some,
)
from tidings.testing.strategies_domain import of

STAYS = (
    "id",
    "organization_id",
    "phone_number_id",
    "run_id",
    "contact_id",
    "person",
    "to",
    "recipient",
    "zone",
    "content",
    "reply_to",
    "created_at",
    "expires_at",
)
"""What a message is; the rest is what becomes of it."""


@pytest.mark.anyio
class MessagesContract(OfANumber):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @some
    @given(told=of(Message))
    async def test_a_message_comes_back_whole(self, stores: Stores, told: Message) -> None:
        message = _own(told)
        async with stores.begin() as work:
            await work.messages.add([message])
            assert list(await work.messages.find([message.id])) == [message]
        assert await stores.history.get(message.organization_id, message.id) == message

    @some
    @given(first=of(Message), then=of(Message), bare=of(Message))
    async def test_what_is_saved_is_what_became_of_it_and_what_it_is_stays(
        self, stores: Stores, first: Message, then: Message, bare: Message
    ) -> None:
        first, then, bare = (_own(each) for each in (first, then, bare))
        kept = {name: getattr(first, name) for name in STAYS}
        async with stores.begin() as work:
            await work.messages.add([first])
            await work.messages.save([replace(then, id=first.id)])
            assert list(await work.messages.find([first.id])) == [replace(then, **kept)]
            await work.messages.save([replace(bare, id=first.id)], [replace(then, id=first.id)])
            assert list(await work.messages.find([first.id])) == [replace(bare, **kept)]

    async def test_what_has_not_changed_may_be_saved(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        message = a_message(us, lane)
        async with stores.begin() as work:
            await work.messages.add([message])
            await work.messages.save([message], [message])
            await work.messages.save([message])
            assert list(await work.messages.find([message.id])) == [message]

    async def test_a_person_is_written_to_once_in_a_campaign(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        run = CampaignId(uuid4())
        first = a_message(us, lane, run_id=run)
        twin = a_message(us, lane, run_id=run, person=first.person)
        changed = replace(first, state=State.SENDING, version=2)
        elsewhere = a_message(us, lane, run_id=CampaignId(uuid4()), person=first.person)
        single = a_message(us, lane, person=first.person)
        async with stores.begin() as work:
            await work.messages.add([first])
            await work.messages.save([changed])
            await work.messages.add([first, twin, elsewhere, single, replace(single, id=MessageId(uuid7()))])
            ids = [first.id, twin.id, elsewhere.id, single.id]
            assert list(await work.messages.find(ids)) == [changed, elsewhere, single]

    async def test_reports_find_their_message_by_attempt_and_by_wamid(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        attempt, wamid = AttemptId(uuid4()), Wamid(f"wamid.{uuid4().hex}")
        one = a_message(us, lane, state=State.SENT, attempt_id=attempt, wamid=wamid)
        other = a_message(us, lane)
        async with stores.begin() as work:
            await work.messages.add([one, other])
            bare = replace(one, content=UNREAD)
            assert list(await work.messages.of_attempts([attempt, AttemptId(uuid4())])) == [bare]
            assert list(await work.messages.of_wamids([wamid, Wamid(wamid.upper())])) == [bare]
            for nothing in (work.messages.of_attempts([]), work.messages.find([])):
                assert list(await nothing) == []
            assert list(await work.messages.of_wamids([])) == []

    async def test_of_many_at_once_one_takes_a_message(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        message = a_message(us, lane)
        async with stores.begin() as work:
            await work.messages.add([message])

        async def take() -> bool:
            async with stores.begin() as work:
                if message.id not in await work.messages.still_pending([message.id]):
                    return False
                await asyncio.sleep(0.002)
                await work.messages.save([message.intend(AttemptId(uuid4()), 1, NOON)])
                return True

        assert sum(await asyncio.gather(*(take() for _ in range(6)))) == 1

    async def test_what_waits_is_found_by_campaign_person_and_lane(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        run, second = a_run(us, lane), a_lane()
        waits = [a_message(us, at, run_id=run.campaign_id) for at in (lane, second)]
        single, done = a_message(us, lane), a_message(us, lane, run_id=run.campaign_id, state=State.READ)
        limbo = [a_message(us, lane, state=State.SENDING, epoch=epoch) for epoch in (1, 2)]
        async with stores.begin() as work:
            await work.runs.turn(run)
            for each in (lane, second):
                await work.runs.stand(run.campaign_id, each)
            await work.messages.add([*waits, single, done, *limbo])
            assert _ids(await work.messages.pending_of(run.campaign_id, limit=9)) == _ids(waits)
            assert len(await work.messages.pending_of(run.campaign_id, limit=1)) == 1
            people = [waits[0].person, single.person, done.person]
            assert _ids(await work.messages.pending_to(us, people)) == _ids([waits[0], single])
            assert list(await work.messages.pending_to(OrganizationId(uuid4()), people)) == []
            assert list(await work.messages.left_sending(lane, before=2)) == limbo[:1]
            assert list(await work.messages.left_sending(second, before=2)) == []

    async def test_attempts_are_remembered_in_order(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        message = a_message(us, lane)
        ended = [
            Attempt(
                id=AttemptId(uuid4()),
                message_id=message.id,
                no=no,
                started_at=NOON,
                ended_at=NOON + timedelta(microseconds=no),
                code=code,
                reason="é",
            )
            for no, code in ((2, None), (1, 131056))
        ]
        async with stores.begin() as work:
            await work.messages.keep_attempts(ended)
            assert list(await work.messages.attempts(message.id)) == ended[::-1]
            asked = [ended[0].id, AttemptId(uuid4())]
            assert set(await work.messages.known_attempts(asked)) == {ended[0].id}
            assert set(await work.messages.known_attempts([])) == set()
        assert list(await stores.history.attempts(message.id)) == ended[::-1]

    async def test_what_is_due_comes_fairly_from_every_running_campaign(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        runs = [a_run(us, lane), a_run(us, lane), a_run(us, lane, state=RunState.PAUSED)]
        first, second, paused = (
            [a_message(us, lane, run_id=run.campaign_id) for _ in range(size)]
            for run, size in zip(runs, (5, 2, 1), strict=True)
        )
        singles = [a_message(us, lane), a_message(us, lane, next_attempt_at=LATER)]
        async with stores.begin() as work:
            await work.numbers.put([a_number(us, lane)])
            for run in runs:
                await work.runs.turn(run)
                await work.runs.stand(run.campaign_id, lane)
            await work.messages.add([*first, *second, *paused, *singles])
        due = (await stores.due.messages({lane: 5}, NOON))[lane]
        assert due[0] == singles[0]
        assert {each.run_id for each in due[1:]} == {runs[0].campaign_id, runs[1].campaign_id}
        assert [each.id for each in due if each.run_id == runs[1].campaign_id] == [m.id for m in second]
        everybody = (await stores.due.messages({lane: 99}, NOON))[lane]
        assert _ids(everybody) == _ids([singles[0], *first, *second])
        assert list((await stores.due.singles({lane: 9}, NOON))[lane]) == singles[:1]
        assert list((await stores.due.singles({lane: 9}, LATER))[lane]) == singles
        assert list((await stores.due.singles({lane: 1}, LATER))[lane]) == singles[:1]
        assert lane in await stores.due.lanes(NOON)
        assert lane not in await stores.due.lanes(NOON - timedelta(seconds=1))

    async def test_many_lanes_are_looked_at_together(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        lanes = [PhoneNumberId(f"{lane[:-1]}{n}") for n in range(4)]
        run, paused = a_run(us, lane), a_run(us, lane, state=RunState.PAUSED)
        singles = {each: [a_message(us, each) for _ in range(3)] for each in lanes[:2]}
        of_run = {
            each: [a_message(us, each, run_id=run.campaign_id) for _ in range(3)] for each in lanes[1:3]
        }
        waiting = [
            a_message(us, lanes[3], run_id=paused.campaign_id),
            a_message(us, lanes[3], next_attempt_at=LATER),
        ]
        async with stores.begin() as work:
            await work.numbers.put([a_number(us, each) for each in lanes])
            for each in (run, paused):
                await work.runs.turn(each)
                for number in lanes:
                    await work.runs.stand(each.campaign_id, number)
            for group in (*singles.values(), *of_run.values(), waiting):
                await work.messages.add(group)
        due = await stores.due.messages(dict.fromkeys(lanes, 5), NOON)
        assert [len(due.get(each, ())) for each in lanes] == [3, 5, 3, 0]
        assert _ids(due[lanes[0]]) == _ids(singles[lanes[0]])
        assert _ids(due[lanes[1]][:3]) == _ids(singles[lanes[1]])
        assert {each.id for each in due[lanes[1]][3:]} < {each.id for each in of_run[lanes[1]]}
        assert _ids(due[lanes[2]]) == _ids(of_run[lanes[2]])
        alone = await stores.due.singles({each: n for n, each in enumerate(lanes, 1)}, NOON)
        assert {each: len(found) for each, found in alone.items() if found} == {lanes[0]: 1, lanes[1]: 2}
        assert dict(await stores.due.messages({}, NOON)) == {}
        assert dict(await stores.due.singles({}, NOON)) == {}

    async def test_a_lane_with_somebody_in_limbo_is_asked_for(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        async with stores.begin() as work:
            await work.numbers.put([a_number(us, lane)])
            await work.messages.add([a_message(us, lane, state=State.SENDING, epoch=1)])
        assert lane in await stores.due.lanes(NOON - timedelta(days=1))

    async def test_the_history_is_an_organisations_own_the_newest_first(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        them, run = OrganizationId(uuid4()), CampaignId(uuid4())
        ours = [a_message(us, lane, state=State.READ if n % 2 else State.SENT) for n in range(5)]
        ours.append(a_message(us, lane, person=ours[0].person, run_id=run))
        async with stores.begin() as work:
            await work.messages.add([*ours, a_message(them, lane)])
        newest = ours[::-1]

        async def found(cursor: str | None = None, limit: int = 9, **wanted: object) -> Sequence[Message]:
            filter = MessageFilter(**wanted)  # pyright: ignore[reportArgumentType]
            return (await stores.history.page(us, filter, cursor=cursor, limit=limit)).items

        assert list(await found()) == newest
        page = await stores.history.page(us, MessageFilter(), cursor=None, limit=4)
        assert [*page.items, *await found(page.next_cursor)] == newest
        assert list(await found(state="read")) == [each for each in newest if each.state is State.READ]
        assert list(await found(person=ours[0].person)) == [ours[5], ours[0]]
        assert list(await found(run_id=run)) == [ours[5]]
        with pytest.raises(BadCursor):
            await found("no cursor")
        with pytest.raises(MessageNotFound):
            await stores.history.get(them, ours[0].id)
        with pytest.raises(MessageNotFound):
            await stores.history.get(us, MessageId(uuid4()))

    async def test_an_exception_undoes_the_work(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        message = a_message(us, lane)

        async def half_way() -> None:
            async with stores.begin() as work:
                await work.messages.add([message])
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await half_way()
        async with stores.read() as look:
            assert list(await look.messages.find([message.id])) == []


def _own(told: Message) -> Message:
    """What was drawn, under ids of its own, in no campaign that others are in."""
    return replace(
        told,
        id=MessageId(uuid7()),
        organization_id=OrganizationId(uuid4()),
        run_id=told.run_id and CampaignId(uuid7()),
        attempt_id=told.attempt_id and AttemptId(uuid4()),
        wamid=told.wamid and Wamid(f"wamid.{uuid4().hex}"),
    )


def _ids(found: Sequence[Message]) -> list[UUID]:
    return sorted(each.id for each in found)
