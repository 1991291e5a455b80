"""API keys, second factors, and sign-in elsewhere over HTTP."""

from typing import Annotated

from litestar import Controller, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import CookieParameter, FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Redirect

from tidings.adapters.http.envelope import Done, Reply, reply
from tidings.adapters.http.users import ORIGIN
from tidings.application.users import (
    ApiKeys,
    Code,
    Enrolment,
    FactorState,
    Federation,
    NewApiKey,
    RecoveryCodes,
    SecondFactors,
    ShownApiKey,
    SignedIn,
)
from tidings.domain.kernel import Actor
from tidings.domain.users import SIGN_IN_LIFE, ApiKey, ApiKeyId, SpentProof, WrongCredentials

COOKIE = "tidings_sign_in"


class ApiKeyController(Controller):
    path = "/api/keys"
    tags = ["API keys"]

    @post("/", signed_in=True, permission=None)
    async def create(
        self, api_keys: NamedDependency[ApiKeys], actor: NamedDependency[Actor], data: JSONBody[NewApiKey]
    ) -> Reply[ShownApiKey]:
        """Make a key for a program, narrower than oneself; it is shown this once."""
        return reply(await api_keys.create(actor, data), "API key created; it is not shown again")

    @get("/", signed_in=True, permission=None)
    async def all(
        self, api_keys: NamedDependency[ApiKeys], actor: NamedDependency[Actor]
    ) -> Reply[list[ApiKey]]:
        """One's own keys; everybody's for whoever manages members."""
        return reply([*await api_keys.all(actor)])

    @delete("/{id:uuid}", status_code=200, signed_in=True, permission=None)
    async def revoke(
        self, api_keys: NamedDependency[ApiKeys], actor: NamedDependency[Actor], id: FromPath[ApiKeyId]
    ) -> Done:
        """Revoke a key at once."""
        await api_keys.revoke(actor, id)
        return Done(message="API key revoked")


class SecondFactorController(Controller):
    path = "/api/auth/second-factor"
    tags = ["Second factor"]

    @get("/", signed_in=True, permission=None)
    async def state(
        self, second_factors: NamedDependency[SecondFactors], actor: NamedDependency[Actor]
    ) -> Reply[FactorState]:
        """Whether signing in takes a code, and how many recovery codes are left."""
        return reply(await second_factors.state(actor))

    @post("/", signed_in=True, permission=None)
    async def enrol(
        self, second_factors: NamedDependency[SecondFactors], actor: NamedDependency[Actor]
    ) -> Reply[Enrolment]:
        """Tell an authenticator app the secret; it counts once a code has confirmed it."""
        return reply(await second_factors.enrol(actor))

    @post("/confirm", status_code=200, signed_in=True, permission=None)
    async def confirm(
        self,
        second_factors: NamedDependency[SecondFactors],
        actor: NamedDependency[Actor],
        data: JSONBody[Code],
    ) -> Reply[RecoveryCodes]:
        """Turn it on with a first code; the recovery codes are shown this once."""
        return reply(await second_factors.confirm(actor, data), "Second factor enabled")

    @post("/recovery-codes", status_code=200, signed_in=True, permission=None)
    async def renew_codes(
        self,
        second_factors: NamedDependency[SecondFactors],
        actor: NamedDependency[Actor],
        data: JSONBody[Code],
    ) -> Reply[RecoveryCodes]:
        """Ten fresh recovery codes; the old ones are void."""
        return reply(await second_factors.renew_codes(actor, data))

    @delete("/", status_code=200, signed_in=True, permission=None)
    async def remove(
        self,
        second_factors: NamedDependency[SecondFactors],
        actor: NamedDependency[Actor],
        data: JSONBody[Code],
    ) -> Done:
        """Turn it off, with a code."""
        await second_factors.remove(actor, data)
        return Done(message="Second factor disabled")


class FederationController(Controller):
    path = "/api/auth/oidc"
    tags = ["Users"]
    dependencies = ORIGIN

    @get("/{provider:str}", status_code=302, public=True, permission=None)
    async def depart(self, federation: NamedDependency[Federation], provider: FromPath[str]) -> Redirect:
        """Go to the provider's sign-in page."""
        departure = await federation.depart(provider)
        cookie = Cookie(
            key=COOKIE,
            value=departure.browser_secret,
            path=self.path,
            max_age=int(SIGN_IN_LIFE.total_seconds()),
            httponly=True,
            secure=True,
            samesite="lax",
        )
        return Redirect(departure.address, status_code=302, cookies=[cookie])

    @get("/{provider:str}/callback", public=True, permission=None)
    async def arrive(
        self,
        federation: NamedDependency[Federation],
        origin: NamedDependency[str],
        provider: FromPath[str],
        code: FromQuery[str | None] = None,
        returned: Annotated[str | None, QueryParameter(name="state")] = None,
        error: FromQuery[str | None] = None,
        browser_secret: Annotated[str | None, CookieParameter(name=COOKIE)] = None,
    ) -> Response[Reply[SignedIn]]:
        """Come back from it, signed in."""
        if error is not None:
            raise WrongCredentials("The provider did not sign you in.")
        if not code or not returned or not browser_secret:
            raise SpentProof()
        signed_in = await federation.arrive(
            provider, code=code, state=returned, browser_secret=browser_secret, origin=origin
        )
        return Response(reply(signed_in), cookies=[Cookie(key=COOKIE, path=self.path, max_age=0)])
