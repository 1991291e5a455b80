"""The postman: a letter's secret is made when it is sent, so that none waits anywhere in clear."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from tidings.application.ports.common import NewSecret, Now, Signal
from tidings.application.ports.users import Begin, Email, Mail, MailUnavailable, Work
from tidings.domain.kernel import UserId
from tidings.domain.users import (
    INVITATION_LIFE,
    RESET_LIFE,
    InvitationId,
    InvitationNotFound,
    InvitationState,
    Letter,
    LetterKind,
    Proof,
    Purpose,
    fingerprint,
)

BATCH = 50
MOST_ATTEMPTS = 12
LONGEST_PAUSE = timedelta(hours=1)
SWEEP_EVERY = timedelta(hours=1)
SWEEP_AFTER = timedelta(days=1)
"""Ended sign-ins stay known for so long, so that their refresh tokens are told apart from inventions."""


@dataclass(frozen=True, slots=True)
class Postman:
    begin: Begin
    mail: Mail
    signal: Signal
    base_url: str
    """Where people find the platform; never taken from a request."""
    now: Now
    new_secret: NewSecret

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver what is due, until told to stop."""
        swept = self.now() - SWEEP_EVERY
        while not stop.is_set():
            if self.now() - swept >= SWEEP_EVERY:
                await self.sweep()
                swept = self.now()
            if not await self.tick() and not stop.is_set():
                await self.signal.wait(5.0)

    async def tick(self) -> int:
        """Deliver a batch; how many letters there were."""
        async with self.begin() as work:
            letters = await work.letters.due(self.now(), BATCH)
        for letter in letters:
            await self._deliver(letter)
        return len(letters)

    async def sweep(self) -> None:
        """Forget what ended a while ago."""
        async with self.begin() as work:
            await work.sessions.sweep(self.now() - SWEEP_AFTER)

    async def _deliver(self, letter: Letter) -> None:
        pause = min(timedelta(seconds=10) * 2**letter.attempts, LONGEST_PAUSE)
        tried = replace(letter, attempts=letter.attempts + 1, due_at=self.now() + pause)
        async with self.begin() as work:
            if not await work.letters.postpone(tried):
                return
            email = await self._write(work, letter)
        if email is not None:
            try:
                await self.mail.send(email)
            except MailUnavailable:
                if tried.attempts < MOST_ATTEMPTS:
                    return
        async with self.begin() as work:
            await work.letters.done(letter)

    async def _write(self, work: Work, letter: Letter) -> Email | None:
        match letter.kind:
            case LetterKind.RESET:
                return await self._reset(work, letter.subject)
            case LetterKind.INVITATION:
                return await self._invitation(work, InvitationId(UUID(letter.subject)))
            case LetterKind.WARNING:
                text = (
                    f"This is to tell you that {letter.detail}.\n\n"
                    "If it was not you, set a new password at once:\n"
                    f"{self.base_url}/forgot-password\n"
                )
                return Email(to=letter.subject, subject="A change to your account", text=text)

    async def _reset(self, work: Work, email: str) -> Email | None:
        found = await work.users.by_email(email)
        if found is None:
            return None
        user = found[0]
        token = await self._prove(work, Purpose.RESET, str(user.id), RESET_LIFE)
        text = (
            f"Hello {_one_line(user.name)},\n\n"
            "somebody, hopefully you, asked for a new password. Choose one here:\n"
            f"{self.base_url}/reset-password#token={token}\n\n"
            f"The link is good once, for {_minutes(RESET_LIFE)} minutes. "
            "If it was not you, nothing has changed, and there is nothing to do.\n"
        )
        return Email(to=user.email, subject="Your new password", text=text)

    async def _invitation(self, work: Work, id: InvitationId) -> Email | None:
        try:
            invitation = await work.invitations.get(id)
        except InvitationNotFound:
            return None
        if invitation.state(self.now()) is not InvitationState.PENDING:
            return None
        organization = await work.organizations.get(invitation.organization_id)
        inviter = await work.users.get(UserId(invitation.invited_by))
        token = await self._prove(work, Purpose.INVITATION, str(id), INVITATION_LIFE)
        name = _one_line(organization.name)
        text = (
            f"{_one_line(inviter.name)} invites you to work with {name}:\n"
            f"{self.base_url}/invitation#token={token}\n\n"
            f"The invitation is good until {invitation.ends_at:%Y-%m-%d %H:%M} UTC.\n"
        )
        return Email(to=invitation.email, subject=f"An invitation from {name}", text=text)

    async def _prove(self, work: Work, purpose: Purpose, subject: str, life: timedelta) -> str:
        token = self.new_secret()
        await work.proofs.put(
            Proof(
                fingerprint=fingerprint(token),
                purpose=purpose,
                subject=subject,
                ends_at=self.now() + life,
            )
        )
        return token


def _minutes(life: timedelta) -> int:
    return int(life.total_seconds() // 60)


def _one_line(text: str) -> str:
    """A name somebody chose must not begin lines or headers of its own."""
    return " ".join(text.split())[:100]
