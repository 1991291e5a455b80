"""Signing up and in, profiles, passwords, and leaving for good."""

from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import NewId, Now, Signal
from tidings.application.ports.users import Begin, Forget, Passwords, Work
from tidings.application.users.doors import Doors
from tidings.application.users.factors import FactorCheck
from tidings.application.users.opening import Opening, SignedIn, actor_of, session_of
from tidings.domain.errors import Fault
from tidings.domain.events import MemberRemoved, OrganizationClosed
from tidings.domain.kernel import Actor, OrganizationId, Permission, Role, UserId
from tidings.domain.users import (
    BadAccount,
    Credential,
    Letter,
    LetterKind,
    Membership,
    Organization,
    OrganizationNotFound,
    SeveralOrganizations,
    TooManyHashes,
    User,
    UserNotFound,
    WrongCredentials,
    check_owner_remains,
    faults_of_account,
    faults_of_email,
    faults_of_name,
    faults_of_password,
    tidy_email,
    tidy_password,
)


class Registration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A new account."""

    email: str
    password: str
    name: str


class SignIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """E-mail and password, and a code where a second factor is set."""

    email: str
    password: str
    code: str | None = None
    """Of the authenticator app, or a recovery code."""
    organization_id: OrganizationId | None = None
    """Where to work; the first one when not said."""


class ProfileChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The seed's profile: both are set."""

    name: str
    email: str


class PasswordChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The password of now, and the one from now on."""

    current_password: str
    new_password: str


class Farewell(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The password, so that nobody else deletes the account."""

    password: str


