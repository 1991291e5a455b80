"""The one place that names concrete adapters: which stands behind which port."""

from dependency_injector import providers

from tidings.adapters.embedded.system import boottime, chance, sleep
from tidings.adapters.http.messages import VerifyToken
from tidings.adapters.meta.accounts import MetaAccounts
from tidings.adapters.meta.gateway import MetaGateway
from tidings.adapters.meta.media import MetaMedia, MetaUploads
from tidings.adapters.meta.numbers import MetaNumbers
from tidings.adapters.meta.templates import MetaReview
from tidings.adapters.mysql.campaigns import SqlActiveCampaigns, SqlLinkReader, campaigns_in
from tidings.adapters.mysql.contacts.imports import SqlImportQueue
from tidings.adapters.mysql.contacts.privacy import SqlRetentionQueue
from tidings.adapters.mysql.contacts.search import SqlContactSearch
from tidings.adapters.mysql.contacts.work import contacts_in, contacts_read_from
from tidings.adapters.mysql.templates.accounts import SqlDueAccounts
from tidings.adapters.mysql.templates.work import templates_in, templates_read_from
from tidings.adapters.mysql.whatsapp.messages import SqlDue, SqlMessageReader
from tidings.adapters.mysql.whatsapp.work import whatsapp_in
from tidings.adapters.numbering import WorldZones, country_of
from tidings.adapters.observing.metrics import MeasuredGateway, Metrics
from tidings.adapters.peers.contacts import LocalAudience, LocalConsent
from tidings.adapters.peers.teams import LocalDesks
from tidings.adapters.peers.templates import LocalTemplates, RemoteTemplates
from tidings.adapters.peers.traces import Kept
from tidings.adapters.peers.whatsapp import LocalLine
from tidings.adapters.sheets.files import FileSheets
from tidings.adapters.sheets.writing import FileTables
from tidings.adapters.statistics import ScipyStatistics
from tidings.application.campaigns import (
    Campaigns,
    Crediting,
    Experimenting,
    Following,
    Links,
    Moments,
    Planner,
    Rehearsal,
    Reports,
    Runner,
    Watch,
)
from tidings.application.campaigns import tracing as campaign_tracing
from tidings.application.contacts.activity import Activity
from tidings.application.contacts.attributes import Attributes
from tidings.application.contacts.consent import Consent
from tidings.application.contacts.exporting import Exports
from tidings.application.contacts.groups import Groups
from tidings.application.contacts.hearing import Hearing
from tidings.application.contacts.identities import Identities
from tidings.application.contacts.importing import Importer, Imports
from tidings.application.contacts.indexing import Indexer
from tidings.application.contacts.jobs import ImportJobs, ImportRunner
from tidings.application.contacts.people import Contacts
from tidings.application.contacts.privacy import Privacy, RetentionSweeper
from tidings.application.contacts.segments import Segments
from tidings.application.ports.campaigns import Audience, Line
from tidings.application.ports.campaigns import Templates as SendableTemplates
from tidings.application.ports.contacts import CampaignTraces, MessageTraces
from tidings.application.ports.conversations import Desks
from tidings.application.ports.whatsapp import Consent as Wishes
from tidings.application.templates import Approved, Keeper, Templates
from tidings.application.templates.files import HeaderFiles
from tidings.application.whatsapp import tracing as message_tracing
from tidings.application.whatsapp.conversations import Conversations
from tidings.application.whatsapp.desk import Desk
from tidings.application.whatsapp.hearing import WebhookInbox, Webhooks
from tidings.application.whatsapp.keeping import NumberKeeper
from tidings.application.whatsapp.lane import SenderPorts
from tidings.application.whatsapp.lines import Lines
from tidings.application.whatsapp.policies import Policies
from tidings.application.whatsapp.quotas import Quotas
from tidings.application.whatsapp.saying import Messages
from tidings.application.whatsapp.sender import Sender
from tidings.bootstrap.caching import telling
from tidings.bootstrap.nearness import far, near_or_far, whereabouts
from tidings.bootstrap.people import People, database_of, signal_of
from tidings.bootstrap.sending import everybodys_quota, sender_options


