"""Second factors: codes of an authenticator app, and recovery codes for the day it is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import NewSecret, Now
from tidings.application.ports.users import Begin, OneTimeCodes, Sealer
from tidings.application.users.doors import Doors
from tidings.application.users.journal import Journal
from tidings.application.users.opening import session_of
from tidings.domain.errors import Conflict
from tidings.domain.kernel import Actor, UserId
from tidings.domain.users import (
    BadSecondFactor,
    SecondFactor,
    SecondFactorNeeded,
    fingerprint,
    recovery_code,
)

RECOVERY_CODES = 10


class SecondFactorSet(Conflict):
    """A second factor is set already: remove it first."""


class NoSecondFactor(Conflict):
    """No second factor is set."""


class Enrolment(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the authenticator app is told, once."""

    secret: str
    uri: str


class Code(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A code of the app, or a recovery code."""

    code: str


class RecoveryCodes(Struct, frozen=True, kw_only=True, rename="camel"):
    """Shown once; each is good once."""

    recovery_codes: tuple[str, ...]


class FactorState(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether signing in takes a code."""

    enabled: bool
    recovery_codes_left: int


@dataclass(frozen=True, slots=True)
class FactorCheck:
    """The question at sign-in."""

    begin: Begin
    read: Begin
    sealer: Sealer
    codes: OneTimeCodes
    doors: Doors
    now: Now

    async def check(self, user: UserId, code: str | None) -> None:
        """Raise SecondFactorNeeded, BadSecondFactor or TooManyTries; nothing where no factor is set."""
        async with self.read() as look:
            factor = await look.factors.get(user)
        if factor is None or factor.confirmed_at is None:
            return
        if not code:
            raise SecondFactorNeeded()
        tries = await self.doors.code(str(user))
        if not await self.spend(factor, code):
            raise BadSecondFactor()
        await tries.rightful()

    async def spend(self, factor: SecondFactor, code: str) -> bool:
        """Take a code: of many who send the same, one wins."""
        text = code.strip().replace(" ", "").lower()
        secret = self.sealer.open(factor.sealed_secret, place_of(factor.user_id))
        step = self.codes.step(secret, text, self.now())
        async with self.begin() as work:
            if step is not None:
                return await work.factors.advance(factor.user_id, step)
            return await work.factors.spend_code(factor.user_id, fingerprint(text))


@dataclass(frozen=True, slots=True)
class SecondFactors:
    begin: Begin
    read: Begin
    sealer: Sealer
    codes: OneTimeCodes
    check: FactorCheck
    journal: Journal
    now: Now
    new_secret: NewSecret

    async def state(self, actor: Actor) -> FactorState:
        async with self.read() as look:
            factor = await look.factors.get(actor.user_id)
            left = await look.factors.codes_left(actor.user_id)
        return FactorState(
            enabled=factor is not None and factor.confirmed_at is not None, recovery_codes_left=left
        )

    async def enrol(self, actor: Actor) -> Enrolment:
        """Start: the factor counts when a code has confirmed it. Raise SecondFactorSet, SessionNeeded."""
        session_of(actor)
        secret = self.codes.new_secret()
        sealed = self.sealer.seal(secret, place_of(actor.user_id))
        async with self.begin() as work:
            user = await work.users.get(actor.user_id)
            known = await work.factors.get(actor.user_id)
            if known is not None and known.confirmed_at is not None:
                raise SecondFactorSet()
            await work.factors.put(SecondFactor(user_id=actor.user_id, sealed_secret=sealed))
        return Enrolment(secret=secret, uri=self.codes.uri(secret, user.email))

    async def confirm(self, actor: Actor, given: Code) -> RecoveryCodes:
        """Turn it on. Raise NoSecondFactor, SecondFactorSet, BadSecondFactor, TooManyTries."""
        session_of(actor)
        tries = await self.check.doors.code(str(actor.user_id))
        codes = self._fresh_codes()
        async with self.begin() as work:
            factor = await work.factors.get(actor.user_id)
            if factor is None:
                raise NoSecondFactor()
            if factor.confirmed_at is not None:
                raise SecondFactorSet()
            secret = self.sealer.open(factor.sealed_secret, place_of(actor.user_id))
            step = self.codes.step(secret, given.code.strip(), self.now())
            if step is None:
                raise BadSecondFactor()
            await work.factors.put(replace(factor, confirmed_at=self.now(), last_step=step))
            await work.factors.set_codes(actor.user_id, [fingerprint(code) for code in codes])
            await self.journal.note(work, actor, "second_factor:enabled", actor.user_id)
        await tries.rightful()
        return RecoveryCodes(recovery_codes=tuple(codes))

    async def renew_codes(self, actor: Actor, given: Code) -> RecoveryCodes:
        """Ten fresh codes instead of those that are left. Raise NoSecondFactor, BadSecondFactor."""
        await self._prove(actor, given)
        codes = self._fresh_codes()
        async with self.begin() as work:
            await work.factors.set_codes(actor.user_id, [fingerprint(code) for code in codes])
            await self.journal.note(work, actor, "second_factor:codes_renewed", actor.user_id)
        return RecoveryCodes(recovery_codes=tuple(codes))

    async def remove(self, actor: Actor, given: Code) -> None:
        """Turn it off. Raise NoSecondFactor, BadSecondFactor, TooManyTries."""
        await self._prove(actor, given)
        async with self.begin() as work:
            await work.factors.remove(actor.user_id)
            await self.journal.note(work, actor, "second_factor:disabled", actor.user_id)

    async def _prove(self, actor: Actor, given: Code) -> None:
        session_of(actor)
        if not (await self.state(actor)).enabled:
            raise NoSecondFactor()
        await self.check.check(actor.user_id, given.code)

    def _fresh_codes(self) -> Sequence[str]:
        return [recovery_code(self.new_secret()) for _ in range(RECOVERY_CODES)]


def place_of(user: UserId) -> str:
    return f"factors/{user}/secret"
