"""A small OpenID Connect provider on loopback: real sockets, real keys, PKCE, and mishaps on demand."""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "tidings-test", "a client secret"


@dataclass
class Provider:
    """Signs in whoever `person` says, at once."""

    now: Callable[[], datetime]
    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "ada-1",
            "email": "ada@corp.example",
            "email_verified": True,
            "name": "Ada",
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)
    """What the ID token says otherwise; `...` leaves a claim out."""
    signing_key: RSAKey | None = None
    broken: bool = False
    runner: web.AppRunner | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def rotate(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)})

    async def discovery(self, _: web.Request) -> web.Response:
        if self.broken:
            raise web.HTTPBadGateway
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
            }
        )

    async def jwks(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: web.Request) -> web.Response:
        query = request.query
        if query["client_id"] != CLIENT or query["code_challenge_method"] != "S256":
            raise web.HTTPBadRequest
        code = secrets.token_urlsafe(16)
        self.codes[code] = dict(query)
        back = urlencode({"code": code, "state": query["state"]})
        raise web.HTTPFound(f"{query['redirect_uri']}?{back}")

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self.codes.pop(str(form.get("code")), None)
        digest = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
            or request.headers.get("Authorization") != f"Basic {basic}"
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {
                "access_token": secrets.token_urlsafe(16),
                "token_type": "Bearer",
                "id_token": self._id_token(asked["nonce"]),
            }
        )

    def _id_token(self, nonce: str) -> str:
        at = int(self.now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": at,
            "exp": at + 300,
            "nonce": nonce,
            **self.person,
            **self.claims,
        }
        key = self.signing_key or self.key
        said = {name: value for name, value in claims.items() if value is not ...}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, said, key)


@asynccontextmanager
async def a_provider(now: Callable[[], datetime]) -> AsyncIterator[Provider]:
    """A provider that listens for as long as the block lasts."""
    provider = Provider(now)
    app = web.Application()
    app.add_routes(
        [
            web.get("/.well-known/openid-configuration", provider.discovery),
            web.get("/jwks", provider.jwks),
            web.get("/authorize", provider.authorize),
            web.post("/token", provider.token),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    provider.runner = runner
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    provider.issuer = f"http://127.0.0.1:{port}"
    try:
        yield provider
    finally:
        await runner.cleanup()
