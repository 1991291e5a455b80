"""Signing in with an OpenID Connect provider: authorization code with PKCE, through authlib."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, cast

import httpx
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from tidings.application.ports.users import ExternalProfile
from tidings.domain.errors import Unavailable
from tidings.domain.users import WrongCredentials

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""Signatures with a public key alone: nothing that the client secret could forge, and never `none`."""
LEEWAY = 60
"""Seconds by which the provider's clock may differ."""
METADATA_LIFE = 3600.0
LARGEST = 512 * 1024


class ProviderUnavailable(Unavailable):
    """The sign-in provider does not answer; try again later."""


class OidcOptions(Struct, frozen=True, kw_only=True):
    """A provider, as it was registered with."""

    issuer: str
    """Exactly as the provider names itself."""
    client_id: str
    client_secret: str
    redirect_uri: str
    """`BASE/api/auth/oidc/NAME/callback`, as it is registered at the provider."""
    scope: str = "openid email profile"
    timeout: float = 10.0


class Metadata(Struct, frozen=True, kw_only=True):
    """What is needed of the provider's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Claims(Struct, frozen=True, kw_only=True):
    iss: str
    sub: str
    email: str = ""
    email_verified: bool | str = False
    name: str = ""


class _Session(Protocol):
    """The part of authlib's client that is used here; authlib comes without types."""

    async def __aenter__(self) -> "_Session": ...

    async def __aexit__(self, *error: object) -> None: ...

    def create_authorization_url(
        self, url: str, *, state: str, nonce: str, code_verifier: str
    ) -> tuple[str, str]: ...

    async def fetch_token(
        self, url: str, *, grant_type: str, code: str, code_verifier: str
    ) -> Mapping[str, Any]: ...


@dataclass(slots=True)
class OidcProvider:
    """The IdentityProvider port."""

    options: OidcOptions
    now: Callable[[], datetime]
    client: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Arguments of the HTTP client, such as `verify` for an authority of one's own."""
    _metadata: Metadata | None = None
    _keys: KeySet | None = None
    _read_at: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def address(self, *, state: str, nonce: str, verifier: str) -> str:
        metadata, _ = await self._discovered()
        async with self._session() as session:
            address, _ = session.create_authorization_url(
                metadata.authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier
            )
        return address

    async def redeem(self, *, code: str, nonce: str, verifier: str) -> ExternalProfile:
        metadata, _ = await self._discovered()
        try:
            async with self._session() as session:
                token = await session.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                )
        except AuthlibBaseError as error:
            raise WrongCredentials("The provider did not accept the sign-in.") from error
        except httpx.HTTPError as error:
            raise ProviderUnavailable() from error
        claims = await self._checked(token, nonce)
        verified = claims.email_verified in (True, "true")
        return ExternalProfile(
            issuer=claims.iss,
            subject=claims.sub,
            email=claims.email,
            email_verified=verified and bool(claims.email),
            name=claims.name,
        )

    async def _checked(self, token: Mapping[str, Any], nonce: str) -> _Claims:
        """Raise WrongCredentials unless the ID token is the provider's, fresh, for us and for this way."""
        text = token.get("id_token")
        if not isinstance(text, str):
            raise WrongCredentials("The provider sent no ID token.")
        try:
            decoded = await self._decoded(text)
            claims: Any = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self.options.issuer},
                    "aud": {"essential": True, "value": self.options.client_id},
                },
                params={
                    "nonce": nonce,
                    "client_id": self.options.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(int(self.now().timestamp()), LEEWAY)
            return msgspec.convert(dict(claims), _Claims)
        except (JoseError, AuthlibBaseError, ValueError, msgspec.ValidationError) as error:
            raise WrongCredentials("The provider's ID token does not hold.") from error

    async def _decoded(self, text: str) -> jwt.Token:
        _, keys = await self._discovered()
        try:
            return jwt.decode(text, keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            # Its keys may have been rotated since they were read.
            _, keys = await self._discovered(anew=True)
            return jwt.decode(text, keys, algorithms=list(ALGORITHMS))

    async def _discovered(self, *, anew: bool = False) -> tuple[Metadata, KeySet]:
        async with self._lock:
            age = self.now().timestamp() - self._read_at
            if self._metadata and self._keys and age < METADATA_LIFE and not (anew and age > 1):
                return self._metadata, self._keys
            try:
                async with httpx.AsyncClient(timeout=self.options.timeout, **self.client) as client:
                    address = self.options.issuer.rstrip("/") + "/.well-known/openid-configuration"
                    metadata = msgspec.json.decode(await _read(client, address), type=Metadata)
                    keys = KeySet.import_key_set(msgspec.json.decode(await _read(client, metadata.jwks_uri)))
            except (httpx.HTTPError, msgspec.DecodeError, JoseError, ValueError) as error:
                raise ProviderUnavailable() from error
            if metadata.issuer != self.options.issuer:
                raise ProviderUnavailable("The sign-in provider says it is another.")
            self._metadata, self._keys = metadata, keys
            self._read_at = self.now().timestamp()
            return metadata, keys

    def _session(self) -> _Session:
        session: Any = AsyncOAuth2Client(
            client_id=self.options.client_id,
            client_secret=self.options.client_secret,
            scope=self.options.scope,
            redirect_uri=self.options.redirect_uri,
            code_challenge_method="S256",
            timeout=self.options.timeout,
            **self.client,
        )
        return cast("_Session", session)


async def _read(client: httpx.AsyncClient, address: str) -> bytes:
    answer = await client.get(address)
    answer.raise_for_status()
    if len(answer.content) > LARGEST:
        raise ValueError("the document is too large")
    return answer.content
