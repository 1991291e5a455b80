"""Answering people: one thread a person and number, in one pair of hands, seen by those it concerns."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import select

from tidings.adapters.mysql.whatsapp import tables as whatsapp_tables
from tidings.application.whatsapp import conversations, desk
from tidings.application.whatsapp.conversations import NothingWaits
from tidings.application.whatsapp.desk import NewCannedReply, NoFile, ReceptionWish
from tidings.application.whatsapp.saying import NewMessage
from tidings.application.whatsapp.threads import Answer, Assignment, ConversationWish, HandOff, NewNote
from tidings.domain.events import ContactErased
from tidings.domain.kernel import (
    Actor,
    ConversationId,
    MessageId,
    OrganizationId,
    Permission,
    Phone,
    Role,
    TeamId,
    UserId,
    Wamid,
    person_key,
)
from tidings.domain.teams import TeamNotFound
from tidings.domain.whatsapp.content import Text
from tidings.domain.whatsapp.conversations import (
    ConversationClosed,
    ConversationNotFound,
    HandedOff,
    Handler,
    Inbound,
    InOtherHands,
    PersonErased,
    Reception,
    Stage,
    WindowClosed,
    begun,
)
from tidings.domain.whatsapp.desk import ShortcutTaken
from tidings.domain.whatsapp.messages import MessageNotFound
from tidings.testing.clock import NOON
from tidings.testing.meta import NUMBER

pytestmark = pytest.mark.anyio
ADA, BEA = "447700900001", "447700900002"


@pytest.fixture
async def world(make_world):
    return await make_world(count=0)


def person(world, role=Role.MEMBER, **more):
    """Somebody of the organisation, signed in."""
    return Actor(
        user_id=UserId(uuid4()),
        organization_id=world.actor.organization_id,
        role=role,
        session_id=uuid4(),
        **more,
    )


async def inbox(world, actor, **wish):
    return list((await world.conversations.page(actor, ConversationWish(**wish))).items)


async def traces_of(world, digits):
    """The tables of the context in which a number still stands."""
    found = []
    async with world.whatsapp.reading() as connection:
        for table in whatsapp_tables.metadata.sorted_tables:
            rows = (await connection.execute(select(table))).mappings().all()
            if any(digits in str(dict(row)) for row in rows) and table.name != "whatsapp_outbox":
                found.append(table.name)
    return found


async def only(world, actor=None):
    (found,) = await inbox(world, actor or world.actor)
    return found


async def said(world, actor, conversation, text="At nine."):
    return await world.conversations.answer(actor, conversation.id, Answer(content=Text(body=text)))


async def events(world, kind="ConversationMoved"):
    """What was told of conversations so far, in order."""
    waiting = await world.outbox.waiting(1000)
    told = [msgspec.json.decode(envelope.body) for _, envelope in waiting]
    return [each["what"] for each in told if each["type"].startswith("whatsapp.conversation_moved")]


async def test_what_a_person_writes_is_one_thread_that_waits_for_an_answer(world):
    await world.hear(world.letter(ADA, "Hello"), world.letter(ADA, "When do you open?"))
    conversation = await only(world)
    assert (conversation.unread, conversation.last_text, conversation.name) == (2, "When do you open?", "Ada")
    assert conversation.waiting_since == world.clock.now()
    assert conversation.window_is_open
    agent = person(world)
    await said(world, agent, conversation)
    await world.settle(6)
    answered = await only(world, agent)
    assert (answered.unread, answered.waiting_since, answered.assignee_id) == (0, None, agent.user_id)
    assert answered.first_reply_by == agent.user_id
    thread = (await world.conversations.thread(agent, conversation.id)).items
    assert [entry.heard.text if entry.heard else entry.said.state for entry in thread] == [
        "read",
        "When do you open?",
        "Hello",
    ]
    assert await events(world) == []


async def test_a_webhook_that_comes_twice_is_one_message(world):
    letter = world.letter(ADA, "Hello")
    await world.hear(letter)
    await world.hear(letter)
    assert (await only(world)).unread == 1


async def test_a_thread_is_read_page_by_page_with_notes_in_it(world):
    for text in "abc":
        await world.hear(world.letter(ADA, text))
    conversation = await only(world)
    await world.conversations.note(world.actor, conversation.id, NewNote(text="Wants a refund"))
    seen, cursor = [], None
    while True:
        page = await world.conversations.thread(world.actor, conversation.id, cursor=cursor, limit=1)
        seen += [each.note.text if each.note else each.heard.text for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["Wants a refund", "c", "b", "a"]


async def test_free_text_is_refused_once_the_window_has_closed(world):
    await world.hear(world.letter(ADA, "Hello"))
    conversation = await only(world)
    world.clock.seconds += 86_400
    with pytest.raises(WindowClosed):
        await said(world, world.actor, conversation)
    assert not (await only(world)).window_is_open


async def test_of_many_who_take_the_next_each_gets_another_and_the_last_nothing(world):
    await world.hear(*(world.letter(f"4477009000{n:02}", "Hi") for n in range(6)))
    agents = [person(world) for _ in range(8)]
    taken = await asyncio.gather(
        *(world.conversations.take_next(agent) for agent in agents), return_exceptions=True
    )
    got = [each.id for each in taken if not isinstance(each, Exception)]
    assert len(got) == len(set(got)) == 6
    assert [type(each) for each in taken if isinstance(each, Exception)] == [NothingWaits] * 2


async def test_the_longest_wait_is_taken_first(world):
    await world.hear(world.letter(BEA, "First", profile_name="Bea"))
    world.clock.seconds += 60
    await world.hear(world.letter(ADA, "Second"))
    assert (await world.conversations.take_next(person(world))).name == "Bea"


async def test_people_see_what_is_theirs_or_waits_in_their_teams_and_no_more(world):
    ours, theirs = TeamId(uuid4()), TeamId(uuid4())
    agent, other, lead, boss = person(world), person(world), person(world), person(world, Role.ADMIN)
    world.desks.teams = {ours: [agent.user_id, lead.user_id], theirs: [other.user_id]}
    world.desks.leads = {lead.user_id: (ours,)}
    await world.hear(world.letter(ADA, "Hello"))
    conversation = await only(world, boss)
    id = conversation.id
    await world.conversations.assign(boss, id, Assignment(team_id=theirs))
    assert [len(await inbox(world, each)) for each in (agent, other, lead, boss)] == [0, 1, 0, 1]
    for ask in (
        world.conversations.get(agent, id),
        world.conversations.thread(agent, id),
        world.conversations.note(agent, id, NewNote(text="?")),
        world.conversations.close(agent, id),
        said(world, agent, conversation),
        world.desk.file(agent, id, MessageId(uuid4())),
    ):
        with pytest.raises(ConversationNotFound):
            await ask
    await said(world, other, conversation)
    assert len((await world.messages.page(other)).items) == 1
    message = (await world.messages.page(boss)).items[0]
    assert not (await world.messages.page(agent)).items
    with pytest.raises(MessageNotFound):
        await world.messages.get(agent, message.id)
    await world.conversations.assign(boss, id, Assignment(team_id=ours, user_id=agent.user_id))
    assert [len(await inbox(world, each)) for each in (agent, other, lead, boss)] == [1, 0, 1, 1]
    assert len((await world.messages.page(lead)).items) == 1


async def test_what_somebody_has_in_hand_nobody_else_answers_by_another_door(world):
    agent, other = person(world), person(world)
    await world.hear(world.letter(ADA, "Hello"))
    await said(world, agent, await only(world))
    with pytest.raises(InOtherHands):
        await world.messages.send(other, NewMessage(to=Phone(f"+{ADA}"), content=Text(body="Hi")))
    await world.messages.send(agent, NewMessage(to=Phone(f"+{ADA}"), content=Text(body="Hi")))


async def test_a_team_is_given_what_comes_in_by_turns_up_to_what_each_can_take(world):
    team = TeamId(uuid4())
    first, second = person(world), person(world)
    world.desks.teams, world.desks.capacity = {team: [first.user_id, second.user_id]}, 2
    await world.desk.receive(world.actor, NUMBER, ReceptionWish(team_id=team))
    await world.hear(*(world.letter(f"4477009000{n:02}", "Hi") for n in range(5)))
    await world.desk.step()
    counts = [len(await inbox(world, each, mine=True)) for each in (first, second)]
    assert counts == [2, 2]
    assert len(await inbox(world, world.actor, unassigned=True)) == 1
    mine = await inbox(world, first, mine=True)
    await world.conversations.close(first, mine[0].id)
    await world.desk.step()
    assert not await inbox(world, world.actor, unassigned=True)
    with pytest.raises(TeamNotFound):
        await world.desk.receive(world.actor, NUMBER, ReceptionWish(team_id=TeamId(uuid4())))


async def test_a_closed_conversation_opens_again_by_the_persons_next_word_and_by_nothing_older(world):
    agent = person(world)
    world.clock.seconds += 100
    await world.hear(world.letter(ADA, "Hello"))
    conversation = await only(world)
    await said(world, agent, conversation)
    world.clock.seconds += 30
    await world.conversations.close(agent, conversation.id)
    with pytest.raises(ConversationClosed):
        await world.conversations.close(agent, conversation.id)
    await world.hear(world.letter(ADA, "late", at=world.clock.now() - timedelta(seconds=120)))
    assert (await only(world)).stage is Stage.CLOSED
    world.clock.seconds += 30
    await world.hear(world.letter(ADA, "Thanks"))
    again = await only(world)
    assert (again.stage, again.unread, again.first_reply_at) == (Stage.OPEN, 1, None)
    assert again.assignee_id == agent.user_id
    await world.conversations.close(agent, conversation.id)
    await world.conversations.reopen(agent, conversation.id)
    assert await events(world) == [
        "opened",
        "replied",
        "closed",
        "reopened",
        "closed",
        "reopened",
    ]


async def test_a_wait_that_is_too_long_is_told_once(world):
    await world.desk.receive(world.actor, NUMBER, ReceptionWish(reply_within=60))
    await world.hear(world.letter(ADA, "Hello"))
    world.clock.seconds += 59
    assert not await world.desk.step()
    world.clock.seconds += 2
    assert await world.desk.step() == 1
    assert not await world.desk.step()
    assert (await only(world)).breached_at == world.clock.now()
    await world.hear(world.letter(ADA, "Anybody?"))
    assert not await world.desk.step()
    assert (await events(world)).count("breached") == 1


async def test_figures_say_how_soon_people_answered_and_ended(world):
    agent = person(world)
    began = world.clock.now()
    await world.hear(world.letter(ADA, "Hello"))
    conversation = await only(world)
    world.clock.seconds += 40
    await said(world, agent, conversation)
    world.clock.seconds += 60
    await world.conversations.close(agent, conversation.id)
    (figures,) = await world.desk.figures(world.actor, began, began + timedelta(hours=1))
    assert (figures.user_id, figures.conversations) == (agent.user_id, 1)
    assert (figures.first_reply_seconds, figures.resolution_seconds) == (40.0, 100.0)


async def test_a_bot_answers_until_it_hands_over_and_is_silent_until_it_is_given_back(world):
    await world.desk.receive(world.actor, NUMBER, ReceptionWish(bot=True, reply_within=60))
    bot = replace(person(world, Role.ADMIN), session_id=None)
    agent = person(world)
    await world.hear(world.letter(ADA, "Hello"))
    conversation = await only(world)
    assert (conversation.handler, conversation.reply_due_at) == (Handler.BOT, None)
    with pytest.raises(NothingWaits):
        await world.conversations.take_next(agent)
    await said(world, bot, conversation, "I am a bot.")
    await world.hear(world.letter(ADA, "A human, please"))
    await world.conversations.hand_off(bot, conversation.id, HandOff(note="Wants a human"))
    waiting = await only(world)
    assert (waiting.handler, waiting.reply_due_at is not None) == (Handler.PEOPLE, True)
    with pytest.raises(HandedOff):
        await said(world, bot, conversation, "Still a bot.")
    with pytest.raises(HandedOff):
        await world.messages.send(bot, NewMessage(to=Phone(f"+{ADA}"), content=Text(body="psst")))
    assert (await world.conversations.take_next(agent)).id == conversation.id
    await said(world, agent, conversation)
    await world.conversations.hand_back(agent, conversation.id)
    await said(world, bot, conversation, "A bot again.")


async def test_somebody_who_answers_a_bots_conversation_takes_it_over(world):
    await world.desk.receive(world.actor, NUMBER, ReceptionWish(bot=True))
    bot = replace(person(world, Role.ADMIN), session_id=None)
    await world.hear(world.letter(ADA, "Hello"))
    await said(world, person(world), await only(world))
    with pytest.raises(HandedOff):
        await said(world, bot, await only(world))


async def test_reading_tells_the_person_and_clears_the_count(world):
    letter = world.letter(ADA, "Hello")
    await world.hear(letter)
    conversation = await only(world)
    await world.conversations.mark_read(world.actor, conversation.id, typing=True)
    assert world.receipts.read == [(letter.wamid, True)]
    assert (await only(world)).unread == 0


async def test_a_live_view_shows_each_touch_to_those_it_concerns(world):
    agent = person(world)
    stream = world.conversations.watch(agent, every=0.01)
    first = asyncio.create_task(anext(stream))
    await asyncio.sleep(0.05)
    await world.hear(world.letter(ADA, "Hello"))
    shown = await asyncio.wait_for(first, 10)
    assert shown.last_text == "Hello"
    world.clock.seconds += 1
    following = asyncio.create_task(anext(stream))
    await said(world, agent, shown, "Hi!")
    assert (await asyncio.wait_for(following, 10)).last_text == "Hi!"
    await stream.aclose()


async def test_a_file_of_a_person_is_fetched_and_one_of_another_conversation_is_not(world):
    world.media.files["900"] = b"picture"
    raw = msgspec.Raw(b'{"type":"image","image":{"id":"900","mime_type":"image/jpeg","sha256":"x"}}')
    await world.hear(world.letter(ADA, "", kind="image", raw=raw), world.letter(BEA, "Hi", profile_name="B"))
    found = {each.name: each for each in await inbox(world, world.actor)}
    (entry,) = (await world.conversations.thread(world.actor, found["Ada"].id)).items
    file, pieces = await world.desk.file(world.actor, found["Ada"].id, entry.heard.id)
    assert (file.mime_type, [piece async for piece in pieces]) == ("image/jpeg", [b"picture"])
    with pytest.raises(NoFile):
        await world.desk.file(world.actor, found["B"].id, entry.heard.id)
    assert found["Ada"].last_text == "[image]"


async def test_canned_replies_have_one_shortcut_each(world):
    kept = await world.desk.put_canned(world.actor, NewCannedReply(shortcut="open", text="We open at nine."))
    with pytest.raises(ShortcutTaken):
        await world.desk.put_canned(world.actor, NewCannedReply(shortcut="open", text="No"))
    changed = await world.desk.put_canned(
        world.actor, NewCannedReply(shortcut="hours", text="Nine to five."), kept.id
    )
    assert await world.desk.canned(world.actor) == [changed]
    await world.desk.remove_canned(world.actor, kept.id)
    assert not await world.desk.canned(world.actor)


async def test_an_erased_person_leaves_counts_and_no_words(world):
    await world.hear(world.letter(ADA, "My secret"))
    conversation = await only(world)
    await world.conversations.note(world.actor, conversation.id, NewNote(text="Their secret"))
    await said(world, world.actor, conversation, "Your secret")
    await world.settle(6)
    await said(world, world.actor, conversation, "A secret that waits")
    event = ContactErased(
        organization_id=world.actor.organization_id,
        contact_id=uuid4(),
        people=(person_key(Phone(f"+{ADA}")),),
        at=world.clock.now(),
    )
    await world.desk.contact_erased(uuid4(), event)
    left = await only(world)
    assert (left.name, left.to, left.last_text) == ("", None, "[erased]")
    thread = (await world.conversations.thread(world.actor, conversation.id)).items
    assert "secret" not in msgspec.json.encode(thread).decode()
    assert len(thread) == 3
    calls = world.meta.calls
    await world.settle(3)
    assert world.meta.calls == calls
    with pytest.raises(PersonErased):
        await said(world, world.actor, conversation)
    # Nobody is recognised by what is left: who writes again is a new person.
    assert ADA not in msgspec.json.encode([left, *thread]).decode()
    assert await traces_of(world, ADA) == []
    await world.hear(world.letter(ADA, "It is me again"))
    anew = next(each for each in await inbox(world, world.actor) if each.id != conversation.id)
    await said(world, world.actor, anew)


async def test_who_may_not_see_numbers_answers_without_seeing_one(world):
    raw = msgspec.Raw(f'{{"from":"{ADA}","type":"text"}}'.encode())
    await world.hear(world.letter(ADA, "Hello", raw=raw))
    rights = frozenset(
        {Permission.CONVERSATIONS_READ, Permission.CONVERSATIONS_WRITE, Permission.MESSAGES_READ}
    )
    agent = person(world, permissions=rights)
    conversation = await only(world, agent)
    answer = await said(world, agent, conversation)
    thread = await world.conversations.thread(agent, conversation.id)
    history = await world.messages.page(agent)
    for seen in (conversation, answer, thread, history):
        assert ADA not in msgspec.json.encode(seen).decode()
    await world.settle(4)
    assert world.meta.accepted[0].to == f"+{ADA}"


async def test_a_live_view_misses_nobody_of_the_many_who_write_at_once(world, monkeypatch):
    monkeypatch.setattr(conversations, "TOUCHED", 3)
    await world.hear(*(world.letter(f"4477009000{n:02}", "Hi") for n in range(10)))
    told = [each.id async for each in world.conversations.watch(world.actor, seconds=0)]
    assert len(told) == len(set(told)) == 10


async def test_more_teams_than_one_look_takes_in_are_all_served(world, monkeypatch):
    monkeypatch.setattr(desk, "TEAMS", 2)
    teams = [TeamId(uuid4()) for _ in range(5)]
    world.desks.teams = {team: [] for team in teams[:4]} | {teams[4]: [person(world).user_id]}
    await world.hear(*(world.letter(f"4477009000{n:02}", "Hi") for n in range(5)))
    found = await inbox(world, world.actor)
    for team, conversation in zip(sorted(teams), found, strict=True):
        await world.conversations.assign(world.actor, conversation.id, Assignment(team_id=team))
    assert await world.desk.step() == 1


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 5))
def test_the_order_in_which_messages_arrive_does_not_matter(order, replied):
    """Whatever comes late: the newest word is on top, and the window counts from the newest."""
    organization = OrganizationId(uuid4())
    letters = [
        Inbound(
            id=MessageId(uuid4()),
            organization_id=organization,
            phone_number_id=NUMBER,
            wamid=Wamid(str(n)),
            person=person_key(Phone(f"+{ADA}")),
            kind="text",
            text=str(n),
            raw="{}",
            at=NOON + timedelta(minutes=n),
        )
        for n in range(6)
    ]
    reception = Reception(phone_number_id=NUMBER, organization_id=organization)
    conversation = begun(letters[order[0]], reception, ConversationId(uuid4()), NOON)
    for n in order[1:]:
        conversation = conversation.hear(letters[n], reception, NOON)
    assert (conversation.last_text, conversation.heard_at) == ("5", letters[5].at)
    assert (conversation.unread, conversation.waiting_since) == (6, letters[0].at)
    answered = conversation.say(Text(body="ok"), UserId(uuid4()), NOON + timedelta(minutes=replied + 10))
    assert answered.waiting_since is None