class Profile(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who is signed in, where, and as what."""

    user: User
    organization: Organization
    role: Role
    permissions: tuple[str, ...] = ()


class Identity(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who a token or an API key stands for, and what it allows."""

    user_id: UserId
    organization_id: OrganizationId
    role: Role
    permissions: tuple[Permission, ...] = ()

    @classmethod
    def of(cls, actor: Actor) -> "Identity":
        return cls(
            user_id=actor.user_id,
            organization_id=actor.organization_id,
            role=actor.role,
            permissions=tuple(sorted(actor.rights)),
        )


@dataclass(frozen=True, slots=True)
class Accounts:
    begin: Begin
    read: Begin
    passwords: Passwords
    opening: Opening
    doors: Doors
    factors: FactorCheck
    forget: Forget
    signal: Signal
    now: Now
    new_id: NewId

    async def register(self, new: Registration, origin: str = "") -> SignedIn:
        """Make a user and their own organisation, in one transaction.

        Raise BadAccount, EmailTaken, TooManyTries, TooManyHashes.
        """
        password = tidy_password(new.password)
        common = self.passwords.common(password)
        if faults := faults_of_account(new.email, password, new.name, common=common):
            raise BadAccount("", *faults)
        await self.doors.register(tidy_email(new.email), origin)
        hashed = await self.passwords.hash(password)
        now = self.now()
        user = User(
            id=UserId(self.new_id()),
            email=tidy_email(new.email),
            name=new.name.strip(),
            created_at=now,
            updated_at=now,
        )
        async with self.begin() as work:
            await work.users.add(user, Credential(user_id=user.id, password_hash=hashed))
            owner = await self.opening.found_personal(work, user, origin)
            signed_in = await self.opening.open(work, user, owner, origin, "user:registered")
        self.signal.wake()
        return signed_in

    async def login(self, given: SignIn, origin: str = "") -> SignedIn:
        """Raise WrongCredentials: the same for a wrong password and an unknown e-mail, in the same time.

        Raise also SecondFactorNeeded, BadSecondFactor, TooManyTries, TooManyHashes, MemberSuspended.
        """
        email, password = tidy_email(given.email), tidy_password(given.password)
        async with self.read() as look:
            found = await look.users.by_email(email)
            familiar = await look.sessions.familiar(email, origin)
        await self._check(email, password, found and found[1], origin, familiar=familiar)
        if found is None:
            raise WrongCredentials()
        user, credential = found
        await self.factors.check(user.id, given.code)
        fresh = credential
        if credential.password_hash and self.passwords.outdated(credential.password_hash):
            fresh = replace(credential, password_hash=await self.passwords.hash(password))
        async with self.begin() as work:
            await _unchanged(work, credential)
            if fresh is not credential:
                await work.users.set_password(fresh)
            membership = await self.opening.choose(work, user, given.organization_id, origin)
            return await self.opening.open(work, user, membership, origin)

    async def profile(self, actor: Actor) -> Profile:
        async with self.read() as look:
            return Profile(
                user=await look.users.get(actor.user_id),
                organization=await look.organizations.get(actor.organization_id),
                role=actor.role,
                permissions=tuple(sorted(actor.rights)),
            )

    async def change_profile(self, actor: Actor, change: ProfileChange) -> Profile:
        """Raise BadAccount, EmailTaken."""
        session_of(actor)
        if faults := (*faults_of_email(change.email), *faults_of_name(change.name)):
            raise BadAccount("", *faults)
        email = tidy_email(change.email)
        async with self.begin() as work:
            user = await work.users.get(actor.user_id)
            moved = email != user.email
            changed = replace(
                user,
                name=change.name.strip(),
                email=email,
                verified_at=None if moved else user.verified_at,
                updated_at=self.now(),
            )
            await work.users.save(changed)
            await self.opening.journal.changed(work, actor, "user:changed", user.id, user, changed)
            if moved:
                await self._warn(work, user.email, "the e-mail address of your account was changed")
        self.signal.wake()
        return await self.profile(actor)

    async def change_password(self, actor: Actor, change: PasswordChange) -> SignedIn:
        """End every sign-in, this one too, and open a fresh one.

        Raise BadAccount, WrongCredentials, TooManyTries, TooManyHashes, SessionNeeded.
        """
        session_of(actor)
        password = tidy_password(change.new_password)
        common = self.passwords.common(password)
        if faults := faults_of_password(password, "newPassword", common=common):
            raise BadAccount("", *faults)
        user, credential = await self._prove(actor, change.current_password, "currentPassword")
        fresh = replace(credential, password_hash=await self.passwords.hash(password))
        async with self.begin() as work:
            await _unchanged(work, credential)
            await work.users.set_password(fresh)
            await work.sessions.end_of(user.id)
            await self.opening.journal.note(work, actor, "user:password_changed", user.id)
            await self._warn(work, user.email, "the password of your account was changed")
            membership = await self.opening.choose(work, user, actor.organization_id, actor.origin)
            signed_in = await self.opening.open(work, user, membership, actor.origin)
        self.forget(user.id)
        self.signal.wake()
        return signed_in

    async def remove(self, actor: Actor, farewell: Farewell) -> None:
        """Delete the account, and the organisations in which nobody else is.

        Raise WrongCredentials, and LastOwner while others depend on this owner.
        """
        session_of(actor)
        user, credential = await self._prove(actor, farewell.password, "password")
        async with self.begin() as work:
            await _unchanged(work, credential)
            for membership in await work.organizations.memberships(user.id):
                await self._depart(work, membership, actor.origin)
            await work.users.remove(user.id)
        self.forget(user.id)
        self.signal.wake()

    async def operator(self, organization: OrganizationId | None = None) -> Actor:
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
        return actor_of(owners[0])

    async def require_member(self, organization: OrganizationId, user: UserId) -> None:
        """Raise UserNotFound when the user does not belong to the organisation, or is suspended there."""
        async with self.read() as look:
            standing = await look.organizations.standing(organization, user)
        if standing is None or standing.membership.suspended_at is not None:
            raise UserNotFound()

    async def _prove(self, actor: Actor, password: str, field: str) -> tuple[User, Credential]:
        """The user who is asking, once they have said their password. Raise WrongCredentials."""
        async with self.read() as look:
            user = await look.users.get(actor.user_id)
            credential = await look.users.credential(actor.user_id)
        try:
            given = tidy_password(password)
            await self._check(user.email, given, credential, actor.origin, familiar=True)
        except WrongCredentials as error:
            fault = Fault(field=field, rule="match", message="is not the password of this account")
            raise WrongCredentials("The password is wrong.", fault) from error
        return user, credential

    async def _check(
        self, email: str, password: str, credential: Credential | None, origin: str, *, familiar: bool
    ) -> None:
        """Raise WrongCredentials, TooManyTries, TooManyHashes."""
        tries = await self.doors.sign_in(email, origin, familiar=familiar)
        try:
            known = credential.password_hash if credential else None
            right = await self.passwords.verify(password, known)
        except TooManyHashes:
            await tries.rightful()
            raise
        if not right:
            raise WrongCredentials()
        await tries.rightful()

    async def _depart(self, work: Work, membership: Membership, origin: str) -> None:
        organization, user = membership.organization_id, membership.user_id
        others = await work.organizations.members(organization, cursor=None, limit=2)
        by = actor_of(membership, origin)
        await self.opening.journal.note(work, by, "member:left", user, before={"role": membership.role})
        if len(others.items) < 2:
            await work.organizations.close(organization)
            await work.outbox.put(OrganizationClosed(organization_id=organization))
            return
        if membership.role is Role.OWNER:
            owners = await work.organizations.owners(organization)
            check_owner_remains((owner.user_id for owner in owners), user)
        await work.organizations.leave(organization, user)
        await work.outbox.put(MemberRemoved(organization_id=organization, user_id=user))

    async def _warn(self, work: Work, email: str, what: str) -> None:
        await work.letters.put(
            Letter(
                id=self.new_id(),
                kind=LetterKind.WARNING,
                subject=email,
                detail=what,
                due_at=self.now(),
            )
        )


async def _unchanged(work: Work, credential: Credential) -> None:
    """Raise WrongCredentials when the password was changed while it was being checked."""
    if await work.users.credential(credential.user_id) != credential:
        raise WrongCredentials()
