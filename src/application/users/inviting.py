"""Invitations: sent, accepted, expired, sent again, taken back."""

from dataclasses import dataclass
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import NewId, Now, Signal
from tidings.application.ports.users import Begin, Passwords, Work
from tidings.application.users.doors import Doors
from tidings.application.users.opening import Opening, SignedIn
from tidings.application.users.organizations import chosen_role
from tidings.domain.errors import Conflict, Refused
from tidings.domain.kernel import Actor, Page, Permission, Role, UserId
from tidings.domain.users import (
    INVITATION_LIFE,
    BadAccount,
    Credential,
    Invitation,
    InvitationId,
    InvitationState,
    Letter,
    LetterKind,
    Membership,
    Organization,
    Purpose,
    RoleId,
    SpentProof,
    User,
    check_grant,
    faults_of_email,
    faults_of_name,
    faults_of_password,
    fingerprint,
    rights_of,
    tidy_email,
    tidy_password,
)


class AlreadyMember(Conflict):
    """This person is a member already."""


class NewInvitation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Whom to invite, and as what."""

    email: str
    role: Role = Role.MEMBER
    role_id: RoleId | None = None


class Acceptance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What was in the letter; who has no account yet also says a name and a password."""

    token: str
    name: str = ""
    password: str = ""


class InvitationView(Struct, frozen=True, kw_only=True, rename="camel"):
    """An invitation and where it stands."""

    invitation: Invitation
    state: InvitationState


