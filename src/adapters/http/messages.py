"""Messages, sending numbers, and Meta's webhook over HTTP."""

import hmac
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Controller, MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from tidings.adapters.http.envelope import Listing, Reply, listing, reply
from tidings.application.ports.meta import BadSignature
from tidings.application.whatsapp.hearing import Webhooks
from tidings.application.whatsapp.saying import Messages, MessageView, NewMessage
from tidings.domain.errors import Forbidden
from tidings.domain.kernel import Actor, CampaignId, MessageId, Permission, Phone
from tidings.domain.whatsapp.numbers import Number
from tidings.domain.whatsapp.requests import KEY

KEPT = ("whatsapp", 120, Permission.CONVERSATIONS_ALL)
"""Others see what their teams see, which is no part of a reply's key."""
Once = Annotated[str | None, HeaderParameter(name=KEY)]
"""Makes a request repeatable: the first of those with one key counts."""
LARGEST_WEBHOOK = 4 * 1024 * 1024
"""Bytes; Meta sends at most 3 MB (fact sheet 5.3)."""


class WrongVerifyToken(Forbidden):
    """The verify token is not ours."""


@dataclass(frozen=True, slots=True)
class VerifyToken:
    """What Meta must say when the callback URL is set (fact sheet 5.1)."""

    value: str

    def check(self, mode: str | None, token: str | None) -> None:
        """Raise WrongVerifyToken."""
        given = (token or "").encode()
        if mode != "subscribe" or not hmac.compare_digest(given, self.value.encode()):
            raise WrongVerifyToken()


class MessageController(Controller):
    path = "/api/messages"
    tags = ["Messages"]

    @post("/send", permission=Permission.MESSAGES_SEND)
    async def send(
        self,
        messages: NamedDependency[Messages],
        actor: NamedDependency[Actor],
        data: JSONBody[NewMessage],
        once: Once = None,
    ) -> Reply[MessageView]:
        """Send one message; free text needs an open customer service window.

        With an `Idempotency-Key`, the same request again within a day sends nothing and answers alike.
        """
        return reply(await messages.send(actor, data, once), "Message in line")

    @get("/", permission=Permission.MESSAGES_READ, cached=KEPT)
    async def page(
        self,
        messages: NamedDependency[Messages],
        actor: NamedDependency[Actor],
        status: FromQuery[str | None] = None,
        to: FromQuery[str | None] = None,
        campaign_id: Annotated[CampaignId | None, QueryParameter(name="campaignId")] = None,
        cursor: FromQuery[str | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
    ) -> Listing[MessageView]:
        """Message history, newest first."""
        found = await messages.page(
            actor,
            state=status,
            to=None if to is None else Phone(to),
            campaign_id=campaign_id,
            cursor=cursor,
            limit=limit,
        )
        return listing(found, limit=limit)

    @get("/{id:uuid}", permission=Permission.MESSAGES_READ, cached=KEPT)
    async def one(
        self, messages: NamedDependency[Messages], actor: NamedDependency[Actor], id: FromPath[MessageId]
    ) -> Reply[MessageView]:
        """A message with its timeline."""
        return reply(await messages.get(actor, id))

    @get("/webhook", media_type=MediaType.TEXT, public=True, permission=None)
    async def verify(
        self,
        verify_token: NamedDependency[VerifyToken],
        mode: Annotated[str | None, QueryParameter(name="hub.mode")] = None,
        challenge: Annotated[
            str | None, QueryParameter(name="hub.challenge", pattern=r"^[0-9]{1,64}$")
        ] = None,
        token: Annotated[str | None, QueryParameter(name="hub.verify_token")] = None,
    ) -> str:
        """Meta's check of the callback URL: answers the challenge."""
        verify_token.check(mode, token)
        return challenge or ""

    @post(
        "/webhook",
        status_code=200,
        media_type=MediaType.TEXT,
        public=True,
        permission=None,
        request_max_body_size=LARGEST_WEBHOOK,
        raises=[],
    )
    async def webhook(
        self, request: Request[Any, Any, Any], webhooks: NamedDependency[Webhooks]
    ) -> Response[str]:
        """Meta's updates: signed with X-Hub-Signature-256, answered once they are durable."""
        signature = request.headers.get("x-hub-signature-256")
        if signature is None:
            raise BadSignature()
        await webhooks.receive(signature, await request.body())
        return Response("", media_type=MediaType.TEXT)


class NumberController(Controller):
    path = "/api/numbers"
    tags = ["Numbers"]

    @get("/", permission=Permission.WABAS_READ)
    async def numbers(
        self, messages: NamedDependency[Messages], actor: NamedDependency[Actor]
    ) -> Reply[list[Number]]:
        """The organisation's sending numbers."""
        return reply(list(await messages.numbers(actor)))
