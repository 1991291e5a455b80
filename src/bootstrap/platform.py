"""A running platform: databases, loops and who listens to whom, for the contexts that were asked for."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from tidings.adapters.embedded.system import boottime
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.kept_outbox import SqlFollowed, SqlKeptOutbox, let_go, published, sequence_of
from tidings.adapters.mysql.migrations.running import migrate, require_current
from tidings.adapters.mysql.outbox import SqlOutboxReader
from tidings.adapters.mysql.pruning import Aging, SqlPruner
from tidings.adapters.mysql.users.subscription_tables import deliveries
from tidings.adapters.mysql.whatsapp import pressure
from tidings.adapters.mysql.whatsapp import tables as whatsapp_tables
from tidings.adapters.mysql.whatsapp.archive import SqlArchivist
from tidings.adapters.mysql.whatsapp.requests import requests
from tidings.adapters.mysql.whatsapp.retention import said_longer_ago
from tidings.adapters.observing.metrics import OverheardBus
from tidings.adapters.rabbitmq.bus import RabbitBus
from tidings.application.pausing import pause
from tidings.application.ports.bus import Subscription
from tidings.application.recalling import Recaller
from tidings.application.relay import Hear, Relay, in_turn, listener, one_by_one
from tidings.bootstrap.container import Container
from tidings.bootstrap.key_watch import KeyWatch, Renewed
from tidings.bootstrap.loops import Loops
from tidings.bootstrap.schema import METADATA, OUTBOXES
from tidings.bootstrap.settings import CONTEXTS
from tidings.domain import events
from tidings.domain.events import Event

log = structlog.get_logger("tidings")

PUBLISHED = (
    events.MessagesMoved,
    events.SinglesMoved,
    events.MessageReceived,
    events.CampaignMoved,
    events.ContactOptedOut,
    events.ContactOptedIn,
    events.ContactsMerged,
    events.ContactsParted,
    events.ContactErased,
    events.TemplateStatusChanged,
    events.TemplateChanged,
    events.ConversationMoved,
)
"""What an organisation's own endpoints may hear of."""
DRAIN = 12.0
"""Seconds that a stop may take for what is on its way."""
TEMPLATE_SYNC = 5.0
"""Seconds between two looks at which accounts are due."""


def _tag(event: type[Event]) -> str:
    return str(event.__struct_config__.tag)


def listeners(container: Container) -> dict[str, Mapping[type[Event], Hear]]:
    """Who hears what: for each consuming context the use cases that deal with each event."""
    runner, messages = container.runner(), container.messages()
    keeper, consent = container.keeper(), container.consent()
    opener, publish = container.accounts_at_meta(), container.publisher().hear
    opening: dict[type[Event], Hear] = (
        {} if opener is None else {events.OrganizationCreated: one_by_one(opener.organization_created)}
    )
    return {
        "users": {
            **opening,
            **dict.fromkeys(PUBLISHED, publish),
            events.ContactErased: in_turn(container.publisher().forget, publish),
            events.ChangeMade: in_turn(container.audit().changes_made, publish),
        },
        "teams": {
            events.MemberRemoved: one_by_one(container.teams().member_removed),
            events.OrganizationClosed: one_by_one(container.teams().organization_closed),
        },
        "campaigns": {
            events.MessagesMoved: runner.messages_moved,
            events.RunHalted: one_by_one(runner.run_halted),
            events.TemplateStatusChanged: one_by_one(runner.template_changed),
            events.MessageReceived: container.crediting().received,
            events.ContactOptedOut: container.crediting().opted_out,
            events.ContactErased: one_by_one(container.crediting().erased),
        },
        "whatsapp": {
            events.WabaConnected: one_by_one(messages.waba_connected),
            events.ReplyWanted: one_by_one(messages.reply_wanted),
            events.ContactErased: one_by_one(container.desk().contact_erased),
        },
        "templates": {
            events.WabaConnected: one_by_one(keeper.connected),
            events.TemplateReported: one_by_one(keeper.reported),
            events.TemplateRemarked: one_by_one(keeper.remarked),
        },
        "contacts": {
            events.MessageReceived: container.contacts_hearing().messages_received,
            events.MessagesMoved: container.activity().messages_moved,
            events.PreferenceReported: one_by_one(consent.preference_reported),
        },
    }


