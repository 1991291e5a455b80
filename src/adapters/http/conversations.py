"""Conversations and the desk over HTTP."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream

from tidings.adapters.http.envelope import Done, Listing, Reply, listing, reply
from tidings.adapters.http.limits import LARGEST_FILE
from tidings.adapters.http.messages import Once
from tidings.application.ports.conversations import AgentFigures
from tidings.application.whatsapp.conversations import Conversations
from tidings.application.whatsapp.desk import Desk, NewCannedReply, NewMedia, ReceptionWish
from tidings.application.whatsapp.saying import MessageView
from tidings.application.whatsapp.threads import (
    Answer,
    Assignment,
    ConversationView,
    ConversationWish,
    EntryView,
    HandOff,
    NewNote,
)
from tidings.domain.kernel import Actor, ConversationId, MessageId, Permission, Phone, PhoneNumberId, TeamId
from tidings.domain.whatsapp.conversations import Reception
from tidings.domain.whatsapp.desk import CannedReply, Note

READ, WRITE, ALL = (
    Permission.CONVERSATIONS_READ,
    Permission.CONVERSATIONS_WRITE,
    Permission.CONVERSATIONS_ALL,
)
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
SHOWN_INLINE = ("image/jpeg", "image/png", "image/webp", "audio/", "video/")
"""What a browser may show; everything else is a file to keep, whatever a person called it."""


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """A form with a file."""

    file: UploadFile
    phone_number_id: PhoneNumberId | None = msgspec.field(default=None, name="phoneNumberId")


class ConversationController(Controller):
    path = "/api/conversations"
    tags = ["Conversations"]

    @get("/", permission=READ)
    async def page(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        stage: FromQuery[str | None] = None,
        mine: FromQuery[bool] = False,
        unassigned: FromQuery[bool] = False,
        team_id: Annotated[TeamId | None, QueryParameter(name="teamId")] = None,
        person: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> Listing[ConversationView]:
        """Conversations that one may see, the newest word first."""
        wish = ConversationWish(
            stage=stage,
            mine=mine,
            unassigned=unassigned,
            team_id=team_id,
            person=None if person is None else Phone(person),
        )
        return listing(await conversations.page(actor, wish, cursor=cursor, limit=limit), limit=limit)

    @get("/live", permission=READ)
    async def live(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        seconds: Annotated[int, QueryParameter(ge=0, le=3600)] = 600,
    ) -> ServerSentEvent:
        """Conversations as they are touched, as server-sent events; ask again when it ends."""
        return ServerSentEvent(_told(conversations, actor, seconds))

    @get("/figures", permission=ALL)
    async def figures(
        self,
        desk: NamedDependency[Desk],
        actor: NamedDependency[Actor],
        since: FromQuery[datetime],
        until: FromQuery[datetime],
    ) -> Reply[list[AgentFigures]]:
        """How everybody answered in conversations closed in a span of time."""
        return reply(list(await desk.figures(actor, since, until)))

    @post("/take-next", permission=WRITE, status_code=200)
    async def take_next(
        self, conversations: NamedDependency[Conversations], actor: NamedDependency[Actor]
    ) -> Reply[ConversationView]:
        """Take the person who has waited longest; of many who ask at once each gets another."""
        return reply(await conversations.take_next(actor), "Conversation taken")

    @get("/{id:uuid}", permission=READ)
    async def one(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
    ) -> Reply[ConversationView]:
        """A conversation."""
        return reply(await conversations.get(actor, id))

    @get("/{id:uuid}/messages", permission=READ)
    async def thread(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> Listing[EntryView]:
        """What was said and noted, newest first."""
        return listing(await conversations.thread(actor, id, cursor=cursor, limit=limit), limit=limit)

    @post("/{id:uuid}/messages", permission=WRITE)
    async def answer(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
        data: JSONBody[Answer],
        once: Once = None,
    ) -> Reply[MessageView]:
        """Say something; free text needs an open customer service window.

        With an `Idempotency-Key`, the same request again within a day sends nothing and answers alike.
        """
        return reply(await conversations.answer(actor, id, data, once), "Message in line")

    @post("/{id:uuid}/read", permission=WRITE, status_code=200)
    async def mark_read(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
        typing: FromQuery[bool] = False,
    ) -> Done:
        """Everything was read, and the person sees it; with `typing` also that an answer is coming."""
        await conversations.mark_read(actor, id, typing=typing)
        return Done(message="Conversation read")

    @post("/{id:uuid}/notes", permission=WRITE)
    async def note(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
        data: JSONBody[NewNote],
    ) -> Reply[Note]:
        """Leave a private note: the person never sees it."""
        return reply(await conversations.note(actor, id, data), "Note kept")

    @post("/{id:uuid}/assign", permission=WRITE, status_code=200)
    async def assign(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
        data: JSONBody[Assignment],
    ) -> Reply[ConversationView]:
        """Give it to a team or a person; what is not mentioned stays."""
        return reply(await conversations.assign(actor, id, data), "Conversation assigned")

    @post("/{id:uuid}/close", permission=WRITE, status_code=200)
    async def close(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
    ) -> Reply[ConversationView]:
        """Nothing more is to be done; the person's next message opens it again."""
        return reply(await conversations.close(actor, id), "Conversation closed")

    @post("/{id:uuid}/reopen", permission=WRITE, status_code=200)
    async def reopen(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
    ) -> Reply[ConversationView]:
        """Open it by hand."""
        return reply(await conversations.reopen(actor, id), "Conversation open")

    @post("/{id:uuid}/hand-off", permission=WRITE, status_code=200)
    async def hand_off(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
        data: JSONBody[HandOff],
    ) -> Reply[ConversationView]:
        """A bot passes it to people, and may say nothing until it is handed back."""
        return reply(await conversations.hand_off(actor, id, data), "Handed to people")

    @post("/{id:uuid}/hand-back", permission=WRITE, status_code=200)
    async def hand_back(
        self,
        conversations: NamedDependency[Conversations],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
    ) -> Reply[ConversationView]:
        """The bot answers again."""
        return reply(await conversations.hand_back(actor, id), "Handed back to the bot")

    @get("/{id:uuid}/messages/{message_id:uuid}/file", permission=READ)
    async def file(
        self,
        desk: NamedDependency[Desk],
        actor: NamedDependency[Actor],
        id: FromPath[ConversationId],
        message_id: FromPath[MessageId],
    ) -> Stream:
        """The file of a person's message, fetched from Meta."""
        file, pieces = await desk.file(actor, id, message_id)
        first = await anext(pieces, b"")
        inline = file.mime_type.startswith(SHOWN_INLINE)
        name = quote(file.filename or file.id)
        return Stream(
            _all(first, pieces),
            media_type=file.mime_type if inline else "application/octet-stream",
            headers={
                "content-disposition": f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{name}",
                "x-content-type-options": "nosniff",
                "content-security-policy": "sandbox",
                "cache-control": "private, max-age=86400",
            },
        )


