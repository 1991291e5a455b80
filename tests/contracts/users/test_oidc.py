"""Signing in with a provider: a real one on loopback, and everything it may get wrong."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from tests.application.test_users_world import a_world
from tests.contracts.users.provider import CLIENT, SECRET, a_provider
from tidings.adapters.oidc import OidcOptions, OidcProvider, ProviderUnavailable
from tidings.application.users import SignIn, TrustedProvider
from tidings.application.users.federating import AccountExists, ProviderNotFound
from tidings.domain.kernel import Role
from tidings.domain.users import SpentProof, WrongCredentials

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path):
    world = await a_world(tmp_path)
    yield world
    await world.close()


@pytest.fixture
async def provider(world):
    async with a_provider(world.clock) as provider:
        options = OidcOptions(
            issuer=provider.issuer,
            client_id=CLIENT,
            client_secret=SECRET,
            redirect_uri="https://t.example/api/auth/oidc/corp/callback",
        )
        trusted = TrustedProvider(OidcProvider(options, world.clock))
        object.__setattr__(world.federation, "providers", {"corp": trusted})
        yield provider


async def through(world, *, browser=None, tamper=None):
    """Go to the provider, sign in there, and come back."""
    departure = await world.federation.depart("corp")
    async with httpx.AsyncClient() as client:
        answer = await client.get(departure.address)
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    given = {"code": back["code"][0], "state": back["state"][0]} | (tamper or {})
    secret = browser or departure.browser_secret
    return await world.federation.arrive("corp", **given, browser_secret=secret), given, secret


async def test_who_comes_for_the_first_time_gets_an_account_and_a_place_of_their_own(world, provider):
    signed_in, _, _ = await through(world)
    assert (signed_in.user.email, signed_in.user.name) == ("ada@corp.example", "Ada")
    assert signed_in.organization.personal
    assert (await world.actor(signed_in)).role is Role.OWNER
    again, _, _ = await through(world)
    assert again.user.id == signed_in.user.id
    with pytest.raises(WrongCredentials):
        await world.accounts.login(SignIn(email="ada@corp.example", password="any password"))


async def test_a_provider_may_bring_its_people_into_an_organisation(world, provider):
    owner = await world.actor(await world.somebody("owner"))
    trusted = world.federation.providers["corp"]
    placed = TrustedProvider(trusted.provider, organization_id=owner.organization_id, role=Role.VIEWER)
    object.__setattr__(world.federation, "providers", {"corp": placed})
    signed_in, _, _ = await through(world)
    actor = await world.actor(signed_in)
    assert (actor.organization_id, actor.role) == (owner.organization_id, Role.VIEWER)
    await world.organizations.remove_member(owner, actor.user_id)
    again, _, _ = await through(world)
    assert again.organization.id != owner.organization_id


async def test_the_subject_counts_and_not_the_email(world, provider):
    first, _, _ = await through(world)
    provider.person["email"] = "ada.new@corp.example"
    again, _, _ = await through(world)
    assert again.user.id == first.user.id


async def test_an_account_whose_email_was_never_shown_to_be_its_users_is_not_taken_over(world, provider):
    provider.person["email"] = "ada@example.org"
    local = await world.somebody("ada")
    with pytest.raises(AccountExists):
        await through(world)
    async with world.begin() as work:
        from msgspec.structs import replace

        await work.users.save(replace(local.user, verified_at=world.clock()))
    signed_in, _, _ = await through(world)
    assert signed_in.user.id == local.user.id


async def test_an_email_that_the_provider_does_not_vouch_for_is_refused(world, provider):
    provider.person["email_verified"] = False
    with pytest.raises(WrongCredentials):
        await through(world)


async def test_a_way_back_is_good_once_and_in_the_browser_that_left(world, provider):
    _, given, secret = await through(world)
    with pytest.raises(SpentProof):
        await world.federation.arrive("corp", **given, browser_secret=secret)
    with pytest.raises(SpentProof):
        await through(world, browser="another browser's secret")
    with pytest.raises(SpentProof):
        await through(world, tamper={"state": "x" * 43})
    with pytest.raises(WrongCredentials):
        await through(world, tamper={"code": "stolen"})
    with pytest.raises(ProviderNotFound):
        await world.federation.depart("unknown")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "somebody-else"},
        {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
        {"nonce": "another"},
        {"nonce": ...},
        {"exp": 1},
        {"exp": ...},
        {"sub": ...},
        {"iat": 99999999999},
        {"at_hash": "wrong"},
    ],
    ids=str,
)
async def test_an_id_token_that_does_not_hold_is_refused(world, provider, claims):
    provider.claims = claims
    with pytest.raises(WrongCredentials):
        await through(world)


async def test_an_id_token_of_another_key_is_refused_and_rotated_keys_are_found(world, provider):
    await through(world)
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "one"})
    with pytest.raises(WrongCredentials):
        await through(world)
    provider.signing_key = None
    provider.rotate()
    world.clock.pass_(seconds=5)
    await through(world)


async def test_a_provider_that_is_away_or_another_is_said_so(world, provider):
    provider.broken = True
    with pytest.raises(ProviderUnavailable):
        await world.federation.depart("corp")
    provider.broken = False
    honest = provider.issuer
    provider.issuer = "http://127.0.0.1:1"
    with pytest.raises(ProviderUnavailable):
        await world.federation.depart("corp")
    provider.issuer = honest
    assert await world.federation.depart("corp")
