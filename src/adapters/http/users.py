"""Signing up and in, profiles, organisations and WABA links over HTTP."""

from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from tidings.adapters.http.envelope import Reply, reply
from tidings.application.users import (
    Accounts,
    NewWaba,
    OrganizationChange,
    Profile,
    ProfileChange,
    Registration,
    SignedIn,
    SignIn,
    Wabas,
)
from tidings.domain.kernel import Actor, Permission
from tidings.domain.users import Organization, Waba


class AuthController(Controller):
    path = "/api/auth"
    tags = ["Users"]

    @post("/register", public=True, permission=None)
    async def register(
        self, accounts: NamedDependency[Accounts], data: JSONBody[Registration]
    ) -> Reply[SignedIn]:
        """Sign up: a user with an organisation of their own."""
        return reply(await accounts.register(data), "User registered successfully")

    @post("/login", status_code=200, public=True, permission=None)
    async def login(self, accounts: NamedDependency[Accounts], data: JSONBody[SignIn]) -> Reply[SignedIn]:
        """Sign in."""
        return reply(await accounts.login(data), "Login successful")

    @get("/profile", signed_in=True, permission=None)
    async def profile(
        self, accounts: NamedDependency[Accounts], actor: NamedDependency[Actor]
    ) -> Reply[Profile]:
        """Who is signed in, where, and as what."""
        return reply(await accounts.profile(actor))

    @put("/profile", signed_in=True, permission=None)
    async def change_profile(
        self,
        accounts: NamedDependency[Accounts],
        actor: NamedDependency[Actor],
        data: JSONBody[ProfileChange],
    ) -> Reply[Profile]:
        """Change name and e-mail."""
        return reply(await accounts.change_profile(actor, data), "Profile updated")


class OrganizationController(Controller):
    path = "/api/organization"
    tags = ["Users"]

    @get("/", permission=Permission.ORGANIZATION_READ)
    async def one(
        self, accounts: NamedDependency[Accounts], actor: NamedDependency[Actor]
    ) -> Reply[Organization]:
        """The organisation of the token."""
        return reply((await accounts.profile(actor)).organization)

    @put("/", permission=Permission.ORGANIZATION_WRITE)
    async def change(
        self,
        accounts: NamedDependency[Accounts],
        actor: NamedDependency[Actor],
        data: JSONBody[OrganizationChange],
    ) -> Reply[Organization]:
        """Set the organisation's details."""
        return reply(await accounts.change_organization(actor, data), "Organization updated")

    @post("/", status_code=200, permission=Permission.ORGANIZATION_WRITE)
    async def details(
        self,
        accounts: NamedDependency[Accounts],
        actor: NamedDependency[Actor],
        data: JSONBody[OrganizationChange],
    ) -> Reply[Organization]:
        """Set the organisation's details, as the seed spells it."""
        return reply(await accounts.change_organization(actor, data), "Organization saved")


class WabaController(Controller):
    path = "/api/wabas"
    tags = ["Users"]

    @post("/", permission=Permission.WABAS_WRITE)
    async def connect(
        self, wabas: NamedDependency[Wabas], actor: NamedDependency[Actor], data: JSONBody[NewWaba]
    ) -> Reply[Waba]:
        """Link a WhatsApp Business Account; its token is checked with Meta and kept sealed."""
        return reply(await wabas.connect(actor, data), "WhatsApp Business Account connected")

    @get("/", permission=Permission.WABAS_READ)
    async def all(self, wabas: NamedDependency[Wabas], actor: NamedDependency[Actor]) -> Reply[list[Waba]]:
        """The organisation's WhatsApp Business Accounts."""
        return reply([*await wabas.all(actor)])
