"""Signing up and in, sign-ins, profiles, passwords and WABA links over HTTP."""

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody

from tidings.adapters.http.envelope import Done, Reply, reply
from tidings.adapters.http.security import provide_origin
from tidings.application.users import (
    Acceptance,
    Accepted,
    Accounts,
    EmbeddedSignup,
    Farewell,
    Forgotten,
    Identity,
    Invitations,
    NewWaba,
    PasswordChange,
    Profile,
    ProfileChange,
    Recovery,
    RefreshRequest,
    Registration,
    Reset,
    Sessions,
    SessionView,
    SignedIn,
    SignIn,
    SwitchRequest,
    Wabas,
)
from tidings.domain.kernel import Actor, Permission, WabaId
from tidings.domain.users import Organization, SessionId, Waba

ORIGIN = {"origin": Provide(provide_origin, sync_to_thread=False)}
SENT = "If the e-mail belongs to an account, a letter is on its way."


class AuthController(Controller):
    path = "/api/auth"
    tags = ["Users"]
    dependencies = ORIGIN

    @post("/register", public=True, permission=None)
    async def register(
        self,
        accounts: NamedDependency[Accounts],
        origin: NamedDependency[str],
        data: JSONBody[Registration],
    ) -> Reply[SignedIn]:
        """Sign up: a user with an organisation of their own."""
        return reply(await accounts.register(data, origin), "User registered successfully")

    @post("/login", status_code=200, public=True, permission=None)
    async def login(
        self, accounts: NamedDependency[Accounts], origin: NamedDependency[str], data: JSONBody[SignIn]
    ) -> Reply[SignedIn]:
        """Sign in; where a second factor is set, with its code."""
        return reply(await accounts.login(data, origin), "Login successful")

    @post("/refresh", status_code=200, public=True, permission=None)
    async def refresh(
        self,
        sessions: NamedDependency[Sessions],
        origin: NamedDependency[str],
        data: JSONBody[RefreshRequest],
    ) -> Reply[SignedIn]:
        """A fresh pair of tokens; the refresh token is good once, and a second use ends the sign-in."""
        return reply(await sessions.refresh(data, origin))

    @post("/logout", status_code=200, signed_in=True, permission=None)
    async def logout(self, sessions: NamedDependency[Sessions], actor: NamedDependency[Actor]) -> Done:
        """End this sign-in."""
        await sessions.logout(actor)
        return Done(message="Signed out")

    @post("/logout-all", status_code=200, signed_in=True, permission=None)
    async def logout_all(self, sessions: NamedDependency[Sessions], actor: NamedDependency[Actor]) -> Done:
        """End every sign-in of the user."""
        await sessions.end_all(actor)
        return Done(message="Signed out everywhere")

    @get("/sessions", signed_in=True, permission=None)
    async def sessions_of(
        self, sessions: NamedDependency[Sessions], actor: NamedDependency[Actor]
    ) -> Reply[list[SessionView]]:
        """Where the user is signed in."""
        return reply([*await sessions.all(actor)])

    @delete("/sessions/{id:uuid}", status_code=200, signed_in=True, permission=None)
    async def end_session(
        self, sessions: NamedDependency[Sessions], actor: NamedDependency[Actor], id: FromPath[SessionId]
    ) -> Done:
        """End one of them."""
        await sessions.end(actor, id)
        return Done(message="Signed out there")

    @get("/organizations", signed_in=True, permission=None)
    async def organizations(
        self, sessions: NamedDependency[Sessions], actor: NamedDependency[Actor]
    ) -> Reply[list[Organization]]:
        """The organisations that the user belongs to."""
        return reply([*await sessions.organizations(actor)])

    @post("/switch-organization", status_code=200, signed_in=True, permission=None)
    async def switch(
        self,
        sessions: NamedDependency[Sessions],
        actor: NamedDependency[Actor],
        data: JSONBody[SwitchRequest],
    ) -> Reply[SignedIn]:
        """Go on in another organisation, with other tokens; those of now end."""
        return reply(await sessions.switch(actor, data))

    @post("/accept-invitation", public=True, permission=None)
    async def accept(
        self,
        invitations: NamedDependency[Invitations],
        origin: NamedDependency[str],
        data: JSONBody[Acceptance],
    ) -> Reply[Accepted]:
        """Join an organisation by the token of a letter."""
        return reply(await invitations.accept(data, origin), "Invitation accepted")

    @post("/forgot-password", status_code=200, public=True, permission=None)
    async def forgot(
        self, recovery: NamedDependency[Recovery], origin: NamedDependency[str], data: JSONBody[Forgotten]
    ) -> Done:
        """Have a letter sent with a link to choose a new password."""
        await recovery.forgot(data, origin)
        return Done(message=SENT)

    @post("/reset-password", status_code=200, public=True, permission=None)
    async def reset(
        self, recovery: NamedDependency[Recovery], origin: NamedDependency[str], data: JSONBody[Reset]
    ) -> Done:
        """Choose a new password by the token of a letter."""
        await recovery.reset(data, origin)
        return Done(message="Password reset; sign in with the new one")

    @post("/change-password", status_code=200, signed_in=True, permission=None)
    async def change_password(
        self,
        accounts: NamedDependency[Accounts],
        actor: NamedDependency[Actor],
        data: JSONBody[PasswordChange],
    ) -> Reply[SignedIn]:
        """Set another password; every sign-in ends, and this client gets fresh tokens."""
        return reply(await accounts.change_password(actor, data), "Password changed successfully")

    @get("/profile", signed_in=True, permission=None)
    async def profile(
        self, accounts: NamedDependency[Accounts], actor: NamedDependency[Actor]
    ) -> Reply[Profile]:
        """Who is signed in, where, and as what."""
        return reply(await accounts.profile(actor))

    @get("/whoami", known=True, permission=None)
    async def who_am_i(self, actor: NamedDependency[Actor]) -> Reply[Identity]:
        """Who the token or API key stands for, and what it allows."""
        return reply(Identity.of(actor))

    @put("/profile", signed_in=True, permission=None)
    async def change_profile(
        self,
        accounts: NamedDependency[Accounts],
        actor: NamedDependency[Actor],
        data: JSONBody[ProfileChange],
    ) -> Reply[Profile]:
        """Change name and e-mail."""
        return reply(await accounts.change_profile(actor, data), "Profile updated")

    @delete("/profile", status_code=200, signed_in=True, permission=None)
    async def remove(
        self, accounts: NamedDependency[Accounts], actor: NamedDependency[Actor], data: JSONBody[Farewell]
    ) -> Done:
        """Delete the account, and the organisations in which nobody else is."""
        await accounts.remove(actor, data)
        return Done(message="Account deleted")


