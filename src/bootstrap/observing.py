"""The figures of a process: those that happen are counted where they happen, the others are looked up."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from tidings.adapters.mysql import gauges
from tidings.adapters.observing.metrics import MOST_NUMBERS, Exposition, Metrics
from tidings.application.pausing import pause
from tidings.bootstrap.platform import OUTBOXES, Platform, listeners
from tidings.bootstrap.settings import BadSettings
from tidings.domain.errors import Fault, Unavailable

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

LOOK = 10.0
"""Seconds between two looks at what waits."""
TICK = 0.25
"""Seconds between two looks at how late the event loop is."""

log = structlog.get_logger("tidings.figures")


@dataclass(slots=True)
class Figures:
    """Keeps the gauges of one process true, give or take `LOOK` seconds."""

    platform: Platform
    metrics: Metrics
    contexts: Collection[str]
    lag: float = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`. What cannot be asked keeps its last value, and is in the log once a look."""
        late = asyncio.create_task(self._watch_the_loop(), name="loop lag")
        try:
            while not stop.is_set():
                try:
                    await self.look()
                except Unavailable as error:
                    log.warning("figures cannot be read", reason=str(error))
                await pause(stop, LOOK)
        finally:
            late.cancel()

    async def look(self) -> None:
        """Raise Unavailable."""
        self._process()
        now = self.platform.container.now()()
        for name in self.contexts:
            if name in OUTBOXES:
                waiting = await gauges.waiting_events(self.platform.databases[name], OUTBOXES[name])
                self._set("outbox_waiting", waiting.rows, name)
                self._set("outbox_age_seconds", _age(now, waiting.since), name)
        if "whatsapp" in self.contexts:
            await self._webhooks(now)
        bus = self.platform.container.bus()
        for group in listeners(self.platform.container).keys() & set(self.contexts):
            lag = await bus.lag(group)
            self._set("bus_waiting", lag.ready, group)
            if lag.oldest_age is not None:
                self._set("bus_age_seconds", lag.oldest_age, group)
            self._set("dead_letters", lag.dead, group)

    async def _webhooks(self, now: datetime) -> None:
        database = self.platform.databases["whatsapp"]
        waiting = await gauges.waiting_webhooks(database)
        unread, early = await gauges.odd_webhooks(database)
        self._set("webhooks_waiting", waiting.rows)
        self._set("webhooks_age_seconds", _age(now, waiting.since))
        self._set("webhooks_set_aside", unread)
        self._set("statuses_parked", early)
        for number, count in list((await gauges.unknown_messages(database)).items())[:MOST_NUMBERS]:
            self._set("messages_unknown", count, number)

    def _process(self) -> None:
        """What this process knows without asking."""
        for name, database in self.platform.databases.items():
            for side, used in database.in_use.items():
                self._set("database_connections", used, name, side)
        near = self.platform.container.near_cache()
        self._set("replies_kept_bytes", near.size)
        self._set("replies_kept", near.hits, "yes")
        self._set("replies_kept", near.misses, "no")
        self._set("loops_broken", len(self.platform.loops.broken))
        self._set("loop_lag_seconds", self.lag)
        self.lag = 0.0
        for number in ("lane_rate", "lane_in_flight", "lane_ready"):
            self.metrics.gauges[number].clear()
        lanes = self.platform.container.sender().lanes
        for number, lane in list(lanes.items())[:MOST_NUMBERS]:
            self._set("lane_rate", lane.pace.rate, number)
            self._set("lane_in_flight", len(lane.calls), number)
            self._set("lane_ready", len(lane.ready), number)

    def _set(self, name: str, value: float, *labels: str) -> None:
        gauge = self.metrics.gauges[name]
        (gauge.labels(*labels) if labels else gauge).set(value)

    async def _watch_the_loop(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            before = clock()
            await asyncio.sleep(TICK)
            self.lag = max(self.lag, clock() - before - TICK)


def _age(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)


@asynccontextmanager
async def observed(platform: Platform, contexts: Collection[str]) -> AsyncGenerator[None]:
    """Figures on their port and traces on their way for as long as the block lasts, where they are wanted.

    Raise OSError when the port cannot be had, BadSettings when what traces need is not installed.
    """
    settings, metrics = platform.container.settings(), platform.container.metrics()
    async with AsyncExitStack() as stack:
        if settings.traces_url:
            await stack.enter_async_context(traced(platform))
        if settings.metrics_port:
            exposition = Exposition(metrics, settings.host, settings.metrics_port)
            exposition.open()
            stack.callback(exposition.close)
            platform.loops.start("figures", Figures(platform, metrics, contexts).run)
        yield


@asynccontextmanager
async def traced(platform: Platform, processor: "SpanProcessor | None" = None) -> AsyncGenerator[None]:
    """Traces to the collector of the settings, or to a processor of one's own. Raise BadSettings."""
    try:
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from tidings.adapters.observing.traces import Spans, exporter
    except ImportError as error:
        wants = 'needs OpenTelemetry: pip install "tidings[traces]"'
        fault = Fault(field="TIDINGS_TRACES_URL", rule="installed", message=wants)
        raise BadSettings(f"The settings cannot be used: {fault.field} {wants}.", fault) from error
    settings, metrics = platform.container.settings(), platform.container.metrics()
    brings = processor or BatchSpanProcessor(exporter(settings.traces_url))
    spans = Spans.to(brings, settings.traces_share, platform.container.now())
    metrics.told = spans
    try:
        yield
    finally:
        metrics.told = None
        await asyncio.to_thread(spans.close)
