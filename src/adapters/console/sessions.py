"""Who is at the browser: tokens in cookies that no script can read, renewed before they end.

A request that changes something must come from a page of ours: browsers say so in `Sec-Fetch-Site` or
`Origin`, and what says nothing is refused.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, cast

import msgspec
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from tidings.adapters.console.calls import Api, ApiRefused

TOKEN, RENEWAL = "tidings_token", "tidings_renewal"
EARLY = 30.0
"""Seconds before its end at which a token is renewed."""
LASTING = 30 * 24 * 3600
"""Seconds for which the browser keeps the cookies; the tokens themselves end by their own rules."""
CLOSED = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
)
"""Of every answer; what a page may load is said with the page."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie(name: str, value: str, *, secure: bool, seconds: int = LASTING) -> str:
    """A `Set-Cookie` value; with no seconds the cookie goes away."""
    words = [f"{name}={value}", "Path=/", "HttpOnly", "SameSite=Lax", f"Max-Age={seconds}"]
    return "; ".join([*words, *(["Secure"] if secure else [])])


def kept(signed_in: dict[str, Any], *, secure: bool) -> list[str]:
    """Cookies of somebody who signed in."""
    return [
        cookie(TOKEN, signed_in["token"], secure=secure),
        cookie(RENEWAL, signed_in["refreshToken"], secure=secure),
    ]


def forgotten(*, secure: bool) -> list[str]:
    return [cookie(name, "", secure=secure, seconds=0) for name in (TOKEN, RENEWAL)]


@dataclass(slots=True)
class Sessions:
    """An ASGI layer around the console."""

    app: ASGIApp
    api: ASGIApp
    now: Callable[[], datetime]
    _renewing: "dict[str, asyncio.Task[dict[str, Any] | None]]" = field(
        default_factory=dict[str, "asyncio.Task[dict[str, Any] | None]"]
    )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] not in SAFE and not _ours(headers):
            await _refuse(send)
            return
        cookies = _cookies(headers.get("cookie", ""))
        secure = scope["scheme"] == "https" or headers.get("x-forwarded-proto") == "https"
        forwarded = headers.get("x-forwarded-for", "").encode("latin-1")
        api = Api(self.api, client=cast("HTTPScope", scope)["client"], forwarded=forwarded)
        token, more = cookies.get(TOKEN, ""), list[str]()
        if (renewal := cookies.get(RENEWAL)) and self._ends_soon(token):
            token, more = await self._renewed(api, renewal, secure=secure)
        state: dict[str, Any] = scope.setdefault("state", {})
        state.update(
            api=Api(self.api, token, api.client, forwarded),
            cookies=cookies,
            secure=secure,
            languages=headers.get("accept-language", ""),
        )

        async def with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                start = cast("dict[str, Any]", message)
                cookies_set = ((b"set-cookie", each.encode()) for each in more)
                start["headers"] = [*start.get("headers", ()), *CLOSED, *cookies_set]
            await send(message)

        await self.app(scope, receive, with_cookies)

    def _ends_soon(self, token: str) -> bool:
        try:
            claims = token.split(".")[1]
            told = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            return float(told["exp"]) - self.now().timestamp() < EARLY
        except (IndexError, KeyError, TypeError, ValueError, binascii.Error, msgspec.DecodeError):
            return True

    async def _renewed(self, api: Api, renewal: str, *, secure: bool) -> tuple[str, list[str]]:
        """One renewal for all requests of a page: a renewal token that is used twice ends the session."""
        asked = self._renewing.get(renewal)
        if asked is None:
            asked = self._renewing[renewal] = asyncio.create_task(_renew(api, renewal))
            asyncio.get_running_loop().call_later(60.0, self._renewing.pop, renewal, None)
        signed_in = await asyncio.shield(asked)
        if signed_in is None:
            return "", forgotten(secure=secure)
        return signed_in["token"], kept(signed_in, secure=secure)


async def _renew(api: Api, renewal: str) -> dict[str, Any] | None:
    try:
        return (await api.ask("POST", "/api/auth/refresh", body={"refreshToken": renewal})).data
    except ApiRefused:
        return None


def _ours(headers: dict[str, str]) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin", "").partition("://")[2] == headers.get("host", "-")


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


async def _refuse(send: Send) -> None:
    body = b"This was not asked for by a page of this console."
    start: Any = {
        "type": "http.response.start",
        "status": 403,
        "headers": [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ],
    }
    last: Any = {"type": "http.response.body", "body": body, "more_body": False}
    await send(start)
    await send(last)
