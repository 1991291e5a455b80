"""Forgotten passwords: asking costs and says the same for every e-mail."""

from dataclasses import dataclass
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import NewId, Now, Signal
from tidings.application.ports.users import Begin, Forget, Passwords
from tidings.application.users.doors import Doors
from tidings.application.users.journal import Journal
from tidings.application.users.opening import actor_of
from tidings.domain.kernel import UserId
from tidings.domain.users import (
    BadAccount,
    Credential,
    Letter,
    LetterKind,
    Purpose,
    SpentProof,
    faults_of_email,
    faults_of_password,
    fingerprint,
    tidy_email,
    tidy_password,
)


class Forgotten(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Whose password was forgotten."""

    email: str


class Reset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What was in the letter, and the password from now on."""

    token: str
    new_password: str


@dataclass(frozen=True, slots=True)
class Recovery:
    begin: Begin
    read: Begin
    passwords: Passwords
    doors: Doors
    journal: Journal
    forget: Forget
    signal: Signal
    now: Now
    new_id: NewId

    async def forgot(self, given: Forgotten, origin: str = "") -> None:
        """Have a letter sent if the e-mail is somebody's. Raise BadAccount, TooManyTries."""
        if faults := faults_of_email(given.email):
            raise BadAccount("", *faults)
        email = tidy_email(given.email)
        await self.doors.reset(email, origin)
        async with self.begin() as work:
            await work.letters.put(
                Letter(id=self.new_id(), kind=LetterKind.RESET, subject=email, due_at=self.now())
            )
        self.signal.wake()

    async def reset(self, given: Reset, origin: str = "") -> None:
        """Set a password by the letter's token, and end every sign-in.

        Raise SpentProof, BadAccount, TooManyTries, TooManyHashes.
        """
        password = tidy_password(given.new_password)
        common = self.passwords.common(password)
        if faults := faults_of_password(password, "newPassword", common=common):
            raise BadAccount("", *faults)
        await self.doors.proof(origin)
        async with self.read() as look:
            if not await look.proofs.get(fingerprint(given.token), Purpose.RESET, self.now()):
                raise SpentProof()
        hashed = await self.passwords.hash(password)
        async with self.begin() as work:
            proof = await work.proofs.take(fingerprint(given.token), Purpose.RESET, self.now())
            if proof is None:
                raise SpentProof()
            user = await work.users.get(UserId(UUID(proof.subject)))
            await work.users.set_password(Credential(user_id=user.id, password_hash=hashed))
            await work.users.save(replace(user, verified_at=user.verified_at or self.now()))
            await work.sessions.end_of(user.id)
            for membership in (await work.organizations.memberships(user.id))[:1]:
                by = actor_of(membership, origin)
                await self.journal.note(work, by, "user:password_reset", user.id)
            await work.letters.put(
                Letter(
                    id=self.new_id(),
                    kind=LetterKind.WARNING,
                    subject=user.email,
                    detail="the password of your account was reset",
                    due_at=self.now(),
                )
            )
        self.forget(user.id)
        self.signal.wake()
