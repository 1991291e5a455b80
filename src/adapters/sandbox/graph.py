"""The Graph API: which call is about what, who may make it, and the answer (fact sheet 1, 4.1, 11)."""

import re
from collections.abc import Awaitable, Callable

from tidings.adapters.sandbox.accounts import Line, Waba
from tidings.adapters.sandbox.calls import SUCCESS, Call, Reply, answered
from tidings.adapters.sandbox.errors import (
    GraphError,
    bad_token,
    invalid,
    no_token,
    unknown_object,
)
from tidings.adapters.sandbox.review import Reviews
from tidings.adapters.sandbox.sending import Sending
from tidings.adapters.sandbox.world import World

Verify = Callable[[str, str, str], Awaitable[bool]]
"""Asks a callback address whether it knows a token: address, token, challenge."""

_VERSION = re.compile(r"v(2[1-6])\.0")


class Graph:
    """Everything below a version."""

    def __init__(self, world: World, verify: Verify) -> None:
        self._world = world
        self._verify = verify
        self._sending = Sending(world)
        self._reviews = Reviews(world)
        self._trace = 0

    async def answer(self, call: Call) -> Reply:
        """The answer to any call; errors are answers too."""
        try:
            return await self._route(call)
        except GraphError as error:
            self._trace += 1
            trace = f"A{self._world.dice.hex(f'trace {self._trace}', 22)}"
            return Reply(error.status, error.body(trace))

    async def _route(self, call: Call) -> Reply:
        parts = call.path.strip("/").split("/")
        if not _VERSION.fullmatch(parts[0]):
            raise invalid("Unknown path components: /" + "/".join(parts))
        waba = self._waba(call)
        match parts[1:]:
            case [id, "messages"] if (line := self._line(waba, id)) and call.method == "POST":
                return self._sending.answer(line, call)
            case ["debug_token"] if call.method == "GET":
                return self._debug(call)
            case [id] if id == waba.id and call.method == "GET":
                return answered(_account(waba))
            case [id, edge] if id == waba.id:
                return await self._edge(waba, edge, call)
            case [id] if line := self._line(waba, id):
                return _number_node(line, call)
            case [id] if template := self._reviews.find(waba, id):
                return self._reviews.node(waba, template, call)
            case [id, *_]:
                raise unknown_object(call.method, id)
            case _:
                raise unknown_object(call.method, "")

    def _waba(self, call: Call) -> Waba:
        token = call.authorization.removeprefix("Bearer ").removeprefix("OAuth ").strip()
        if not token:
            token = call.params.get("access_token", "")
        if not token:
            raise no_token()
        waba = self._world.tokens.get(token)
        if waba is None:
            raise bad_token()
        return waba

    def _line(self, waba: Waba, id: str) -> Line | None:
        line = self._world.lines.get(id)
        return line if line is not None and line.waba is waba else None

    async def _edge(self, waba: Waba, edge: str, call: Call) -> Reply:
        match edge, call.method:
            case "message_templates", _:
                return self._reviews.edge(waba, call)
            case "phone_numbers", "GET":
                lines = [line for line in self._world.ordered if line.waba is waba]
                return answered({"data": [_number(line) for line in lines], **_cursors(lines)})
            case "subscribed_apps", "GET":
                return answered({"data": [_subscription(waba)] if waba.subscribed else []})
            case "subscribed_apps", "POST":
                return await self._subscribe(waba, call)
            case "subscribed_apps", "DELETE":
                waba.subscribed, waba.override = False, None
                self._world.changed = True
                return SUCCESS
            case _:
                raise unknown_object(call.method, waba.id)

    async def _subscribe(self, waba: Waba, call: Call) -> Reply:
        said = {**call.params, **call.json()}
        url, token = said.get("override_callback_uri"), said.get("verify_token")
        if url is not None:
            if not isinstance(url, str) or len(url) > 200 or not url.startswith(("http://", "https://")):
                raise invalid("Param override_callback_uri must be a valid URI of at most 200 characters.")
            challenge = self._world.dice.number(f"challenge {self._world.next_number()}", 10)
            if not await self._verify(url, str(token or ""), challenge):
                raise GraphError(100, message="(#2200) Callback verification failed for the given URL.")
            waba.verify_token = str(token)
        waba.override = url
        waba.subscribed = True
        self._world.changed = True
        return SUCCESS

    def _debug(self, call: Call) -> Reply:
        waba = self._world.tokens.get(call.params.get("input_token", ""))
        if waba is None:
            error = {"code": 190, "message": "Invalid OAuth access token"}
            return answered({"data": {"error": error, "is_valid": False, "scopes": []}})
        scopes = ["whatsapp_business_management", "whatsapp_business_messaging"]
        return answered(
            {
                "data": {
                    "app_id": waba.app_id,
                    "type": "SYSTEM_USER",
                    "application": "Sandbox",
                    "expires_at": 0,
                    "is_valid": True,
                    "issued_at": int(self._world.now()),
                    "scopes": scopes,
                    "granular_scopes": [{"scope": scope, "target_ids": [waba.id]} for scope in scopes],
                }
            }
        )


def _account(waba: Waba) -> dict[str, object]:
    return {
        "id": waba.id,
        "name": "Sandbox",
        "currency": "GBP",
        "timezone_id": "1",
        "message_template_namespace": f"sandbox_{waba.id}",
        "account_review_status": "APPROVED",
        "business_verification_status": "verified",
        "country": "GB",
        "ownership_type": "SELF",
    }


def _number(line: Line) -> dict[str, object]:
    return {
        "verified_name": "Sandbox",
        "display_phone_number": line.display,
        "id": line.id,
        "quality_rating": "GREEN",
        "code_verification_status": "VERIFIED",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "HIGH" if line.rate > 80 else "STANDARD"},
        "webhook_configuration": {"application": line.waba.url or ""},
        "status": "CONNECTED",
        "name_status": "APPROVED",
        "account_mode": "SANDBOX",
        "is_official_business_account": False,
        "is_pin_enabled": True,
        "messaging_limit_tier": "TIER_UNLIMITED",
        "whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED",
    }


_SHOWN = (
    "verified_name", "display_phone_number", "id", "quality_rating", "code_verification_status",
    "platform_type", "throughput", "webhook_configuration",
)  # fmt: skip


def _number_node(line: Line, call: Call) -> Reply:
    if call.method != "GET":
        raise unknown_object(call.method, line.id)
    wanted = call.params.get("fields")
    names = [*wanted.split(","), "id"] if wanted else _SHOWN
    whole = _number(line)
    return answered({name: whole[name] for name in names if name in whole})


def _subscription(waba: Waba) -> dict[str, object]:
    app = {
        "id": waba.app_id,
        "name": "Sandbox",
        "link": "https://www.facebook.com/games/?app_id=" + waba.app_id,
    }
    said: dict[str, object] = {"whatsapp_business_api_data": app}
    if waba.override is not None:
        said["override_callback_uri"] = waba.override
    return said


def _cursors(lines: list[Line]) -> dict[str, object]:
    if not lines:
        return {}
    return {"paging": {"cursors": {"before": lines[0].id, "after": lines[-1].id}}}