class DeskController(Controller):
    path = "/api"
    tags = ["Desk"]

    @get("/canned-replies", permission=READ)
    async def canned(
        self, desk: NamedDependency[Desk], actor: NamedDependency[Actor]
    ) -> Reply[list[CannedReply]]:
        """Texts to be said again and again, by their shortcuts."""
        return reply(list(await desk.canned(actor)))

    @post("/canned-replies", permission=WRITE)
    async def add_canned(
        self, desk: NamedDependency[Desk], actor: NamedDependency[Actor], data: JSONBody[NewCannedReply]
    ) -> Reply[CannedReply]:
        """Keep a canned reply."""
        return reply(await desk.put_canned(actor, data), "Canned reply kept")

    @put("/canned-replies/{id:uuid}", permission=WRITE)
    async def change_canned(
        self,
        desk: NamedDependency[Desk],
        actor: NamedDependency[Actor],
        id: FromPath[MessageId],
        data: JSONBody[NewCannedReply],
    ) -> Reply[CannedReply]:
        """Change a canned reply."""
        return reply(await desk.put_canned(actor, data, id), "Canned reply kept")

    @delete("/canned-replies/{id:uuid}", permission=WRITE, status_code=200)
    async def remove_canned(
        self, desk: NamedDependency[Desk], actor: NamedDependency[Actor], id: FromPath[MessageId]
    ) -> Done:
        """Forget a canned reply."""
        await desk.remove_canned(actor, id)
        return Done(message="Canned reply removed")

    @get("/numbers/receptions", permission=READ)
    async def receptions(
        self, desk: NamedDependency[Desk], actor: NamedDependency[Actor]
    ) -> Reply[list[Reception]]:
        """What happens to those who write to each number."""
        return reply(list(await desk.receptions(actor)))

    @put("/numbers/{number:str}/reception", permission=ALL)
    async def receive(
        self,
        desk: NamedDependency[Desk],
        actor: NamedDependency[Actor],
        number: FromPath[PhoneNumberId],
        data: JSONBody[ReceptionWish],
    ) -> Reply[Reception]:
        """Say which team answers a number, whether a bot goes first, and how soon people want to answer."""
        return reply(await desk.receive(actor, number, data), "Reception set")

    @post("/media", permission=Permission.MESSAGES_SEND, request_max_body_size=LARGEST_FILE)
    async def send_up(
        self,
        desk: NamedDependency[Desk],
        actor: NamedDependency[Actor],
        data: Annotated[Uploaded, Body(media_type=RequestEncodingType.MULTI_PART)],
    ) -> Reply[NewMedia]:
        """Bring a file to Meta, to be sent by its id within 30 days."""
        media = await desk.send_up(
            actor,
            name=data.file.filename,
            mime_type=data.file.content_type,
            content=await data.file.read(),
            number=data.phone_number_id,
        )
        return reply(media, "File at Meta")


async def _told(
    conversations: Conversations, actor: Actor, seconds: int
) -> AsyncGenerator[ServerSentEventMessage]:
    async for conversation in conversations.watch(actor, seconds=seconds):
        body = msgspec.json.encode(conversation).decode()
        yield ServerSentEventMessage(data=body, event="conversation", id=str(conversation.id))


async def _all(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for piece in rest:
        yield piece