@dataclass(slots=True)
class Platform:
    """One process of tidings, from opening its files to the last settled call."""

    container: Container
    loops: Loops = field(default_factory=Loops)
    databases: dict[str, Database] = field(default_factory=dict[str, Database])

    async def open(self) -> None:
        """Open the databases and bring their tables to this version.

        Raise DatabaseUnavailable, SchemaAhead, SchemaUnknown, and SchemaBehind when that is left to
        `tidings migrate`.
        """
        settings = self.container.settings()
        for name in [*settings.here, *(["bus"] if self.container.bus_on() == "files" else [])]:
            self.databases[name] = getattr(self.container, f"{name}_database")()
            if settings.migrate:
                await migrate(self.databases[name], name, METADATA[name])
            else:
                await require_current(self.databases[name], name)
        bus = self.container.bus()
        for name in settings.here:
            database, outbox = self.databases[name], OUTBOXES[name]
            if isinstance(bus, RabbitBus):
                bus.followed[name] = SqlFollowed(database, METADATA[name].tables[f"{name}_followed"])
            else:
                await let_go(database, outbox)

    async def run(self, contexts: Iterable[str], *, send: bool) -> None:
        """Start the loops of these contexts; `send` also hands messages to Meta."""
        chosen, container = set(contexts), self.container
        await self._listen(chosen)
        for name in chosen & OUTBOXES.keys():
            self.loops.start(f"relay {name}", self._relay(name).run)
            self.loops.start(f"pruning {name}", self._pruner(name).run)
        self.loops.start("keys", self._keys().run)
        if container.kept_by() == "redis":
            self.loops.start("cache news", container.versions().run)
            self.loops.start("request counts", container.rates().run)
        if "users" in chosen:
            self.loops.start("postman", container.postman().run)
            self.loops.start("deliveries", container.deliverer().run)
        if "contacts" in chosen:
            self.loops.start("imports", container.import_runner().run)
            self.loops.start("search index", container.indexer().run)
            self.loops.start("retention", container.retention_sweeper().run)
        if "campaigns" in chosen:
            self.loops.start("campaigns", container.runner().run)
        if "whatsapp" in chosen:
            self.loops.start("webhooks", container.webhooks().run)
            self.loops.start("desk", container.desk().run)
            self.loops.start("numbers", container.number_keeper().run)
            self.loops.start("archive", self._archivist().run)
        if "templates" in chosen:
            self.loops.start("template sync", self._sync_templates)
        if send:
            self.loops.start("sender", container.sender().run)

    async def close(self) -> None:
        """Stop taking work, let what is on its way finish, and let go of everything."""
        self.loops.stop.set()
        for name in self.databases:
            # Who waits for work learns at once that none will come.
            getattr(self.container, f"{name}_signal")().wake()
        await self.loops.drain(DRAIN)
        await self.container.bus().close()
        await self.container.graph().aclose()
        await self.container.courier().aclose()
        await self.container.peers().aclose()
        if self.container.kept_by() == "redis":
            await self.container.redis().aclose()
        elif self.container.kept_by() == "files":
            self.container.versions().close()
        for database in self.databases.values():
            await database.close()
        for name in self.databases:
            getattr(self.container, f"{name}_signal")().close()

    async def _listen(self, chosen: set[str]) -> None:
        bus = self.container.bus()
        for group, handlers in listeners(self.container).items():
            if not handlers:
                continue
            subscription = Subscription(group=group, types=tuple(_tag(event) for event in handlers))
            if group in chosen:
                await bus.subscribe(subscription, listener(handlers, _report))
            else:
                await bus.declare(subscription)

    def _keys(self) -> KeyWatch:
        container = self.container
        users: Mapping[str, Sequence[Renewed]] = {
            "signing_keys": (container.tokens(), container.service_tokens()),
            "sealing_keys": (container.sealer(), container.pseudonyms()),
            "app_secrets": (container.webhook_reader(),),
        }
        return KeyWatch(container.settings(), users, os.environ, boottime)

    def _relay(self, name: str) -> Relay:
        bus, now = self.container.bus(), self.container.now()
        signal = getattr(self.container, f"{name}_signal")()
        heard = OverheardBus(bus, self.container.metrics())
        if not isinstance(bus, RabbitBus):
            outbox = SqlOutboxReader(self.databases[name], OUTBOXES[name])
            return Relay(name, outbox, heard, signal, bus.hold)
        kept = SqlKeptOutbox(self.databases[name], OUTBOXES[name], bus.groups, now)
        recaller = Recaller(name, kept, bus, boottime, partial(_told_again, name), partial(_gone, name))
        return Relay(name, kept, heard, signal, bus.hold, recaller=recaller)

    def _pruner(self, name: str) -> SqlPruner:
        inbox = METADATA[name].tables.get(f"{name}_inbox")
        aging = [] if inbox is None else [Aging(inbox, inbox.c.heard_at)]
        if self.container.bus_on() == "rabbitmq":
            outbox, kept = OUTBOXES[name], timedelta(hours=self.container.settings().keep_events)
            aging.append(Aging(outbox, outbox.c.sequence, kept, sequence_of, published(outbox)))
        if name == "users":
            aging.append(Aging(deliveries, deliveries.c.at))
        if name == "whatsapp":
            aging.append(Aging(whatsapp_tables.parked, whatsapp_tables.parked.c.at))
            aging.append(Aging(whatsapp_tables.set_aside, whatsapp_tables.set_aside.c.at))
            aging.append(Aging(requests, requests.c.at, timedelta(days=2)))
            aging.append(Aging(pressure.touches, pressure.touches.c.at, timedelta(days=31)))
            aging.append(Aging(pressure.reached, pressure.reached.c.at, timedelta(days=2)))
            aging += said_longer_ago(self.container.settings().keep_messages)
        return SqlPruner(self.databases[name], aging, self.container.now())

    def _archivist(self) -> SqlArchivist:
        settings = self.container.settings()
        after, kept = (
            timedelta(days=days) if days else None
            for days in (settings.archive_messages, settings.keep_messages)
        )
        return SqlArchivist(self.databases["whatsapp"], self.container.now(), after, kept)

    async def _sync_templates(self, stop: asyncio.Event) -> None:
        keeper = self.container.keeper()
        while not stop.is_set():
            if not await keeper.tick():
                await pause(stop, TEMPLATE_SYNC)


def _told_again(source: str, group: str, events: int) -> None:
    log.warning("events were told again", source=source, group=group, events=events)


def _gone(source: str, group: str, shard: int) -> None:
    log.error(
        "events are gone for good: they are older than what is kept", source=source, group=group, shard=shard
    )


def _report(error: Exception) -> None:
    log.error("a listener failed", exc_info=error)


@asynccontextmanager
async def running(
    container: Container, contexts: Iterable[str] = CONTEXTS, *, send: bool = True
) -> AsyncGenerator[Platform]:
    """A platform at work for as long as the block lasts."""
    platform = Platform(container)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(platform.close)
        await platform.open()
        await platform.run(contexts, send=send)
        yield platform
