"""Every endpoint of the whole application × every caller (S6), and every object × a stranger."""

import json

import pytest

from tests.http.matrix import Caller, endpoints_of, sample, wrongly
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.http.security import undeclared
from tidings.application.users import NewApiKey, NewRole, Registration
from tidings.domain.kernel import RIGHTS, Actor, Permission, Role, UserId
from tidings.domain.users import Credential, Membership, Session, SessionId, User, fingerprint

pytestmark = pytest.mark.anyio

PASSWORD = "a fine long sentence"
NARROW = frozenset({Permission.CONTACTS_READ})

CALLERS = [
    Caller("nobody", None),
    Caller("nonsense", None),
    Caller("expired", None),
    Caller("signed out", None),
    Caller("suspended", None),
    Caller("owner", RIGHTS[Role.OWNER]),
    Caller("admin", RIGHTS[Role.ADMIN]),
    Caller("member", RIGHTS[Role.MEMBER]),
    Caller("viewer", RIGHTS[Role.VIEWER]),
    Caller("custom", NARROW),
    Caller("key", NARROW, person=False),
]


class People:
    """Makes callers of one organisation, without the price of hashing passwords."""

    def __init__(self, container):
        self.container = container
        self.made = {}

    async def found(self, name):
        new = Registration(email=f"{name}-{uuid7().hex}@example.org", password=PASSWORD, name=name)
        signed_in = await self.container.accounts().register(new)
        self.owner, _ = await self.container.gate().identify(signed_in.token)
        role = NewRole(name="Narrow", permissions=tuple(NARROW))
        self.narrow = await self.container.roles().add(self.owner, role)
        self.token = signed_in.token
        return self

    async def secret(self, caller):
        """A bearer that works (or does not) as the caller's name says."""
        if caller.name not in self.made:
            self.made[caller.name] = await self._secret(caller.name)
        return self.made[caller.name]

    async def _secret(self, name):
        if name in ("nobody", "nonsense"):
            return None if name == "nobody" else "tdk_nonsense"
        role = {
            "owner": Role.OWNER,
            "admin": Role.ADMIN,
            "member": Role.MEMBER,
            "viewer": Role.VIEWER,
            "custom": Role.CUSTOM,
        }.get(name, Role.ADMIN)
        actor = await self._join(role, suspended=name == "suspended")
        if name == "key":
            new = NewApiKey(name="k", scopes=tuple(NARROW))
            return (await self.container.api_keys().create(actor, new)).key
        now = utcnow()
        issued = now if name != "expired" else now.replace(year=now.year - 1)
        token = self.container.tokens().issue(actor, SessionId(actor.session_id), issued)
        if name == "signed out":
            await self.container.sessions().logout(actor)
        return token

    async def token_of(self, role):
        """Of somebody new in this role."""
        actor = await self._join(role, suspended=False)
        return self.container.tokens().issue(actor, SessionId(actor.session_id), utcnow())

    async def _join(self, role, *, suspended):
        now, id = utcnow(), UserId(uuid7())
        organization = self.owner.organization_id
        user = User(id=id, email=f"{id.hex}@example.org", name="Who", created_at=now, updated_at=now)
        member = Membership(
            organization_id=organization,
            user_id=id,
            role=role,
            role_id=self.narrow.id if role is Role.CUSTOM else None,
            suspended_at=now if suspended else None,
            joined_at=now,
        )
        session = Session(
            id=SessionId(uuid7()),
            user_id=id,
            organization_id=organization,
            created_at=now,
            ends_at=now.replace(year=now.year + 1),
        )
        async with self.container.users_begin()() as work:
            await work.users.add(user, Credential(user_id=id, password_hash=None))
            await work.organizations.join(member)
            await work.sessions.add(session, fingerprint(id.hex))
        return Actor(user_id=id, organization_id=organization, role=role, session_id=session.id)


