"""The sandbox's page, where Meta is played: people write and behave, calls go wrong, time goes by."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from litestar import Controller, Response, get, post
from litestar.response import Redirect

from tidings.adapters.console.asking import Asked, api_of, me, typed
from tidings.adapters.console.calls import Api, ApiRefused
from tidings.adapters.console.rendering import page

RIGHT = "organization:write"


class SandboxPages(Controller):
    path = "/sandbox"
    include_in_schema = False

    @get("/")
    async def look(self, request: Asked) -> Response[str]:
        return await _shown(request)

    @post("/inbound")
    async def inbound(self, request: Asked) -> Response[Any]:
        """Somebody writes to one of the organisation's own numbers."""
        form = await typed(request)
        own = {each["phoneNumberId"] for each in await api_of(request).get("/api/numbers")}
        if form.get("phoneNumberId") not in own:
            raise ApiRefused(404, {"message": "This is no number of yours."})
        said = {"phone": form.get("phone", ""), "phoneNumberId": form["phoneNumberId"]}
        said |= {name: form[name] for name in ("name", "text") if form.get(name)}
        return await _played(request, "inbound", said, form)

    @post("/behaviour")
    async def behaviour(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        return await _played(request, "behaviour", _shares(form), form)

    @post("/faults")
    async def faults(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        return await _played(request, "faults", _shares(form), form)

    @post("/clock")
    async def clock(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        return await _played(request, "clock", {"advance": _number(form.get("hours", "")) * 3600}, form)


def _number(text: str) -> float:
    """Raise ApiRefused."""
    try:
        return float(text)
    except ValueError:
        raise ApiRefused(422, {"message": f"{text[:40]} is no number."}) from None


def _shares(form: Mapping[str, str]) -> dict[str, float]:
    return {name: _number(text) for name, text in form.items()}


def _sandbox(request: Asked) -> Api:
    """Raise ApiRefused where Meta is not played."""
    app = request.app.state.get("sandbox")
    if app is None:
        raise ApiRefused(404, {"message": "There is nothing at this address."})
    return Api(app)


async def _played(
    request: Asked, what: str, said: Mapping[str, object], form: dict[str, str]
) -> Response[Any]:
    sandbox = _sandbox(request)
    if RIGHT not in (await me(request))["permissions"]:
        raise ApiRefused(403, {"message": "Your role does not allow this."})
    try:
        await sandbox.ask("POST", f"/_sandbox/{what}", body=said)
    except ApiRefused as refused:
        return await _shown(request, form, refused)
    return Redirect("/sandbox", status_code=303)


async def _shown(
    request: Asked, form: dict[str, str] | None = None, error: ApiRefused | None = None
) -> Response[str]:
    sandbox, who = _sandbox(request), await me(request)
    if RIGHT not in who["permissions"]:
        raise ApiRefused(403, {"message": "Your role does not allow this."})
    clock = (await sandbox.ask("GET", "/_sandbox/clock")).whole
    now = datetime.fromtimestamp(clock["now"], UTC)
    return page(
        request,
        "sandbox.html",
        status=200 if error is None else 422,
        me=who,
        numbers=await api_of(request).get("/api/numbers"),
        behaviour=_plain((await sandbox.ask("GET", "/_sandbox/behaviour")).whole),
        faults=_plain((await sandbox.ask("GET", "/_sandbox/faults")).whole),
        now=now.isoformat(),
        form=form or {},
        error=error,
    )


def _plain(found: Mapping[str, object]) -> dict[str, float]:
    """The shares alone: spans of time stay what they are."""
    return {name: cast("float", value) for name, value in found.items() if isinstance(value, int | float)}
