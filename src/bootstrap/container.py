"""The one place that names concrete adapters: which stands behind which port."""

from typing import Protocol
from uuid import UUID

from dependency_injector import containers, providers

from tidings.adapters.embedded.owners import LocalOwners
from tidings.adapters.embedded.signal import FileSignal
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import boottime, chance, sleep, utcnow, uuid7
from tidings.adapters.http.messages import VerifyToken
from tidings.adapters.meta.accounts import MetaAccounts
from tidings.adapters.meta.client import Graph
from tidings.adapters.meta.gateway import MetaGateway
from tidings.adapters.meta.media import MetaUploads
from tidings.adapters.meta.templates import MetaReview
from tidings.adapters.meta.webhooks import MetaWebhookReader
from tidings.adapters.mysql.bus import SqlBus
from tidings.adapters.mysql.campaigns import SqlActiveCampaigns, campaigns_in
from tidings.adapters.mysql.contacts.work import contacts_in, contacts_read_from
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.teams import teams_in
from tidings.adapters.mysql.templates.accounts import SqlDueAccounts
from tidings.adapters.mysql.templates.work import templates_in, templates_read_from
from tidings.adapters.mysql.users import users_in
from tidings.adapters.mysql.whatsapp.messages import SqlDue, SqlMessageReader
from tidings.adapters.mysql.whatsapp.work import whatsapp_in
from tidings.adapters.numbering import WorldNumbering
from tidings.adapters.peers.contacts import LocalAudience, LocalConsent
from tidings.adapters.peers.templates import LocalTemplates
from tidings.adapters.peers.users import LocalCredentials, LocalPeople, LocalWabas
from tidings.adapters.peers.whatsapp import LocalLine
from tidings.adapters.security import AesSealer, Argon2Passwords, JwtTokens
from tidings.adapters.sheets.files import FileSheets
from tidings.application.campaigns import Campaigns, Reports, Runner
from tidings.application.contacts.attributes import Attributes
from tidings.application.contacts.consent import Consent
from tidings.application.contacts.groups import Groups
from tidings.application.contacts.identities import Identities
from tidings.application.contacts.importing import Imports
from tidings.application.contacts.people import Contacts
from tidings.application.contacts.segments import Segments
from tidings.application.teams import Teams
from tidings.application.templates import Approved, Keeper, Templates
from tidings.application.templates.files import HeaderFiles
from tidings.application.users import Accounts, Wabas
from tidings.application.whatsapp.hearing import WebhookInbox, Webhooks
from tidings.application.whatsapp.saying import Lines, Messages
from tidings.application.whatsapp.sender import Sender, SenderOptions, SenderPorts
from tidings.bootstrap.settings import Settings
from tidings.domain.events import OrganizationCreated


class OpensAccounts(Protocol):
    """Somebody who gives new organisations an account at Meta."""

    async def organization_created(self, event_id: UUID, event: OrganizationCreated) -> None: ...


def _file(settings: Settings, name: str) -> Database:
    return sqlite_database(settings.data / f"{name}.db")


def _signal(settings: Settings, name: str) -> FileSignal:
    return FileSignal(settings.data / f"{name}.db")


def _sender_options(settings: Settings) -> SenderOptions:
    margin = min(settings.send_timeout + 0.5, settings.lease * 0.7)
    return SenderOptions(lease=settings.lease, margin=margin)


