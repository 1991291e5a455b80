"""Passwords, tokens, seals, app codes and budgets: the ports that guard, on their real adapters."""

import asyncio
import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.adapters.embedded.limits import LocalLimiter
from tidings.adapters.security import AesSealer, AppCodes, Argon2Passwords, JwtTokens
from tidings.domain.kernel import Actor, OrganizationId, Role, UserId
from tidings.domain.users import BadToken, Budget, SessionId, TooManyHashes

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
OLD, NEW = "o" * 40, "n" * 40


@pytest.fixture(scope="module")
def passwords():
    return Argon2Passwords()


# Passwords (S1).


async def test_hashes_are_argon2id_at_owasps_parameters(passwords):
    hashed = await passwords.hash("a fine long sentence")
    assert hashed.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert await passwords.verify("a fine long sentence", hashed)
    assert not await passwords.verify("another sentence", hashed)
    assert not passwords.outdated(hashed)
    assert passwords.outdated(PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("x"))
    assert passwords.outdated("nonsense")


async def test_no_hash_costs_what_a_wrong_one_costs(passwords):
    hashed = await passwords.hash("a fine long sentence")

    async def median(known):
        times = []
        for _ in range(9):
            started = time.perf_counter()
            assert not await passwords.verify("wrong", known)
            times.append(time.perf_counter() - started)
        return sorted(times)[4]

    assert 0.5 < await median(None) / await median(hashed) < 2


async def test_hashing_never_runs_on_the_event_loop(passwords):
    names = set()
    original = passwords._matches

    def watched(hash, password):
        names.add(threading.current_thread().name)
        return original(hash, password)

    passwords._matches = watched
    try:
        await asyncio.gather(*(passwords.verify("wrong", None) for _ in range(12)))
    finally:
        del passwords._matches
    assert names
    assert all(name.startswith("argon2") for name in names)
    assert len(names) <= 2


async def test_too_many_at_once_are_turned_away_instead_of_filling_the_memory():
    passwords = Argon2Passwords(queue=4)
    answers = await asyncio.gather(
        *(passwords.verify("wrong", None) for _ in range(20)), return_exceptions=True
    )
    assert sum(answer is False for answer in answers) == 4
    assert all(isinstance(each, TooManyHashes) for each in answers if each is not False)
    assert await passwords.verify("wrong", None) is False


def test_common_passwords_are_known(passwords):
    for common in ("password12", "1234567890", "qwertyuiop", "PASSWORD12"):
        assert passwords.common(common), common
    for rare in ("a fine long sentence", "correct zebra battery staple", "🦓🦓🦓🦓🦓🦓🦓🦓🦓🦓"):
        assert not passwords.common(rare), rare


# Tokens (S2).


def an_actor():
    return Actor(user_id=UserId(uuid4()), organization_id=OrganizationId(uuid4()), role=Role.MEMBER)


def issue(tokens, now=NOON):
    return tokens.issue(an_actor(), SessionId(uuid4()), now)


def test_a_token_says_who_where_and_until_when():
    tokens, actor, session = JwtTokens([NEW]), an_actor(), SessionId(uuid4())
    read = tokens.read(tokens.issue(actor, session, NOON), NOON)
    assert read == (actor, session, NOON + timedelta(minutes=15))


def test_keys_are_rotated_without_anybody_signing_in_again():
    old = issue(JwtTokens([OLD]))
    assert JwtTokens([NEW, OLD]).read(old, NOON)
    new = issue(JwtTokens([NEW, OLD]))
    assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
    with pytest.raises(BadToken):
        JwtTokens([NEW]).read(old, NOON)
    assert JwtTokens([NEW]).read(new, NOON)


@pytest.mark.parametrize("keys", [[], ["changeme"], [NEW, "short"], [""]])
def test_no_service_starts_with_a_weak_key(keys):
    with pytest.raises(ValueError, match="32"):
        JwtTokens(keys)
    with pytest.raises(ValueError, match="32"):
        AesSealer(keys)


def forged(header=None, claims=None, key=NEW, algorithm="HS256"):
    """A good token of our own key, but for what is said otherwise."""
    tokens = JwtTokens([NEW])
    good = issue(tokens)
    head = {**jwt.get_unverified_header(good), **(header or {})}
    body = {**jwt.decode(good, options={"verify_signature": False}), **(claims or {})}
    body = {name: value for name, value in body.items() if value is not ...}
    head = {name: value for name, value in head.items() if value is not ... and name != "alg"}
    return jwt.encode(body, key, algorithm, headers=head)


