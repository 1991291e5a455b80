"""What everything stands on, and the people: users and teams. The rest of the wiring is in `container.py`."""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

from dependency_injector import containers, providers
from sqlalchemy import URL

from tidings.adapters.courier import HttpCourier
from tidings.adapters.embedded.limits import LocalLimiter
from tidings.adapters.embedded.owners import LocalOwners
from tidings.adapters.embedded.signal import FileSignal, LocalSignal
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import boottime, new_secret, sleep, utcnow, uuid7
from tidings.adapters.http.rates import Limits, Rates
from tidings.adapters.http.replies import NearCache
from tidings.adapters.http.security import Bearers
from tidings.adapters.mail.letters import FileMail, SmtpMail, SmtpOptions
from tidings.adapters.meta.accounts import MetaAccounts
from tidings.adapters.meta.client import Graph
from tidings.adapters.meta.signup import MetaSignups
from tidings.adapters.meta.webhooks import MetaWebhookReader
from tidings.adapters.mysql.bus import SqlBus
from tidings.adapters.mysql.contacts.privacy import Pseudonyms
from tidings.adapters.mysql.engine import Database, mysql_database
from tidings.adapters.mysql.pools import trusting
from tidings.adapters.mysql.teams import teams_in
from tidings.adapters.mysql.users import users_in
from tidings.adapters.numbering import WorldNumbering
from tidings.adapters.peers.remote import Peers
from tidings.adapters.peers.users import KeptCredentials, LocalPeople, LocalWabas, WabaTokens
from tidings.adapters.rabbitmq.bus import RabbitBus
from tidings.adapters.redis.cache import RedisCache, RedisVersions
from tidings.adapters.redis.limits import RedisLimiter
from tidings.adapters.redis.link import Link
from tidings.adapters.redis.rates import RedisCounts
from tidings.adapters.sandbox.server import Sandbox
from tidings.adapters.security import AesSealer, AppCodes, Argon2Passwords, JwtTokens, ServiceTokens
from tidings.application.ports.common import Now
from tidings.application.ports.gateway import Credentials
from tidings.application.ports.teams import People as Members
from tidings.application.ports.templates import Wabas as ConnectedWabas
from tidings.application.ports.users import Doorkeeper
from tidings.application.teams import Teams
from tidings.application.users import (
    Accounts,
    ApiKeys,
    Audit,
    Doors,
    FactorCheck,
    Federation,
    Gate,
    Invitations,
    Journal,
    Opening,
    Organizations,
    Postman,
    Recovery,
    Resealing,
    Roles,
    SecondFactors,
    Sessions,
    TrustedProvider,
    Wabas,
)
from tidings.application.users.delivering import Deliverer
from tidings.application.users.publishing import Publisher
from tidings.application.users.subscribing import Subscriptions
from tidings.bootstrap.caching import NoVersions, file_versions, kept_by, telling
from tidings.bootstrap.nearness import near_or_far
from tidings.bootstrap.settings import CONTEXTS, DATABASES, Settings
from tidings.domain.events import OrganizationCreated


class OpensAccounts(Protocol):
    """Somebody who gives new organisations an account at Meta."""

    async def organization_created(self, event_id: UUID, event: OrganizationCreated) -> None: ...


def database_of(settings: Settings, name: str) -> Database:
    """A context's database: a file of this machine, or its own on the server."""
    if settings.on_files:
        return sqlite_database(settings.data / f"{name}.db")
    url = URL.create(
        "mysql+asyncmy",
        username=settings.db_user,
        password=settings.db_password or None,
        host=settings.db_host,
        port=settings.db_port,
        database=DATABASES[name],
    )
    return mysql_database(url.render_as_string(hide_password=False), tls=trusting(settings.db_ca))


def _mail(settings: Settings, now: Now) -> FileMail | SmtpMail:
    """Letters go to the mail server that is named, or into files."""
    if not settings.smtp_url:
        return FileMail(settings.data / "mail", now)
    url = urlsplit(settings.smtp_url)
    tls = {"smtp": "starttls", "smtps": "tls"}.get(url.scheme, "none")
    return SmtpMail(
        SmtpOptions(
            host=url.hostname or "localhost",
            port=url.port or {"starttls": 587, "tls": 465, "none": 25}[tls],
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            tls=tls,
            sender=settings.mail_from,
        ),
        now,
    )


def _identity_providers(settings: Settings, now: Now) -> Mapping[str, TrustedProvider]:
    if not settings.oidc:
        return {}
    # Not before it is needed: the library behind it takes long to load.
    from tidings.adapters.oidc import OidcOptions, OidcProvider

    base = settings.base_url.rstrip("/")
    return {
        name: TrustedProvider(
            OidcProvider(
                OidcOptions(
                    issuer=each.issuer,
                    client_id=each.client_id,
                    client_secret=each.client_secret,
                    redirect_uri=f"{base}/api/auth/oidc/{name}/callback",
                ),
                now,
            )
        )
        for name, each in settings.oidc.items()
    }


