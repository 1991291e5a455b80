"""What signing up, in and over have in common: organisations are founded, sign-ins are opened."""

from dataclasses import dataclass

from msgspec import Struct

from tidings.application.ports.common import NewId, NewSecret, Now
from tidings.application.ports.users import Tokens, Work
from tidings.application.users.journal import Journal
from tidings.domain.errors import Forbidden
from tidings.domain.events import OrganizationCreated
from tidings.domain.kernel import Actor, OrganizationId, Role
from tidings.domain.users import (
    REFRESH_LIFE,
    Membership,
    Organization,
    OrganizationNotFound,
    Session,
    SessionId,
    SessionNeeded,
    User,
    fingerprint,
)


class MemberSuspended(Forbidden):
    """Your account is suspended in this organisation."""


class SignedIn(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a client keeps after signing up or in."""

    token: str
    refresh_token: str
    user: User
    organization: Organization
    role: Role


@dataclass(frozen=True, slots=True)
class Opening:
    tokens: Tokens
    journal: Journal
    now: Now
    new_id: NewId
    new_secret: NewSecret

    async def found(self, work: Work, user: User, organization: Organization, origin: str = "") -> Membership:
        """Make an organisation with this owner, and tell the other contexts."""
        owner = Membership(
            organization_id=organization.id, user_id=user.id, role=Role.OWNER, joined_at=self.now()
        )
        await work.organizations.add(organization)
        await work.organizations.join(owner)
        await work.outbox.put(
            OrganizationCreated(organization_id=organization.id, name=organization.name, owner_id=user.id)
        )
        by = actor_of(owner, origin)
        await self.journal.note(
            work, by, "organization:created", organization.id, after={"name": organization.name}
        )
        return owner

    async def found_personal(self, work: Work, user: User, origin: str = "") -> Membership:
        """The organisation that everybody has of their own."""
        now = self.now()
        organization = Organization(
            id=OrganizationId(self.new_id()), name=user.name, personal=True, created_at=now, updated_at=now
        )
        return await self.found(work, user, organization, origin)

    async def choose(self, work: Work, user: User, wanted: OrganizationId | None, origin: str) -> Membership:
        """Where a sign-in leads: the organisation asked for, or the oldest; at least one's own.

        Raise OrganizationNotFound when the user is no member of what was asked for, and MemberSuspended.
        """
        found = await work.organizations.memberships(user.id)
        if wanted is not None:
            found = [each for each in found if each.organization_id == wanted]
            if not found:
                raise OrganizationNotFound()
        active = [each for each in found if each.suspended_at is None]
        if active:
            return active[0]
        if found:
            raise MemberSuspended()
        return await self.found_personal(work, user, origin)

    async def open(
        self, work: Work, user: User, membership: Membership, origin: str, what: str = "session:opened"
    ) -> SignedIn:
        """Start a sign-in."""
        now, refresh = self.now(), self.new_secret()
        session = Session(
            id=SessionId(self.new_id()),
            user_id=user.id,
            organization_id=membership.organization_id,
            origin=origin,
            created_at=now,
            ends_at=now + REFRESH_LIFE,
        )
        await work.sessions.add(session, fingerprint(refresh))
        await self.journal.note(work, actor_of(membership, origin), what, session.id)
        return await self.reply(work, user, session, membership, refresh)

    async def reply(
        self, work: Work, user: User, session: Session, membership: Membership, refresh: str
    ) -> SignedIn:
        token = self.tokens.issue(actor_of(membership), session.id, self.now())
        return SignedIn(
            token=token,
            refresh_token=refresh,
            user=user,
            organization=await work.organizations.get(membership.organization_id),
            role=membership.role,
        )


def actor_of(membership: Membership, origin: str = "") -> Actor:
    return Actor(
        user_id=membership.user_id,
        organization_id=membership.organization_id,
        role=membership.role,
        origin=origin,
    )


def session_of(actor: Actor) -> SessionId:
    """The sign-in that asks. Raise SessionNeeded for an API key."""
    if actor.session_id is None:
        raise SessionNeeded()
    return SessionId(actor.session_id)