def unsigned():
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    good = issue(JwtTokens([NEW]))
    head = {**jwt.get_unverified_header(good), "alg": "none"}
    return f"{part(head)}.{good.split('.')[1]}."


PUBLIC = (
    rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    .hex()
)
SECOND = int(NOON.timestamp())


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        unsigned(),
        forged(key=PUBLIC),
        forged(key="another key of more than thirty-two bytes"),
        forged(header={"kid": "unknown"}),
        forged(header={"kid": "../../etc/passwd"}),
        forged(header={"kid": ...}),
        forged(header={"typ": "JWT"}),
        forged(algorithm="HS512"),
        forged(header={"jku": "https://evil.example/keys", "kid": "evil"}),
        forged(claims={"aud": "somebody-else"}),
        forged(claims={"iss": "somebody-else"}),
        forged(claims={"exp": SECOND - 1}),
        forged(claims={"exp": ...}),
        forged(claims={"nbf": SECOND + 120}),
        forged(claims={"sub": "1"}),
        forged(claims={"role": "god"}),
        forged(claims={"sid": ...}),
    ],
    ids=range(20),
)
def test_a_token_that_is_not_ours_whole_and_in_time_is_refused(token):
    with pytest.raises(BadToken):
        JwtTokens([NEW]).read(token, NOON)


def test_the_forgeries_differ_from_a_good_token_by_what_they_say():
    assert JwtTokens([NEW]).read(forged(), NOON)


GOOD = issue(JwtTokens([NEW]))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_changed_token_is_refused(data):
    tokens, good = JwtTokens([NEW]), GOOD
    at = data.draw(st.integers(0, len(good) - 2))
    other = data.draw(st.sampled_from([c for c in "AZaz09-_." if c != good[at]]))
    with pytest.raises(BadToken):
        tokens.read(good[:at] + other + good[at + 1 :], NOON)


# Seals (S10).


@settings(deadline=None)
@given(secret=st.text(), place=st.text(), other=st.text())
def test_what_is_sealed_opens_in_its_place_alone(secret, place, other):
    sealer = AesSealer([NEW])
    sealed = sealer.seal(secret, place)
    assert sealer.open(sealed, place) == secret
    assert sealer.seal(secret, place) != sealed
    if other != place:
        with pytest.raises(ValueError, match="another place"):
            sealer.open(sealed, other)


def test_sealing_keys_are_rotated():
    old = AesSealer([OLD]).seal("secret", "place")
    both = AesSealer([NEW, OLD])
    assert both.open(old, "place") == "secret"
    assert both.stale(old)
    assert not both.stale(both.seal("secret", "place"))
    with pytest.raises(ValueError, match="not known"):
        AesSealer([NEW]).open(old, "place")


# Codes of authenticator apps.


def test_codes_of_this_step_and_its_neighbours_are_taken():
    codes = AppCodes()
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    moment = datetime.fromtimestamp(1111111109, UTC)
    # RFC 6238, appendix B, the last six digits.
    assert codes.step(secret, "081804", moment) == 1111111109 // 30
    assert codes.step(secret, "081804", moment + timedelta(seconds=30)) is not None
    assert codes.step(secret, "081804", moment - timedelta(seconds=30)) is not None
    assert codes.step(secret, "081804", moment + timedelta(seconds=61)) is None
    for nonsense in ("", "08180", "0818040", "abcdef", "٠٨١٨٠٤"):
        assert codes.step(secret, nonsense, moment) is None
    assert codes.uri(secret, "a@b.co").startswith("otpauth://totp/tidings:a%40b.co?secret=")
    assert codes.new_secret() != codes.new_secret()


# Budgets.


async def test_of_many_tries_at_once_as_many_win_as_are_left():
    limiter = LocalLimiter(lambda: 100.0)
    budget = Budget(name="b", tries=5, seconds=60)
    answers = await asyncio.gather(*(limiter.spend(budget, "k") for _ in range(50)))
    assert answers.count(None) == 5
    assert await limiter.spend(budget, "other") is None
    await limiter.give_back(budget, "k")
    assert await limiter.spend(budget, "k") is None
    assert await limiter.spend(budget, "k") == pytest.approx(12)
