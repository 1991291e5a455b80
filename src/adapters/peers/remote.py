"""A context that runs elsewhere: its ports over HTTP, with time-outs, a budget of retries and a circuit.

Every call between contexts may be made twice with the effect of once (it only asks, or is keyed by ids and
epochs), so what got no answer is simply asked again.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import msgspec

from tidings.adapters.peers.contract import Call, Refusal, calls_of, raised
from tidings.application.ports.common import Monotonic, Sleep
from tidings.domain.errors import Unavailable

P = TypeVar("P")

TRIES = 3
"""Calls for one question at most."""
PAUSE = 0.1
"""Seconds before the second call, and twice as long before the third."""
TIMEOUT = httpx.Timeout(10.0, connect=1.0, pool=2.0)
"""Seconds; the longest answer is a page of a thousand people."""
BUDGET = 10.0
"""Retries that may be spent at once; every answer earns a tenth of one."""
OPENS_AFTER = 5
"""Failures in a row after which a peer is left alone for a while."""
REST = 2.0
"""Seconds for which it is."""


class PeerUnavailable(Unavailable):
    """Another of our services did not answer; try again later."""


@dataclass(slots=True)
class Circuit:
    """What is known of one peer's health."""

    clock: Monotonic
    failures: int = 0
    closed_again_at: float = 0.0
    budget: float = BUDGET

    def allows(self) -> bool:
        return self.failures < OPENS_AFTER or self.clock() >= self.closed_again_at

    def worked(self) -> None:
        self.failures = 0
        self.budget = min(self.budget + 0.1, BUDGET)

    def failed(self) -> bool:
        """Whether a retry may be spent."""
        self.failures += 1
        self.closed_again_at = self.clock() + REST
        if self.budget < 1.0:
            return False
        self.budget -= 1.0
        return self.allows()


def _connect() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=TIMEOUT, limits=httpx.Limits(max_connections=32))


@dataclass(slots=True)
class Peers:
    """The services elsewhere, by context name, and how this process shows who it is."""

    urls: Mapping[str, str]
    token: Callable[[str], str]
    """A fresh service token for a context."""
    sleep: Sleep
    clock: Monotonic = time.monotonic
    connect: Callable[[], httpx.AsyncClient] = _connect
    """Asked once, when somebody elsewhere is: most processes have no peer."""
    circuits: dict[str, Circuit] = field(default_factory=dict[str, Circuit])
    client: httpx.AsyncClient | None = field(default=None, init=False)

    def port(self, context: str, port: type[P]) -> P:
        """The port, answered by the service of that context."""
        remote: Any = _Remote(self, context, port.__name__, calls_of(port))
        return remote

    async def ask(self, context: str, port: str, call: Call, arguments: Mapping[str, Any]) -> Any:
        """Raise what the other side raised, or PeerUnavailable."""
        circuit = self.circuits.setdefault(context, Circuit(self.clock))
        body = msgspec.json.encode(call.asked(**arguments))
        url = f"{self.urls[context].rstrip('/')}/internal/{port}/{call.name}"
        for tried in range(1, TRIES + 1):
            if not circuit.allows():
                break
            reply = await self._post(url, context, body)
            if reply is not None:
                circuit.worked()
                return self._read(call, reply)
            if not circuit.failed() or tried == TRIES:
                break
            await self.sleep(PAUSE * tried)
        raise PeerUnavailable(f"The {context} service does not answer; try again later.")

    async def aclose(self) -> None:
        if self.client is not None:
            await self.client.aclose()

    async def _post(self, url: str, context: str, body: bytes) -> httpx.Response | None:
        """A reply that says something; None for what may be better next time."""
        headers = {"authorization": f"Bearer {self.token(context)}", "content-type": "application/json"}
        if self.client is None:
            self.client = self.connect()
        try:
            reply = await self.client.post(url, content=body, headers=headers)
        except httpx.TransportError:
            return None
        return None if reply.status_code >= 502 else reply

    def _read(self, call: Call, reply: httpx.Response) -> Any:
        if reply.status_code == 200:
            return call.read_answer.decode(reply.content)
        try:
            refusal = msgspec.json.decode(reply.content, type=Refusal)
        except msgspec.DecodeError as error:
            raise PeerUnavailable(f"Another service answered {reply.status_code} to {call.name}.") from error
        raise raised(refusal)


@dataclass(frozen=True, slots=True)
class _Remote:
    peers: Peers
    context: str
    port: str
    calls: Mapping[str, Call]

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        call = self.calls.get(name)
        if call is None:
            raise AttributeError(f"{self.port} has no call {name}")

        async def ask(*positional: Any, **named: Any) -> Any:
            arguments = dict(zip(call.parameters, positional, strict=False)) | named
            return await self.peers.ask(self.context, self.port, call, arguments)

        return ask
