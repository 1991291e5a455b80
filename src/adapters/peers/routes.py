"""The public HTTP API as a table: for each use case and method, the request that does the same elsewhere.

Arguments go by name: into the path where it says so, into the body where `body` or `wraps` says so, and
otherwise into the query. `tests/test_remote.py` holds the table against the handlers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Route:
    """One request."""

    method: str
    path: str
    body: str = ""
    """The argument that is the JSON body."""
    wraps: Mapping[str, str] = field(default_factory=dict[str, str])
    """Arguments that are fields of the JSON body, by the fields' names."""
    spread: str = ""
    """The argument whose fields are all in the query."""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names in the query that are not the argument's own."""
    left_out: frozenset[str] = frozenset()
    """Arguments and fields that have no place over HTTP."""


@dataclass(frozen=True, slots=True)
class ByValue:
    """Several requests, of which an argument's value chooses."""

    argument: str
    routes: Mapping[object, Route]


@dataclass(frozen=True, slots=True)
class Stream:
    """A request whose answer comes in pieces: bytes, or moments as server-sent events."""

    route: Route
    events: bool = False


Way: TypeAlias = Route | ByValue | Stream


def _get(path: str, **more: str) -> Route:
    return Route("GET", path, renamed=more)


def _post(path: str, body: str = "", **wraps: str) -> Route:
    return Route("POST", path, body, wraps)


def _put(path: str, body: str = "") -> Route:
    return Route("PUT", path, body)


def _delete(path: str, body: str = "", **wraps: str) -> Route:
    return Route("DELETE", path, body, wraps)


AUTH = "/api/auth"
CAMPAIGN = "/api/campaigns/{id}"
CONTACT = "/api/contacts/{id}"
CONVERSATION = "/api/conversations/{id}"
SUBSCRIPTION = "/api/subscriptions/{id}"
TEAM = "/api/teams/{id}"
TEMPLATE = "/api/templates/{id}"
NOT_ASKED = frozenset({"every", "thorough", "rule", "at"})
"""How often an embedded platform looks, and questions that only other use cases ask."""


def _contacts(path: str, **more: str) -> Route:
    return Route("GET", path, spread="wanted", renamed=more, left_out=NOT_ASKED)


