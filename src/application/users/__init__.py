"""Signing up and in, profiles, organisations, and their link to Meta."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import NewId, Now
from tidings.application.ports.gateway import TokenMissing
from tidings.application.ports.users import Begin, MetaNumbers, Passwords, Sealer, Tokens, Work
from tidings.domain.errors import Fault
from tidings.domain.events import OrganizationCreated, WabaConnected
from tidings.domain.kernel import Actor, OrganizationId, Permission, Role, UserId, WabaId
from tidings.domain.users import (
    REFRESH_LIFE,
    BadAccount,
    Credential,
    Membership,
    Organization,
    OrganizationNotFound,
    Session,
    SessionId,
    SeveralOrganizations,
    User,
    UserNotFound,
    Waba,
    WrongCredentials,
    faults_of_account,
    faults_of_email,
    faults_of_name,
    tidy_email,
)


class Registration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A new account."""

    email: str
    password: str
    name: str


class SignIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """E-mail and password."""

    email: str
    password: str


class ProfileChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The seed's profile: both are set."""

    name: str
    email: str


class OrganizationChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An organisation's details; what is not mentioned becomes empty, but for the name."""

    name: str
    physical_address: str = ""
    city: str = ""
    state: str = ""
    zip_code: str = ""
    country: str = ""


