"""Sign-in with a provider through the service's own doors, with a real provider on loopback."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contracts.users.provider import CLIENT, SECRET, a_provider
from tidings.bootstrap.app import entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import OidcSetting, Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def provider():
    async with a_provider(lambda: datetime.now(UTC)) as provider:
        yield provider


@pytest.fixture
async def browser(tmp_path, provider):
    """A browser at a service that trusts the provider under the name `corp`."""
    corp = OidcSetting(issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET)
    settings = Settings(data=tmp_path, oidc={"corp": corp}, base_url="https://tidings.example")
    async with assembled(settings) as container, running(container, ("users",), send=False):
        transport = httpx.ASGITransport(entrance(container))
        async with httpx.AsyncClient(transport=transport, base_url="https://tidings.example") as client:
            yield client


async def at_the_provider(browser):
    """Go there and sign in; the address that the provider sends the browser back to."""
    away = await browser.get("/api/auth/oidc/corp")
    assert away.status_code == 302
    cookie = away.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "secure", "samesite=lax"))
    async with httpx.AsyncClient() as outside:
        back = await outside.get(away.headers["location"])
    address = urlsplit(back.headers["location"])
    assert f"{address.scheme}://{address.netloc}" == "https://tidings.example"
    return f"{address.path}?{address.query}"


async def test_a_browser_goes_to_the_provider_and_comes_back_signed_in(browser):
    back = await at_the_provider(browser)
    signed_in = await browser.get(back)
    assert signed_in.status_code == 200, signed_in.text
    token = signed_in.json()["data"]["token"]
    profile = await browser.get("/api/auth/profile", headers={"authorization": f"Bearer {token}"})
    assert profile.json()["data"]["user"]["email"] == "ada@corp.example"
    again = await browser.get(back)
    assert again.status_code in (400, 401)


async def test_another_browser_cannot_use_the_way_back(browser):
    back = await at_the_provider(browser)
    browser.cookies.clear()
    stolen = await browser.get(back)
    assert stolen.status_code in (400, 401)
    assert "token" not in stolen.text


async def test_a_provider_that_is_away_is_said_so_and_an_unknown_one_is_not_found(browser, provider):
    provider.broken = True
    assert (await browser.get("/api/auth/oidc/corp")).status_code == 503
    assert (await browser.get("/api/auth/oidc/nobody")).status_code == 404
