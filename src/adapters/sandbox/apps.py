"""Our app at Meta: where its webhooks go, tokens it asks about, codes it exchanges (fact sheet 11)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import msgspec

from tidings.adapters.sandbox.accounts import Access, Line, Waba
from tidings.adapters.sandbox.calls import SUCCESS, Call, Reply, answered
from tidings.adapters.sandbox.errors import GraphError, bad_token, invalid, missing, no_token
from tidings.adapters.sandbox.world import World

Verify: TypeAlias = Callable[[str, str, str], Awaitable[bool]]
"""Asks a callback address whether it knows a token: address, token, challenge."""

CODE_LIVES = 30.0
_SCOPES = {
    Access.NO_MANAGEMENT: ("whatsapp_business_messaging",),
    Access.NO_MESSAGING: ("whatsapp_business_management",),
}
_BOTH = ("whatsapp_business_management", "whatsapp_business_messaging")


class Apps:
    """Calls about an app. An app is known by the secret of any account."""

    def __init__(self, world: World, verify: Verify) -> None:
        self._world = world
        self._verify = verify

    def find(self, parts: Sequence[str], call: Call) -> Awaitable[Reply] | None:
        """The answer to a call that is about an app, not about an account."""
        match parts, call.method:
            case ["debug_token"], "GET":
                return self._debug(call)
            case ["oauth", "access_token"], _:
                return self._exchange(call)
            case [id, "subscriptions"], "POST":
                return self._set_callback(id, call)
            case _:
                return None

    async def subscribe(self, waba: Waba, call: Call) -> Reply:
        """`POST /{waba-id}/subscribed_apps`. Raise GraphError."""
        said = {**call.params, **call.json()}
        url = said.get("override_callback_uri")
        waba.override = None if url is None else await self._asked(url, said.get("verify_token"))
        waba.subscribed = True
        self._world.changed = True
        return SUCCESS

    async def send_elsewhere(self, line: Line, call: Call) -> Reply:
        """`POST /{phone-number-id}` with another address for its webhooks. Raise GraphError."""
        try:
            said = msgspec.convert(call.json()["webhook_configuration"], dict[str, object])
        except msgspec.ValidationError:
            raise invalid("Param webhook_configuration must be a JSON object.") from None
        url = said.get("override_callback_uri")
        line.override = await self._asked(url, said.get("verify_token")) if url else None
        self._world.changed = True
        return SUCCESS

    async def _asked(self, url: object, token: object) -> str:
        """The address, once it has shown that it knows the token. Raise GraphError."""
        if not isinstance(url, str) or len(url) > 200 or not url.startswith(("http://", "https://")):
            raise invalid("The callback must be a valid URI of at most 200 characters.")
        challenge = self._world.dice.number(f"challenge {self._world.next_number()}", 10)
        if not await self._verify(url, str(token or ""), challenge):
            raise GraphError(2200, message="(#2200) Callback verification failed for the given URL.")
        return url

    async def _set_callback(self, id: str, call: Call) -> Reply:
        wabas = self._of_app(call)
        said = {**call.params, **call.json()}
        if said.get("object") != "whatsapp_business_account":
            raise invalid("Param object must be whatsapp_business_account.")
        url = await self._asked(said.get("callback_url"), said.get("verify_token"))
        for waba in wabas:
            waba.webhook, waba.app_id = url, id
        self._world.changed = True
        return SUCCESS

    def _of_app(self, call: Call) -> list[Waba]:
        """The accounts of the app whose token this is: `id|secret`."""
        token = call.authorization.removeprefix("Bearer ").strip() or call.params.get("access_token", "")
        if not token:
            raise no_token()
        secret = token.partition("|")[2]
        wabas = [waba for waba in self._world.wabas.values() if waba.app_secret == secret]
        if not wabas:
            raise bad_token()
        return wabas

    async def _debug(self, call: Call) -> Reply:
        asked = call.authorization.removeprefix("Bearer ").strip() or call.params.get("access_token", "")
        if asked not in self._world.tokens:
            self._of_app(call)
        token = call.params.get("input_token")
        if not token:
            raise missing("input_token")
        waba = self._world.tokens.get(token)
        if waba is None:
            error = {"code": 190, "message": "Invalid OAuth access token"}
            return answered({"data": {"error": error, "is_valid": False, "scopes": []}})
        scopes = _SCOPES.get(waba.access, _BOTH)
        return answered(
            {
                "data": {
                    "app_id": waba.app_id,
                    "type": "SYSTEM_USER",
                    "application": "Sandbox",
                    "expires_at": 0,
                    "is_valid": waba.access is not Access.EXPIRED,
                    "issued_at": int(self._world.now()),
                    "scopes": scopes,
                    "granular_scopes": [{"scope": scope, "target_ids": [waba.id]} for scope in scopes],
                }
            }
        )

    async def _exchange(self, call: Call) -> Reply:
        said = {**call.params, **call.json()}
        for name in ("client_id", "client_secret"):
            if not said.get(name):
                raise missing(name)
        if said.get("grant_type") == "client_credentials":
            token = f"{said['client_id']}|{said['client_secret']}"
            return answered({"access_token": token, "token_type": "bearer"})
        waba_id, until = self._world.codes.pop(str(said.get("code")), ("", 0.0))
        waba = self._world.wabas.get(waba_id)
        if waba is None or waba.app_secret != said["client_secret"] or until < self._world.now():
            raise GraphError(
                100,
                message="Invalid verification code format or the code has expired or was used.",
                subcode=36007,
            )
        return answered({"access_token": waba.access_token, "token_type": "bearer"})
