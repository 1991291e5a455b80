"""Whether the service is alive, and whether it is ready."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from tidings.application.ports.common import Now
from tidings.domain.errors import Refused


class Alive(Struct, frozen=True, kw_only=True):
    """The seed's reply."""

    success: bool = True
    message: str = "Service is running"
    timestamp: datetime


class Readiness(Struct, frozen=True, kw_only=True):
    """What the service stands on: `ok`, or what is wrong."""

    success: bool
    checks: dict[str, str]


@dataclass(frozen=True, slots=True)
class Probes:
    """Questions to what the service stands on; a refusal is a no."""

    now: Now
    checks: Mapping[str, Callable[[], Awaitable[None]]]


class HealthController(Controller):
    tags = ["Health"]

    @get("/health", public=True, permission=None)
    async def health(self, probes: NamedDependency[Probes]) -> Alive:
        """The process answers."""
        return Alive(timestamp=probes.now())

    @get("/ready", public=True, permission=None)
    async def ready(self, probes: NamedDependency[Probes]) -> Response[Readiness]:
        """Everything that the service stands on answers."""
        found: dict[str, str] = {}
        for name, check in probes.checks.items():
            try:
                await check()
                found[name] = "ok"
            except Refused as refused:
                found[name] = str(refused)
        good = all(said == "ok" for said in found.values())
        return Response(Readiness(success=good, checks=found), status_code=200 if good else 503)
