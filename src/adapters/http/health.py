"""Whether the service is alive, and whether it is ready."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

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
    """Whether requests can be served: all of `checks` are well."""
    checks: dict[str, str]
    degraded: dict[str, str] = {}
    """`ok`, or what is wrong with what requests can do without for a while."""


Probe: TypeAlias = Callable[[], Awaitable[None]]
"""Raises Refused, with what is wrong."""


@dataclass(frozen=True, slots=True)
class Probes:
    """Questions to what the service stands on; a refusal is a no."""

    now: Now
    checks: Mapping[str, Probe]
    others: Mapping[str, Probe] = field(default_factory=dict[str, Probe])
    """What requests can do without for a while."""


class HealthController(Controller):
    tags = ["Health"]

    @get("/health", public=True, permission=None)
    async def health(self, probes: NamedDependency[Probes]) -> Alive:
        """The process answers."""
        return Alive(timestamp=probes.now())

    @get("/ready", public=True, permission=None)
    async def ready(self, probes: NamedDependency[Probes]) -> Response[Readiness]:
        """Everything that the service cannot do without answers.

        What it can do without for a while, the bus and the cache, is told of under `degraded`.
        """
        found, others = await asyncio.gather(_asked(probes.checks), _asked(probes.others))
        good = all(said == "ok" for said in found.values())
        return Response(
            Readiness(success=good, checks=found, degraded=others), status_code=200 if good else 503
        )


async def _asked(probes: Mapping[str, Probe]) -> dict[str, str]:
    async def ask(probe: Probe) -> str:
        try:
            await probe()
        except Refused as refused:
            return str(refused)
        return "ok"

    return dict(zip(probes, await asyncio.gather(*map(ask, probes.values())), strict=True))
