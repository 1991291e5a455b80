"""Our own ways to mail servers, identity providers and receivers of events."""

import email
import email.policy
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from aiosmtpd.controller import Controller
from joserfc.jwk import RSAKey

from tests.contracts.users.provider import CLIENT, SECRET, a_provider
from tests.contracts.users.test_mail import Kept, free_port, smtp
from tidings.adapters.courier import HttpCourier
from tidings.adapters.mail.letters import FileMail
from tidings.adapters.oidc import OidcOptions, OidcProvider
from tidings.application.ports.users import Email, ExternalProfile
from tidings.testing.contracts.couriers import CourierContract
from tidings.testing.contracts.identity_providers import IdentityProviderContract
from tidings.testing.contracts.mails import MailContract

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def read(content):
    letter = email.message_from_bytes(content, policy=email.policy.default)
    text = letter.get_content().replace("\r\n", "\n")
    return Email(to=str(letter["to"]), subject=str(letter["subject"]), text=text)


class OverSmtp:
    def __init__(self):
        self.kept, port = Kept(), free_port()
        self.controller = Controller(self.kept, hostname="127.0.0.1", port=port)
        self.mail = smtp(port)

    async def letters(self):
        return [read(envelope.content) for envelope in self.kept.letters]

    async def close(self):
        self.kept.refusal = "451 later"


class InFiles:
    def __init__(self, folder):
        seconds = count()
        self.folder = folder
        self.mail = FileMail(folder, lambda: NOON + timedelta(seconds=next(seconds)))

    async def letters(self):
        return [read(path.read_bytes()) for path in sorted(self.folder.glob("*.eml"))]

    async def close(self):
        self.folder.write_text("a file is in the way")


class TestMailOverSmtp(MailContract):
    @pytest.fixture
    def post(self):
        post = OverSmtp()
        post.controller.start()
        yield post
        post.controller.stop()


class TestMailInFiles(MailContract):
    @pytest.fixture
    def post(self, tmp_path):
        return InFiles(tmp_path / "mail")


class OverOidc:
    def __init__(self, played):
        self.played = played
        self.provider = OidcProvider(
            OidcOptions(
                issuer=played.issuer,
                client_id=CLIENT,
                client_secret=SECRET,
                redirect_uri="https://t.example/api/auth/oidc/corp/callback",
            ),
            lambda: NOON,
        )
        self.somebody = ExternalProfile(
            issuer=played.issuer,
            subject="ada-1",
            email="ada@corp.example",
            email_verified=True,
            name="Ada",
        )

    async def sign_in(self, address):
        async with httpx.AsyncClient() as client:
            answer = await client.get(address)
        back = parse_qs(urlsplit(answer.headers["location"]).query)
        return back["code"][0], back["state"][0]

    def lie(self):
        self.played.signing_key = RSAKey.generate_key(2048, {"kid": "one"})

    async def close(self):
        await self.played.runner.cleanup()


class TestIdentityProvider(IdentityProviderContract):
    @pytest.fixture
    async def elsewhere(self):
        async with a_provider(lambda: NOON) as played:
            yield OverOidc(played)


class TestCourier(CourierContract):
    @pytest.fixture
    async def courier(self):
        courier = HttpCourier(private=True)
        yield courier
        await courier.aclose()