class Container(containers.DeclarativeContainer):
    """Everything of one process, each made once and only when it is asked for."""

    settings = providers.Dependency(instance_of=Settings)
    graph = providers.Dependency(instance_of=Graph)
    now = providers.Object(utcnow)
    new_id = providers.Object(uuid7)
    owners = providers.Singleton(LocalOwners)
    numbering = providers.Singleton(WorldNumbering)

    # The bus.
    bus_database = providers.Singleton(_file, settings, "bus")
    bus_signal = providers.Singleton(_signal, settings, "bus")
    bus = providers.Singleton(SqlBus, bus_database, owners, bus_signal, now)

    # Users.
    users_database = providers.Singleton(_file, settings, "users")
    users_signal = providers.Singleton(_signal, settings, "users")
    users_work = providers.Singleton(users_in, users_database, now=now, new_id=new_id)
    users_begin = users_work.provided[0]
    users_read = users_work.provided[1]
    tokens = providers.Singleton(JwtTokens, settings.provided.signing_keys)
    accounts = providers.Singleton(
        Accounts,
        begin=users_begin,
        read=users_read,
        passwords=providers.Singleton(Argon2Passwords),
        tokens=tokens,
        now=now,
        new_id=new_id,
    )
    wabas = providers.Singleton(
        Wabas,
        begin=users_begin,
        read=users_read,
        sealer=providers.Singleton(AesSealer, settings.provided.sealing_keys),
        meta=providers.Singleton(MetaAccounts, graph),
        now=now,
    )
    credentials = providers.Singleton(LocalCredentials, wabas)
    accounts_at_meta: providers.Object[OpensAccounts | None] = providers.Object(None)
    """Who opens accounts at Meta for new organisations: the sandbox does, people do it for Meta's own."""
    wabas_of_users = providers.Singleton(LocalWabas, wabas)

    # Teams.
    teams_database = providers.Singleton(_file, settings, "teams")
    teams_signal = providers.Singleton(_signal, settings, "teams")
    teams_work = providers.Singleton(teams_in, teams_database)
    teams = providers.Singleton(
        Teams,
        begin=teams_work.provided[0],
        read=teams_work.provided[1],
        people=providers.Singleton(LocalPeople, accounts),
        now=now,
        new_id=new_id,
    )

    # Contacts.
    contacts_database = providers.Singleton(_file, settings, "contacts")
    contacts_signal = providers.Singleton(_signal, settings, "contacts")
    contacts_begin = providers.Singleton(contacts_in, contacts_database, now=now, new_id=new_id)
    contacts_read = providers.Singleton(contacts_read_from, contacts_database)
    contacts = providers.Singleton(
        Contacts, begin=contacts_begin, reading=contacts_read, numbering=numbering, now=now, new_id=new_id
    )
    groups = providers.Singleton(Groups, begin=contacts_begin, reading=contacts_read, now=now, new_id=new_id)
    consent = providers.Singleton(
        Consent, begin=contacts_begin, reading=contacts_read, numbering=numbering, now=now, new_id=new_id
    )
    imports = providers.Singleton(
        Imports,
        begin=contacts_begin,
        reading=contacts_read,
        sheets=providers.Singleton(FileSheets),
        numbering=numbering,
        now=now,
        new_id=new_id,
    )

    identities = providers.Singleton(
        Identities,
        begin=contacts_begin,
        reading=contacts_read,
        numbering=numbering,
        now=now,
        new_id=new_id,
    )
    attributes = providers.Singleton(Attributes, begin=contacts_begin, reading=contacts_read, now=now)
    segments = providers.Singleton(
        Segments, begin=contacts_begin, reading=contacts_read, now=now, new_id=new_id
    )

    # Templates.
    templates_database = providers.Singleton(_file, settings, "templates")
    templates_signal = providers.Singleton(_signal, settings, "templates")
    templates_begin = providers.Singleton(templates_in, templates_database, now=now, new_id=new_id)
    templates_read = providers.Singleton(templates_read_from, templates_database)
    review = providers.Singleton(MetaReview, graph, credentials)
    templates = providers.Singleton(
        Templates,
        begin=templates_begin,
        reading=templates_read,
        review=review,
        wabas=wabas_of_users,
        now=now,
        new_id=new_id,
    )
    keeper = providers.Singleton(
        Keeper,
        begin=templates_begin,
        review=review,
        wabas=wabas_of_users,
        due=providers.Singleton(SqlDueAccounts, templates_database),
        now=now,
        new_id=new_id,
    )
    header_files = providers.Singleton(
        HeaderFiles,
        begin=templates_begin,
        reading=templates_read,
        uploads=providers.Singleton(MetaUploads, graph, credentials, app_id=settings.provided.app_id),
        wabas=wabas_of_users,
        now=now,
        new_id=new_id,
    )
    approved = providers.Singleton(Approved, templates_read)

    # WhatsApp.
    whatsapp_database = providers.Singleton(_file, settings, "whatsapp")
    whatsapp_signal = providers.Singleton(_signal, settings, "whatsapp")
    whatsapp_work = providers.Singleton(whatsapp_in, whatsapp_database, now=now, new_id=new_id)
    whatsapp_begin = whatsapp_work.provided[0]
    whatsapp_read = whatsapp_work.provided[1]
    message_reader = providers.Singleton(SqlMessageReader, whatsapp_database)
    messages = providers.Singleton(
        Messages,
        begin=whatsapp_begin,
        read=whatsapp_read,
        reader=message_reader,
        signal=whatsapp_signal,
        now=now,
        new_id=new_id,
    )
    lines = providers.Singleton(
        Lines,
        begin=whatsapp_begin,
        read=whatsapp_read,
        reader=message_reader,
        signal=whatsapp_signal,
        now=now,
    )
    webhook_reader = providers.Singleton(MetaWebhookReader, settings.provided.app_secrets)
    webhooks = providers.Singleton(
        Webhooks,
        begin=whatsapp_begin,
        reader=webhook_reader,
        inbox=providers.Singleton(WebhookInbox, whatsapp_begin, now, whatsapp_signal),
        owners=owners,
        signal=whatsapp_signal,
        now=now,
        new_id=new_id,
    )
    verify_token = providers.Singleton(VerifyToken, settings.provided.verify_token)
    gateway = providers.Singleton(MetaGateway, graph, credentials)
    sender = providers.Singleton(
        Sender,
        providers.Singleton(
            SenderPorts,
            begin=whatsapp_begin,
            due=providers.Singleton(SqlDue, whatsapp_database),
            gateway=gateway,
            consent=providers.Singleton(LocalConsent, contacts),
            owners=owners,
            signal=whatsapp_signal,
            now=now,
            boottime=providers.Object(boottime),
            new_id=new_id,
            chance=providers.Object(chance),
        ),
        providers.Singleton(_sender_options, settings),
    )

    # Campaigns.
    campaigns_database = providers.Singleton(_file, settings, "campaigns")
    campaigns_signal = providers.Singleton(_signal, settings, "campaigns")
    campaigns_work = providers.Singleton(campaigns_in, campaigns_database, now=now, new_id=new_id)
    campaigns_begin = campaigns_work.provided[0]
    campaigns_read = campaigns_work.provided[1]
    audience = providers.Singleton(LocalAudience, contacts)
    sendable = providers.Singleton(LocalTemplates, approved)
    line = providers.Singleton(LocalLine, lines)
    campaigns = providers.Singleton(
        Campaigns,
        begin=campaigns_begin,
        read=campaigns_read,
        audience=audience,
        templates=sendable,
        line=line,
        signal=campaigns_signal,
        now=now,
        new_id=new_id,
    )
    runner = providers.Singleton(
        Runner,
        begin=campaigns_begin,
        read=campaigns_read,
        active=providers.Singleton(SqlActiveCampaigns, campaigns_database),
        audience=audience,
        templates=sendable,
        line=line,
        signal=campaigns_signal,
        now=now,
        new_id=new_id,
    )
    reports = providers.Singleton(Reports, read=campaigns_read, line=line, sleep=providers.Object(sleep))
