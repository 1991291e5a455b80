"""Signing in with an OpenID Connect provider.

The way there and back is bound to one browser: it keeps a secret of which the provider sees only a hash
(the PKCE challenge). State, nonce and verifier come from two secrets, so nothing but fingerprints is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from tidings.application.ports.common import NewId, NewSecret, Now, Signal
from tidings.application.ports.users import Begin, ExternalProfile, IdentityProvider, Work
from tidings.application.users.opening import Opening, SignedIn
from tidings.domain.errors import Conflict, NotFound
from tidings.domain.kernel import OrganizationId, Role, UserId
from tidings.domain.users import (
    SIGN_IN_LIFE,
    BadAccount,
    Credential,
    ExternalIdentity,
    Membership,
    Proof,
    Purpose,
    SpentProof,
    User,
    WrongCredentials,
    faults_of_email,
    fingerprint,
    tidy_email,
)


class ProviderNotFound(NotFound):
    """There is no such sign-in provider."""


class AccountExists(Conflict):
    """An account with this e-mail exists, and it was never shown that the e-mail is its user's.

    Reset its password by e-mail once; from then on this sign-in leads to it.
    """


@dataclass(frozen=True, slots=True)
class TrustedProvider:
    """A provider, and where the people whom it vouches for belong when they come for the first time."""

    provider: IdentityProvider
    organization_id: OrganizationId | None = None
    """None: an organisation of their own."""
    role: Role = Role.MEMBER


class Departure(Struct, frozen=True, kw_only=True):
    """Where the browser goes, and the secret that it keeps until it is back."""

    address: str
    browser_secret: str


@dataclass(frozen=True, slots=True)
class Federation:
    begin: Begin
    providers: Mapping[str, TrustedProvider]
    opening: Opening
    signal: Signal
    now: Now
    new_id: NewId
    new_secret: NewSecret

    async def depart(self, name: str) -> Departure:
        """Raise ProviderNotFound, Unavailable."""
        trusted = self._trusted(name)
        state, browser = self.new_secret(), self.new_secret()
        address = await trusted.provider.address(
            state=state, nonce=_nonce(state), verifier=_verifier(state, browser)
        )
        async with self.begin() as work:
            await work.proofs.put(
                Proof(
                    fingerprint=fingerprint(state),
                    purpose=Purpose.SIGN_IN,
                    subject=f"{name}:{fingerprint(browser)}",
                    ends_at=self.now() + SIGN_IN_LIFE,
                )
            )
        return Departure(address=address, browser_secret=browser)

    async def arrive(
        self, name: str, *, code: str, state: str, browser_secret: str, origin: str = ""
    ) -> SignedIn:
        """Raise ProviderNotFound, SpentProof, WrongCredentials, AccountExists, Unavailable."""
        trusted = self._trusted(name)
        async with self.begin() as work:
            proof = await work.proofs.take(fingerprint(state), Purpose.SIGN_IN, self.now())
        if proof is None or proof.subject != f"{name}:{fingerprint(browser_secret)}":
            raise SpentProof()
        profile = await trusted.provider.redeem(
            code=code, nonce=_nonce(state), verifier=_verifier(state, browser_secret)
        )
        async with self.begin() as work:
            user = await self._user(work, profile, trusted, origin)
            membership = await self.opening.choose(work, user, None, origin)
            signed_in = await self.opening.open(work, user, membership, origin, "session:opened_elsewhere")
        self.signal.wake()
        return signed_in

    def _trusted(self, name: str) -> TrustedProvider:
        if name not in self.providers:
            raise ProviderNotFound()
        return self.providers[name]

    async def _user(
        self, work: Work, profile: ExternalProfile, trusted: TrustedProvider, origin: str
    ) -> User:
        known = await work.users.identity(profile.issuer, profile.subject)
        if known is not None:
            return await work.users.get(known)
        if not profile.email_verified:
            raise WrongCredentials("The provider does not vouch for the e-mail address.")
        email = tidy_email(profile.email)
        found = await work.users.by_email(email)
        if found is None:
            user = await self._provision(work, profile, trusted, origin)
        elif found[0].verified_at is None:
            raise AccountExists()
        else:
            user = found[0]
        await work.users.link(
            ExternalIdentity(
                issuer=profile.issuer, subject=profile.subject, user_id=user.id, linked_at=self.now()
            )
        )
        return user

    async def _provision(
        self, work: Work, profile: ExternalProfile, trusted: TrustedProvider, origin: str
    ) -> User:
        if faults := faults_of_email(profile.email):
            raise BadAccount("The provider's e-mail address cannot be used.", *faults)
        now = self.now()
        email = tidy_email(profile.email)
        user = User(
            id=UserId(self.new_id()),
            email=email,
            name=(profile.name.strip() or email)[:200],
            verified_at=now,
            created_at=now,
            updated_at=now,
        )
        await work.users.add(user, Credential(user_id=user.id, password_hash=None))
        if trusted.organization_id is None:
            await self.opening.found_personal(work, user, origin)
            return user
        organization = await work.organizations.get(trusted.organization_id)
        await work.organizations.join(
            Membership(organization_id=organization.id, user_id=user.id, role=trusted.role, joined_at=now)
        )
        return user


def _nonce(state: str) -> str:
    return fingerprint(f"nonce:{state}")


def _verifier(state: str, browser: str) -> str:
    return fingerprint(f"verifier:{state}:{browser}")