ROUTES: Mapping[str, Mapping[str, Way]] = {
    "accounts": {
        "register": Route("POST", f"{AUTH}/register", "new", left_out=frozenset({"origin"})),
        "login": Route("POST", f"{AUTH}/login", "given", left_out=frozenset({"origin"})),
        "profile": _get(f"{AUTH}/profile"),
        "change_profile": _put(f"{AUTH}/profile", "change"),
        "change_password": _post(f"{AUTH}/change-password", "change"),
        "remove": _delete(f"{AUTH}/profile", "farewell"),
    },
    "sessions": {
        "all": _get(f"{AUTH}/sessions"),
        "end": _delete(f"{AUTH}/sessions/{{id}}"),
        "end_all": _post(f"{AUTH}/logout-all"),
        "logout": _post(f"{AUTH}/logout"),
        "organizations": _get(f"{AUTH}/organizations"),
        "switch": _post(f"{AUTH}/switch-organization", "wanted"),
    },
    "organizations": {
        "get": _get("/api/organization"),
        "change": _put("/api/organization", "change"),
        "members": _get("/api/organization/members"),
        "change_member": _put("/api/organization/members/{user}", "change"),
        "remove_member": _delete("/api/organization/members/{user}"),
        "leave": _post("/api/organization/leave"),
    },
    "invitations": {
        "invite": _post("/api/organization/invitations", "new"),
        "page": _get("/api/organization/invitations"),
        "send_again": _post("/api/organization/invitations/{id}/resend"),
        "revoke": _delete("/api/organization/invitations/{id}"),
    },
    "roles": {
        "all": _get("/api/organization/roles"),
        "add": _post("/api/organization/roles", "new"),
        "change": _put("/api/organization/roles/{id}", "change"),
        "remove": _delete("/api/organization/roles/{id}"),
    },
    "second_factors": {
        "state": _get(f"{AUTH}/second-factor"),
        "enrol": _post(f"{AUTH}/second-factor"),
        "confirm": _post(f"{AUTH}/second-factor/confirm", "given"),
        "renew_codes": _post(f"{AUTH}/second-factor/recovery-codes", "given"),
        "remove": _delete(f"{AUTH}/second-factor", "given"),
    },
    "api_keys": {
        "all": _get("/api/keys"),
        "create": _post("/api/keys", "new"),
        "revoke": _delete("/api/keys/{id}"),
    },
    "audit": {
        "page": Route("GET", "/api/audit", spread="wanted"),
        "verify": _get("/api/audit/verify"),
    },
    "wabas": {
        "all": _get("/api/wabas"),
        "connect": _post("/api/wabas", "new"),
        "sign_up": _post("/api/wabas/embedded-signup", "signup"),
        "disconnect": _delete("/api/wabas/{waba_id}"),
    },
    "subscriptions": {
        "all": _get("/api/subscriptions"),
        "add": _post("/api/subscriptions", "new"),
        "get": _get(SUBSCRIPTION),
        "change": _put(SUBSCRIPTION, "change"),
        "remove": _delete(SUBSCRIPTION),
        "rotate": _post(f"{SUBSCRIPTION}/rotate-secret"),
        "try_out": _post(f"{SUBSCRIPTION}/test"),
        "deliveries": _get(f"{SUBSCRIPTION}/deliveries", state="status"),
        "replay": _post(f"{SUBSCRIPTION}/replay", "span"),
        "again": _post(f"{SUBSCRIPTION}/deliveries/{{delivery}}/retry"),
    },
    "teams": {
        "add": _post("/api/teams", "new"),
        "page": _get("/api/teams"),
        "get": _get(TEAM),
        "change": _put(TEAM, "change"),
        "remove": _delete(TEAM),
        "join": _post(f"{TEAM}/members", "new"),
        "members": _get(f"{TEAM}/members"),
        "change_member": _put(f"{TEAM}/members/{{user}}", "change"),
        "leave": _delete(f"{TEAM}/members/{{user}}"),
        "set_available": _put(f"{TEAM}/availability", "wish"),
    },
    "contacts": {
        "add": _post("/api/contacts", "new"),
        "page": _contacts("/api/contacts", number="page"),
        "get": _get(CONTACT),
        "change": _put(CONTACT, "change"),
        "remove": _delete(CONTACT),
        "favorite": ByValue(
            "wanted",
            {
                True: _put(f"{CONTACT}/favorite"),
                False: _delete(f"{CONTACT}/favorite"),
                None: Route("PATCH", f"{CONTACT}/favorite"),
            },
        ),
    },
    "groups": {
        "add": _post("/api/groups", "new"),
        "ensure": Route("PUT", "/api/groups", wraps={"name": "name"}),
        "page": _get("/api/groups", number="page"),
        "get": _get("/api/groups/{id}"),
        "change": _put("/api/groups/{id}", "change"),
        "remove": _delete("/api/groups/{id}"),
        "put_in": _post("/api/groups/{id}/contacts", contacts="contactIds"),
        "take_out": _delete("/api/groups/{id}/contacts", contacts="contactIds"),
    },
    "consent": {
        "note": ByValue(
            "wish", {"stop": _post(f"{CONTACT}/opt-out", "told"), "start": _post(f"{CONTACT}/opt-in", "told")}
        ),
        "ledger": _get(f"{CONTACT}/consent"),
        "suppressed": _get("/api/contacts/suppressions"),
        "suppress": ByValue(
            "wish",
            {
                "stop": _post("/api/contacts/suppressions", "told"),
                "start": _delete("/api/contacts/suppressions", "told"),
            },
        ),
    },
    "import_jobs": {
        "page": _get("/api/contacts/imports"),
        "get": _get("/api/contacts/imports/{id}"),
        "cancel": _post("/api/contacts/imports/{id}/cancel"),
        "errors": Stream(_get("/api/contacts/imports/{id}/errors.csv")),
        "watch": Stream(Route("GET", "/api/contacts/imports/{id}/progress", left_out=NOT_ASKED), events=True),
    },
    "exports": {"export": Stream(_contacts("/api/contacts/export", kind="format"))},
    "privacy": {
        "export": _get(f"{CONTACT}/personal-data"),
        "erase": _post(f"{CONTACT}/erase"),
        "retention": _get("/api/contacts/retention"),
        "retain": _put("/api/contacts/retention", "change"),
    },
    "identities": {
        "merge": _post(f"{CONTACT}/merge", "told"),
        "history": _get(f"{CONTACT}/merges"),
        "undo": _post("/api/contacts/merges/{id}/undo"),
    },
    "attributes": {
        "all": _get("/api/contacts/attributes"),
        "define": _post("/api/contacts/attributes", "new"),
        "change": _put("/api/contacts/attributes/{key}", "change"),
        "remove": _delete("/api/contacts/attributes/{key}"),
    },
    "segments": {
        "add": _post("/api/segments", "new"),
        "page": _get("/api/segments", number="page"),
        "get": _get("/api/segments/{id}"),
        "change": _put("/api/segments/{id}", "change"),
        "remove": _delete("/api/segments/{id}"),
        "members": _get("/api/segments/{id}/contacts", number="page"),
        "try_out": _post("/api/segments/try", rule="rule"),
    },
    "templates": {
        "create": _post("/api/templates", "new"),
        "page": Route("GET", "/api/templates", spread="wanted", renamed={"name": "search", "number": "page"}),
        "get": _get(TEMPLATE),
        "family": _get(f"{TEMPLATE}/family"),
        "update": _put(TEMPLATE, "change"),
        "delete": _delete(TEMPLATE),
        "deliver": _put(f"{TEMPLATE}/delivery", "wish"),
        "preview": _post(f"{TEMPLATE}/preview", "request"),
        "validate": _post("/api/templates/validate", "raw"),
    },
    "keeper": {"sync": _post("/api/templates/sync", waba_id="wabaId")},
    "header_files": {
        "page": _get("/api/templates/media"),
        "delete": _delete("/api/templates/media/{id}"),
    },
    "campaigns": {
        "create": _post("/api/campaigns", "new"),
        "page": _get("/api/campaigns", state="status", number="page"),
        "get": _get(CAMPAIGN),
        "change": _put(CAMPAIGN, "change"),
        "remove": _delete(CAMPAIGN),
        "launch": _post(f"{CAMPAIGN}/launch"),
        "pause": _post(f"{CAMPAIGN}/pause"),
        "resume": _post(f"{CAMPAIGN}/resume"),
        "cancel": _post(f"{CAMPAIGN}/cancel"),
        "schedule": _post(f"{CAMPAIGN}/schedule", "schedule"),
        "unschedule": _delete(f"{CAMPAIGN}/schedule"),
        "choose_winner": _post(f"{CAMPAIGN}/winner", "choice"),
        "retry_failed": _post(f"{CAMPAIGN}/retry-failed"),
    },
    "reports": {
        "report": _get(f"{CAMPAIGN}/report"),
        "recipients": _get(f"{CAMPAIGN}/recipients", state="status"),
        "explain": _get(f"{CAMPAIGN}/recipients/{{recipient_id}}"),
        "export": Stream(_get(f"{CAMPAIGN}/recipients/export", kind="format")),
        "watch": Stream(Route("GET", f"{CAMPAIGN}/progress", left_out=NOT_ASKED), events=True),
    },
    "rehearsal": {
        "forecast": _get(f"{CAMPAIGN}/forecast"),
        "dry_run": _get(f"{CAMPAIGN}/dry-run", after="cursor"),
        "try_out": _post(f"{CAMPAIGN}/test", "trial"),
        "approve": _post(f"{CAMPAIGN}/approve"),
        "approval": _get("/api/campaigns/approval"),
        "set_approval": _put("/api/campaigns/approval", "wish"),
        "card": _get("/api/prices"),
        "put_card": _put("/api/prices", "card"),
    },
    "crediting": {"convert": _post("/api/campaigns/conversions", "new")},
    "messages": {
        "send": _post("/api/messages/send", "new"),
        "page": _get("/api/messages", state="status"),
        "get": _get("/api/messages/{id}"),
        "numbers": _get("/api/numbers"),
    },
    "conversations": {
        "page": Route("GET", "/api/conversations", spread="wish"),
        "get": _get(CONVERSATION),
        "thread": _get(f"{CONVERSATION}/messages"),
        "answer": _post(f"{CONVERSATION}/messages", "answer"),
        "mark_read": _post(f"{CONVERSATION}/read"),
        "note": _post(f"{CONVERSATION}/notes", "new"),
        "assign": _post(f"{CONVERSATION}/assign", "wish"),
        "close": _post(f"{CONVERSATION}/close"),
        "reopen": _post(f"{CONVERSATION}/reopen"),
        "hand_off": _post(f"{CONVERSATION}/hand-off", "wish"),
        "hand_back": _post(f"{CONVERSATION}/hand-back"),
        "take_next": _post("/api/conversations/take-next"),
        "watch": Stream(Route("GET", "/api/conversations/live", left_out=NOT_ASKED), events=True),
    },
    "desk": {
        "canned": _get("/api/canned-replies"),
        "put_canned": ByValue(
            "id",
            {
                None: _post("/api/canned-replies", "new"),
                ...: _put("/api/canned-replies/{id}", "new"),
            },
        ),
        "remove_canned": _delete("/api/canned-replies/{id}"),
        "figures": _get("/api/conversations/figures"),
        "receptions": _get("/api/numbers/receptions"),
        "receive": _put("/api/numbers/{number}/reception", "wish"),
    },
    "policies": {"get": _get("/api/sending-policy"), "put": _put("/api/sending-policy", "wish")},
    "quotas": {"get": _get("/api/quota")},
}
"""Every method that a request does alone; those with files and signatures are in `public.py`."""