class Container(People):
    """Everything of one process, each made once and only when it is asked for."""

    settings, graph, now, new_id = People.settings, People.graph, People.now, People.new_id
    owners, numbering, peers, pseudonyms = People.owners, People.numbering, People.peers, People.pseudonyms
    credentials, wabas_of_users, versions = People.credentials, People.wabas_of_users, People.versions

    # Contacts.
    contacts_database = providers.Singleton(database_of, settings, "contacts")
    contacts_signal = providers.Singleton(signal_of, settings, "contacts")
    contacts_begin = providers.Singleton(
        telling,
        versions,
        "contacts",
        providers.Singleton(contacts_in, contacts_database, now=now, new_id=new_id, pseudonyms=pseudonyms),
    )
    contacts_read = providers.Singleton(contacts_read_from, contacts_database, pseudonyms=pseudonyms)
    contacts = providers.Singleton(
        Contacts, begin=contacts_begin, reading=contacts_read, numbering=numbering, now=now, new_id=new_id
    )
    groups = providers.Singleton(Groups, begin=contacts_begin, reading=contacts_read, now=now, new_id=new_id)
    consent = providers.Singleton(
        Consent, begin=contacts_begin, reading=contacts_read, numbering=numbering, now=now, new_id=new_id
    )
    sheets = providers.Singleton(FileSheets)
    tables = providers.Singleton(FileTables)
    imports = providers.Singleton(
        Imports,
        begin=contacts_begin,
        reading=contacts_read,
        sheets=sheets,
        numbering=numbering,
        now=now,
        new_id=new_id,
    )
    importer = providers.Singleton(
        Importer,
        begin=contacts_begin,
        reading=contacts_read,
        numbering=numbering,
        now=now,
        new_id=new_id,
    )
    import_jobs = providers.Singleton(
        ImportJobs,
        begin=contacts_begin,
        reading=contacts_read,
        sheets=sheets,
        tables=tables,
        importer=importer,
        now=now,
        new_id=new_id,
        sleep=providers.Object(sleep),
    )
    import_runner = providers.Singleton(
        ImportRunner,
        queue=providers.Singleton(SqlImportQueue, contacts_database),
        begin=contacts_begin,
        reading=contacts_read,
        sheets=sheets,
        importer=importer,
        now=now,
        new_id=new_id,
        owner=owners.provided.me.call(),
    )
    exports = providers.Singleton(Exports, reading=contacts_read, tables=tables, now=now)
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
    indexer = providers.Singleton(Indexer, index=providers.Singleton(SqlContactSearch, contacts_database))
    activity = providers.Singleton(Activity, begin=contacts_begin)
    contacts_hearing = providers.Singleton(
        Hearing, begin=contacts_begin, identities=identities, consent=consent, activity=activity
    )

    # Templates.
    templates_database = providers.Singleton(database_of, settings, "templates")
    templates_signal = providers.Singleton(signal_of, settings, "templates")
    templates_begin = providers.Singleton(
        telling,
        versions,
        "templates",
        providers.Singleton(templates_in, templates_database, now=now, new_id=new_id),
    )
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
    whatsapp_database = providers.Singleton(database_of, settings, "whatsapp")
    whatsapp_signal = providers.Singleton(signal_of, settings, "whatsapp")
    quota = providers.Singleton(everybodys_quota, settings)
    whatsapp_work = providers.Singleton(
        whatsapp_in, whatsapp_database, now=now, new_id=new_id, quota=quota, server_clock=True
    )
    whatsapp_begin = providers.Singleton(telling, versions, "whatsapp", whatsapp_work.provided[0])
    whatsapp_read = whatsapp_work.provided[1]
    message_reader = providers.Singleton(SqlMessageReader, whatsapp_database)
    desks = near_or_far(
        settings, peers, "teams", Desks, providers.Singleton(LocalDesks, People.teams, People.members)
    )
    messages = providers.Singleton(
        Messages,
        begin=whatsapp_begin,
        read=whatsapp_read,
        reader=message_reader,
        desks=desks,
        signal=whatsapp_signal,
        now=now,
        new_id=new_id,
    )
    wishes = near_or_far(settings, peers, "contacts", Wishes, providers.Singleton(LocalConsent, contacts))
    zones = providers.Singleton(WorldZones)
    lines = providers.Singleton(
        Lines,
        begin=whatsapp_begin,
        read=whatsapp_read,
        reader=message_reader,
        consent=wishes,
        zones=zones,
        signal=whatsapp_signal,
        now=now,
    )
    webhooks = providers.Singleton(
        Webhooks,
        begin=whatsapp_begin,
        reader=People.webhook_reader,
        inbox=providers.Singleton(WebhookInbox, whatsapp_begin, now, whatsapp_signal),
        owners=owners,
        signal=whatsapp_signal,
        now=now,
        new_id=new_id,
    )
    verify_token = providers.Singleton(VerifyToken, settings.provided.verify_token)
    gateway = providers.Singleton(MetaGateway, graph, credentials)
    metrics = providers.Singleton(Metrics)
    conversations = providers.Singleton(
        Conversations,
        begin=whatsapp_begin,
        read=whatsapp_read,
        desks=desks,
        receipts=gateway,
        signal=whatsapp_signal,
        now=now,
        new_id=new_id,
        sleep=providers.Object(sleep),
    )
    number_keeper = providers.Singleton(
        NumberKeeper,
        begin=whatsapp_begin,
        read=whatsapp_read,
        meta=providers.Singleton(MetaNumbers, providers.Singleton(MetaAccounts, graph), credentials),
        owners=owners,
        now=now,
    )
    policies = providers.Singleton(Policies, begin=whatsapp_begin, read=whatsapp_read, now=now)
    quotas = providers.Singleton(Quotas, begin=whatsapp_begin, read=whatsapp_read, now=now)
    desk = providers.Singleton(
        Desk,
        begin=whatsapp_begin,
        read=whatsapp_read,
        desks=desks,
        media=providers.Singleton(MetaMedia, graph, credentials),
        signal=whatsapp_signal,
        now=now,
        new_id=new_id,
    )
    sender = providers.Singleton(
        Sender,
        providers.Singleton(
            SenderPorts,
            begin=whatsapp_begin,
            due=providers.Singleton(SqlDue, whatsapp_database),
            gateway=providers.Singleton(MeasuredGateway, gateway, metrics, providers.Object(boottime)),
            consent=wishes,
            owners=owners,
            zones=zones,
            signal=whatsapp_signal,
            now=now,
            boottime=providers.Object(boottime),
            new_id=new_id,
            chance=providers.Object(chance),
        ),
        providers.Singleton(sender_options, settings),
    )

    # Campaigns.
    campaigns_database = providers.Singleton(database_of, settings, "campaigns")
    campaigns_signal = providers.Singleton(signal_of, settings, "campaigns")
    campaigns_work = providers.Singleton(campaigns_in, campaigns_database, now=now, new_id=new_id)
    campaigns_begin = providers.Singleton(telling, versions, "campaigns", campaigns_work.provided[0])
    campaigns_read = campaigns_work.provided[1]
    audience = near_or_far(
        settings,
        peers,
        "contacts",
        Audience,
        providers.Singleton(LocalAudience, contacts, providers.Object(country_of)),
    )
    sendable = providers.Selector(
        providers.Callable(whereabouts, settings, "templates"),
        near=providers.Singleton(LocalTemplates, approved, header_files),
        far=providers.Singleton(
            RemoteTemplates, providers.Singleton(far, peers, "templates", SendableTemplates)
        ),
    )
    line = near_or_far(settings, peers, "whatsapp", Line, providers.Singleton(LocalLine, lines))
    planner = providers.Singleton(
        Planner,
        templates=sendable,
        links=providers.Singleton(Links, settings.provided.base_url),
        now=now,
        new_id=new_id,
    )
    campaigns = providers.Singleton(
        Campaigns,
        begin=campaigns_begin,
        read=campaigns_read,
        audience=audience,
        templates=sendable,
        line=line,
        planner=planner,
        signal=campaigns_signal,
        now=now,
        new_id=new_id,
    )
    experimenting = providers.Singleton(
        Experimenting, statistics=providers.Singleton(ScipyStatistics), now=now
    )
    following = providers.Singleton(
        Following,
        reader=providers.Singleton(SqlLinkReader, campaigns_database),
        begin=campaigns_begin,
        now=now,
    )
    crediting = providers.Singleton(Crediting, begin=campaigns_begin, now=now)
    rehearsal = providers.Singleton(
        Rehearsal,
        begin=campaigns_begin,
        read=campaigns_read,
        audience=audience,
        templates=sendable,
        line=line,
        planner=planner,
        now=now,
    )
    runner = providers.Singleton(
        Runner,
        planner=planner,
        watch=providers.Singleton(Watch, read=campaigns_read, line=line, now=now),
        experimenting=experimenting,
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
    reports = providers.Singleton(
        Reports,
        read=campaigns_read,
        line=line,
        experimenting=experimenting,
        tables=tables,
        sleep=providers.Object(sleep),
        moments=providers.Singleton(Moments, People.far_cache, providers.Object(boottime)),
        hindered=runner.provided.hindered,
    )

    # What all of them keep of one person.
    campaign_traces = near_or_far(
        settings,
        peers,
        "campaigns",
        CampaignTraces,
        providers.Singleton(campaign_tracing.Traces, campaigns_read),
    )
    message_traces = near_or_far(
        settings,
        peers,
        "whatsapp",
        MessageTraces,
        providers.Singleton(message_tracing.Traces, whatsapp_read, message_reader),
    )
    privacy = providers.Singleton(
        Privacy,
        begin=contacts_begin,
        reading=contacts_read,
        now=now,
        elsewhere=providers.List(
            providers.Singleton(Kept, "campaigns", campaign_traces),
            providers.Singleton(Kept, "whatsapp", message_traces),
        ),
    )
    retention_sweeper = providers.Singleton(
        RetentionSweeper,
        queue=providers.Singleton(SqlRetentionQueue, contacts_database),
        privacy=privacy,
        now=now,
    )
