"""API keys: for programs, narrower than their maker, shown once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import Struct

from tidings.application.ports.common import NewId, NewSecret, Now
from tidings.application.ports.users import Begin, Forget
from tidings.application.users.journal import Journal
from tidings.application.users.opening import session_of
from tidings.application.users.sessions import KEY_PREFIX
from tidings.domain.errors import Fault, NotFound
from tidings.domain.kernel import Actor, Permission, UserId
from tidings.domain.users import (
    API_KEY_LIFE,
    ApiKey,
    ApiKeyId,
    BadApiKey,
    MoreThanYouHave,
    fingerprint,
)


class ApiKeyNotFound(NotFound):
    """There is no such API key."""


class NewApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What the key is for, and what it may do."""

    name: str
    scopes: tuple[Permission, ...]
    ends_at: datetime | None = None
    """At most a year from now, which is also what it is when not said."""


class ShownApiKey(Struct, frozen=True, kw_only=True, rename="camel"):
    """The key itself, which nobody can show again."""

    key: str
    api_key: ApiKey


@dataclass(frozen=True, slots=True)
class ApiKeys:
    begin: Begin
    read: Begin
    journal: Journal
    forget: Forget
    now: Now
    new_id: NewId
    new_secret: NewSecret

    async def create(self, actor: Actor, new: NewApiKey) -> ShownApiKey:
        """Raise BadApiKey, MoreThanYouHave for scopes beyond one's own, and SessionNeeded."""
        session_of(actor)
        now = self.now()
        ends_at = new.ends_at or now + API_KEY_LIFE
        if faults := _faults(new, ends_at, now):
            raise BadApiKey("", *faults)
        if not set(new.scopes) <= actor.rights:
            raise MoreThanYouHave()
        secret = KEY_PREFIX + self.new_secret()
        key = ApiKey(
            id=ApiKeyId(self.new_id()),
            organization_id=actor.organization_id,
            user_id=actor.user_id,
            name=new.name.strip(),
            prefix=secret[: len(KEY_PREFIX) + 6],
            scopes=tuple(sorted(set(new.scopes))),
            created_at=now,
            ends_at=ends_at,
        )
        async with self.begin() as work:
            await work.keys.add(key, fingerprint(secret))
            after = {"name": key.name, "scopes": key.scopes, "endsAt": key.ends_at}
            await self.journal.note(work, actor, "api_key:created", key.id, after=after)
        return ShownApiKey(key=secret, api_key=key)

    async def all(self, actor: Actor) -> Sequence[ApiKey]:
        """One's own; whoever manages members sees everybody's."""
        async with self.read() as look:
            return await look.keys.of(actor.organization_id, self._whose(actor))

    async def revoke(self, actor: Actor, id: ApiKeyId) -> None:
        """At once. Raise ApiKeyNotFound."""
        async with self.begin() as work:
            key = await work.keys.remove(id, actor.organization_id, self._whose(actor))
            if key is None:
                raise ApiKeyNotFound()
            await self.journal.note(work, actor, "api_key:revoked", id, before={"name": key.name})
        self.forget(key.user_id)

    def _whose(self, actor: Actor) -> UserId | None:
        return None if actor.may(Permission.MEMBERS_WRITE) else actor.user_id


def _faults(new: NewApiKey, ends_at: datetime, now: datetime) -> list[Fault]:
    faults: list[Fault] = []
    if not 1 <= len(new.name.strip()) <= 100:
        faults.append(Fault(field="name", rule="length", message="must have 1 to 100 characters"))
    if not new.scopes:
        faults.append(Fault(field="scopes", rule="required", message="must name at least one permission"))
    if ends_at.tzinfo is None:
        faults.append(Fault(field="endsAt", rule="timezone", message="must name its time zone"))
    elif not now < ends_at <= now + API_KEY_LIFE + timedelta(seconds=1):
        faults.append(Fault(field="endsAt", rule="range", message="must be within a year from now"))
    return faults