def code(answer):
    try:
        return answer.json()["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return ""


def body_of(endpoint):
    if endpoint.body is None:
        return {}
    try:
        return {"json": sample(endpoint.body)}
    except (TypeError, RecursionError):
        return {"json": {}}


async def test_every_endpoint_says_who_may_call_it(service):
    assert undeclared(service.app) == []
    assert len(endpoints_of(service.app)) > 60


async def test_every_caller_is_answered_as_declared(service):
    people = await People(service.container).found("matrix")
    wrong = []
    for endpoint in endpoints_of(service.app):
        for caller in CALLERS:
            secret = await people.secret(caller)
            answer = await service.ask(endpoint.method, endpoint.address(), secret, json={})
            if problem := wrongly(endpoint, caller, answer.status_code, code(answer)):
                wrong.append(problem)
            if answer.is_success and endpoint.method != "GET":
                # What was done may have ended the sign-in, or the membership.
                people.made.pop(caller.name, None)
    assert not wrong, "\n".join(wrong)


async def test_a_change_of_role_is_felt_by_the_next_request(service):
    people = await People(service.container).found("roles")
    admin = Caller("admin", RIGHTS[Role.ADMIN])
    secret = await people.secret(admin)
    assert (await service.ask("GET", "/api/audit", secret)).status_code == 200
    members = (await service.ask("GET", "/api/organization/members", people.token)).json()["data"]
    id = next(each["user"]["id"] for each in members if each["membership"]["role"] == "admin")
    change = await service.ask(
        "PUT", f"/api/organization/members/{id}", people.token, json={"role": "viewer"}
    )
    assert change.status_code == 200
    assert (await service.ask("GET", "/api/audit", secret)).status_code == 401


# Objects of another organisation.

LISTS = {"GET /api/contacts/{id:uuid}/merges"}
"""What happened to a contact that may be gone since: to a stranger, nothing."""


async def made(service, token, path, body, name="id"):
    answer = await service.ask("POST", path, token, json=body)
    assert answer.is_success, (path, answer.text)
    data = answer.json()["data"]
    for step in name.split("."):
        data = data[step]
    return data


async def objects(service, token):
    """One of each kind that can be made over HTTP: the prefix of its address, and its id."""
    ask = service.ask
    contact = await made(service, token, "/api/contacts", {"firstName": "Ada", "phone": "+447700900123"})
    group = await made(service, token, "/api/groups", {"name": "Friends"})
    team = await made(service, token, "/api/teams", {"name": "Support"})
    profile = (await ask("GET", "/api/auth/profile", token)).json()["data"]
    user = profile["user"]["id"]
    await made(service, token, f"/api/teams/{team}/members", {"userId": user}, "userId")
    role = await made(
        service, token, "/api/organization/roles", {"name": "R", "permissions": ["contacts:read"]}
    )
    invitation = await made(
        service,
        token,
        "/api/organization/invitations",
        {"email": "guest@example.org"},
        "invitation.id",
    )
    key = await made(service, token, "/api/keys", {"name": "k", "scopes": ["contacts:read"]}, "apiKey.id")
    sessions = (await ask("GET", "/api/auth/sessions", token)).json()["data"]
    return {
        "/api/contacts": {"id": contact},
        "/api/groups": {"id": group, "group_id": group, "contact_id": contact},
        "/api/teams": {"id": team, "user_id": user},
        "/api/organization/members": {"id": user},
        "/api/organization/roles": {"id": role},
        "/api/organization/invitations": {"id": invitation},
        "/api/keys": {"id": key},
        "/api/auth/sessions": {"id": sessions[0]["session"]["id"]},
    }


async def everything(service, token):
    """All that the organisation shows of itself, but for what reading changes."""
    seen = {}
    for path in (
        "/api/contacts",
        "/api/groups",
        "/api/teams",
        "/api/organization",
        "/api/organization/members",
        "/api/organization/roles",
        "/api/organization/invitations",
        "/api/keys",
    ):
        seen[path] = json.dumps((await service.ask("GET", path, token)).json(), sort_keys=True)
    return seen


async def test_a_stranger_finds_nothing_of_anybody_else(service):
    ours = await People(service.container).found("ours")
    known = await objects(service, ours.token)
    before = await everything(service, ours.token)
    wrong = []
    tried = set()
    for endpoint in endpoints_of(service.app):
        ids = next((ids for prefix, ids in known.items() if endpoint.path.startswith(prefix)), None)
        if not endpoint.parameters or ids is None or endpoint.public:
            continue
        theirs = await People(service.container).found("theirs")
        tried.add(str(endpoint))
        for body in ({}, {"json": {}}, body_of(endpoint)):
            answer = await service.ask(endpoint.method, endpoint.address(ids), theirs.token, **body)
            if str(endpoint) in LISTS and answer.json().get("data") == []:
                continue
            if answer.is_success or answer.status_code in (401, 403, 409, 500):
                wrong.append(f"{endpoint}: {answer.status_code} {answer.text[:200]}")
        if endpoint.body is None and str(endpoint) not in LISTS and answer.status_code != 404:
            wrong.append(f"{endpoint}: {answer.status_code}, not 404")
    assert not wrong, "\n".join(wrong)
    assert len(tried) > 20
    assert await everything(service, ours.token) == before
