"""Contexts apart: a port answers over HTTP as it does in the process, with the same errors."""

import dataclasses
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import msgspec
import pytest

from tidings.adapters.peers.answering import Answering
from tidings.adapters.peers.contract import calls_of
from tidings.adapters.peers.remote import OPENS_AFTER, REST, TRIES, Peers, PeerUnavailable
from tidings.adapters.security import ServiceTokens
from tidings.application.ports.campaigns import Audience, Person
from tidings.application.ports.users import Doorkeeper
from tidings.application.ports.whatsapp import Consent
from tidings.bootstrap.apart import answers
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.settings import CONTEXTS, BadSettings, Settings, read_settings
from tidings.domain.contacts.groups import GroupNotFound
from tidings.domain.errors import Fault
from tidings.domain.kernel import Actor, ContactId, OrganizationId, PersonKey, Phone, Role, UserId
from tidings.domain.users import BadToken

pytestmark = pytest.mark.anyio
KEYS = ("k" * 32,)
SOMEBODY = OrganizationId(uuid4())
ADA = Person(
    contact_id=ContactId(uuid4()),
    phone=Phone("+447700900123"),
    person=PersonKey("p:447700900123"),
    name="Ada",
    fields={"firstName": "Ada"},
)
ACTOR = Actor(user_id=UserId(uuid4()), organization_id=SOMEBODY, role=Role.ADMIN, session_id=uuid4())
ENDS = datetime(2026, 11, 25, 12, tzinfo=UTC)


class People:
    """Stands for contacts and users on the other side."""

    async def page(self, organization, group, *, after, limit):
        if group is not None:
            raise GroupNotFound("", Fault(field="groupId", rule="exists", message="is not a group"))
        return [ADA] if organization == SOMEBODY and after is None and limit == 7 else []

    async def blocked(self, organization, contacts):
        return set(contacts)

    async def identify(self, secret):
        if secret != "good":
            raise BadToken()
        return ACTOR, ENDS


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now = 1000.0

    async def sleep(self, seconds):
        self.now += seconds

    def moment(self):
        return datetime(2026, 11, 25, tzinfo=UTC) + timedelta(seconds=self.now)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens(clock):
    return ServiceTokens(KEYS, clock.moment)


async def _nothing(scope, receive, send):
    raise AssertionError("the application was asked")


def _service(tokens, served=("contacts", "users")):
    people = People()
    ports = {Audience: lambda: people, Consent: lambda: people, Doorkeeper: lambda: people}
    return Answering(_nothing, ports, lambda token: tokens.good(token, served))


def _peers(clock, token, transport):
    return Peers(
        urls={"contacts": "http://contacts:3001/", "users": "http://users:3000"},
        token=token,
        sleep=clock.sleep,
        clock=lambda: clock.now,
        connect=lambda: httpx.AsyncClient(transport=transport),
    )


@pytest.fixture
def peers(clock, tokens):
    return _peers(clock, tokens.issue, httpx.ASGITransport(_service(tokens)))


async def test_a_process_that_asks_nobody_opens_no_connection(clock, tokens):
    opened = []

    def connect():
        opened.append(httpx.AsyncClient(transport=httpx.ASGITransport(_service(tokens))))
        return opened[-1]

    peers = dataclasses.replace(_peers(clock, tokens.issue, None), connect=connect)
    audience = peers.port("contacts", Audience)
    await peers.aclose()
    assert opened == []
    for _ in range(2):
        await audience.page(SOMEBODY, None, after=None, limit=7)
    assert len(opened) == 1
    await peers.aclose()
    assert opened[0].is_closed


async def test_a_remote_port_answers_with_the_same_values(peers):
    audience = peers.port("contacts", Audience)
    assert await audience.page(SOMEBODY, None, after=None, limit=7) == [ADA]
    consent = peers.port("contacts", Consent)
    assert set(await consent.blocked(SOMEBODY, [ADA.contact_id])) == {ADA.contact_id}
    assert await peers.port("users", Doorkeeper).identify("good") == (ACTOR, ENDS)


async def test_a_remote_port_raises_the_same_errors(peers):
    with pytest.raises(GroupNotFound) as found:
        await peers.port("contacts", Audience).page(SOMEBODY, uuid4(), after=None, limit=7)
    assert str(found.value) == str(GroupNotFound())
    assert found.value.faults == (Fault(field="groupId", rule="exists", message="is not a group"),)
    with pytest.raises(BadToken):
        await peers.port("users", Doorkeeper).identify("bad")


