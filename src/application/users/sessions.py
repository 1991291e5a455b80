"""Sign-ins as they go on: refreshed, re-scoped, ended; and who stands behind a token at this moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import Now
from tidings.application.ports.users import Begin, Forget, Standing, Tokens
from tidings.application.users.opening import Opening, SignedIn, actor_of, session_of
from tidings.domain.kernel import Actor, OrganizationId, Role
from tidings.domain.users import (
    BadToken,
    Organization,
    Session,
    SessionId,
    SessionNotFound,
    fingerprint,
    rights_of,
)

KEY_PREFIX = "tdk_"
USE_NOTED_EVERY = timedelta(minutes=1)


class RefreshRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The refresh token, which is good once."""

    refresh_token: str


class SwitchRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The organisation to go to."""

    organization_id: OrganizationId


class SessionView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A sign-in as its user sees it."""

    session: Session
    current: bool


@dataclass(frozen=True, slots=True)
class Sessions:
    begin: Begin
    read: Begin
    opening: Opening
    forget: Forget
    now: Now

    async def refresh(self, given: RefreshRequest, origin: str = "") -> SignedIn:
        """A fresh pair of tokens for a refresh token.

        Raise BadToken. One that is used a second time was stolen, from us or by us: the sign-in ends.
        """
        renewed: SignedIn | None = None
        async with self.begin() as work:
            now = self.now()
            session, first = await work.sessions.spend(fingerprint(given.refresh_token), now)
            if session is None:
                raise BadToken()
            standing = await work.organizations.standing(session.organization_id, session.user_id)
            if first and now < session.ends_at and standing and not standing.membership.suspended_at:
                secret = self.opening.new_secret()
                session = replace(session, origin=origin or session.origin)
                await work.sessions.renew(session, fingerprint(secret))
                user = await work.users.get(session.user_id)
                renewed = await self.opening.reply(work, user, session, standing.membership, secret)
            else:
                await work.sessions.end(session.id)
                if standing and not first:
                    by = actor_of(standing.membership, origin)
                    await self.opening.journal.note(work, by, "session:refresh_reused", session.id)
        if renewed is None:
            self.forget(session.user_id)
            raise BadToken("The refresh token was used before or has ended; sign in again.")
        return renewed

    async def logout(self, actor: Actor) -> None:
        """End this sign-in. Raise SessionNeeded."""
        await self._end(actor, session_of(actor))

    async def end(self, actor: Actor, id: SessionId) -> None:
        """End one of the user's sign-ins. Raise SessionNotFound, SessionNeeded."""
        session_of(actor)
        async with self.read() as look:
            session = await look.sessions.get(id)
        if session is None or session.user_id != actor.user_id:
            raise SessionNotFound()
        await self._end(actor, id)

    async def end_all(self, actor: Actor) -> None:
        """End every sign-in of the user, this one too. Raise SessionNeeded."""
        session_of(actor)
        async with self.begin() as work:
            await work.sessions.end_of(actor.user_id)
            await self.opening.journal.note(work, actor, "session:all_ended", actor.user_id)
        self.forget(actor.user_id)

    async def all(self, actor: Actor) -> Sequence[SessionView]:
        """Newest first."""
        async with self.read() as look:
            found = await look.sessions.of(actor.user_id)
        return [SessionView(session=each, current=each.id == actor.session_id) for each in found]

    async def organizations(self, actor: Actor) -> Sequence[Organization]:
        """Where the user may go."""
        async with self.read() as look:
            return await look.organizations.of_user(actor.user_id)

    async def switch(self, actor: Actor, wanted: SwitchRequest) -> SignedIn:
        """Go on in another organisation: this sign-in ends, and one over there begins.

        Raise OrganizationNotFound, MemberSuspended, SessionNeeded.
        """
        here = session_of(actor)
        async with self.begin() as work:
            user = await work.users.get(actor.user_id)
            membership = await self.opening.choose(work, user, wanted.organization_id, actor.origin)
            await work.sessions.end(here)
            signed_in = await self.opening.open(work, user, membership, actor.origin)
        self.forget(actor.user_id)
        return signed_in

    async def _end(self, actor: Actor, id: SessionId) -> None:
        async with self.begin() as work:
            await work.sessions.end(id)
            await self.opening.journal.note(work, actor, "session:ended", id)
        self.forget(actor.user_id)


@dataclass(frozen=True, slots=True)
class Gate:
    """Who stands behind a token or an API key, and what they may do, as the tables say now."""

    begin: Begin
    read: Begin
    tokens: Tokens
    now: Now

    async def identify(self, secret: str) -> tuple[Actor, datetime]:
        """The actor, and until when the secret can be good. Raise BadToken."""
        now = self.now()
        if secret.startswith(KEY_PREFIX):
            return await self._key(secret, now)
        claimed, session_id, ends = self.tokens.read(secret, now)
        async with self.read() as look:
            session = await look.sessions.get(session_id)
            standing = await look.organizations.standing(claimed.organization_id, claimed.user_id)
        if session is None or session.user_id != claimed.user_id or session.ends_at <= now:
            raise BadToken()
        membership = _active(standing).membership
        custom = standing.custom if standing else None
        permissions = rights_of(membership.role, custom) if membership.role is Role.CUSTOM else None
        actor = replace(claimed, role=membership.role, permissions=permissions, session_id=session_id)
        return actor, min(ends, session.ends_at)

    async def _key(self, secret: str, now: datetime) -> tuple[Actor, datetime]:
        async with self.read() as look:
            key = await look.keys.by_fingerprint(fingerprint(secret))
            if key is None or key.ends_at <= now:
                raise BadToken("The API key is unknown, was revoked or has ended.")
            standing = _active(await look.organizations.standing(key.organization_id, key.user_id))
        if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY:
            async with self.begin() as work:
                await work.keys.touch(key.id, now)
        # A key is never an owner, so that it cannot make owners, whatever its maker is.
        rights = rights_of(standing.membership.role, standing.custom) & set(key.scopes)
        actor = Actor(
            user_id=key.user_id,
            organization_id=key.organization_id,
            role=Role.CUSTOM,
            permissions=rights,
        )
        return actor, key.ends_at


def _active(standing: Standing | None) -> Standing:
    if standing is None or standing.membership.suspended_at is not None:
        raise BadToken()
    return standing
