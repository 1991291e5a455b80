"""People's messages as conversations move on by them; within the transaction that keeps the messages."""

from collections.abc import Sequence
from datetime import datetime

from tidings.application.ports.common import NewId
from tidings.application.ports.conversations import ConversationKey
from tidings.application.ports.whatsapp import Work
from tidings.domain.events import ConversationMoved
from tidings.domain.kernel import ConversationId, UserId
from tidings.domain.whatsapp.content import Content
from tidings.domain.whatsapp.conversations import Conversation, Inbound, Reception, Stage, begun, in_order
from tidings.domain.whatsapp.messages import Message


async def heard_in_conversations(work: Work, heard: Sequence[Inbound], now: datetime, new_id: NewId) -> None:
    """Open, reopen or move on the conversation of each message: two statements for all of them."""
    if not heard:
        return
    known = {key_of(each): each for each in await work.conversations.of({key_of(said) for said in heard})}
    receptions = await work.desk.receptions({said.phone_number_id for said in heard})
    before = dict(known)
    for said in in_order(heard):
        reception = receptions.get(said.phone_number_id) or plain(said)
        key = key_of(said)
        known[key] = (
            known[key].hear(said, reception, now)
            if key in known
            else begun(said, reception, ConversationId(new_id()), now)
        )
    await work.conversations.put(list(known.values()))
    for key, after in known.items():
        if key not in before:
            await work.outbox.put(moved("opened", after, None, now))
        elif before[key].stage is Stage.CLOSED and after.stage is Stage.OPEN:
            await work.outbox.put(moved("reopened", after, None, now))


async def said_in_conversation(
    work: Work, conversation: Conversation, content: Content, by: UserId | None, now: datetime
) -> Conversation:
    """We wrote in it: `by` somebody, or (None) a program. Raise HandedOff."""
    after = conversation.say(content, by, now)
    await work.conversations.put([after])
    await work.outbox.put(moved("replied", after, by, now))
    return after


def key_of(thing: Inbound | Conversation | Message) -> ConversationKey:
    return ConversationKey(
        organization_id=thing.organization_id, phone_number_id=thing.phone_number_id, person=thing.person
    )


def plain(thing: Inbound | Conversation) -> Reception:
    """How a number receives for which nothing was said."""
    return Reception(phone_number_id=thing.phone_number_id, organization_id=thing.organization_id)


def moved(what: str, conversation: Conversation, by: UserId | None, at: datetime) -> ConversationMoved:
    return ConversationMoved(
        organization_id=conversation.organization_id,
        conversation_id=conversation.id,
        phone_number_id=conversation.phone_number_id,
        what=what,
        stage=conversation.stage.value,
        handler=conversation.handler.value,
        team_id=conversation.team_id,
        assignee_id=conversation.assignee_id,
        by=by,
        at=at,
    )
