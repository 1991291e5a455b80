"""Figures of one process, in Prometheus's form; docs/observability.md says what each is good for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Protocol, TypeVar
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)

from tidings.application.ports.bus import Envelope, Publishes
from tidings.application.ports.common import Monotonic
from tidings.application.ports.gateway import Accepted, Gateway, NotSent, Outgoing, Rejected, SendResult
from tidings.domain.kernel import PhoneNumberId

MOST_NUMBERS = 200
"""Sending numbers with series of their own; what leaves from others is counted as `other`."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the histograms' buckets."""

M = TypeVar("M", Counter, Gauge, Histogram)


class Told(Protocol):
    """Who is told of what happens, one by one: traces, where they are wanted."""

    def answered(self, method: str, path: str, status: int, seconds: float) -> None: ...

    def sent(self, message: Outgoing, result: SendResult, seconds: float) -> None: ...

    def published(self, batch: Sequence[Envelope]) -> None: ...


@dataclass(slots=True)
class Metrics:
    """A registry of its own, so that several platforms may live in one process."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    numbers: set[PhoneNumberId] = field(default_factory=set[PhoneNumberId])
    sends: Counter = field(init=False)
    send_seconds: Histogram = field(init=False)
    refusals: Counter = field(init=False)
    request_seconds: Histogram = field(init=False)
    gauges: dict[str, Gauge] = field(init=False)
    told: Told | None = None

    def __post_init__(self) -> None:
        for collect in (ProcessCollector, PlatformCollector, GCCollector):
            collect(registry=self.registry)
        self.sends = self._made(
            Counter, "sends", "Calls that hand a message to Meta, by what came of them.", "number", "outcome"
        )
        self.send_seconds = self._made(
            Histogram, "send_seconds", "How long such a call took.", "number", buckets=SECONDS
        )
        self.refusals = self._made(Counter, "refusals", "Meta's refusals, by its error code.", "code")
        self.request_seconds = self._made(
            Histogram,
            "request_seconds",
            "HTTP requests, by what they were about.",
            "area",
            "method",
            "status",
            buckets=SECONDS,
        )
        self.gauges = {
            name: self._made(Gauge, name, what, *labels) for name, (what, *labels) in _GAUGES.items()
        }

    def sent(self, number: PhoneNumberId, result: SendResult, seconds: float) -> None:
        if number not in self.numbers:
            if len(self.numbers) >= MOST_NUMBERS:
                number = PhoneNumberId("other")
            else:
                self.numbers.add(number)
        self.sends.labels(number, _outcome(result)).inc()
        self.send_seconds.labels(number).observe(seconds)
        if isinstance(result, Rejected):
            self.refusals.labels(str(result.code)).inc()

    def answered(self, path: str, method: str, status: int, seconds: float) -> None:
        method = method if method in _METHODS else "other"
        self.request_seconds.labels(area_of(path), method, f"{status // 100}xx").observe(seconds)
        if self.told is not None:
            self.told.answered(method, path, status, seconds)

    def _made(self, kind: Callable[..., M], name: str, what: str, *labels: str, **how: Any) -> M:
        return kind(f"tidings_{name}", what, labels, registry=self.registry, **how)


_GAUGES: dict[str, tuple[str, ...]] = {
    "outbox_waiting": ("Events not yet on the bus.", "context"),
    "outbox_age_seconds": ("Age of the oldest of them.", "context"),
    "bus_waiting": ("Events on the bus for a group.", "group"),
    "bus_age_seconds": ("Age of the oldest of them.", "group"),
    "dead_letters": ("Events that a group has given up.", "group"),
    "webhooks_waiting": ("Webhooks of Meta's that are stored and not yet applied.",),
    "webhooks_age_seconds": ("Age of the oldest of them.",),
    "webhooks_set_aside": ("Webhooks that could not be read.",),
    "statuses_parked": ("Statuses of messages whose answer has not come yet.",),
    "messages_unknown": ("Messages of which nobody can say yet whether Meta took them.", "number"),
    "lane_rate": ("Messages a second that a number may send now.", "number"),
    "lane_in_flight": ("Calls to Meta on their way.", "number"),
    "lane_ready": ("Messages in memory, about to leave.", "number"),
    "replies_kept_bytes": ("Bytes of replies in this process's memory.",),
    "replies_kept": (
        "Requests for lists and single things since the start, by whether a reply was kept.",
        "found",
    ),
    "database_connections": ("Connections in use.", "database", "side"),
    "loops_broken": ("Background loops that are not at work.",),
    "loop_lag_seconds": ("The longest that the event loop was late, since the last look.",),
}

AREAS = frozenset(
    {
        "auth",
        "organizations",
        "contacts",
        "groups",
        "segments",
        "templates",
        "campaigns",
        "teams",
        "messages",
        "conversations",
        "numbers",
        "wabas",
        "subscriptions",
        "audit",
    }
)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def area_of(path: str) -> str:
    """What a path is about, in one of a few words: `/api/contacts/0199…` is `contacts`."""
    if path == "/api/messages/webhook":
        return "webhook"
    first, _, rest = path.removeprefix("/").partition("/")
    if first != "api":
        return "health" if first in ("health", "ready") else "pages"
    area = rest.partition("/")[0]
    return area if area in AREAS else "other"


def _outcome(result: SendResult) -> str:
    match result:
        case Accepted():
            return "accepted"
        case Rejected():
            return f"refused_{result.verdict}"
        case NotSent():
            return "not_sent"
        case _:
            return "unclear"


@dataclass(frozen=True, slots=True)
class MeasuredGateway:
    """The Gateway port, with every call counted."""

    gateway: Gateway
    metrics: Metrics
    clock: Monotonic

    async def send(self, message: Outgoing) -> SendResult:
        began = self.clock()
        result = await self.gateway.send(message)
        seconds = self.clock() - began
        self.metrics.sent(message.phone_number_id, result, seconds)
        if self.metrics.told is not None:
            self.metrics.told.sent(message, result, seconds)
        return result


@dataclass(frozen=True, slots=True)
class OverheardBus:
    """The relay's side of a bus; what got through is told."""

    bus: Publishes
    metrics: Metrics

    async def publish(self, batch: Sequence[Envelope], *, timeout: float = 5.0) -> None:
        await self.bus.publish(batch, timeout=timeout)
        if self.metrics.told is not None:
            self.metrics.told.published(batch)


@dataclass(slots=True)
class Exposition:
    """`GET /metrics` on a port of its own, in a thread of its own. Raise OSError when the port is taken."""

    metrics: Metrics
    host: str
    port: int
    server: WSGIServer | None = None
    thread: Thread | None = None

    def open(self) -> None:
        self.server, self.thread = start_http_server(self.port, self.host, self.metrics.registry)

    def close(self) -> None:
        if self.server is not None and self.thread is not None:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()