async def test_nobody_without_a_service_token_is_answered(clock, tokens):
    service = httpx.ASGITransport(_service(tokens, served=("contacts",)))
    strangers = ServiceTokens(("x" * 32,), clock.moment)
    old = tokens.issue("contacts")
    for token in (strangers.issue("contacts"), tokens.issue("users"), "", "nonsense"):
        async with httpx.AsyncClient(transport=service, base_url="http://contacts") as client:
            reply = await client.post(
                "/internal/Consent/blocked", headers={"authorization": f"Bearer {token}"}
            )
        assert reply.status_code == 401, token
    assert tokens.good(old, ["contacts"])
    clock.now += 3600
    assert not tokens.good(old, ["contacts"])


async def test_a_question_that_does_not_fit_is_refused(clock, tokens):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(_service(tokens)),
        base_url="http://contacts",
        headers={"authorization": f"Bearer {tokens.issue('contacts')}"},
    ) as client:
        for path, body in (
            ("Consent/blocked", b"{}"),
            ("Consent/blocked", b"\xff"),
            ("Consent/nothing", b"{}"),
            ("Nothing/blocked", b"{}"),
            ("Consent/__init__", b"{}"),
            ("", b""),
        ):
            assert (await client.post(f"/internal/{path}", content=body)).status_code == 409


async def test_what_got_no_answer_is_asked_again(clock, tokens):
    asked = []
    service = httpx.ASGITransport(_service(tokens))

    async def now_and_then(request):
        asked.append(request)
        if len(asked) == 1:
            raise httpx.ConnectError("down")
        if len(asked) == 2:
            return httpx.Response(503)
        return await service.handle_async_request(request)

    peers = _peers(clock, tokens.issue, httpx.MockTransport(now_and_then))
    assert await peers.port("users", Doorkeeper).identify("good") == (ACTOR, ENDS)
    assert len(asked) == TRIES


async def test_a_peer_that_is_down_is_left_alone_for_a_while(clock, tokens):
    asked = []

    async def down(request):
        asked.append(request)
        raise httpx.ConnectError("down")

    peers = _peers(clock, tokens.issue, httpx.MockTransport(down))
    doorkeeper = peers.port("users", Doorkeeper)
    for _ in range(10):
        with pytest.raises(PeerUnavailable):
            await doorkeeper.identify("good")
    assert len(asked) == OPENS_AFTER
    clock.now += REST
    with pytest.raises(PeerUnavailable):
        await doorkeeper.identify("good")
    assert len(asked) == OPENS_AFTER + 1


async def test_every_port_between_contexts_can_be_put_on_the_wire(tmp_path):
    async with assembled(Settings(data=tmp_path)) as container:
        ports = answers(container, CONTEXTS)
        for port, who in ports.items():
            calls = calls_of(port)
            assert calls, port
            assert all(callable(getattr(who(), name)) for name in calls)
    assert isinstance(calls_of(Audience)["page"].read, msgspec.json.Decoder)


def test_what_runs_apart_must_agree_on_meta_and_keys():
    with pytest.raises(BadSettings) as refused:
        read_settings({"TIDINGS_PEERS": "users=http://a:3000,teams,shops=http://b"})
    assert [(fault.field, fault.rule) for fault in refused.value.faults] == [
        ("TIDINGS_PEERS", "peer"),
        ("TIDINGS_PEERS", "peer"),
        ("TIDINGS_GRAPH_URL", "required"),
        ("TIDINGS_SIGNING_KEYS", "required"),
        ("TIDINGS_APP_SECRETS", "required"),
    ]


def test_a_context_of_this_process_is_not_elsewhere():
    settings = read_settings(
        {
            "TIDINGS_PEERS": ",".join(f"{name}=http://{name}" for name in CONTEXTS),
            "TIDINGS_GRAPH_URL": "http://graph",
            "TIDINGS_SIGNING_KEYS": "a key of this test and of no other one",
            "TIDINGS_APP_SECRETS": "s",
        },
        contexts=("users", "teams"),
    )
    assert settings.here == ("users", "teams")
    assert set(settings.elsewhere) == {"contacts", "templates", "campaigns", "whatsapp"}
