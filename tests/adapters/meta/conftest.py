"""Meta at the other end of an httpx transport, answering as each test says."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import pytest

from tidings.adapters.meta.client import Graph, GraphOptions, graph
from tidings.application.ports.gateway import Outgoing, TokenMissing
from tidings.domain.kernel import AttemptId, Phone, PhoneNumberId, WabaId
from tidings.domain.whatsapp.content import Text

WABA = WabaId("920000000000101")
NUMBER = PhoneNumberId("310000000000202")
TOKEN = "EAADEMOTOKEN"
ATTEMPT = AttemptId(UUID("0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b"))
TAKEN = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+447700900123", "wa_id": "447700900123"}],
    "messages": [{"id": "wamid.OUT001", "message_status": "accepted"}],
}


@dataclass
class Tokens:
    """The Credentials port."""

    token_of: dict[str, str] = field(default_factory=lambda: {WABA: TOKEN})

    async def token(self, waba_id):
        if waba_id not in self.token_of:
            raise TokenMissing()
        return self.token_of[waba_id]


@dataclass
class Meta:
    """Hands out `answers` in turn, the last one for ever, and remembers what was asked."""

    answers: list = field(default_factory=lambda: [TAKEN])
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return answer(request) if isinstance(answer, Callable) else httpx.Response(200, json=answer)

    def graph(self, **options) -> Graph:
        options = {"base_url": "https://graph.example"} | options
        return graph(GraphOptions(**options), transport=httpx.MockTransport(self))

    @property
    def bodies(self) -> list:
        return [json.loads(request.content) for request in self.asked]


@pytest.fixture
def meta():
    return Meta()


@pytest.fixture
def tokens():
    return Tokens()


def error(code, *, status=400, headers=None, **more) -> httpx.Response:
    """An error of Meta's."""
    body = {"error": {"message": f"(#{code}) no", "type": "OAuthException", "code": code, **more}}
    return httpx.Response(status, json=body, headers=headers)


def outgoing(content=None, **changes) -> Outgoing:
    fields = {
        "attempt_id": ATTEMPT,
        "waba_id": WABA,
        "phone_number_id": NUMBER,
        "to": Phone("+447700900123"),
        "content": content or Text(body="Your parcel is at the depot."),
    }
    return Outgoing(**(fields | changes))
