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


@pytest.mark.parametrize(
    ("name", "least"),
    [("TIDINGS_KEEP_MESSAGES", 30), ("TIDINGS_ARCHIVE_MESSAGES", 30), ("TIDINGS_KEEP_EVENTS", 1)],
)
def test_what_is_kept_too_shortly_to_be_of_use_stops_the_start(name, least):
    assert read_settings({name: str(least)})
    assert faults_of({name: str(least - 1 or -1)}) == [(name, "range")]


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


KEY = "9hJw2xQ7vL0mZr4TnB8sKd6YfPcGuEaX"
IN_EARNEST = {
    "TIDINGS_GRAPH_URL": "https://graph.facebook.com",
    "TIDINGS_APP_SECRETS": "4f1c2d3e5a6b7c8d9e0f",
    "TIDINGS_VERIFY_TOKEN": "a word for Meta alone",
    "TIDINGS_BASE_URL": "https://tidings.example.org",
    "TIDINGS_SIGNING_KEYS": KEY,
    "TIDINGS_SEALING_KEYS": f"{KEY},{KEY[::-1]}",
}
AWAY = {
    "DB_HOST": "db.example.org",
    "DB_PASSWORD": "long and secret",
    "REDIS_URL": "redis://cache.example.org",
    "RABBITMQ_URL": "amqp://a:b@broker.example.org",
}


def faults_of(environment):
    with pytest.raises(BadSettings) as refused:
        read_settings(environment)
    return [(fault.field, fault.rule) for fault in refused.value.faults]


@pytest.mark.parametrize(
    "key", ["changeme", "a" * 64, "abcabc" * 10, "my-jwt-secret-for-production-0123456789"]
)
@pytest.mark.parametrize("name", ["JWT_SECRET", "TIDINGS_SIGNING_KEYS", "TIDINGS_SEALING_KEYS"])
def test_a_key_that_can_be_guessed_stops_the_start_anywhere(name, key):
    field = "TIDINGS_SIGNING_KEYS" if name == "JWT_SECRET" else name
    assert faults_of({name: f"{KEY},{key}"}) == [(field, "weak")]


def test_in_earnest_a_whole_installation_starts():
    assert read_settings(IN_EARNEST).graph_url
    near = {"DB_HOST": "127.0.0.1", "REDIS_URL": "redis://[::1]", "RABBITMQ_URL": "amqp://localhost"}
    assert read_settings({**IN_EARNEST, **near, "DB_PASSWORD": "x"}).db_host
    tls = {"TIDINGS_DB_CA": "system", "REDIS_URL": "rediss://r", "RABBITMQ_URL": "amqps://r"}
    assert read_settings({**IN_EARNEST, **AWAY, **tls}).db_ca
    assert read_settings({**IN_EARNEST, **AWAY, "TIDINGS_ALLOW_PLAINTEXT": "true"}).allow_plaintext


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"TIDINGS_APP_SECRETS": None}, ("TIDINGS_APP_SECRETS", "required")),
        ({"TIDINGS_VERIFY_TOKEN": "short"}, ("TIDINGS_VERIFY_TOKEN", "weak")),
        ({"TIDINGS_BASE_URL": "http://tidings.example.org"}, ("TIDINGS_BASE_URL", "https")),
        ({"TIDINGS_PRIVATE_ENDPOINTS": "true"}, ("TIDINGS_PRIVATE_ENDPOINTS", "off")),
        ({"DB_HOST": "127.0.0.1"}, ("TIDINGS_DB_PASSWORD", "required")),
    ],
    ids=["app-secret", "verify-token", "base-url", "private-endpoints", "database-password"],
)
def test_in_earnest_what_strangers_could_use_stops_the_start(changed, fault):
    environment = {key: value for key, value in {**IN_EARNEST, **changed}.items() if value}
    assert faults_of(environment) == [fault]
    on_a_laptop = {**environment, "TIDINGS_GRAPH_URL": "http://127.0.0.1:3900"}
    assert read_settings(on_a_laptop).graph_url


def test_in_earnest_nothing_crosses_a_network_in_the_open():
    assert faults_of({**IN_EARNEST, **AWAY}) == [
        ("TIDINGS_DB_CA", "tls"),
        ("TIDINGS_REDIS_URL", "tls"),
        ("TIDINGS_RABBITMQ_URL", "tls"),
    ]
    assert faults_of({"TIDINGS_DB_CA": "/nowhere/ca.pem"}) == [("TIDINGS_DB_CA", "file")]
