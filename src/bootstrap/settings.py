"""The environment, parsed once: every variable is `TIDINGS_` and the field's name in capitals.

A misspelt variable stops the start. Secrets that an embedded platform needs and was not given are made
once and kept in `secrets.json` in the data folder, readable by its owner alone.
"""

import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidings.bootstrap.secret_files import BadSettings, kept_secrets, with_files
from tidings.domain.errors import Fault

CONTEXTS = ("users", "contacts", "templates", "campaigns", "teams", "whatsapp")
"""Every context, in the order in which the seed numbers their ports."""

PORTS = {
    "users": 3000,
    "contacts": 3001,
    "templates": 3003,
    "campaigns": 3004,
    "teams": 3005,
    "whatsapp": 3006,
}
"""Where each context listens when it is served alone."""

DATABASES = {
    "users": "user_service",
    "contacts": "contact_service",
    "templates": "template_service",
    "campaigns": "campaign_service",
    "teams": "team_service",
    "whatsapp": "whatsapp_service",
    "bus": "event_service",
}
"""The name of each context's database on a server, and of the one that carries events without a broker."""

OTHER_NAMES = {
    "REDIS_URL": "redis_url",
    "RABBITMQ_URL": "rabbitmq_url",
    "JWT_SECRET": "signing_keys",
    "DB_HOST": "db_host",
    "DB_PORT": "db_port",
    "DB_USER": "db_user",
    "DB_PASSWORD": "db_password",
}
"""Variables without our prefix, as many hosts and the services before ours call them; ours win."""

LISTS = frozenset(
    {"app_secrets", "signing_keys", "sealing_keys", "peers", "contexts", "proxies", "allowed_origins"}
)
"""Settings that hold several values, separated by commas."""

LEAST_KEPT = 30
"""Days: for so long Meta may still report of a message, and news of what is not here is set aside."""
SHORTEST_KEY, SHORTEST_WORD = 32, 16
"""Characters of a key that signs or seals, and of what Meta and we tell each other."""
FEWEST_DIFFERENT = 8
"""Characters of which a key is made: `aaaa…` is long and no secret."""
WELL_KNOWN = ("changeme", "change-me", "change_me", "your-secret", "your_secret", "jwt-secret", "jwt_secret")
"""What examples on the web put there, and what the services before ours had as a default."""