class NewWaba(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A WhatsApp Business Account and a token that may use it."""

    waba_id: WabaId
    access_token: str


class SignedIn(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a client keeps after signing up or in."""

    token: str
    refresh_token: str
    user: User
    organization: Organization


class Profile(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who is signed in, where, and as what."""

    user: User
    organization: Organization
    role: Role


@dataclass(frozen=True, slots=True)
class Accounts:
    begin: Begin
    read: Begin
    passwords: Passwords
    tokens: Tokens
    now: Now
    new_id: NewId

    async def register(self, new: Registration) -> SignedIn:
        """Make a user and their own organisation, in one transaction. Raise BadAccount, EmailTaken."""
        if faults := faults_of_account(new.email, new.password, new.name):
            raise BadAccount("", *faults)
        hashed = await self.passwords.hash(new.password)
        now = self.now()
        user = User(
            id=UserId(self.new_id()),
            email=tidy_email(new.email),
            name=new.name.strip(),
            created_at=now,
            updated_at=now,
        )
        organization = Organization(
            id=OrganizationId(self.new_id()), name=user.name, created_at=now, updated_at=now
        )
        owner = Membership(organization_id=organization.id, user_id=user.id, role=Role.OWNER)
        async with self.begin() as work:
            await work.users.add(user, Credential(user_id=user.id, password_hash=hashed))
            await work.organizations.add(organization)
            await work.organizations.join(owner)
            await work.outbox.put(
                OrganizationCreated(organization_id=organization.id, name=organization.name, owner_id=user.id)
            )
            return await self._signed_in(work, user, organization, owner)

    async def login(self, given: SignIn) -> SignedIn:
        """Raise WrongCredentials: the same for a wrong password and an unknown e-mail, in the same time."""
        async with self.read() as look:
            found = await look.users.by_email(tidy_email(given.email))
        known = None if found is None else found[1].password_hash
        if not await self.passwords.verify(given.password, known) or found is None:
            raise WrongCredentials()
        user, credential = found
        if self.passwords.outdated(credential.password_hash):
            credential = replace(credential, password_hash=await self.passwords.hash(given.password))
        async with self.begin() as work:
            if credential is not found[1]:
                await work.users.set_password(credential)
            membership = (await work.organizations.memberships(user.id))[0]
            organization = await work.organizations.get(membership.organization_id)
            return await self._signed_in(work, user, organization, membership)

    async def profile(self, actor: Actor) -> Profile:
        async with self.read() as look:
            return Profile(
                user=await look.users.get(actor.user_id),
                organization=await look.organizations.get(actor.organization_id),
                role=actor.role,
            )

    async def change_profile(self, actor: Actor, change: ProfileChange) -> Profile:
        """Raise BadAccount, EmailTaken."""
        if faults := (*faults_of_email(change.email), *faults_of_name(change.name)):
            raise BadAccount("", *faults)
        async with self.begin() as work:
            user = await work.users.get(actor.user_id)
            changed = replace(
                user, name=change.name.strip(), email=tidy_email(change.email), updated_at=self.now()
            )
            await work.users.save(changed)
        return await self.profile(actor)

    async def change_organization(self, actor: Actor, change: OrganizationChange) -> Organization:
        """Raise BadAccount."""
        organization_id = actor.require(Permission.ORGANIZATION_WRITE)
        if faults := faults_of_name(change.name):
            raise BadAccount("", *faults)
        details = {name: getattr(change, name) for name in OrganizationChange.__struct_fields__}
        async with self.begin() as work:
            organization = await work.organizations.get(organization_id)
            changed = replace(organization, **details, updated_at=self.now())
            await work.organizations.save(changed)
        return changed

    async def operator(self, organization: OrganizationId | None) -> Actor:
        """The owner of an organisation, or of the only one: who the command line acts as.

        Raise OrganizationNotFound, and SeveralOrganizations, which lists them.
        """
        async with self.read() as look:
            owners = await look.organizations.owners(organization)
        if not owners:
            raise OrganizationNotFound("There is no organisation here yet: register one first.")
        if len({owner.organization_id for owner in owners}) > 1:
            ids = ", ".join(str(owner.organization_id) for owner in owners[:10])
            raise SeveralOrganizations(
                f"There are several organisations; name one with --organization: {ids}"
            )
        owner = owners[0]
        return Actor(user_id=owner.user_id, organization_id=owner.organization_id, role=owner.role)

    async def require_member(self, organization: OrganizationId, user: UserId) -> None:
        """Raise UserNotFound when the user does not belong to the organisation."""
        async with self.read() as look:
            if not await look.organizations.has(organization, user):
                raise UserNotFound()

    async def _signed_in(
        self, work: Work, user: User, organization: Organization, membership: Membership
    ) -> SignedIn:
        now = self.now()
        refresh, kept = self.tokens.new_refresh()
        session = Session(
            id=SessionId(self.new_id()),
            user_id=user.id,
            organization_id=organization.id,
            refresh_hash=kept,
            created_at=now,
            ends_at=now + REFRESH_LIFE,
        )
        await work.sessions.add(session)
        actor = Actor(user_id=user.id, organization_id=organization.id, role=membership.role)
        token = self.tokens.issue(actor, session.id, now)
        return SignedIn(token=token, refresh_token=refresh, user=user, organization=organization)


@dataclass(frozen=True, slots=True)
class Wabas:
    """An organisation's WhatsApp Business Accounts and their tokens."""

    begin: Begin
    read: Begin
    sealer: Sealer
    meta: MetaNumbers
    now: Now

    async def connect(self, actor: Actor, new: NewWaba) -> Waba:
        """Link an account whose token Meta accepts. Raise WabaTaken, or what Meta says of the token."""
        organization = actor.require(Permission.WABAS_WRITE)
        if not new.access_token.strip():
            fault = Fault(field="accessToken", rule="required", message="must not be empty")
            raise BadAccount("", fault)
        numbers = await self.meta.connected_numbers(new.waba_id, new.access_token)
        waba = Waba(waba_id=new.waba_id, organization_id=organization, connected_at=self.now())
        sealed = self.sealer.seal(new.access_token, _place(waba))
        event = WabaConnected(organization_id=organization, waba_id=new.waba_id, numbers=tuple(numbers))
        async with self.begin() as work:
            await work.wabas.put(waba, sealed)
            await work.outbox.put(event)
        return waba

    async def all(self, actor: Actor) -> Sequence[Waba]:
        return await self.of(actor.require(Permission.WABAS_READ))

    async def of(self, organization: OrganizationId) -> Sequence[Waba]:
        """For other contexts, which asked their own actor."""
        async with self.read() as look:
            return await look.wabas.of(organization)

    async def token(self, waba_id: WabaId) -> str:
        """The token, for the moment of a call. Raise TokenMissing."""
        async with self.read() as look:
            found = await look.wabas.sealed(waba_id)
        if found is None:
            raise TokenMissing()
        waba, sealed = found
        return self.sealer.open(sealed, _place(waba))


def _place(waba: Waba) -> str:
    return f"wabas/{waba.organization_id}/{waba.waba_id}/token"
