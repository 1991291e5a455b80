"""From the platform's events to those that an organisation's endpoints hear, and into their lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from tidings.application.ports.common import NewId, Now
from tidings.application.ports.users import Begin
from tidings.domain.events import (
    CampaignMoved,
    ChangeMade,
    ContactErased,
    ContactOptedIn,
    ContactOptedOut,
    ContactsMerged,
    ContactsParted,
    ConversationMoved,
    Event,
    MessageReceived,
    MessagesMoved,
    Move,
    SinglesMoved,
    TemplateChanged,
    TemplateStatusChanged,
)
from tidings.domain.kernel import CampaignId
from tidings.domain.users.subscriptions import TYPES, Delivery, DeliveryId, Outgoing

GROUP = "subscriptions"
_CONTACTS = {f"contact:{how}": f"contact.{how}" for how in ("created", "changed", "removed")}
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Publisher:
    """Puts what endpoints want to hear in line for them."""

    begin: Begin
    read: Begin
    now: Now
    new_id: NewId

    async def hear(self, events: Sequence[tuple[UUID, Event]]) -> None:
        """Told twice, it adds nothing: an event's id stays the same on its way out."""
        async with self.read() as look:
            subscriptions = await look.subscriptions.of({event.organization_id for _, event in events})
        if not subscriptions:
            return
        now = self.now()
        listening = {each.organization_id for each in subscriptions}
        told = [
            out
            for id, event in events
            if event.organization_id in listening
            for out in outgoing(id, event, now)
        ]
        waiting = [
            Delivery(
                id=DeliveryId(self.new_id()),
                subscription_id=each.id,
                organization_id=out.organization_id,
                event_id=out.id,
                type=out.type,
                key=out.key,
                body=out.body,
                at=now,
                next_attempt_at=now,
            )
            for out in told
            for each in subscriptions
            if each.organization_id == out.organization_id and each.wants(out.type)
        ]
        if waiting:
            async with self.begin() as work:
                await work.deliveries.add(waiting)

    async def forget(self, events: Sequence[tuple[UUID, Event]]) -> None:
        """Take out of the lines, and of what was delivered, what says something of people to forget."""
        for _, event in events:
            if isinstance(event, ContactErased):
                keys = {str(event.contact_id), *event.people, *(f"+{person}" for person in event.people)}
                async with self.begin() as work:
                    await work.deliveries.forget(event.organization_id, keys)


def outgoing(id: UUID, event: Event, now: datetime) -> Iterator[Outgoing]:
    """What endpoints hear of an event; nothing of most."""
    match event:
        case MessagesMoved():
            for move in event.moves:
                yield from _moved(id, event, move, event.campaign_id)
        case SinglesMoved():
            for move in event.moves:
                yield from _moved(id, event, move, None)
        case ContactsMerged() | ContactsParted():
            what = "merged" if isinstance(event, ContactsMerged) else "parted"
            data = {"contactId": event.kept_id, "otherId": event.absorbed_id}
            yield _out(id, event, f"contact.{what}", event.at, data)
        case ChangeMade() if event.what in _CONTACTS:
            yield _out(id, event, _CONTACTS[event.what], event.at, {"contactId": event.subject})
        case _:
            if told := _one(event, now):
                yield _out(id, event, *told)


def _one(event: Event, now: datetime) -> tuple[str, datetime, dict[str, Any]] | None:
    match event:
        case MessageReceived():
            return "message.received", event.at, _letter(event)
        case CampaignMoved() if f"campaign.{event.state}" in TYPES:
            data = {"campaignId": event.campaign_id, "state": event.state, "reason": event.reason}
            return f"campaign.{event.state}", event.at, data
        case ContactOptedOut() | ContactOptedIn():
            how = "out" if isinstance(event, ContactOptedOut) else "in"
            data = {"contactId": event.contact_id, "source": event.source}
            return f"contact.opted_{how}", event.at, data
        case ContactErased():
            return "contact.erased", event.at, {"contactId": event.contact_id}
        case TemplateStatusChanged():
            data = {"templateId": event.template_id, "status": event.status, "reason": event.reason}
            return "template.status_changed", now, data
        case TemplateChanged():
            data = {
                "templateId": event.template_id,
                "category": event.category,
                "quality": event.quality,
                "content": event.content,
            }
            return "template.changed", now, data
        case ConversationMoved():
            return f"conversation.{event.what}", event.at, _conversation(event)
        case _:
            return None


def _letter(event: MessageReceived) -> dict[str, Any]:
    return {
        "messageId": event.message_id,
        "wamid": event.wamid,
        "phoneNumberId": event.phone_number_id,
        "from": event.sender,
        "fromUserId": event.sender_user_id,
        "profileName": event.profile_name,
        "kind": event.kind,
        "text": event.text,
        "payload": event.payload,
        "replyTo": event.reply_to,
        "button": event.button,
    }


def _conversation(event: ConversationMoved) -> dict[str, Any]:
    return {
        "conversationId": event.conversation_id,
        "phoneNumberId": event.phone_number_id,
        "stage": event.stage,
        "handler": event.handler,
        "teamId": event.team_id,
        "assigneeId": event.assignee_id,
        "by": event.by,
    }


def _moved(id: UUID, event: Event, move: Move, campaign: CampaignId | None) -> Iterator[Outgoing]:
    type = f"message.{move.state}"
    if type not in TYPES:
        return
    data = {
        "messageId": move.message_id,
        "campaignId": campaign,
        "contactId": move.contact_id,
        "wamid": move.wamid,
        "state": move.state,
        "version": move.version,
        "code": move.code,
        "reason": move.reason,
    }
    # A state of a message is told once, in whatever event it travels.
    own = uuid5(move.message_id, f"{move.version}")
    key = str(move.contact_id or move.message_id)
    yield Outgoing(
        id=own,
        organization_id=event.organization_id,
        type=type,
        key=key,
        body=_body(own, type, move.at, data),
    )


def _out(id: UUID, event: Event, type: str, at: datetime, data: dict[str, Any]) -> Outgoing:
    key = str(data.get("contactId") or event.key)[:160]
    return Outgoing(
        id=id, organization_id=event.organization_id, type=type, key=key, body=_body(id, type, at, data)
    )


def _body(id: UUID, type: str, at: datetime, data: dict[str, Any]) -> str:
    return _encode({"id": id, "type": type, "timestamp": at, "data": data}).decode()