class OidcSetting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A sign-in provider, as it was registered with."""

    issuer: str
    client_id: str
    client_secret: str


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a platform needs to know before it starts."""

    data: Path = Path("data")
    """Folder of the SQLite files, the file outbox and the secrets of an embedded platform."""
    host: str = "127.0.0.1"
    graph_url: str = ""
    """Meta's API, such as https://graph.facebook.com; empty means the sandbox inside this process."""
    graph_version: str = "v25.0"
    app_id: str = "0"
    """Id of the Meta app, which samples of header files are uploaded to."""
    app_secrets: tuple[str, ...] = ()
    """Secrets of the Meta app that signs webhooks; two while one is being rotated."""
    verify_token: str = ""
    """What Meta must say when it checks the callback URL."""
    signing_keys: tuple[str, ...] = ()
    """Keys of access tokens, the newest first; at least 32 characters each."""
    sealing_keys: tuple[str, ...] = ()
    """Keys that seal WABA tokens at rest, the newest first."""
    sandbox_people: int = 0
    """Seed of the sandbox's people."""
    lease: float = 9.0
    """Seconds for which a sender owns a lane: with a look each second, a dead one is replaced within ten."""
    send_timeout: float = 6.0
    """Seconds after which a call to Meta is given up, and its outcome unknown."""
    base_url: str = "http://localhost:3000"
    """Where people find the platform; what letters and sign-in providers lead back to."""
    smtp_url: str = ""
    """The mail server: `smtp://user:secret@host:587` (STARTTLS), `smtps://` (TLS from the first byte), or
    `smtp+plain://` (neither, for one on the same machine); empty: letters become files in `data/mail`."""
    mail_from: str = "tidings@localhost"
    proxies: tuple[str, ...] = ()
    """Networks of reverse proxies whose word on a client's address is taken, such as `10.0.0.0/8`."""
    allowed_origins: tuple[str, ...] = ()
    """Origins whose pages may ask this API, such as `https://shop.example.org`."""
    traces_url: str = ""
    """Where traces go, as OTLP over HTTP, such as `http://collector:4318/v1/traces`; nowhere when empty."""
    traces_share: float = 0.01
    """Of messages that are traced one by one, from 0 to 1."""
    rate_bearer: int = 12_000
    """Requests a minute from one person or API key; 0, here and below: as many as they like."""
    rate_organization: int = 60_000
    """Requests a minute from all of an organisation."""
    rate_address: int = 1_200
    """Requests a minute from a network address without a bearer that is good."""
    keep_messages: int = 0
    """Days after which messages, both ways, and the notes beside them are removed; 0: never. At least 30."""
    archive_messages: int = 90
    """Days after which messages that came to their end are put into the archive, from which they are read
    all the same; 0: never. At least 30."""
    keep_events: int = 24
    """Hours for which an event can be told again that RabbitMQ lost. At least 1."""
    messages_a_day: int = 0
    """Messages that an organisation without a quota of its own may send in a day of UTC; 0: no limit."""
    messages_a_month: int = 0
    """The same in a month."""
    private_endpoints: bool = False
    """Whether subscriptions may tell endpoints in one's own network, and over http: for a laptop."""
    oidc: dict[str, OidcSetting] = {}
    """Sign-in providers by name, as JSON; each calls back to `BASE/api/auth/oidc/NAME/callback`."""
    log_level: str = "INFO"
    metrics_port: int = 0
    """Where this process tells Prometheus its figures, at `/metrics`; 0: nowhere."""
    redis_url: str = ""
    """Redis 7 or newer, such as `redis://cache:6379/0`: shared by processes that keep replies in memory."""
    rabbitmq_url: str = ""
    """RabbitMQ 3.10 or newer, such as `amqp://user:secret@broker:5672/`; without it events stay in a file."""
    db_host: str = ""
    """MySQL 8+, or MariaDB 10.6+; empty means SQLite files in `data`."""
    db_port: int = 3306
    db_user: str = "root"
    db_password: str = ""
    db_ca: str = ""
    """File of the authority that signed the database server's certificate, or `system` for those that this
    machine trusts; empty: no TLS."""
    allow_plaintext: bool = False
    """Whether database, Redis and broker on other machines may be spoken to without TLS, in earnest too."""
    migrate: bool = True
    """Whether a start brings the tables to this version; else it says what is behind, and ends."""
    peers: tuple[str, ...] = ()
    """Where contexts run, each as `contacts=http://10.0.0.7:3001`; those of this process are skipped."""
    contexts: tuple[str, ...] = ()
    """The contexts of this process; what it has no peer for is in it as well. The command line sets it."""

    @property
    def elsewhere(self) -> dict[str, str]:
        """URL by context, of those that are not in this process."""
        known = dict(each.split("=", 1) for each in self.peers)
        return {name: url for name, url in known.items() if name not in self.contexts}

    @property
    def here(self) -> tuple[str, ...]:
        """Contexts whose tables this process opens."""
        return tuple(name for name in CONTEXTS if name not in self.elsewhere)

    @property
    def apart(self) -> bool:
        """Whether contexts run in several services."""
        return bool(self.peers)

    @property
    def on_files(self) -> bool:
        """Whether the databases are SQLite files."""
        return not self.db_host

    @property
    def sandboxed(self) -> bool:
        """Whether Meta is played by this process."""
        return not self.graph_url


