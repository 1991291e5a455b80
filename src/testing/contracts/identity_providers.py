"""What every way of signing in elsewhere promises: whom to believe, once, and in the browser that left."""

import secrets
from typing import Protocol
from urllib.parse import urlsplit

import pytest

from tidings.application.ports.users import ExternalProfile, IdentityProvider
from tidings.domain.errors import Unavailable
from tidings.domain.users import WrongCredentials


class Elsewhere(Protocol):
    """A provider, and somebody who has an account there."""

    @property
    def provider(self) -> IdentityProvider: ...

    @property
    def somebody(self) -> ExternalProfile:
        """Who signs in there."""
        ...

    async def sign_in(self, address: str) -> tuple[str, str]:
        """Go there as their browser does; the code and the state that it is sent back with."""
        ...

    def lie(self) -> None:
        """What the provider says is signed by another, from now on."""
        ...

    async def close(self) -> None:
        """Nobody answers there from now on."""
        ...


class Way(Protocol):
    """What a departure is told by."""

    state: str
    nonce: str
    verifier: str


class _Way:
    def __init__(self) -> None:
        self.state, self.nonce, self.verifier = (secrets.token_urlsafe(32) for _ in range(3))


async def gone(elsewhere: Elsewhere, way: Way) -> str:
    """Somebody goes there and comes back with a code."""
    address = await elsewhere.provider.address(state=way.state, nonce=way.nonce, verifier=way.verifier)
    code, state = await elsewhere.sign_in(address)
    assert state == way.state
    return code


@pytest.mark.anyio
class IdentityProviderContract:
    """Subclass it beside a fixture `elsewhere` that gives an `Elsewhere` of your own."""

    async def test_who_signs_in_there_is_known_here(self, elsewhere: Elsewhere) -> None:
        way = _Way()
        code = await gone(elsewhere, way)
        found = await elsewhere.provider.redeem(code=code, nonce=way.nonce, verifier=way.verifier)
        assert found == elsewhere.somebody

    async def test_the_way_there_tells_no_secret(self, elsewhere: Elsewhere) -> None:
        way = _Way()
        address = await elsewhere.provider.address(state=way.state, nonce=way.nonce, verifier=way.verifier)
        assert way.verifier not in address
        assert urlsplit(address).scheme in ("http", "https")

    async def test_a_code_is_good_once(self, elsewhere: Elsewhere) -> None:
        way = _Way()
        code = await gone(elsewhere, way)
        await elsewhere.provider.redeem(code=code, nonce=way.nonce, verifier=way.verifier)
        with pytest.raises(WrongCredentials):
            await elsewhere.provider.redeem(code=code, nonce=way.nonce, verifier=way.verifier)

    async def test_a_code_is_good_on_the_way_it_was_made_for(self, elsewhere: Elsewhere) -> None:
        way, other = _Way(), _Way()
        for wrong in ({"nonce": other.nonce}, {"verifier": other.verifier}, {"code": "stolen"}):
            said = {"code": await gone(elsewhere, way), "nonce": way.nonce, "verifier": way.verifier} | wrong
            with pytest.raises(WrongCredentials):
                await elsewhere.provider.redeem(**said)

    async def test_what_another_has_signed_is_not_believed(self, elsewhere: Elsewhere) -> None:
        way = _Way()
        code = await gone(elsewhere, way)
        elsewhere.lie()
        with pytest.raises(WrongCredentials):
            await elsewhere.provider.redeem(code=code, nonce=way.nonce, verifier=way.verifier)

    async def test_a_provider_that_is_away_is_said_to_be(self, elsewhere: Elsewhere) -> None:
        way = _Way()
        code = await gone(elsewhere, way)
        await elsewhere.close()
        with pytest.raises(Unavailable):
            await elsewhere.provider.redeem(code=code, nonce=way.nonce, verifier=way.verifier)
