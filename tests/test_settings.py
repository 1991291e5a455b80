"""Settings: each is described, each wrong one is named, and what they choose is what is used."""

from pathlib import Path

import msgspec
import pytest

from tidings.adapters.mail.letters import FileMail, SmtpMail
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.settings import OTHER_NAMES, BadSettings, Settings, read_settings

PAGE = (Path(__file__).parents[1] / "docs" / "settings.md").read_text()
NOT_FOR_PEOPLE = {"contexts", "sandbox_people"}


def test_every_setting_is_described():
    names = {field.name for field in msgspec.structs.fields(Settings)} - NOT_FOR_PEOPLE
    assert [name for name in sorted(names) if f"`TIDINGS_{name.upper()}`" not in PAGE] == []
    assert [name for name in OTHER_NAMES if f"`{name}`" not in PAGE] == []


def test_our_names_win_over_those_of_others():
    settings = read_settings({"DB_HOST": "theirs", "TIDINGS_DB_HOST": "ours", "REDIS_URL": "redis://r"})
    assert (settings.db_host, settings.redis_url) == ("ours", "redis://r")


def test_everything_that_is_wrong_is_named_at_once():
    with pytest.raises(BadSettings) as refused:
        read_settings(
            {
                "TIDINGS_BASE_URL": "here",
                "TIDINGS_SMTP_URL": "mail.example.org",
                "TIDINGS_PROXIES": "10.0.0.1/8,x",
            }
        )
    assert [fault.field for fault in refused.value.faults] == [
        "TIDINGS_BASE_URL",
        "TIDINGS_SMTP_URL",
        "TIDINGS_PROXIES",
        "TIDINGS_PROXIES",
    ]


@pytest.mark.parametrize("text", ["{", "[]", '{"g": {"issuer": "https://x"}}', '{"g": 1}'])
def test_providers_that_make_no_sense_stop_the_start(text):
    with pytest.raises(BadSettings):
        read_settings({"TIDINGS_OIDC": text})


@pytest.mark.anyio
async def test_a_mail_server_and_providers_are_used_when_they_are_named(tmp_path):
    provider = {"issuer": "https://id.example.org", "clientId": "c", "clientSecret": "s"}
    settings = read_settings(
        {
            "TIDINGS_SMTP_URL": "smtps://post%40example.org:a%2Fb@mail.example.org",
            "TIDINGS_MAIL_FROM": "hello@example.org",
            "TIDINGS_BASE_URL": "https://tidings.example.org/",
            "TIDINGS_OIDC": msgspec.json.encode({"work": provider}).decode(),
        },
        data=tmp_path / "named",
    )
    async with assembled(settings) as container:
        mail = container.mail()
        assert isinstance(mail, SmtpMail)
        options = mail.options
        assert (options.host, options.port, options.tls) == ("mail.example.org", 465, "tls")
        assert (options.username, options.password) == ("post@example.org", "a/b")
        (trusted,) = container.identity_providers().values()
        back = "https://tidings.example.org/api/auth/oidc/work/callback"
        assert trusted.provider.options.redirect_uri == back
    async with assembled(read_settings({}, data=tmp_path / "unnamed")) as container:
        assert isinstance(container.mail(), FileMail)
        assert container.identity_providers() == {}