class WabaController(Controller):
    path = "/api/wabas"
    tags = ["Users"]

    @post("/", permission=Permission.WABAS_WRITE)
    async def connect(
        self, wabas: NamedDependency[Wabas], actor: NamedDependency[Actor], data: JSONBody[NewWaba]
    ) -> Reply[Waba]:
        """Link a WhatsApp Business Account; its token is checked with Meta and kept sealed."""
        return reply(await wabas.connect(actor, data), "WhatsApp Business Account connected")

    @post("/embedded-signup", permission=Permission.WABAS_WRITE)
    async def sign_up(
        self, wabas: NamedDependency[Wabas], actor: NamedDependency[Actor], data: JSONBody[EmbeddedSignup]
    ) -> Reply[list[Waba]]:
        """Link the accounts that Meta's Embedded Signup showed, by the code it gave."""
        return reply([*await wabas.sign_up(actor, data)], "WhatsApp Business Accounts connected")

    @get("/", permission=Permission.WABAS_READ)
    async def all(self, wabas: NamedDependency[Wabas], actor: NamedDependency[Actor]) -> Reply[list[Waba]]:
        """The organisation's WhatsApp Business Accounts."""
        return reply([*await wabas.all(actor)])

    @delete("/{id:str}", status_code=200, permission=Permission.WABAS_WRITE)
    async def disconnect(
        self, wabas: NamedDependency[Wabas], actor: NamedDependency[Actor], id: FromPath[WabaId]
    ) -> Done:
        """Forget an account and its token."""
        await wabas.disconnect(actor, id)
        return Done(message="WhatsApp Business Account disconnected")
