"""What is asked of conversations, and how conversations and their threads are shown."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.application.ports.conversations import Entry
from tidings.application.whatsapp.saying import MessageView, view
from tidings.domain.kernel import (
    Actor,
    MessageId,
    Permission,
    PersonKey,
    Phone,
    TeamId,
    UserId,
    Wamid,
    masked_person,
    masked_phone,
)
from tidings.domain.whatsapp.content import Content
from tidings.domain.whatsapp.conversations import Conversation, Inbound
from tidings.domain.whatsapp.desk import Note


class ConversationWish(Struct, frozen=True, kw_only=True):
    """What a list is narrowed to."""

    stage: str | None = None
    mine: bool = False
    unassigned: bool = False
    team_id: TeamId | None = None
    person: Phone | None = None


class Answer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What is said in a conversation."""

    content: Content
    reply_to: Wamid | None = None


class Assignment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Who is to answer. What is not mentioned stays; null takes it away."""

    team_id: TeamId | UnsetType | None = UNSET
    user_id: UserId | UnsetType | None = UNSET


class HandOff(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """To whom a bot passes a conversation, and what it would say to them."""

    team_id: TeamId | None = None
    note: Annotated[str, Meta(max_length=4000)] = ""


class NewNote(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A remark among colleagues."""

    text: Annotated[str, Meta(min_length=1, max_length=4000)]


class ConversationView(Conversation, frozen=True, kw_only=True, rename="camel"):
    """A conversation as people see it."""

    window_closes_at: datetime
    window_is_open: bool


class InboundView(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a person wrote."""

    id: MessageId
    wamid: Wamid
    kind: str
    text: str = ""
    payload: str = ""
    reply_to: Wamid | None = None
    at: datetime
    raw: str = ""
    """Meta's words, the person's number among them: empty for those who may not see numbers."""


class EntryView(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A line of a thread: `heard` from the person, `said` by us, or a private `note`."""

    at: datetime
    heard: InboundView | None = None
    said: MessageView | None = None
    note: Note | None = None


def shown(actor: Actor, conversation: Conversation, now: datetime) -> ConversationView:
    """As this actor may see it: numbers in part for those who may not see them."""
    fields = {name: getattr(conversation, name) for name in Conversation.__struct_fields__}
    if not actor.may(Permission.CONTACTS_REVEAL):
        recipient = conversation.recipient
        fields["to"] = masked_phone(conversation.to)
        fields["person"] = masked_person(conversation.person)
        fields["recipient"] = None if recipient is None else masked_person(PersonKey(recipient))
    return ConversationView(
        **fields,
        window_closes_at=conversation.window_ends_at,
        window_is_open=conversation.window_open(now),
    )


def line(actor: Actor, entry: Entry) -> EntryView:
    """A line of a thread as this actor may see it."""
    return EntryView(
        at=entry.at,
        heard=None if entry.inbound is None else _heard(actor, entry.inbound),
        said=None if entry.message is None else view(actor, entry.message),
        note=entry.note,
    )


def _heard(actor: Actor, heard: Inbound) -> InboundView:
    return InboundView(
        id=heard.id,
        wamid=heard.wamid,
        kind=heard.kind,
        text=heard.text,
        payload=heard.payload,
        reply_to=heard.reply_to,
        at=heard.at,
        raw=heard.raw if actor.may(Permission.CONTACTS_REVEAL) else "",
    )
