"""The Graph API: which call is about what, who may make it, and the answer (fact sheet 1, 4.1, 11)."""

import hmac
import re

import msgspec

from tidings.adapters.sandbox.accounts import Access, Line, Waba
from tidings.adapters.sandbox.apps import Apps, Verify
from tidings.adapters.sandbox.blocks import Blocks
from tidings.adapters.sandbox.calls import SUCCESS, Call, Reply, answered
from tidings.adapters.sandbox.errors import (
    GraphError,
    bad_token,
    expired_token,
    invalid,
    no_token,
    unknown_object,
)
from tidings.adapters.sandbox.moderation import Moderation
from tidings.adapters.sandbox.numbers import Numbers, health
from tidings.adapters.sandbox.passcodes import previews
from tidings.adapters.sandbox.review import Reviews
from tidings.adapters.sandbox.sending import Sending
from tidings.adapters.sandbox.world import World

_VERSION = re.compile(r"v2[1-6]\.0")
_UNREGISTERED = 200
"""Calls an hour that manage an account without a registered number."""
_MESSAGING = frozenset({"messages", "marketing_messages", "media"})


class Graph:
    """Everything below a version."""

    def __init__(self, world: World, moderation: Moderation, verify: Verify) -> None:
        self._world = world
        self._sending = Sending(world)
        self._reviews = Reviews(world, moderation)
        self._numbers = Numbers(world)
        self._blocks = Blocks(world)
        self._apps = Apps(world, verify)
        self._trace = 0

    async def answer(self, call: Call) -> Reply:
        """The answer to any call; errors are answers too."""
        self._trace += 1
        try:
            reply = await self._route(call)
        except GraphError as error:
            reply = self._refusal(call, error)
        said = (("facebook-api-version", call.path[1:6]), ("x-fb-trace-id", f"A{self._trace:015d}"))
        return reply._replace(headers=(*reply.headers, *said))

    def media(self, call: Call) -> Reply:
        """The bytes of a file, from the address that a look-up gave."""
        try:
            return self._world.files.fetch(self._waba(call), call, self._world.now())
        except GraphError as error:
            return self._refusal(call, error)

    def _refusal(self, call: Call, error: GraphError) -> Reply:
        trace = f"A{self._world.dice.hex(f'trace {self._trace}', 22)}"
        waba = self._world.tokens.get(_token(call))
        headers = self._usage(waba, 100) if waba is not None and error.code == 80007 else ()
        said = f'OAuth "Facebook Platform" "invalid_request" "{error.message}"'
        return Reply(error.status, error.body(trace), headers=(*headers, ("www-authenticate", said)))

    async def _route(self, call: Call) -> Reply:
        version, *parts = call.path.strip("/").split("/")
        if not _VERSION.fullmatch(version):
            raise invalid("Unknown path components: " + call.path)
        if (answer := self._apps.find(parts, call)) is not None:
            return await answer
        waba = self._waba(call)
        match parts:
            case [id, edge] if edge in _MESSAGING and (line := self._line(waba, id)):
                return self._message(waba, line, edge, call)
            case [id] if id.startswith("upload:"):
                chance = self._world.dice.roll(f"upload {self._world.next_number()}")[0]
                return self._world.files.push(waba, id, call, self._world.faults, chance)
            case [id] if media := self._world.files.find(waba, id, self._world.now()):
                return self._world.files.node(media, call, self._world.now())
            case [id, "uploads"] if id.isdecimal() and call.method == "POST":
                return self._world.files.begin(waba, call)
            case [id, *edge]:
                headers = self._counted(waba)
                reply = await self._managed(waba, id, edge, call)
                return reply._replace(headers=headers)
            case _:
                raise unknown_object(call.method, "")

    def _message(self, waba: Waba, line: Line, edge: str, call: Call) -> Reply:
        if call.method != "POST":
            raise unknown_object(call.method, line.id)
        if waba.access is Access.NO_MESSAGING:
            raise GraphError(10, message="(#10) Application does not have permission for this action")
        if edge == "media":
            return self._world.files.upload(line, call, self._world.now())
        return self._sending.answer(line, call, lite=edge == "marketing_messages")

    async def _managed(self, waba: Waba, id: str, edge: list[str], call: Call) -> Reply:
        """Everything that counts as managing an account."""
        if waba.access is Access.NO_MANAGEMENT:
            raise GraphError(200, message="(#200) You do not have permission to access this object.")
        line = self._line(waba, id)
        template = self._reviews.find(waba, id)
        match edge:
            case [] if id == waba.id and call.method == "GET":
                return answered(_account(waba, call))
            case [name] if id == waba.id:
                return await self._edge(waba, name, call)
            case ["block_users"] if line is not None:
                return self._blocks.edge(line, call)
            case [] if line is not None:
                if call.method == "POST" and "webhook_configuration" in call.json():
                    return await self._apps.send_elsewhere(line, call)
                return self._numbers.node(line, call)
            case [name] if line is not None:
                return self._numbers.edge(line, name, call)
            case [] if template is not None:
                return self._reviews.node(waba, template, call)
            case ["unpause"] if template is not None and call.method == "POST":
                return self._reviews.unpause(template)
            case _:
                raise unknown_object(call.method, id)

    def _counted(self, waba: Waba) -> tuple[tuple[str, str], ...]:
        """Raise GraphError when the hour's calls are used up."""
        active = any(line.waba is waba and line.standing.registered for line in self._world.ordered)
        most = self._world.settings.management_calls
        percent = waba.calls.take(most if active else min(most, _UNREGISTERED), self._world.now())
        return self._usage(waba, percent) if percent else ()

    def _usage(self, waba: Waba, percent: int) -> tuple[tuple[str, str], ...]:
        usage = {
            "type": "whatsapp_business_management",
            "call_count": percent,
            "total_cputime": percent // 4,
            "total_time": percent // 4,
            "estimated_time_to_regain_access": waba.calls.regain(self._world.now()) if percent >= 100 else 0,
        }
        of_app = {name: usage[name] for name in ("call_count", "total_cputime", "total_time")}
        return (
            ("x-business-use-case-usage", msgspec.json.encode({waba.id: [usage]}).decode()),
            ("x-app-usage", msgspec.json.encode(of_app).decode()),
        )

    def _waba(self, call: Call) -> Waba:
        token = _token(call)
        if not token:
            raise no_token()
        waba = self._world.tokens.get(token)
        if waba is None:
            raise bad_token()
        if waba.access is Access.EXPIRED:
            raise expired_token()
        if "appsecret_proof" not in call.query:
            if self._world.settings.require_proof:
                raise invalid("API calls from the server require an appsecret_proof argument")
        else:
            proof = hmac.digest(waba.app_secret.encode(), token.encode(), "sha256").hex()
            if not hmac.compare_digest(call.params.get("appsecret_proof", ""), proof):
                raise invalid("Invalid appsecret_proof provided in the API argument")
        return waba

    def _line(self, waba: Waba, id: str) -> Line | None:
        line = self._world.lines.get(id)
        return line if line is not None and line.waba is waba else None

    async def _edge(self, waba: Waba, edge: str, call: Call) -> Reply:
        match edge, call.method:
            case "message_templates", _:
                return self._reviews.edge(waba, call)
            case "message_template_previews", "GET":
                return answered({"data": previews(call.params)})
            case "upsert_message_templates", "POST":
                return self._reviews.upsert(waba, call)
            case "phone_numbers", "GET":
                return self._numbers.page(waba, call)
            case "phone_numbers", "POST":
                return self._numbers.add(waba, call)
            case "subscribed_apps", "GET":
                return answered({"data": [_subscription(waba)] if waba.subscribed else []})
            case "subscribed_apps", "POST":
                return await self._apps.subscribe(waba, call)
            case "subscribed_apps", "DELETE":
                waba.subscribed, waba.override = False, None
                self._world.changed = True
                return SUCCESS
            case _:
                raise unknown_object(call.method, waba.id)


def _token(call: Call) -> str:
    token = call.authorization.removeprefix("Bearer ").removeprefix("OAuth ").strip()
    return token or call.params.get("access_token", "")


def _account(waba: Waba, call: Call) -> dict[str, object]:
    whole: dict[str, object] = {
        "id": waba.id,
        "name": "Sandbox",
        "currency": "GBP",
        "timezone_id": "1",
        "message_template_namespace": f"sandbox_{waba.id}",
        "account_review_status": "APPROVED",
        "business_verification_status": "verified",
        "country": "GB",
        "ownership_type": "SELF",
        "health_status": health("WABA", waba.id),
    }
    wanted = call.params.get("fields")
    names = (
        ["id", *wanted.split(",")] if wanted else ("id", "name", "timezone_id", "message_template_namespace")
    )
    return {name: whole[name] for name in names if name in whole}


def _subscription(waba: Waba) -> dict[str, object]:
    app = {"id": waba.app_id, "name": "Sandbox", "link": f"https://www.facebook.com/?app_id={waba.app_id}"}
    said: dict[str, object] = {"whatsapp_business_api_data": app}
    if waba.override is not None:
        said["override_callback_uri"] = waba.override
    return said