class Accepted(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the person belongs now. Tokens come to new accounts only: others sign in as always."""

    organization: Organization
    signed_in: SignedIn | None = None


@dataclass(frozen=True, slots=True)
class Invitations:
    begin: Begin
    read: Begin
    passwords: Passwords
    opening: Opening
    doors: Doors
    signal: Signal
    now: Now
    new_id: NewId

    async def invite(self, actor: Actor, new: NewInvitation) -> InvitationView:
        """An open one for the same e-mail is taken back.

        Raise BadAccount, BadRole, RoleNotFound, MoreThanYouHave, AlreadyMember.
        """
        organization = actor.require(Permission.MEMBERS_WRITE)
        if faults := faults_of_email(new.email):
            raise BadAccount("The invitation cannot be sent there.", *faults)
        now, email = self.now(), tidy_email(new.email)
        invitation = Invitation(
            id=InvitationId(self.new_id()),
            organization_id=organization,
            email=email,
            role=new.role,
            role_id=new.role_id,
            invited_by=actor.user_id,
            created_at=now,
            ends_at=now + INVITATION_LIFE,
        )
        async with self.begin() as work:
            check_grant(actor, new.role, await chosen_role(work, actor, new.role, new.role_id))
            found = await work.users.by_email(email)
            if found and await work.organizations.standing(organization, found[0].id):
                raise AlreadyMember()
            if older := await work.invitations.open_for(organization, email):
                await self._take_back(work, older)
            await work.invitations.add(invitation)
            await self._post(work, invitation)
            after = {"email": email, "role": new.role, "roleId": new.role_id}
            await self.opening.journal.note(work, actor, "invitation:sent", invitation.id, after=after)
        self.signal.wake()
        return self._view(invitation)

    async def page(self, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page[InvitationView]:
        """Newest first. Raise BadCursor."""
        async with self.read() as look:
            organization = actor.require(Permission.MEMBERS_READ)
            found = await look.invitations.page(organization, cursor=cursor, limit=limit)
        return Page(items=[self._view(each) for each in found.items], next_cursor=found.next_cursor)

    async def send_again(self, actor: Actor, id: InvitationId) -> InvitationView:
        """A fresh letter and a fresh week; the link of the old letter is void.

        Raise InvitationNotFound, InvitationSpent, MoreThanYouHave.
        """
        organization = actor.require(Permission.MEMBERS_WRITE)
        async with self.begin() as work:
            known = await work.invitations.get(id, organization)
            known.check_open()
            check_grant(actor, known.role, await chosen_role(work, actor, known.role, known.role_id))
            renewed = replace(known, invited_by=actor.user_id, ends_at=self.now() + INVITATION_LIFE)
            await work.invitations.save(renewed)
            await work.proofs.void(Purpose.INVITATION, str(id))
            await self._post(work, renewed)
            await self.opening.journal.note(work, actor, "invitation:sent_again", id)
        self.signal.wake()
        return self._view(renewed)

    async def revoke(self, actor: Actor, id: InvitationId) -> None:
        """Raise InvitationNotFound, InvitationSpent."""
        organization = actor.require(Permission.MEMBERS_WRITE)
        async with self.begin() as work:
            known = await work.invitations.get(id, organization)
            known.check_open()
            await self._take_back(work, known)
            await self.opening.journal.note(work, actor, "invitation:revoked", id)

    async def accept(self, given: Acceptance, origin: str = "") -> Accepted:
        """Join. The letter proves the e-mail; it does not sign an existing account in.

        Raise SpentProof (also when whoever invited may not give that any more), BadAccount, TooManyTries.
        """
        await self.doors.proof(origin)
        invitation, user = await self._peek(given.token)
        hashed = None
        if user is None:
            self._check_newcomer(given)
            hashed = await self.passwords.hash(tidy_password(given.password))
        async with self.begin() as work:
            if not await work.proofs.take(fingerprint(given.token), Purpose.INVITATION, self.now()):
                raise SpentProof()
            invitation = await work.invitations.get(invitation.id)
            if invitation.state(self.now()) is not InvitationState.PENDING:
                raise SpentProof()
            await self._check_inviter(work, invitation)
            if user is None:
                user = await self._newcomer(work, invitation, given.name, hashed)
            elif user.verified_at is None:
                await work.users.save(replace(user, verified_at=self.now()))
            return await self._join(work, invitation, user, origin, new=hashed is not None)

    async def _peek(self, token: str) -> tuple[Invitation, User | None]:
        async with self.read() as look:
            proof = await look.proofs.get(fingerprint(token), Purpose.INVITATION, self.now())
            if proof is None:
                raise SpentProof()
            invitation = await look.invitations.get(InvitationId(UUID(proof.subject)))
            found = await look.users.by_email(invitation.email)
        return invitation, found[0] if found else None

    def _check_newcomer(self, given: Acceptance) -> None:
        password = tidy_password(given.password)
        common = self.passwords.common(password)
        if faults := (*faults_of_name(given.name), *faults_of_password(password, common=common)):
            raise BadAccount("", *faults)

    async def _check_inviter(self, work: Work, invitation: Invitation) -> None:
        """Nobody's invitation outlives their right to give it. Raise SpentProof."""
        standing = await work.organizations.standing(invitation.organization_id, invitation.invited_by)
        if standing is None or standing.membership.suspended_at:
            raise SpentProof()
        inviter = Actor(
            user_id=invitation.invited_by,
            organization_id=invitation.organization_id,
            role=standing.membership.role,
            permissions=rights_of(standing.membership.role, standing.custom),
        )
        try:
            inviter.require(Permission.MEMBERS_WRITE)
            custom = await chosen_role(work, inviter, invitation.role, invitation.role_id)
            check_grant(inviter, invitation.role, custom)
        except Refused as error:
            raise SpentProof() from error

    async def _newcomer(self, work: Work, invitation: Invitation, name: str, hashed: str | None) -> User:
        now = self.now()
        user = User(
            id=UserId(self.new_id()),
            email=invitation.email,
            name=name.strip(),
            verified_at=now,
            created_at=now,
            updated_at=now,
        )
        await work.users.add(user, Credential(user_id=user.id, password_hash=hashed))
        return user

    async def _join(
        self, work: Work, invitation: Invitation, user: User, origin: str, *, new: bool
    ) -> Accepted:
        now = self.now()
        member = Membership(
            organization_id=invitation.organization_id,
            user_id=user.id,
            role=invitation.role,
            role_id=invitation.role_id,
            joined_at=now,
        )
        await work.organizations.join(member)
        await work.invitations.save(replace(invitation, accepted_at=now))
        by = Actor(user_id=user.id, organization_id=member.organization_id, role=member.role, origin=origin)
        after = {"role": member.role, "roleId": member.role_id}
        await self.opening.journal.note(work, by, "member:joined", user.id, after=after)
        organization = await work.organizations.get(member.organization_id)
        signed_in = await self.opening.open(work, user, member, origin) if new else None
        return Accepted(organization=organization, signed_in=signed_in)

    async def _take_back(self, work: Work, invitation: Invitation) -> None:
        await work.invitations.save(replace(invitation, revoked_at=self.now()))
        await work.proofs.void(Purpose.INVITATION, str(invitation.id))

    async def _post(self, work: Work, invitation: Invitation) -> None:
        await work.letters.put(
            Letter(
                id=self.new_id(),
                kind=LetterKind.INVITATION,
                subject=str(invitation.id),
                due_at=self.now(),
            )
        )

    def _view(self, invitation: Invitation) -> InvitationView:
        return InvitationView(invitation=invitation, state=invitation.state(self.now()))