def bus_on(settings: Settings) -> str:
    """What carries events between contexts."""
    return "rabbitmq" if settings.rabbitmq_url else "files"


def signal_of(settings: Settings, name: str) -> FileSignal | LocalSignal:
    """Wake-ups between loops: between processes too, where they share files; else they look now and then."""
    return FileSignal(settings.data / f"{name}.db") if settings.on_files else LocalSignal()


class People(containers.DeclarativeContainer):
    """The first half of a process's container."""

    settings = providers.Dependency(instance_of=Settings)
    graph = providers.Dependency(instance_of=Graph)
    now = providers.Object(utcnow)
    new_id = providers.Object(uuid7)
    secret = providers.Object(new_secret)
    owners = providers.Singleton(LocalOwners)
    numbering = providers.Singleton(WorldNumbering)
    service_tokens = providers.Singleton(ServiceTokens, settings.provided.signing_keys, now)
    peers = providers.Singleton(
        Peers,
        urls=settings.provided.elsewhere,
        token=service_tokens.provided.issue,
        sleep=providers.Object(sleep),
        clock=providers.Object(boottime),
    )

    # What replies are kept by.
    kept_by = providers.Callable(kept_by, settings)
    redis = providers.Singleton(Link, settings.provided.redis_url, providers.Object(boottime))
    versions = providers.Selector(
        kept_by,
        files=providers.Singleton(file_versions, settings),
        redis=providers.Singleton(RedisVersions, redis, new_id),
        none=providers.Singleton(NoVersions),
    )
    far_cache = providers.Selector(
        kept_by,
        files=providers.Object(None),
        redis=providers.Singleton(RedisCache, redis),
        none=providers.Object(None),
    )
    near_cache = providers.Singleton(NearCache, providers.Object(boottime))

    # The bus.
    bus_database = providers.Singleton(database_of, settings, "bus")
    bus_signal = providers.Singleton(signal_of, settings, "bus")
    bus_on = providers.Callable(bus_on, settings)
    bus = providers.Selector(
        bus_on,
        files=providers.Singleton(SqlBus, bus_database, owners, bus_signal, now, server_clock=True),
        rabbitmq=providers.Singleton(RabbitBus, settings.provided.rabbitmq_url, now, sources=CONTEXTS),
    )

    # Users.
    users_database = providers.Singleton(database_of, settings, "users")
    users_signal = providers.Singleton(signal_of, settings, "users")
    users_work = providers.Singleton(users_in, users_database, now=now, new_id=new_id)
    users_begin = users_work.provided[0]
    users_read = users_work.provided[1]
    tokens = providers.Singleton(JwtTokens, settings.provided.signing_keys)
    sealer = providers.Singleton(AesSealer, settings.provided.sealing_keys)
    webhook_reader = providers.Singleton(MetaWebhookReader, settings.provided.app_secrets)
    pseudonyms = providers.Singleton(Pseudonyms, settings.provided.sealing_keys)
    passwords = providers.Singleton(Argon2Passwords)
    app_codes = providers.Singleton(AppCodes)
    own_limiter = providers.Singleton(LocalLimiter, monotonic=providers.Object(boottime))
    limiter = providers.Selector(
        kept_by,
        files=own_limiter,
        redis=providers.Singleton(RedisLimiter, redis, own_limiter),
        none=own_limiter,
    )
    doors = providers.Singleton(Doors, limiter)
    gate = providers.Singleton(Gate, begin=users_begin, read=users_read, tokens=tokens, now=now)
    doorkeeper = near_or_far(settings, peers, "users", Doorkeeper, gate)
    bearers = providers.Singleton(Bearers, doorkeeper.provided.identify, now)
    forget = bearers.provided.forget
    rates = providers.Singleton(
        Rates,
        providers.Factory(
            Limits,
            settings.provided.rate_bearer,
            settings.provided.rate_organization,
            settings.provided.rate_address,
        ),
        now,
        providers.Selector(
            kept_by,
            files=providers.Object(None),
            redis=providers.Singleton(RedisCounts, redis),
            none=providers.Object(None),
        ),
    )
    journal = providers.Singleton(Journal, now=now, new_id=new_id)
    opening = providers.Singleton(
        Opening, tokens=tokens, journal=journal, now=now, new_id=new_id, new_secret=secret
    )
    factor_check = providers.Singleton(
        FactorCheck,
        begin=users_begin,
        read=users_read,
        sealer=sealer,
        codes=app_codes,
        doors=doors,
        now=now,
    )
    accounts = providers.Singleton(
        Accounts,
        begin=users_begin,
        read=users_read,
        passwords=passwords,
        opening=opening,
        doors=doors,
        factors=factor_check,
        forget=forget,
        signal=users_signal,
        now=now,
        new_id=new_id,
    )
    sessions = providers.Singleton(
        Sessions, begin=users_begin, read=users_read, opening=opening, forget=forget, now=now
    )
    recovery = providers.Singleton(
        Recovery,
        begin=users_begin,
        read=users_read,
        passwords=passwords,
        doors=doors,
        journal=journal,
        forget=forget,
        signal=users_signal,
        now=now,
        new_id=new_id,
    )
    organizations = providers.Singleton(
        Organizations,
        begin=users_begin,
        read=users_read,
        opening=opening,
        forget=forget,
        signal=users_signal,
        now=now,
        new_id=new_id,
    )
    invitations = providers.Singleton(
        Invitations,
        begin=users_begin,
        read=users_read,
        passwords=passwords,
        opening=opening,
        doors=doors,
        signal=users_signal,
        now=now,
        new_id=new_id,
    )
    roles = providers.Singleton(
        Roles,
        begin=users_begin,
        read=users_read,
        journal=journal,
        forget=forget,
        now=now,
        new_id=new_id,
    )
    second_factors = providers.Singleton(
        SecondFactors,
        begin=users_begin,
        read=users_read,
        sealer=sealer,
        codes=app_codes,
        check=factor_check,
        journal=journal,
        now=now,
        new_secret=secret,
    )
    api_keys = providers.Singleton(
        ApiKeys,
        begin=users_begin,
        read=users_read,
        journal=journal,
        forget=forget,
        now=now,
        new_id=new_id,
        new_secret=secret,
    )
    identity_providers = providers.Singleton(_identity_providers, settings, now)
    federation = providers.Singleton(
        Federation,
        begin=users_begin,
        providers=identity_providers,
        opening=opening,
        signal=users_signal,
        now=now,
        new_id=new_id,
        new_secret=secret,
    )
    audit = providers.Singleton(Audit, begin=users_begin, read=users_read)
    resealing = providers.Singleton(Resealing, begin=users_begin, sealer=sealer)
    mail = providers.Singleton(_mail, settings, now)
    postman = providers.Singleton(
        Postman,
        begin=users_begin,
        mail=mail,
        signal=users_signal,
        base_url=settings.provided.base_url,
        now=now,
        new_secret=secret,
    )
    wabas = providers.Singleton(
        Wabas,
        begin=users_begin,
        read=users_read,
        sealer=sealer,
        meta=providers.Singleton(MetaSignups, providers.Singleton(MetaAccounts, graph)),
        journal=journal,
        signal=users_signal,
        now=now,
    )
    subscriptions = providers.Singleton(
        Subscriptions,
        begin=users_begin,
        read=users_read,
        sealer=sealer,
        journal=journal,
        now=now,
        new_id=new_id,
        new_secret=secret,
        private=settings.provided.private_endpoints,
    )
    publisher = providers.Singleton(Publisher, begin=users_begin, read=users_read, now=now, new_id=new_id)
    courier = providers.Singleton(HttpCourier, private=settings.provided.private_endpoints)
    deliverer = providers.Singleton(Deliverer, begin=users_begin, courier=courier, sealer=sealer, now=now)
    tokens_of_wabas = near_or_far(
        settings, peers, "users", Credentials, providers.Singleton(WabaTokens, wabas)
    )
    credentials = providers.Singleton(KeptCredentials, tokens_of_wabas, providers.Object(boottime))
    accounts_at_meta: providers.Object[OpensAccounts | None] = providers.Object(None)
    """Who opens accounts at Meta for new organisations: the sandbox does, people do it for Meta's own."""
    sandbox: providers.Object[Sandbox | None] = providers.Object(None)
    """The Meta that lives in this process, when one does."""
    wabas_of_users = near_or_far(
        settings, peers, "users", ConnectedWabas, providers.Singleton(LocalWabas, wabas)
    )

    members = near_or_far(settings, peers, "users", Members, providers.Singleton(LocalPeople, accounts))

    # Teams.
    teams_database = providers.Singleton(database_of, settings, "teams")
    teams_signal = providers.Singleton(signal_of, settings, "teams")
    teams_work = providers.Singleton(teams_in, teams_database, now=now, new_id=new_id)
    teams = providers.Singleton(
        Teams,
        begin=providers.Singleton(telling, versions, "teams", teams_work.provided[0]),
        read=teams_work.provided[1],
        people=members,
        now=now,
        new_id=new_id,
    )