def read_settings(environment: Mapping[str, str] | None = None, **given: object) -> Settings:
    """Settings from the environment and from what the command line gave. Raise BadSettings."""
    source = with_files(os.environ if environment is None else environment, OTHER_NAMES)
    named = {name: source[key] for key, name in OTHER_NAMES.items() if source.get(key)}
    named |= {
        key.removeprefix("TIDINGS_").lower(): value
        for key, value in source.items()
        if key.startswith("TIDINGS_")
    }
    found: dict[str, object] = {
        name: value.split(",") if name in LISTS else value for name, value in named.items()
    }
    if "oidc" in found:
        found["oidc"] = _json("TIDINGS_OIDC", named["oidc"])
    found |= {name: value for name, value in given.items() if value is not None}
    try:
        settings = msgspec.convert(found, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise BadSettings(
            f"The settings cannot be used: {error}. Each TIDINGS_ variable is described in docs/settings.md.",
            Fault(field="settings", rule="settings", message=str(error)),
        ) from error
    checks = (_peer_faults, _address_faults, _amount_faults, _weak_faults)
    if faults := [fault for check in checks for fault in check(settings)]:
        said = "; ".join(f"{fault.field} {fault.message}" for fault in faults)
        raise BadSettings(f"The settings cannot be used: {said}.", *faults)
    return settings


def _json(variable: str, text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        fault = Fault(field=variable, rule="json", message=f"must be JSON: {error}")
        raise BadSettings(f"The settings cannot be used: {variable} {fault.message}.", fault) from error


def _address_faults(settings: Settings) -> Iterator[Fault]:
    if not settings.base_url.startswith(("http://", "https://")):
        yield Fault(field="TIDINGS_BASE_URL", rule="url", message="must be an http or https URL")
    for origin in settings.allowed_origins:
        url = urlsplit(origin)
        if url.scheme not in ("http", "https") or not url.netloc or origin != f"{url.scheme}://{url.netloc}":
            message = f"must hold origins such as https://shop.example.org, which {origin!r} is not"
            yield Fault(field="TIDINGS_ALLOWED_ORIGINS", rule="origin", message=message)
    scheme = urlsplit(settings.smtp_url).scheme
    if settings.smtp_url and scheme not in ("smtp", "smtps", "smtp+plain"):
        wants = "must begin with smtp://, smtps:// or smtp+plain://"
        yield Fault(field="TIDINGS_SMTP_URL", rule="url", message=wants)
    if settings.db_ca not in ("", "system") and not Path(settings.db_ca).is_file():
        wants = f"must be a file of certificates (PEM), or the word system, not {settings.db_ca!r}"
        yield Fault(field="TIDINGS_DB_CA", rule="file", message=wants)
    for each in settings.proxies:
        try:
            ipaddress.ip_network(each)
        except ValueError:
            wants = f"must be networks such as 10.0.0.0/8, not {each!r}"
            yield Fault(field="TIDINGS_PROXIES", rule="network", message=wants)


def _amount_faults(settings: Settings) -> Iterator[Fault]:
    for name in ("messages_a_day", "messages_a_month"):
        if getattr(settings, name) < 0:
            yield Fault(field=f"TIDINGS_{name.upper()}", rule="range", message="must be 0 (no limit) or more")
    if settings.keep_messages and settings.keep_messages < LEAST_KEPT:
        wants = f"must be 0 (for ever) or at least {LEAST_KEPT} days: Meta reports for a month"
        yield Fault(field="TIDINGS_KEEP_MESSAGES", rule="range", message=wants)
    if settings.archive_messages and settings.archive_messages < LEAST_KEPT:
        wants = f"must be 0 (never) or at least {LEAST_KEPT} days: until then much may come of a message"
        yield Fault(field="TIDINGS_ARCHIVE_MESSAGES", rule="range", message=wants)
    if settings.keep_events < 1:
        yield Fault(field="TIDINGS_KEEP_EVENTS", rule="range", message="must be at least 1 hour")


def _peer_faults(settings: Settings) -> Iterator[Fault]:
    for each in settings.peers:
        name, _, url = each.partition("=")
        if name not in CONTEXTS or not url.startswith(("http://", "https://")):
            wants = f"must be CONTEXT=URL with one of {', '.join(CONTEXTS)}, not {each!r}"
            yield Fault(field="TIDINGS_PEERS", rule="peer", message=wants)
    if settings.peers and settings.sandboxed:
        wants = "must be set when contexts run apart: each would play a Meta of its own"
        yield Fault(field="TIDINGS_GRAPH_URL", rule="required", message=wants)
    for name in ("signing_keys", "app_secrets"):
        if settings.peers and not getattr(settings, name):
            wants = "must be set, to the same for all, when contexts run apart"
            yield Fault(field=f"TIDINGS_{name.upper()}", rule="required", message=wants)


def _weak_faults(settings: Settings) -> Iterator[Fault]:
    """Guessable keys anywhere, and in earnest whatever strangers could read or reach."""
    keys = {"TIDINGS_SIGNING_KEYS": settings.signing_keys, "TIDINGS_SEALING_KEYS": settings.sealing_keys}
    for name, given in keys.items():
        for said in filter(None, map(weakness, given)):
            yield Fault(field=name, rule="weak", message=said)
    if _in_earnest(settings):
        yield from _secret_faults(settings)
        yield from _open_faults(settings)
        if not settings.allow_plaintext:
            yield from _plaintext_faults(settings)


def _in_earnest(settings: Settings) -> bool:
    """Whether messages reach people: Meta is told over https, a sandbox over http."""
    return urlsplit(settings.graph_url).scheme == "https"


def weakness(key: str) -> str:
    """Why a key that signs or seals can be guessed; empty when it cannot."""
    if len(key) < SHORTEST_KEY:
        return f"must have at least {SHORTEST_KEY} characters, such as those of: openssl rand -base64 48"
    if len(set(key)) < FEWEST_DIFFERENT or any(each in key.lower() for each in WELL_KNOWN):
        return "can be guessed: take one from openssl rand -base64 48"
    return ""


def _secret_faults(settings: Settings) -> Iterator[Fault]:
    if not settings.app_secrets:
        wants = "must be the app's secret at Meta, or no webhook of theirs is believed"
        yield Fault(field="TIDINGS_APP_SECRETS", rule="required", message=wants)
    if 0 < len(settings.verify_token) < SHORTEST_WORD:
        wants = f"must have at least {SHORTEST_WORD} characters"
        yield Fault(field="TIDINGS_VERIFY_TOKEN", rule="weak", message=wants)


def _open_faults(settings: Settings) -> Iterator[Fault]:
    url = urlsplit(settings.base_url)
    if url.scheme != "https" and not _is_this_machine(url.hostname or ""):
        wants = "must be https: people sign in there, and letters lead there"
        yield Fault(field="TIDINGS_BASE_URL", rule="https", message=wants)
    if settings.private_endpoints:
        wants = "must be off: subscriptions could reach the machines of your own network"
        yield Fault(field="TIDINGS_PRIVATE_ENDPOINTS", rule="off", message=wants)
    if settings.db_host and not settings.db_password:
        wants = "must be set: anybody who reaches the database could read it"
        yield Fault(field="TIDINGS_DB_PASSWORD", rule="required", message=wants)


def _plaintext_faults(settings: Settings) -> Iterator[Fault]:
    wants = "on another machine must use {}; or set TIDINGS_ALLOW_PLAINTEXT=true where the network is yours"
    if settings.db_host and not settings.db_ca and not _is_this_machine(settings.db_host):
        yield Fault(field="TIDINGS_DB_CA", rule="tls", message=wants.format("TLS, so name its authority"))
    servers = (
        ("TIDINGS_REDIS_URL", settings.redis_url, "rediss"),
        ("TIDINGS_RABBITMQ_URL", settings.rabbitmq_url, "amqps"),
    )
    for name, told, scheme in servers:
        url = urlsplit(told)
        if url.scheme not in ("", scheme) and not _is_this_machine(url.hostname or ""):
            said = wants.format(f"TLS ({scheme}://)")
            yield Fault(field=name, rule="tls", message=said)


def _is_this_machine(host: str) -> bool:
    """Whether what is said to this host stays on this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)


def with_secrets(settings: Settings) -> Settings:
    """The settings with every secret filled in, from `secrets.json` if need be. Raise BadSettings."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        kept = kept_secrets(settings.data)
    except OSError as error:
        raise BadSettings(
            f"The data folder {settings.data} cannot be used: {error.strerror}. "
            "Choose another with --data, or make it writable."
        ) from error
    return replace(
        settings,
        app_secrets=settings.app_secrets or (kept.app_secret,),
        verify_token=settings.verify_token or kept.verify_token,
        signing_keys=settings.signing_keys or (kept.signing_key, *kept.older_signing_keys),
        sealing_keys=settings.sealing_keys or (kept.sealing_key, *kept.older_sealing_keys),
    )
