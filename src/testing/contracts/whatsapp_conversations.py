"""What every store of conversations promises: heard once, seen by whom they concern, taken by one."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from msgspec.structs import replace

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.conversations import ConversationFilter, ConversationKey
from tidings.domain.errors import BadCursor
from tidings.domain.kernel import (
    ConversationId,
    MessageId,
    OrganizationId,
    PersonKey,
    Phone,
    PhoneNumberId,
    TeamId,
    UserId,
    Wamid,
    person_key,
)
from tidings.domain.whatsapp.conversations import (
    Conversation,
    ConversationNotFound,
    Handler,
    Inbound,
    Sight,
    Stage,
)
from tidings.domain.whatsapp.desk import Note
from tidings.testing.contracts.whatsapp_stores import (
    LATER,
    NOON,
    OfANumber,
    Stores,
    a_lane,
    a_message,
    some,
)
from tidings.testing.strategies_domain import of


def a_conversation(us: OrganizationId, lane: PhoneNumberId, **given: Any) -> Conversation:
    phone = Phone(f"+4477{uuid4().int % 10**8:08}")
    known: dict[str, Any] = {
        "id": ConversationId(uuid7()),
        "organization_id": us,
        "phone_number_id": lane,
        "person": person_key(phone),
        "to": phone,
        "heard_at": NOON,
        "last_at": NOON,
        "opened_at": NOON,
        "updated_at": NOON,
    }
    return Conversation(**known | given)


def said_in(conversation: Conversation, **given: Any) -> Inbound:
    known: dict[str, Any] = {
        "id": MessageId(uuid7()),
        "organization_id": conversation.organization_id,
        "phone_number_id": conversation.phone_number_id,
        "wamid": Wamid(f"wamid.{uuid4().hex}"),
        "person": conversation.person,
        "sender": conversation.to,
        "kind": "text",
        "text": "Hello • there",
        "raw": "{}",
        "at": NOON,
    }
    return Inbound(**known | given)


def key_of(conversation: Conversation) -> ConversationKey:
    return ConversationKey(
        organization_id=conversation.organization_id,
        phone_number_id=conversation.phone_number_id,
        person=conversation.person,
    )


@pytest.mark.anyio
class ConversationsContract(OfANumber):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @some
    @given(first=of(Conversation), then=of(Conversation))
    async def test_a_conversation_comes_back_whole_and_stays_whose_it_is(
        self, stores: Stores, first: Conversation, then: Conversation
    ) -> None:
        us, id = OrganizationId(uuid4()), ConversationId(uuid7())
        first = replace(first, id=id, organization_id=us)
        stays = {"person": first.person, "phone_number_id": first.phone_number_id}
        async with stores.begin() as work:
            await work.conversations.put([first])
            assert await work.conversations.get(us, id) == first
            then = replace(then, id=id, organization_id=us, **stays)
            await work.conversations.put([then])
        async with stores.read() as look:
            assert await look.conversations.get(us, id) == then
            assert list(await look.conversations.of([key_of(then)])) == [then]
            assert list(await look.conversations.of([])) == []
            with pytest.raises(ConversationNotFound):
                await look.conversations.get(OrganizationId(uuid4()), id)

    @some
    @given(told=of(Inbound))
    async def test_what_a_person_wrote_comes_back_whole_and_is_new_once(
        self, stores: Stores, told: Inbound
    ) -> None:
        told = replace(
            told,
            id=MessageId(uuid7()),
            wamid=Wamid(f"wamid.{uuid4().hex}"),
            organization_id=OrganizationId(uuid4()),
        )
        again = replace(told, id=MessageId(uuid7()), text="Once more")
        async with stores.begin() as work:
            assert list(await work.conversations.hear([told])) == [told]
            assert list(await work.conversations.hear([again])) == []
            assert list(await work.conversations.hear([])) == []
            assert await work.conversations.inbound(told.id) == told
            assert await work.conversations.inbound(again.id) is None

    async def test_one_who_wrote_twice_is_heard_as_they_wrote_last(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        conversation = a_conversation(us, lane)
        first, last = said_in(conversation), said_in(conversation, text="And more")
        elsewhere = said_in(replace(conversation, phone_number_id=a_lane()))
        async with stores.begin() as work:
            new = await work.conversations.hear([first, last, elsewhere])
            assert {each.id for each in new} == {first.id, last.id, elsewhere.id}
            assert await work.conversations.newest_inbound(key_of(conversation)) == last
            stranger = replace(key_of(conversation), person=PersonKey("nobody"))
            assert await work.conversations.newest_inbound(stranger) is None

    async def test_lists_show_the_newest_word_first_and_what_is_asked_for(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        ada, team = UserId(uuid4()), TeamId(uuid4())
        made = [
            a_conversation(us, lane, last_at=NOON + timedelta(minutes=n % 3), updated_at=NOON)
            for n in range(5)
        ]
        made[0] = replace(made[0], assignee_id=ada)
        made[1] = replace(made[1], stage=Stage.CLOSED)
        made[2] = replace(made[2], team_id=team)
        theirs = a_conversation(OrganizationId(uuid4()), lane)
        async with stores.begin() as work:
            await work.conversations.put([*made, theirs])
        newest = [each.id for each in sorted(made, key=lambda each: (each.last_at, each.id), reverse=True)]

        async def found(**wanted: Any) -> list[UUID]:
            async with stores.read() as look:
                filter = ConversationFilter(**wanted)
                page = await look.conversations.page(us, filter, cursor=None, limit=9)
                return [each.id for each in page.items]

        assert await found() == newest
        assert await found(assignee_id=ada) == [made[0].id]
        assert await found(unassigned=True) == [id for id in newest if id != made[0].id]
        assert await found(stage="closed") == [made[1].id]
        assert await found(team_id=team) == [made[2].id]
        assert await found(person=made[3].person) == [made[3].id]
        async with stores.read() as look:
            page = await look.conversations.page(us, ConversationFilter(), cursor=None, limit=3)
            rest = await look.conversations.page(us, ConversationFilter(), cursor=page.next_cursor, limit=3)
            assert [each.id for each in (*page.items, *rest.items)] == newest
            assert rest.next_cursor is None
            with pytest.raises(BadCursor):
                await look.conversations.page(us, ConversationFilter(), cursor="no cursor", limit=3)

    async def test_everybody_sees_what_the_sight_covers_and_no_more(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        ada, ben = UserId(uuid4()), UserId(uuid4())
        ours, led, other = (TeamId(uuid4()) for _ in range(3))
        made = [
            a_conversation(us, lane, team_id=team, assignee_id=user, waiting_since=NOON)
            for team in (None, ours, led, other)
            for user in (None, ada, ben)
        ]
        async with stores.begin() as work:
            await work.conversations.put(made)
        sights = [
            Sight(user=ada, teams=(ours,), leads=()),
            Sight(user=ada, teams=(ours, led), leads=(led,)),
            Sight(user=UserId(uuid4()), teams=(), leads=()),
        ]
        async with stores.read() as look:
            for sight in sights:
                covered = {each.id for each in made if sight.covers(each)}
                page = await look.conversations.page(
                    us, ConversationFilter(sight=sight), cursor=None, limit=99
                )
                assert {each.id for each in page.items} == covered
                changed = await look.conversations.changed(us, sight, NOON, after=None, limit=99)
                assert {each.id for each in changed} == covered
                waiting = await look.conversations.waiting(us, sight, limit=99)
                assert {each.id for each in waiting} == {
                    each.id for each in made if each.id in covered and each.assignee_id is None
                }

    async def test_what_changed_is_followed_without_gaps(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        made = [a_conversation(us, lane, updated_at=NOON + timedelta(seconds=n // 2)) for n in range(6)]
        async with stores.begin() as work:
            await work.conversations.put(made)
        seen, after = list[Conversation](), None
        async with stores.read() as look:
            for _ in range(9):
                some = await look.conversations.changed(
                    us, None, NOON + timedelta(seconds=1), after=after, limit=2
                )
                if not some:
                    break
                seen += some
                after = some[-1]
        assert seen == sorted(made[2:], key=lambda each: (each.updated_at, each.id))

    async def test_a_thread_has_what_either_side_said_and_the_notes_newest_first(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        conversation = a_conversation(us, lane)
        heard = said_in(conversation)
        reply = a_message(us, lane, person=conversation.person)
        note = Note(
            id=MessageId(uuid7()),
            organization_id=us,
            conversation_id=conversation.id,
            author_id=UserId(uuid4()),
            text="Wants a call",
            at=NOON,
        )
        thanks = said_in(conversation, text="Thanks")
        async with stores.begin() as work:
            await work.conversations.put([conversation])
            await work.conversations.hear([heard, thanks, said_in(a_conversation(us, lane))])
            await work.messages.add([reply, a_message(us, lane)])
            await work.desk.add_note(note)
        async with stores.read() as look:
            page = await look.conversations.thread(conversation, cursor=None, limit=9)
            assert [each.inbound or each.message or each.note for each in page.items] == [
                thanks,
                note,
                reply,
                heard,
            ]
            first = await look.conversations.thread(conversation, cursor=None, limit=3)
            rest = await look.conversations.thread(conversation, cursor=first.next_cursor, limit=3)
            assert [*first.items, *rest.items] == list(page.items)
            assert rest.next_cursor is None
            with pytest.raises(BadCursor):
                await look.conversations.thread(conversation, cursor="no cursor", limit=3)

    async def test_of_many_at_once_one_takes_a_conversation(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        conversation = a_conversation(us, lane)
        async with stores.begin() as work:
            await work.conversations.put([conversation])
        users = [UserId(uuid4()) for _ in range(6)]

        async def take(user: UserId) -> bool:
            async with stores.begin() as work:
                return await work.conversations.take(replace(conversation, assignee_id=user))

        taken = await asyncio.gather(*(take(user) for user in users))
        assert sum(taken) == 1
        async with stores.begin() as work:
            found = await work.conversations.get(us, conversation.id)
            assert found.assignee_id == users[taken.index(True)]
            assert await work.conversations.loads(us) == {found.assignee_id: 1}
            closed = replace(found, stage=Stage.CLOSED, assignee_id=None)
            await work.conversations.put([closed])
            assert not await work.conversations.take(replace(closed, assignee_id=users[0]))
            assert await work.conversations.loads(us) == {}

    async def test_who_waits_for_people_is_found_the_longest_wait_first(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        late, later, taken, bot, closed = (
            a_conversation(us, lane, waiting_since=NOON + timedelta(minutes=n)) for n in range(5)
        )
        taken = replace(taken, assignee_id=UserId(uuid4()))
        bot, closed = replace(bot, handler=Handler.BOT), replace(closed, stage=Stage.CLOSED)
        async with stores.begin() as work:
            await work.conversations.put([later, late, taken, bot, closed, a_conversation(us, lane)])
        async with stores.read() as look:
            assert list(await look.conversations.waiting(us, None, limit=9)) == [late, later]
            assert list(await look.conversations.waiting(us, None, limit=1)) == [late]

    async def test_the_forgotten_leave_counts_and_no_words(
        self, stores: Stores, us: OrganizationId, lane: PhoneNumberId
    ) -> None:
        gone, stays = a_conversation(us, lane, name="Asha", last_text="Hello"), a_conversation(us, lane)
        heard, kept = said_in(gone, profile_name="Asha"), said_in(stays)
        waits = a_message(us, lane, person=gone.person)
        mark = PersonKey(f"#{uuid4().hex}")
        async with stores.begin() as work:
            await work.conversations.put([gone, stays])
            await work.conversations.hear([heard, kept])
            await work.messages.add([waits])
            await work.conversations.forget(us, {gone.person: mark}, LATER)
        async with stores.read() as look:
            assert list(await look.conversations.of([key_of(gone)])) == []
            found = await look.conversations.get(us, gone.id)
            assert (found.person, found.name, found.to, found.recipient) == (mark, "", None, None)
            assert "Hello" not in found.last_text
            blank = await look.conversations.inbound(heard.id)
            assert blank is not None
            assert (blank.person, blank.sender, blank.profile_name, blank.raw) == (mark, None, "", "{}")
            assert "Hello" not in blank.text
            (message,) = await look.messages.find([waits.id])
            assert (message.person, message.to, message.expires_at) == (mark, None, LATER)
            assert message.content != waits.content
            assert await look.conversations.inbound(kept.id) == kept
            assert await look.conversations.get(us, stays.id) == stays
