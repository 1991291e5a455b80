"""What guards a sign-in promises: passwords, tokens, seals and app codes are good where they belong."""

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.application.ports.users import OneTimeCodes, Passwords, Sealer, Tokens
from tidings.domain.kernel import Actor, OrganizationId, Role, UserId
from tidings.domain.users import BadToken, SessionId

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=60)


class Guards(Protocol):
    """One of each kind, all with keys of their own."""

    @property
    def passwords(self) -> Passwords: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def others(self) -> Tokens:
        """Tokens by another key."""
        ...

    @property
    def sealer(self) -> Sealer: ...
    @property
    def codes(self) -> OneTimeCodes: ...


def an_actor(role: Role = Role.MEMBER) -> Actor:
    return Actor(user_id=UserId(uuid4()), organization_id=OrganizationId(uuid4()), role=role)


class GuardsContract:
    """Subclass it beside a fixture `guards`, of the scope of its module, that gives `Guards` of your own."""

    @pytest.mark.anyio
    async def test_a_password_is_known_by_its_hash_alone(self, guards: Guards) -> None:
        first, second = [await guards.passwords.hash("a fine long sentence") for _ in range(2)]
        assert first != second
        assert "sentence" not in first
        assert await guards.passwords.verify("a fine long sentence", first)
        assert not await guards.passwords.verify("a fine long sentence ", first)
        assert not await guards.passwords.verify("a fine long sentence", None)
        assert not guards.passwords.outdated(first)
        assert guards.passwords.outdated("nonsense")
        assert guards.passwords.common("password12")
        assert not guards.passwords.common("correct zebra battery staple")

    @pytest.mark.parametrize("role", [role for role in Role if role is not Role.CUSTOM])
    def test_a_token_says_who_where_and_until_when(self, guards: Guards, role: Role) -> None:
        actor, session = an_actor(role), SessionId(uuid4())
        token = guards.tokens.issue(actor, session, NOON)
        found, whose, until = guards.tokens.read(token, NOON)
        assert (found, whose) == (actor, session)
        assert until > NOON
        assert guards.tokens.read(token, until - timedelta(seconds=1))[0] == actor
        for late in (until, until + timedelta(days=1), NOON - timedelta(hours=1)):
            with pytest.raises(BadToken):
                guards.tokens.read(token, late)

    def test_a_token_of_another_key_or_that_was_touched_is_none(self, guards: Guards) -> None:
        token = guards.tokens.issue(an_actor(), SessionId(uuid4()), NOON)
        head, body, signature = token.rsplit(".", 2)
        for wrong in (
            guards.others.issue(an_actor(), SessionId(uuid4()), NOON),
            f"{head}.{body}.{signature[::-1]}",
            f"{head}.{body[:-4]}AAAA.{signature}",
            f"{head}.{body}.",
            "",
            "nonsense",
        ):
            with pytest.raises(BadToken):
                guards.tokens.read(wrong, NOON)

    @settings(max_examples=40, deadline=None)
    @given(secret=texts, place=texts, other=texts)
    def test_what_is_sealed_opens_in_its_place_alone(
        self, guards: Guards, secret: str, place: str, other: str
    ) -> None:
        sealed = guards.sealer.seal(secret, place)
        assert guards.sealer.open(sealed, place) == secret
        assert not guards.sealer.stale(sealed)
        if other != place:
            with pytest.raises(ValueError, match=r"\w"):
                guards.sealer.open(sealed, other)
        with pytest.raises(ValueError, match=r"\w"):
            guards.sealer.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), place)

    def test_app_codes_are_good_within_their_step_and_its_neighbours(self, guards: Guards) -> None:
        secret, other = guards.codes.new_secret(), guards.codes.new_secret()
        assert secret != other
        assert secret in guards.codes.uri(secret, "ada@example.org")
        this = int(NOON.timestamp()) // 30
        for step in (this - 1, this, this + 1):
            assert guards.codes.step(secret, _code(secret, step), NOON) == step
        for wrong in (_code(secret, this - 3), _code(secret, this + 3), _code(other, this), "", "nonsense"):
            assert guards.codes.step(secret, wrong, NOON) is None


def _code(secret: str, step: int) -> str:
    """Of six digits (RFC 6238, SHA-1), as an app shows it."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    mac = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"
