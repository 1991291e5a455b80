"""The Mail port over SMTP (aiosmtplib), and as files that a person can open."""

import asyncio
import os
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import aiosmtplib
from msgspec import Struct

from tidings.application.ports.users import Email, MailUnavailable


class SmtpOptions(Struct, frozen=True, kw_only=True):
    """Where the mail server is, and how to speak to it."""

    host: str
    port: int = 587
    username: str | None = None
    password: str | None = None
    tls: str = "starttls"
    """`starttls`, `tls` from the first byte, or `none` (for a server on the same machine)."""
    sender: str = "tidings@localhost"
    timeout: float = 15.0


@dataclass(frozen=True, slots=True)
class SmtpMail:
    options: SmtpOptions
    now: Callable[[], datetime]
    trust: ssl.SSLContext | None = None
    """Whom to trust; the machine's authorities when not said."""

    async def send(self, email: Email) -> None:
        options = self.options
        try:
            await aiosmtplib.send(
                _message(email, options.sender, self.now()),
                hostname=options.host,
                port=options.port,
                username=options.username,
                password=options.password,
                use_tls=options.tls == "tls",
                start_tls=options.tls == "starttls",
                tls_context=self.trust,
                timeout=options.timeout,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailUnavailable(
                f"The mail server did not take the letter: {type(error).__name__}."
            ) from error


@dataclass(frozen=True, slots=True)
class FileMail:
    """Letters as .eml files, readable by this account alone: for one machine, demos and tests."""

    folder: Path
    now: Callable[[], datetime]
    sender: str = "tidings@localhost"

    async def send(self, email: Email) -> None:
        at = self.now()
        message = _message(email, self.sender, at)
        name = f"{at:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        try:
            await asyncio.to_thread(self._write, name, bytes(message))
        except OSError as error:
            raise MailUnavailable(f"The folder of letters cannot be written: {error.strerror}.") from error

    def _write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self.folder / f".{name}"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        unfinished.rename(self.folder / f"{name}.eml")


def _message(email: Email, sender: str, at: datetime) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = email.to
    message["Subject"] = email.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or None)
    message["Auto-Submitted"] = "auto-generated"
    # Plain where it can be, so that links in the files of the embedded platform can be clicked.
    message.set_content(email.text, cte="7bit" if email.text.isascii() else "quoted-printable")
    return message
