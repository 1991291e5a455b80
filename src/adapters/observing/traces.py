"""Traces in OpenTelemetry: a campaign's launch, and of some of its messages everything up to `read`.

A trace's id is the campaign's own id (of a single message, the message's), and a span's is made of what it
tells of. So every process that has a part in it, on whatever side of a queue or of Meta, tells of the same
trace without being handed anything, and what is told twice is told once. Whether a message is told of is
decided by its id, everywhere alike.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from tidings.application.ports.bus import Envelope, unpacked
from tidings.application.ports.common import Now
from tidings.application.ports.gateway import Accepted, Outgoing, Rejected, SendResult
from tidings.domain.events import CampaignMoved, MessagesMoved, Move, SinglesMoved

_given: ContextVar[int] = ContextVar("span id", default=0)
_given_trace: ContextVar[int] = ContextVar("trace id", default=0)
FIRST = "planning"
"""The state of a campaign with which its trace begins."""


class _Ids(IdGenerator):
    """The id that was given for the next span, else one by chance."""

    def __init__(self) -> None:
        self._chance = RandomIdGenerator()

    def generate_span_id(self) -> int:
        return _given.get() or self._chance.generate_span_id()

    def generate_trace_id(self) -> int:
        return _given_trace.get() or self._chance.generate_trace_id()


@dataclass(frozen=True, slots=True)
class Spans:
    """What is told of one process."""

    provider: TracerProvider
    share: float
    """Of messages that are told of, from 0 to 1; campaigns are always."""
    now: Now

    @classmethod
    def to(cls, processor: SpanProcessor, share: float, now: Now, service: str = "tidings") -> "Spans":
        provider = TracerProvider(
            resource=Resource.create({"service.name": service}), id_generator=_Ids(), shutdown_on_exit=False
        )
        provider.add_span_processor(processor)
        return cls(provider, share, now)

    def chosen(self, message: UUID) -> bool:
        """Whether a message is told of: by the random part of its id."""
        return (message.int & 0xFFFFFFFF) < self.share * 0x1_0000_0000

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """A request that changed something about a campaign."""
        for campaign in _campaigns_in(path) if method != "GET" else ():
            span = self._lately(seconds)
            name = f"{method} {path.replace(str(campaign), '{id}')}"
            more = {"http.response.status_code": status}
            self._tell(campaign, f"{name}/{span[0]}", name, span, more, SpanKind.SERVER, status >= 500)

    def sent(self, message: Outgoing, result: SendResult, seconds: float) -> None:
        """A call that handed a message to Meta."""
        if message.message_id is None or not self.chosen(message.message_id):
            return
        trace = message.campaign_id or message.message_id
        more: dict[str, str | int] = {
            "tidings.message_id": str(message.message_id),
            "tidings.attempt_id": str(message.attempt_id),
            "tidings.phone_number_id": message.phone_number_id,
            "tidings.outcome": type(result).__name__,
        }
        if isinstance(result, Rejected):
            more["tidings.code"] = result.code
        good = isinstance(result, Accepted)
        span = self._lately(seconds)
        self._tell(trace, str(message.attempt_id), "send", span, more, SpanKind.CLIENT, failed=not good)

    def published(self, batch: Sequence[Envelope]) -> None:
        """Turns of campaigns and messages, as events on their way tell them."""
        for envelope in batch:
            kind = _TOLD.get(envelope.type)
            if kind is not None:
                self._turn(msgspec.json.decode(unpacked(envelope.body), type=kind))

    def close(self) -> None:
        """Bring what is still to be told; at most some seconds."""
        self.provider.force_flush(5_000)
        self.provider.shutdown()

    def _turn(self, event: CampaignMoved | MessagesMoved | SinglesMoved) -> None:
        if isinstance(event, CampaignMoved):
            self._campaign(event)
            return
        for move in event.moves:
            if self.chosen(move.message_id):
                trace = event.campaign_id if isinstance(event, MessagesMoved) else move.message_id
                self._message(trace, move)

    def _campaign(self, event: CampaignMoved) -> None:
        at = _nanoseconds(event.at)
        more = {"tidings.organization_id": str(event.organization_id), "tidings.reason": event.reason or ""}
        # The first turn is what everything else hangs on.
        subject = "" if event.state == FIRST else f"{event.state}/{at}"
        self._tell(event.campaign_id, subject, f"campaign {event.state}", (at, at), more)

    def _message(self, trace: UUID, move: Move) -> None:
        at = _nanoseconds(move.at)
        more: dict[str, str | int] = {
            "tidings.message_id": str(move.message_id),
            "tidings.attempt_no": move.attempt_no,
        }
        if move.code is not None:
            more["tidings.code"] = move.code
        subject = f"{move.message_id}/{move.version}"
        failed = move.state == "failed"
        self._tell(trace, subject, f"message {move.state}", (at, at), more, failed=failed)

    def _lately(self, seconds: float) -> tuple[int, int]:
        """Beginning and end of what took so long and is over now."""
        ended = _nanoseconds(self.now())
        return ended - int(seconds * 1_000_000_000), ended

    def _tell(
        self,
        trace: UUID,
        subject: str,
        name: str,
        span: tuple[int, int],
        more: Mapping[str, str | int],
        kind: SpanKind = SpanKind.INTERNAL,
        failed: bool = False,
    ) -> None:
        """One span. `subject` is what makes its id; without one it is the trace's first."""
        context = Context()
        if subject:
            first = SpanContext(trace.int, _id(trace, ""), True, TraceFlags(TraceFlags.SAMPLED))
            context = set_span_in_context(NonRecordingSpan(first), context)
        token, of_trace = _given.set(_id(trace, subject)), _given_trace.set(trace.int)
        try:
            told = self.provider.get_tracer("tidings").start_span(
                name, context, kind=kind, attributes=more, start_time=span[0]
            )
        finally:
            _given.reset(token)
            _given_trace.reset(of_trace)
        if failed:
            told.set_status(Status(StatusCode.ERROR))
        told.end(span[1])


_TOLD: Mapping[str, type[CampaignMoved | MessagesMoved | SinglesMoved]] = {
    str(kind.__struct_config__.tag): kind for kind in (CampaignMoved, MessagesMoved, SinglesMoved)
}


def exporter(url: str) -> SpanExporter:
    """Who brings spans to a collector, as OTLP over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=url, timeout=5)


def _id(trace: UUID, subject: str) -> int:
    digest = hashlib.blake2b(trace.bytes + subject.encode(), digest_size=8).digest()
    return int.from_bytes(digest) or 1


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000


def _campaigns_in(path: str) -> Iterator[UUID]:
    """The campaign that a path is about, if it is about one."""
    words = path.split("/")
    if words[1:3] == ["api", "campaigns"] and len(words) > 3:
        try:
            yield UUID(words[3])
        except ValueError:
            return
