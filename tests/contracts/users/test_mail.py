"""Letters leave whole: to a real SMTP server on loopback, and into files."""

import email
import email.policy
import socket
import stat
from datetime import UTC, datetime

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from tidings.adapters.mail.letters import FileMail, SmtpMail, SmtpOptions
from tidings.application.ports.users import Email, MailUnavailable

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LETTER = Email(
    to="ada@example.org",
    subject="Grüße: Ihre Einladung ✉",
    text="Hello Ada,\n\nhttps://t.example/reset-password#token=" + "x" * 43 + "\n\nمرحبا\n.\nthe end\n",
)


class Kept:
    def __init__(self):
        self.letters, self.refusal = [], None

    async def handle_DATA(self, server, session, envelope):
        if self.refusal:
            return self.refusal
        self.letters.append(envelope)
        return "250 OK"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server():
    handler = Kept()
    handler.port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    yield handler
    controller.stop()


def smtp(port, **more):
    return SmtpMail(SmtpOptions(host="127.0.0.1", port=port, tls="none", timeout=3, **more), lambda: NOON)


def read(content):
    return email.message_from_bytes(content, policy=email.policy.default)


async def test_a_letter_arrives_whole(server):
    await smtp(server.port, sender="tidings@t.example").send(LETTER)
    envelope = server.letters[0]
    assert (envelope.mail_from, envelope.rcpt_tos) == ("tidings@t.example", ["ada@example.org"])
    letter = read(envelope.content)
    assert letter["subject"] == LETTER.subject
    assert letter.get_content().replace("\r\n", "\n") == LETTER.text
    assert letter["auto-submitted"] == "auto-generated"
    assert letter["date"].datetime == NOON


async def test_a_server_that_refuses_or_is_away_keeps_the_letter_with_us(server):
    for refusal in ("451 later", "552 too much", "554 no"):
        server.refusal = refusal
        with pytest.raises(MailUnavailable):
            await smtp(server.port).send(LETTER)
    with pytest.raises(MailUnavailable):
        await smtp(1).send(LETTER)


async def test_a_server_that_wants_a_password_gets_it():
    asked = []

    def authenticate(server, session, envelope, mechanism, data):
        asked.append((data.login, data.password))
        return AuthResult(success=data.password == b"secret")

    class WithLogin(Controller):
        def factory(self):
            return SMTP(self.handler, authenticator=authenticate, auth_required=True, auth_require_tls=False)

    handler, port = Kept(), free_port()
    controller = WithLogin(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with pytest.raises(MailUnavailable):
            await smtp(port, username="tidings", password="wrong").send(LETTER)
        await smtp(port, username="tidings", password="secret").send(LETTER)
    finally:
        controller.stop()
    assert asked[-1] == (b"tidings", b"secret")
    assert len(handler.letters) == 1


async def test_a_server_without_tls_gets_no_password_where_tls_was_wanted(server):
    mail = SmtpMail(SmtpOptions(host="127.0.0.1", port=server.port, timeout=3), lambda: NOON)
    with pytest.raises(MailUnavailable):
        await mail.send(LETTER)
    assert server.letters == []


async def test_files_are_whole_and_for_one_pair_of_eyes(tmp_path):
    mail = FileMail(tmp_path / "mail", lambda: NOON)
    for _ in range(3):
        await mail.send(LETTER)
    files = sorted((tmp_path / "mail").iterdir())
    assert len(files) == 3
    assert all(path.suffix == ".eml" for path in files)
    assert read(files[0].read_bytes()).get_content() == LETTER.text
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


async def test_a_folder_that_cannot_be_written_is_said_so(tmp_path):
    (tmp_path / "mail").write_text("a file is in the way")
    with pytest.raises(MailUnavailable):
        await FileMail(tmp_path / "mail", lambda: NOON).send(LETTER)


async def test_no_name_begins_a_header_of_its_own(server):
    with pytest.raises(ValueError, match="linefeed"):
        await smtp(server.port).send(Email(to="a@b.co", subject="Hi\nBcc: x@y.co", text=""))
